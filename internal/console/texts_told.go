package console

import (
	"slices"

	"github.com/paymux/paymux/internal/wording"
)

// toldSentences are what others write in English for people, as it stands in
// their sources; a test holds that it still does. The first one that fits tells
// a text: longer ones stand before what they begin with.
var toldSentences = slices.Concat(routerSentences, coreSentences, notifySentences)

// routerSentences say what became of an account in a decision.
var routerSentences = []wording.Sentence{
	{En: "chosen by {drawn} among the accounts at {channel}", Zh: "选中（{channel}的账户之中）：{drawn}"},
	{En: "chosen by {drawn}", Zh: "选中：{drawn}"},
	{En: "eligible with {drawn}; the order fell to another account", Zh: "可用（{drawn}），本单由其他账户承接"},
	{En: "eligible, but {aside}", Zh: "可用，但{aside}"},
	{En: "its weight 0 is for when nothing else is left", Zh: "权重为 0，仅在没有其他账户时使用"},
	{En: "its fee of {minor} in minor units is not the lowest", Zh: "手续费 {minor} 不是最低"},
	{En: "its success rate of {share} lately is below the best", Zh: "近期成功率 {share} 低于最高者"},
	{En: "its score is 0", Zh: "评分为 0"},
	{En: "the lowest fee, {minor} in minor units, and {drawn}", Zh: "手续费最低（{minor}），{drawn}"},
	{En: "a success rate of {share} lately, and {drawn}", Zh: "近期成功率 {share}，{drawn}"},
	{En: "its mix of fee {minor}, success {share}, in flight {calls}, and {drawn}", Zh: "综合手续费 {minor}、成功率 {share}、在途请求 {calls} 个，{drawn}"},
	{En: "{calls} calls in flight, and {drawn}", Zh: "在途请求 {calls} 个，{drawn}"},
	{En: "weight 0, as nothing else is left", Zh: "权重 0（已没有其他账户）"},
	{En: "weight {pull} of {total}", Zh: "权重 {pull} / {total}"},
	{En: "the payment asks for {channel}", Zh: "支付单指定了{channel}"},
	{En: "the account at {channel} does not offer the scene {scene}", Zh: "该{channel}账户不支持场景“{scene}”"},
	{En: "the account takes {least} to {most} in minor units", Zh: "该账户的单笔限额为 {least} 至 {most}"},
	{En: "the account is disabled", Zh: "该账户已停用"},
	{En: "the account takes no payments at this time of the day", Zh: "该账户此时段不收款"},
	{En: "the account was tried for this payment and did nothing", Zh: "本单已试过该账户，未成交"},
	{En: "the channel refused the account's key, certificate or permission; it rests until it is tried again", Zh: "渠道拒绝了该账户的密钥、证书或权限，暂停使用，稍后再试"},
	{En: "its breaker is open after repeated failures", Zh: "连续失败，已熔断"},
	{En: "its breaker is half open and its probes are under way", Zh: "熔断恢复中，正在试探"},
	{En: "as many calls as allowed are under way", Zh: "在途请求已达上限"},
	{En: "the rule {rule} refuses the payment: {reason}", Zh: "规则 {rule} 拒绝该笔支付：{reason}"},
	{En: "the rule {rule} names other accounts", Zh: "规则 {rule} 指定了其他账户"},
	{En: "{channel} does not take {currency}", Zh: "{channel}不支持币种 {currency}"},
}

