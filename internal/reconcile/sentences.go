package reconcile

import (
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/wording"
)

// The codes of messages. They are stored: one that was written stays.
const (
	// What differs.
	codeSaidFailed     = "said_failed"
	codeAmounts        = "amounts"
	codeOrderNumber    = "order_number"
	codeChannelNumber  = "channel_number"
	codeFees           = "fees"
	codeContradicted   = "contradicted"
	codeMissing        = "missing"
	codeMissingBefore  = "missing_before"
	codePaymentTwice   = "payment_twice"
	codeRefundTwice    = "refund_twice"
	codeForeign        = "foreign"
	codeUnconfirmed    = "unconfirmed"
	codeDiffers        = "differs"
	codeDiffered       = "differed"
	codeInDoubt        = "in_doubt"
	codeTooManyAsked   = "too_many_asked"
	codeNotAsked       = "not_asked"
	codeNotSettled     = "not_settled"
	codeTakenNotBilled = "taken_not_billed"
	codeNoFile         = "no_file"
	codeNotWritten     = "not_written"
	codeAskAndSettle   = "ask_and_settle"

	// What the core found by itself.
	codeLate         = "late"
	codeDuplicate    = "duplicate"
	codeReturnedMore = "returned_more"
	codePaidOutAfter = "paid_out_after"
	codeOperatorSaid = "operator_said"

	// What settled it.
	codeOtherBill = "other_bill"
	codeRepaired  = "repaired"
	codeGone      = "gone"
	codeAccepted  = "accepted"
	codeRefunded  = "refunded"

	// Why there is no result.
	codeNotReady    = "not_ready"
	codeNoneAnyMore = "none_any_more"
	codeNoneBusy    = "none_busy"
	codeNoneCarried = "none_carried"
	codeNotFetched  = "not_fetched"
	codeTooLarge    = "too_large"
	codeBroken      = "broken"
	codeBrokenLine  = "broken_line"
	codeTooMany     = "too_many"
	codeTooManyFees = "too_many_fees"
	codeNotOpened   = "not_opened"
	codeStays       = "stays"
)

