package wechatpaysim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

// billRow is one movement of a day: a payment, or a refund with a negative amount and fee. Amounts are in fen.
type billRow struct {
	at, settled                          time.Time
	appid, sub, device                   string
	transactionID, number, openid        string
	kind, state                          string
	amount, fee                          int64
	refundID, refundNumber, refundStatus string
	subject, attach                      string
}

// billValues are what may be falsified of a row.
func billValues(r *billRow) (number string, amount, fee *int64) { return r.number, &r.amount, &r.fee }

// foreignRow is a payment of one yuan at noon that never was.
func foreignRow(a *account, number string, seed uint64, day time.Time) billRow {
	return billRow{
		at: day.Add(12 * time.Hour), appid: a.AppID, number: number, openid: a.openid, kind: tradeType(native), state: stateSuccess,
		transactionID: "4200" + fmt.Sprintf("%06d", seed%1e6) + day.Format("20060102") + fmt.Sprintf("%010d", seed/1e6%1e10),
		subject:       "foreign row", amount: 100, fee: parts.Fee(100),
	}
}

const (
	billAll     = "ALL"
	byteOrder   = "\ufeff"
	crlf        = "\r\n"
	billTime    = "2006-01-02 15:04:05"
	feeRate     = "0.60%"
	noRefund    = "0"
	noAmount    = "0.00"
	directRow   = "0" // in the place of a sub merchant
	summaryHead = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)

// column is one column of a bill.
type column struct {
	title string
	value func(a *account, r *billRow) string
}

// tradeBillForm is one kind of trade bill: which rows it has, and which columns.
type tradeBillForm struct {
	keeps   func(*billRow) bool
	columns []column
}

func tradeBillForms() map[string]tradeBillForm {
	head, refund, tail := headColumns(), refundColumns(), tailColumns()
	refundTimes := []column{
		{"退款申请时间", func(_ *account, r *billRow) string { return formatBillTime(r.at) }},
		{"退款成功时间", func(_ *account, r *billRow) string { return formatBillTime(r.settled) }},
	}
	requested := func(title string) column {
		return column{title, func(_ *account, r *billRow) string { return yuanIf(r.amount < 0, -r.amount) }}
	}
	ordered := column{"订单金额", func(_ *account, r *billRow) string { return yuanIf(r.amount >= 0, r.amount) }}
	remark := column{"费率备注", func(*account, *billRow) string { return "" }}
	return map[string]tradeBillForm{
		billAll: {
			keeps:   func(*billRow) bool { return true },
			columns: slices.Concat(head, refund, tail, []column{ordered, requested("申请退款金额"), remark}),
		},
		"SUCCESS": {
			keeps:   func(r *billRow) bool { return r.amount >= 0 },
			columns: slices.Concat(head, tail, []column{ordered, remark}),
		},
		"REFUND": {
			keeps:   func(r *billRow) bool { return r.amount < 0 },
			columns: slices.Concat(head, refundTimes, refund, tail, []column{ordered, requested("申请退款金额"), remark}),
		},
	}
}

func headColumns() []column {
	return []column{
		{"交易时间", func(_ *account, r *billRow) string { return formatBillTime(r.at) }},
		{"公众账号ID", func(_ *account, r *billRow) string { return r.appid }},
		{"商户号", func(a *account, _ *billRow) string { return a.mchid }},
		{"特约商户号", func(_ *account, r *billRow) string { return or(r.sub, directRow) }},
		{"设备号", func(_ *account, r *billRow) string { return cell(r.device) }},
		{"微信订单号", func(_ *account, r *billRow) string { return r.transactionID }},
		{"商户订单号", func(_ *account, r *billRow) string { return r.number }},
		{"用户标识", func(_ *account, r *billRow) string { return r.openid }},
		{"交易类型", func(_ *account, r *billRow) string { return r.kind }},
		{"交易状态", func(_ *account, r *billRow) string { return r.state }},
		{"付款银行", func(*account, *billRow) string { return "OTHERS" }},
		{"货币种类", func(*account, *billRow) string { return parts.Currency }},
		{"应结订单金额", func(_ *account, r *billRow) string { return yuanIf(r.amount >= 0, r.amount) }},
		{"代金券金额", func(*account, *billRow) string { return noAmount }},
	}
}

