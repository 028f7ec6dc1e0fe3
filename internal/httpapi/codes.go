package httpapi

import (
	"net/http"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// Codes that arise before the core is asked.
const (
	CodeSignatureMissing    payment.Code = signing.CodeSignatureMissing
	CodeSignatureInvalid    payment.Code = signing.CodeSignatureInvalid
	CodeTimestampOutOfRange payment.Code = signing.CodeTimestampOutOfRange
	CodeKeyUnknown          payment.Code = signing.CodeKeyUnknown
	CodeMerchantDisabled    payment.Code = "merchant_disabled"
	CodeMethodNotAllowed    payment.Code = "method_not_allowed"
	CodeBodyTooLarge        payment.Code = "body_too_large"
	CodeRateLimited         payment.Code = "rate_limited"
	CodeInternal            payment.Code = "internal"
)

// CodeInfo is what the API says of a code.
type CodeInfo struct {
	Code   payment.Code
	Status int
	// Title is the problem document's title.
	Title, TitleZH string
	// Advice says what to do.
	Advice, AdviceZH string
	// Retry: the answer has a Retry-After.
	Retry bool
}

// codes is the one table of codes, in the order in which documents show them.
var codes = [...]CodeInfo{
	{
		payment.CodeInvalidRequest, http.StatusBadRequest,
		"The request is malformed", "请求格式有误",
		"Correct every field that `errors` names and sign a new request; the same request fails again.",
		"请按 errors 中列出的字段逐一修正后重新签名发送；原样重发仍会失败。", false,
	},
	{
		CodeSignatureMissing, http.StatusUnauthorized,
		"The request is not signed", "请求未签名",
		"Send exactly one `Authorization` header of the scheme `PAYMUX-SHA256-RSA2048`.",
		"请携带且仅携带一个 PAYMUX-SHA256-RSA2048 方案的 Authorization 请求头。", false,
	},
	{
		CodeSignatureInvalid, http.StatusUnauthorized,
		"The signature does not hold", "签名验证失败",
		"Compare the text in `detail` with the text that you signed, byte for byte; where the header cannot be read, `detail` says why.",
		"请将 detail 中服务端的待签名文本与您实际签名的文本逐字节比对；若请求头无法解析，detail 会说明原因。", false,
	},
	{
		CodeTimestampOutOfRange, http.StatusUnauthorized,
		"The timestamp is too far from the server's clock", "时间戳超出允许范围",
		"Set the caller's clock (NTP) and sign again; up to 300 s either way are accepted.",
		"请校准本机时钟（NTP）后重新签名；前后 300 秒以内有效。", false,
	},
	{
		payment.CodeNonceReused, http.StatusUnauthorized,
		"The nonce was used before", "随机串已被使用",
		"Sign the request again with a fresh nonce. A repeat of an order is welcome, a repeat of a signed request is not.",
		"请换用新的随机串重新签名。同一订单可以重发，同一份已签名的请求不可以。", false,
	},
	{
		CodeKeyUnknown, http.StatusUnauthorized,
		"The merchant or its key is not known", "商户或密钥不存在",
		"Check `merchant_id` and `serial`, and whether the key was revoked.",
		"请核对 merchant_id 与 serial，以及该密钥是否已被吊销。", false,
	},
	{
		CodeMerchantDisabled, http.StatusForbidden,
		"The merchant is disabled", "商户已停用",
		"Ask the operator of the gateway. Payments that are under way are still settled and reported.",
		"请联系网关运营方。进行中的支付仍会继续处理并通知。", false,
	},
	{
		payment.CodeNotFound, http.StatusNotFound,
		"There is no such thing", "资源不存在",
		"Check the path and the id. What belongs to another merchant is not found either.",
		"请检查路径与编号。属于其他商户的资源同样返回不存在。", false,
	},
	{
		CodeMethodNotAllowed, http.StatusMethodNotAllowed,
		"The path does not take this method", "不支持该请求方法",
		"Use one of the methods in the header `Allow`.",
		"请使用响应头 Allow 中列出的方法。", false,
	},
	{
		payment.CodeOrderConflict, http.StatusConflict,
		"The order number is taken by other parameters", "订单号已用于不同参数的订单",
		"Ask for the order with `GET /v1/payments?merchant_order_no=…`; for another order use another number.",
		"请用 GET /v1/payments?merchant_order_no=… 查询该订单；新的订单请使用新的订单号。", false,
	},
	{
		payment.CodeRefundConflict, http.StatusConflict,
		"The refund number is taken by other parameters", "退款单号已用于不同参数的退款",
		"Ask for the refund with `GET /v1/refunds?merchant_refund_no=…`; for another refund use another number.",
		"请用 GET /v1/refunds?merchant_refund_no=… 查询该退款；新的退款请使用新的退款单号。", false,
	},
	{
		payment.CodeStatusConflict, http.StatusConflict,
		"The status does not allow this", "当前状态不允许该操作",
		"Ask for the payment and decide by its status.",
		"请查询支付单，并根据其当前状态处理。", false,
	},
	{
		CodeBodyTooLarge, http.StatusRequestEntityTooLarge,
		"The body is larger than 64 KiB", "请求体超过 64 KiB",
		"Send less; no request of this API needs that much.",
		"请缩小请求体；本接口的任何请求都不需要这么大。", false,
	},
	{
		payment.CodeAmountExceeds, http.StatusUnprocessableEntity,
		"The refund is more than what is left", "退款金额超过可退金额",
		"Ask for the payment: `amount` less `refunded_amount` and less what is being refunded can be refunded.",
		"请查询支付单：可退金额为 amount 减去已退与退款中的金额。", false,
	},
	{
		payment.CodeAmountOutOfRange, http.StatusUnprocessableEntity,
		"No account takes this amount", "金额超出所有可用账户的限额",
		"See the limits in `GET /v1/channels`; split the order or ask the operator for an account with a higher limit.",
		"请在 GET /v1/channels 查看各账户限额；可拆单，或联系运营方配置更高限额的账户。", false,
	},
	{
		payment.CodeSceneUnsupported, http.StatusUnprocessableEntity,
		"No account has this scene", "没有支持该场景的账户",
		"See the scenes in `GET /v1/channels`; use another scene or channel.",
		"请在 GET /v1/channels 查看支持的场景；更换场景或渠道。", false,
	},
	{
		payment.CodeCurrency, http.StatusUnprocessableEntity,
		"The currency is not offered", "不支持该币种",
		"Use a currency that the merchant's accounts offer; CNY if in doubt.",
		"请使用账户支持的币种，通常为 CNY。", false,
	},
	{
		payment.CodePayerMismatch, http.StatusUnprocessableEntity,
		"The payer's code belongs to another channel", "付款码与渠道不符",
		"Leave out `channel`, or name the one that the payer's code belongs to.",
		"请不要指定 channel，或指定该付款码所属的渠道。", false,
	},
	{
		CodeRateLimited, http.StatusTooManyRequests,
		"Too many requests", "请求过于频繁",
		"Wait as long as `Retry-After` says, then sign the request again with a fresh nonce.",
		"请按 Retry-After 等待后，换用新的随机串重新签名发送。", true,
	},
	{
		CodeInternal, http.StatusInternalServerError,
		"Something went wrong inside", "服务内部错误",
		"It says nothing of the order: ask for it, or send the same order again. Give `request_id` to the operator.",
		"该应答不代表订单失败：请查询订单，或以相同参数重新发送。排查时请向运营方提供 request_id。", false,
	},
	{
		payment.CodeNoChannel, http.StatusServiceUnavailable,
		"No channel can take the payment now", "暂无可用渠道",
		"Nothing was sent to a channel. Send the same order again after `Retry-After`.",
		"没有向任何渠道发出请求。请在 Retry-After 之后以相同订单号重新发送。", true,
	},
	{
		payment.CodeTemporarilyUnable, http.StatusServiceUnavailable,
		"The gateway cannot answer now", "服务暂时不可用",
		"It says nothing of the order: ask for it, or send the same order again after `Retry-After`.",
		"该应答不代表订单失败：请在 Retry-After 之后查询订单，或以相同参数重新发送。", true,
	},
}

// Codes lists every code of the API in the order in which documents show them.
func Codes() []CodeInfo { return codes[:] }

// codeInfo finds a code's row; a code that is not in the table is internal.
func codeInfo(code payment.Code) CodeInfo {
	var internal CodeInfo
	for _, info := range codes {
		if info.Code == code {
			return info
		}
		if info.Code == CodeInternal {
			internal = info
		}
	}
	return internal
}