// sentences is the catalogue of all messages.
var sentences = map[string]wording.Sentence{
	codeSaidFailed: {
		En: "our books have the {what} as {status}, the bill says that it failed",
		Zh: "我方记录该笔{what}为“{status}”，账单记为失败",
	},
	codeAmounts: {
		En: "our books have {ours}, the bill has {theirs}",
		Zh: "我方金额为 {ours}，账单金额为 {theirs}",
	},
	codeOrderNumber: {
		En: "the bill has it under our order number {theirs}, our books under {ours}",
		Zh: "账单中的商户侧单号为 {theirs}，我方记录为 {ours}",
	},
	codeChannelNumber: {
		En: "the bill has it under the channel's number {theirs}, our books have {ours}",
		Zh: "账单中的渠道流水号为 {theirs}，我方记录为 {ours}",
	},
	codeFees: {
		En: "by the contracted rate of {rate} the fee is {ours}, the bill has {theirs}",
		Zh: "按签约费率 {rate} 计算手续费为 {ours}，账单手续费为 {theirs}",
	},
	codeContradicted: {
		En: "the bill has the channel's number {number} under our number {theirs}, our books have it under {ours}",
		Zh: "渠道流水号 {number} 在账单中对应我方单号 {theirs}，在我方记录中对应 {ours}",
	},
	codeMissing: {
		En: "our books have this {what}, the bill of {day} does not",
		Zh: "我方有该笔{what}，{day} 的账单中没有",
	},
	codeMissingBefore: {
		En: "nor does that of {day}, on which it was made",
		Zh: "发生当日（{day}）的账单中也没有",
	},
	codePaymentTwice: {
		En: "the bill has this order a further time, our books have it once: the payer may have paid twice",
		Zh: "账单中该订单重复出现，我方只有一笔，付款人可能重复付款",
	},
	codeRefundTwice: {
		En: "the bill has this refund a further time, our books have it once",
		Zh: "账单中该笔退款重复出现，我方只有一笔",
	},
	codeForeign: {
		En: "the bill has this {what}, our books do not",
		Zh: "账单中有该笔{what}，我方没有",
	},
	codeUnconfirmed: {
		En: "the bill has a payment under our number {id}, which is {status} in our books, and the channel, asked at {at}, confirms no payment of it",
		Zh: "账单中有我方单号 {id} 的付款，该单在我方为“{status}”；{at} 向渠道查询，渠道未确认该笔付款",
	},
	codeDiffers: {
		En: "the bill has this {what}, our books have it as {status}",
		Zh: "账单中有该笔{what}，我方记录为“{status}”",
	},
	codeDiffered: {
		En: "the bill has this {what}, our books had it as {status}",
		Zh: "账单中有该笔{what}，我方当时记录为“{status}”",
	},
	codeInDoubt: {
		En: "our books have this {what} as {status}",
		Zh: "我方记录该笔{what}为“{status}”",
	},
	codeTooManyAsked: {
		En: "so many rows wait that the channel was not asked about this one; run the day again",
		Zh: "待核实的记录过多，本笔尚未向渠道查询，请重新对账",
	},
	codeNotAsked: {
		En: "the channel could not be asked; run the day again",
		Zh: "未能向渠道查询，请重新对账",
	},
	codeNotSettled: {
		En: "the channel, asked at {at}, does not settle it",
		Zh: "{at} 向渠道查询，结果仍不确定",
	},
	codeTakenNotBilled: {
		En: "the channel took it under a number of its own, yet the day's file does not have it",
		Zh: "渠道已受理并给出流水号，但当日文件中没有该笔",
	},
	codeNoFile: {
		En: "the channel has no file of the day that could tell whether it took it",
		Zh: "渠道没有当日文件，无法据此判断是否受理",
	},
	codeNotWritten: {
		En: "the day's file does not have it, but that could not be written; run the day again",
		Zh: "当日文件中没有该笔，但未能写入结果，请重新对账",
	},
	codeAskAndSettle: {
		En: "ask the channel, then settle the refund",
		Zh: "请向渠道核实后人工确认退款结果",
	},

	codeLate: {
		En: "money arrived after the payment was {state}",
		Zh: "支付单{state}之后款项才到账",
	},
	codeDuplicate: {
		En: "attempt {id} of this payment was paid before",
		Zh: "该支付单的另一次支付尝试 {id} 此前已付款",
	},
	codeReturnedMore: {
		En: "the channel returned all of it, our refunds are less",
		Zh: "渠道已全额退回，我方退款合计少于该金额",
	},
	codePaidOutAfter: {
		En: "the channel paid out a refund that it had refused, after its amount was refunded otherwise",
		Zh: "渠道拒绝过的退款又被渠道付出，而该金额此前已另行退款",
	},
	codeOperatorSaid: {
		En: "an operator's evidence: {evidence}",
		Zh: "人工提供的依据：{evidence}",
	},

	codeOtherBill: {
		En: "it stands in the bill of {day}, line {line}",
		Zh: "该笔在 {day} 的账单第 {line} 行",
	},
	codeRepaired: {
		En: "bill of {day}, line {line}; asked at {at}, and our books have the {what} as {status} since",
		Zh: "{day} 的账单第 {line} 行；{at} 向渠道查询后，我方记录该笔{what}为“{status}”",
	},
	codeGone: {
		En: "not found any more: the books agree in version {version}",
		Zh: "差异已消除：第 {version} 版对账双方一致",
	},
	codeAccepted: {
		En: "accepted by the merchant's policy",
		Zh: "已按商户的设置入账",
	},
	codeRefunded: {
		En: "refund {id} succeeded",
		Zh: "退款 {id} 已成功",
	},

	codeNotReady: {
		En: "the channel has not published the bill of this day yet",
		Zh: "渠道尚未生成当日账单",
	},
	codeNoneAnyMore: {
		En: "the channel had a bill of this day and says now that it has none",
		Zh: "渠道此前有当日账单，现在答复没有",
	},
	codeNoneBusy: {
		En: "the channel says that it has no bill of this day, but by our books there was business; it is asked again",
		Zh: "渠道答复当日没有账单，但我方当日有交易，稍后会再次查询",
	},
	codeNoneCarried: {
		En: "the channel has no bill of this day, which may mean that it is not there yet, and rows of the day before wait for it; it is asked again",
		Zh: "渠道暂无当日账单（也可能尚未生成），而前一日有记录待与之核对，稍后会再次查询",
	},
	codeNotFetched: {
		En: "the bill cannot be had: {cause}",
		Zh: "未能取得账单：{cause}",
	},
	codeTooLarge: {
		En: "the bill cannot be had: its file is larger than {limit} bytes; raise reconciliation.max_bill_bytes if it may be",
		Zh: "未能取得账单：文件超过 {limit} 字节；如属正常，请调高 reconciliation.max_bill_bytes",
	},
	codeBroken: {
		En: "the bill is broken: {cause}",
		Zh: "账单有误：{cause}",
	},
	codeBrokenLine: {
		En: "the bill is broken at line {line}: {cause}",
		Zh: "账单第 {line} 行有误：{cause}",
	},
	codeTooMany: {
		En: "more than {limit} rows have no counterpart on the other side: the bill may be another account's, or this account is used " +
			"beside the gateway; if it is right, raise reconciliation.max_differences",
		Zh: "超过 {limit} 笔记录在对方没有对应：账单可能属于其他账户，或该账户还在系统之外使用；如属正常，请调高 reconciliation.max_differences",
	},
	codeTooManyFees: {
		En: "of more than {limit} differences {count} are fees that differ from the contracted rate: hold the account's rate against the " +
			"contract; if the differences are to be listed, raise reconciliation.max_differences and run the day again",
		Zh: "差异超过 {limit} 笔，其中 {count} 笔为手续费与签约费率不符：请核对该账户的费率与合同；" +
			"如需逐笔列出，请调高 reconciliation.max_differences 后重新对账",
	},
	codeNotOpened: {
		En: "the account's bills cannot be asked for: {cause}",
		Zh: "无法查询该账户的账单：{cause}",
	},
	codeStays: {
		En: "the result of version {version} stays",
		Zh: "仍以第 {version} 版对账结果为准",
	},
}