func refundColumns() []column {
	kind := func(r *billRow) string {
		if r.amount < 0 {
			return "ORIGINAL"
		}
		return ""
	}
	return []column{
		{"微信退款单号", func(_ *account, r *billRow) string { return or(r.refundID, noRefund) }},
		{"商户退款单号", func(_ *account, r *billRow) string { return or(r.refundNumber, noRefund) }},
		{"退款金额", func(_ *account, r *billRow) string { return yuanIf(r.amount < 0, -r.amount) }},
		{"充值券退款金额", func(*account, *billRow) string { return noAmount }},
		{"退款类型", func(_ *account, r *billRow) string { return kind(r) }},
		{"退款状态", func(_ *account, r *billRow) string { return r.refundStatus }},
	}
}

func tailColumns() []column {
	return []column{
		{"商品名称", func(_ *account, r *billRow) string { return cell(r.subject) }},
		{"商户数据包", func(_ *account, r *billRow) string { return cell(r.attach) }},
		{"手续费", func(_ *account, r *billRow) string { return formatYuan(r.fee) + "000" }},
		{"费率", func(*account, *billRow) string { return feeRate }},
	}
}

// file writes a bill: UTF-8 with its mark, CRLF, values led by a backtick, and the totals of the rows that it has.
func (f tradeBillForm) file(a *account, rows []billRow) []byte {
	var out strings.Builder
	titles := make([]string, 0, len(f.columns))
	for _, c := range f.columns {
		titles = append(titles, c.title)
	}
	out.WriteString(byteOrder + strings.Join(titles, ",") + crlf)
	var count, paid, back, fees int64
	for i := range rows {
		r := &rows[i]
		if !f.keeps(r) {
			continue
		}
		values := make([]string, 0, len(f.columns))
		for _, c := range f.columns {
			values = append(values, c.value(a, r))
		}
		writeValues(&out, values...)
		count, fees = count+1, fees+r.fee
		if r.amount < 0 {
			back -= r.amount
		} else {
			paid += r.amount
		}
	}
	out.WriteString(summaryHead + crlf)
	writeValues(&out, strconv.FormatInt(count, 10), formatYuan(paid), formatYuan(back), noAmount, formatYuan(fees)+"000", formatYuan(paid), formatYuan(back))
	return []byte(out.String())
}

func writeValues(out *strings.Builder, values ...string) {
	out.WriteString("`" + strings.Join(values, ",`") + crlf)
}

func formatBillTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(parts.Beijing()).Format(billTime)
}

func yuanIf(there bool, fen int64) string {
	if !there {
		return noAmount
	}
	return formatYuan(fen)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// cell keeps a text in its line and its cell; commas and quotes stay, as in the channel's own bills.
func cell(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "`", "'").Replace(s)
}

const (
	fundFlowHead    = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号"
	fundFlowSummary = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
)

// fundFlowFile writes the movements of the balance that a day's rows make; the balance begins at 0.
func fundFlowFile(rows []billRow) []byte {
	var out strings.Builder
	out.WriteString(byteOrder + fundFlowHead + crlf)
	var balance, in, outgoing, ins, outs int64
	flow := func(r *billRow, name, kind string, amount int64) {
		if amount == 0 {
			return
		}
		direction, shown := "收入", amount
		if amount < 0 {
			direction, shown = "支出", -amount
			outs, outgoing = outs+1, outgoing+shown
		} else {
			ins, in = ins+1, in+shown
		}
		balance += amount
		business, voucher := r.transactionID, r.number
		if r.amount < 0 {
			business, voucher = r.refundID, r.refundNumber
		}
		writeValues(&out, formatBillTime(r.at), business, business+strconv.FormatInt(ins+outs, 10), name, kind, direction, formatYuan(shown),
			formatYuan(balance), "system", "", voucher)
	}
	for i := range rows {
		r := &rows[i]
		if r.amount < 0 {
			flow(r, "退款", "退款", r.amount)
			flow(r, "退款", "手续费退回", -r.fee)
			continue
		}
		flow(r, "交易", "交易", r.amount)
		flow(r, "交易", "扣除交易手续费", -r.fee)
	}
	out.WriteString(fundFlowSummary + crlf)
	writeValues(&out, strconv.FormatInt(ins+outs, 10), strconv.FormatInt(ins, 10), formatYuan(in), strconv.FormatInt(outs, 10), formatYuan(outgoing))
	return []byte(out.String())
}
