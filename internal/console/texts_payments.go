package console

// paymentTexts are the search for orders and a payment's page.
var paymentTexts = map[string]text{
	"payments.title":     {"订单查询", "Orders"},
	"payments.number":    {"单号", "Number"},
	"payments.hint":      {"可输入：商户订单号、支付单号、渠道商户单号、渠道流水号、退款单号。请输入完整单号。", "An order number, payment, attempt, channel's number or refund number, in full."},
	"payments.found":     {"查询结果", "Found"},
	"payments.newest":    {"最近订单", "Newest"},
	"payments.not_found": {"没有找到该单号。请检查是否完整、有无多余空格。", "Nothing has this number. Check that it is complete and has no blanks."},
	"payments.none":      {"还没有订单。", "No orders yet."},
	"payments.choose":    {"请输入单号查询，或选择一个商户查看最近订单。", "Search for a number, or choose a merchant to see its newest orders."},

	"payment.title":           {"订单详情", "Order"},
	"payment.facts":           {"订单信息", "The order"},
	"payment.personal":        {"付款人信息", "Payer's data"},
	"payment.personal_hidden": {"已加密保存，此处不显示。", "Kept sealed and not shown here."},
	"payment.attempts":        {"支付尝试", "Attempts"},
	"payment.no_attempts":     {"还没有发往任何渠道。", "Not sent to any channel yet."},
	"payment.counted":         {"入账", "Counts"},
	"payment.refunds":         {"退款", "Refunds"},
	"payment.events":          {"商户通知", "Webhooks"},
	"payment.no_events":       {"还没有需要通知商户的事件。", "Nothing to tell the merchant yet."},
	"payment.timeline":        {"时间线", "Timeline"},

	"timeline.to":         {"变为", "to"},
	"timeline.routing":    {"路由决策", "Routing"},
	"timeline.rule":       {"规则 %s", "rule %s"},
	"timeline.candidates": {"%d 个候选账户及理由", "%d candidates and why"},
	"timeline.chosen":     {"选中", "Chosen"},
	"timeline.terms":      {"权重 %d · 费率 %s", "weight %d · fee %s"},
	"timeline.callback":   {"渠道回调", "Callback"},
	"timeline.copies":     {"共收到 %d 次", "came %d times"},
	"timeline.delivery":   {"第 %d 次发送", "Delivery %d"},
	"timeline.event":      {"生成通知", "Event"},
	"timeline.act":        {"人工操作", "Staff"},

	"callback.title":   {"渠道原始报文", "Raw message of the channel"},
	"callback.back":    {"返回订单", "Back to the order"},
	"callback.warning": {"报文可能含有付款人的个人信息。本次查看已记入审计；五分钟后需重新申请。", "The message may hold the payer's personal data. That you opened it is in the audit trail; after five minutes it must be opened again."},
	"callback.header":  {"报文头", "Header"},
	"callback.body":    {"报文体", "Body"},
}