// coreCodes are the sentences of the core, which writes them as texts.
var coreCodes = []string{codeLate, codeDuplicate, codeReturnedMore, codePaidOutAfter, codeOperatorSaid}

// coreMessage makes a message of a text of the core.
func coreMessage(text string) Message {
	for _, code := range coreCodes {
		if args, ok := sentences[code].Read(text); ok {
			if len(args) == 0 {
				args = nil
			}
			return Message{{Code: code, Args: args}}
		}
	}
	return Plain(text)
}

// The words of arguments that are values of the domain.
var (
	whatWords    = map[string]string{string(RowPayment): "付款", string(RowRefund): "退款"}
	attemptWords = map[string]string{
		string(payment.AttemptDispatched): "已发出", string(payment.AttemptUnknown): "结果未知", string(payment.AttemptPending): "待付款",
		string(payment.AttemptSucceeded): "已付款", string(payment.AttemptDeclined): "被拒绝", string(payment.AttemptNotProcessed): "未处理",
		string(payment.AttemptClosed): "已关闭", string(payment.AttemptReversed): "已撤销", string(payment.Failed): "失败",
	}
	refundWords = map[string]string{
		string(payment.RefundPending): "待发出", string(payment.RefundProcessing): "退款中",
		string(payment.RefundSucceeded): "已退款", string(payment.RefundFailed): "失败",
	}
)
