package statement

import (
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/internal/wording"
)

// words are the texts of one language.
type words struct {
	language                      string // of package wording
	font                          string
	detail, summary, differences  string // names of the sheets
	total, rows, title, page      string
	version, dayAs, none          string
	ours, theirs, difference      string
	channel, account, currency    string
	status, payments, refunds     string
	paid, refunded, fee, net      string
	types, channels, scenes       map[string]string
	statuses, results, reconciled map[string]string
	discrepancy                   map[string]string
	// proposed: a discrepancy's explanation waits for a second person.
	proposed string
}

// word translates what a table knows; anything else is shown as it is.
func word(table map[string]string, s string) string {
	if w, ok := table[s]; ok {
		return w
	}
	return s
}

func chinese() *words {
	kinds := map[string]string{
		string(reconcile.MissingAtChannel): "短款（平台有、渠道无）",
		string(reconcile.MissingLocally):   "长款（渠道有、平台无）",
		string(reconcile.AmountMismatch):   "金额不符",
		string(reconcile.StatusMismatch):   "状态不符",
		string(reconcile.FeeMismatch):      "手续费不符",
		string(reconcile.DuplicatePayment): "重复支付",
		string(reconcile.LateSuccess):      "逾期到账",
	}
	return &words{
		language: wording.Chinese,
		font:     "Microsoft YaHei",
		detail:   "明细", summary: "汇总", differences: "差异",
		total: "合计", rows: "共 %d 笔", title: "对账单", page: "&C第 &P 页，共 &N 页",
		version: "第 %d 版", dayAs: "2006年01月02日", none: "没有差异",
		ours: "平台账", theirs: "渠道账单", difference: "净额差(元)",
		channel: "渠道", account: "渠道账户", currency: "币种",
		status: "对账状态", payments: "支付笔数", refunds: "退款笔数",
		paid: "支付金额(元)", refunded: "退款金额(元)", fee: "手续费(元)", net: "净额(元)",
		types:    map[string]string{string(reconcile.RowPayment): "支付", string(reconcile.RowRefund): "退款"},
		channels: map[string]string{"alipay": "支付宝", "wechatpay": "微信支付", "unionpay": "银联"},
		scenes: map[string]string{
			"qr": "扫码支付", "barcode": "付款码", "web": "网页", "h5": "手机网页", "app": "APP", "jsapi": "公众号/小程序",
		},
		statuses: map[string]string{
			"succeeded": "成功", "pending": "处理中", "processing": "处理中", "unknown": "待确认", "dispatched": "待确认",
			"failed": "失败", "declined": "失败", "closed": "已关闭", "reversed": "已冲正", "not_processed": "未受理",
		},
		results:     with(kinds, map[string]string{"matched": "已对平", "pending": "待对账"}),
		reconciled:  map[string]string{"pending": "待对账", "balanced": "已对平", "differences": "有差异", "failed": "账单异常"},
		discrepancy: with(kinds, map[string]string{"open": "待处理", "repaired": "已自动修复", "resolved": "已处理"}),
		proposed:    "待复核",
	}
}

func english() *words {
	kinds := map[string]string{
		string(reconcile.MissingAtChannel): "Missing at channel",
		string(reconcile.MissingLocally):   "Missing here",
		string(reconcile.AmountMismatch):   "Amount mismatch",
		string(reconcile.StatusMismatch):   "Status mismatch",
		string(reconcile.FeeMismatch):      "Fee mismatch",
		string(reconcile.DuplicatePayment): "Duplicate payment",
		string(reconcile.LateSuccess):      "Late success",
	}
	return &words{
		language: wording.English,
		font:     "Calibri",
		detail:   "Detail", summary: "Summary", differences: "Discrepancies",
		total: "Total", rows: "%d rows", title: "Statement", page: "&CPage &P of &N",
		version: "version %d", dayAs: "2006-01-02", none: "No discrepancies",
		ours: "Our books", theirs: "Channel's bill", difference: "Net difference",
		channel: "Channel", account: "Account", currency: "Currency",
		status: "Reconciliation", payments: "Payments", refunds: "Refunds",
		paid: "Gross", refunded: "Refunded", fee: "Fees", net: "Net",
		types:    map[string]string{string(reconcile.RowPayment): "Payment", string(reconcile.RowRefund): "Refund"},
		channels: map[string]string{"alipay": "Alipay", "wechatpay": "WeChat Pay", "unionpay": "UnionPay"},
		scenes: map[string]string{
			"qr": "QR code", "barcode": "Barcode", "web": "Web", "h5": "Mobile web", "app": "App", "jsapi": "In-wallet page",
		},
		statuses: map[string]string{
			"succeeded": "Succeeded", "pending": "Processing", "processing": "Processing", "unknown": "Not certain", "dispatched": "Not certain",
			"failed": "Failed", "declined": "Failed", "closed": "Closed", "reversed": "Reversed", "not_processed": "Not processed",
		},
		results:     with(kinds, map[string]string{"matched": "Matched", "pending": "Pending"}),
		reconciled:  map[string]string{"pending": "Pending", "balanced": "Balanced", "differences": "Differences", "failed": "Failed"},
		discrepancy: with(kinds, map[string]string{"open": "Open", "repaired": "Repaired", "resolved": "Resolved"}),
		proposed:    "To be approved",
	}
}

func with(a, b map[string]string) map[string]string {
	out := make(map[string]string, len(a)+len(b))
	for _, m := range []map[string]string{a, b} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}