// coreSentences are of a payment's history, of failures and of callbacks that
// disagree.
var coreSentences = []wording.Sentence{
	{En: "refused a statement of payment: {why}", Zh: "未采信付款结果：{why}"},
	{En: "refused a statement of reversal: {why}", Zh: "未采信撤销结果：{why}"},
	{En: "refused a statement: {why}", Zh: "未采信退款结果：{why}"},
	{En: "the channel says {theirs}, the order is {ours}", Zh: "渠道金额为 {theirs}，订单金额为 {ours}"},
	{En: "the channel says {theirs}, the refund is {ours}", Zh: "渠道金额为 {theirs}，退款金额为 {ours}"},
	{En: "the channel's trade number is not the one known for this order", Zh: "渠道流水号与该订单已知的不一致"},
	{En: "the answer names another refund", Zh: "渠道应答指向另一笔退款"},
	{En: "the channel says that it took money and gave it back", Zh: "渠道称已收款并已退回"},
	{En: "late payment accepted by the merchant's policy", Zh: "逾期到账，已按商户的设置入账"},
	{En: "payment arrived after the order ended", Zh: "款项在订单结束之后才到账"},
	{En: "duplicate payment", Zh: "重复付款"},
	{En: "reversal", Zh: "撤销"},
	{En: "reversed", Zh: "已撤销"},
	{En: "closed before anything was sent", Zh: "发往渠道之前已关闭"},
	{En: "its limit passed before anything was sent", Zh: "发往渠道之前已过付款期限"},
	{En: "no account could take it", Zh: "没有账户可以承接"},
	{En: "tried anew", Zh: "重新尝试"},
	{En: "sent", Zh: "已发出"},
	{En: "settled with evidence: {why}", Zh: "凭依据确认：{why}"},
	{En: "{why}; it tells the time {at}, booked at {sent}, when it was sent", Zh: "{why}；所述时间为 {at}，按发出时间 {sent} 入账"},
	{En: "bill of {day} (SHA-256 {digest}), line {line}", Zh: "{day} 的账单（SHA-256 {digest}）第 {line} 行"},
	{En: "the bill of {day} (SHA-256 {digest}) does not have it", Zh: "{day} 的账单（SHA-256 {digest}）中没有该笔"},
	{En: "the channel refused the request", Zh: "渠道拒绝了请求"},
	{En: "the channel could not be reached; nothing was sent", Zh: "无法连接渠道，请求未发出"},
	{En: "the account at the channel is not set up rightly; nothing was executed", Zh: "渠道账户配置有误，渠道未执行"},
	{En: "the refund failed at the channel", Zh: "渠道退款失败"},
	{En: "the payment failed at the channel", Zh: "渠道付款失败"},
	{En: "the channel could not deliver the money; act in the channel's merchant console", Zh: "渠道未能把款项退到付款人，请到渠道商户平台处理"},
	{En: "no answer: {why}", Zh: "没有应答：{why}"},
	{En: "unknown", Zh: "结果未知"},
	{En: "declined", Zh: "被拒绝"},
	{En: "not_processed", Zh: "未处理"},
	{En: "misconfigured", Zh: "渠道账户配置有误"},
	{En: "bad_signature", Zh: "验签失败"},
	{En: "it names two orders", Zh: "同时指向两个订单"},
	{En: "there is no such refund", Zh: "没有该笔退款"},
	{En: "the refund belongs to another order", Zh: "该笔退款属于另一订单"},
	{En: "its {field} is not this account's", Zh: "{field} 与本账户不符"},
}

// notifySentences say how a webhook fared.
var notifySentences = []wording.Sentence{
	{En: "the endpoint answered {status}: redirects are not followed; name the final address as notify_url", Zh: "接收方应答 {status}：不跟随跳转，请把最终地址填为 notify_url"},
	{En: "the endpoint answered {status}", Zh: "接收方应答 {status}"},
	{En: "the host's name does not resolve", Zh: "域名无法解析"},
	{En: "the host's name could not be looked up", Zh: "域名查询失败"},
	{En: "no answer within {span}", Zh: "{span} 内没有应答"},
	{En: "TLS: the endpoint does not speak TLS", Zh: "TLS：接收方不支持 TLS"},
	{En: "connection failed: {cause}", Zh: "连接失败：{cause}"},
	{En: "the endpoint closed the connection without an answer", Zh: "接收方未应答即断开连接"},
	{En: "the endpoint's answer could not be read", Zh: "接收方的应答无法读取"},
	{En: "address is refused: {why}", Zh: "地址不被允许：{why}"},
	{En: "port {port} is not allowed by the configuration", Zh: "配置不允许端口 {port}"},
	{En: "{address} is not globally routable", Zh: "{address} 不是公网地址"},
}
