package wechatpaysim

import "net/http"

// refusal is an answer that says no, in the channel's own words. It is never signed.
type refusal struct {
	status        int
	code, message string
	fine          int64 // the number at the end of Request-ID
	detail        object
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func (r *refusal) object() object {
	o := object{"code": r.code, "message": r.message}
	if r.detail != nil {
		o["detail"] = r.detail
	}
	return o
}

// because answers a copy with another message.
func (r *refusal) because(message string) *refusal {
	c := *r
	c.message = message
	return &c
}

// Fine codes, as the channel's published list has them.
const (
	fineSignature    = 268443699
	fineParameter    = 268435461
	fineExtra        = 270924358
	fineAppID        = 268445527
	fineNotExist     = 268512771
	finePaid         = 268449538
	fineExpired      = 268447914
	fineReentry      = 268498688
	fineOnlyReverse  = 268449641
	fineOther        = 268447843
	fineRate         = 268447840
	fineUnclassified = 268435456 // for refusals whose number is not published
)

func signError(message string) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: "SIGN_ERROR", message: message, fine: fineSignature}
}

func parameterError(field, location, message string, value any) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "PARAM_ERROR", message: message, fine: fineParameter,
		detail: object{"field": field, "issue": message, "location": location, "value": value},
	}
}

func extraParameter(field, location string) *refusal {
	r := parameterError(field, location, "传入了非法的额外参数", "")
	r.fine = fineExtra
	return r
}

func invalidRequest(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "INVALID_REQUEST", message: message, fine: fineUnclassified}
}

func appIDNotMatch() *refusal {
	return &refusal{status: http.StatusBadRequest, code: "APPID_MCHID_NOT_MATCH", message: "appid和mch_id不匹配，请检查后再试", fine: fineAppID}
}

func orderNotExist() *refusal {
	return &refusal{status: http.StatusNotFound, code: "ORDER_NOT_EXIST", message: "订单不存在", fine: fineNotExist}
}

func resourceNotExists(message string) *refusal {
	return &refusal{status: http.StatusNotFound, code: "RESOURCE_NOT_EXISTS", message: message, fine: fineNotExist}
}

func orderPaid() *refusal {
	return &refusal{status: http.StatusBadRequest, code: "ORDERPAID", message: "该订单已支付", fine: finePaid}
}

func orderClosed() *refusal {
	return &refusal{status: http.StatusBadRequest, code: "ORDER_CLOSED", message: "订单已关闭", fine: fineExpired}
}

func orderReversed() *refusal {
	return &refusal{status: http.StatusBadRequest, code: "ORDER_REVERSED", message: "订单已撤销", fine: fineUnclassified}
}

func numberUsed() *refusal {
	return &refusal{status: http.StatusForbidden, code: "OUT_TRADE_NO_USED", message: "商户订单号重复", fine: fineReentry}
}

func otherParameters() *refusal {
	r := invalidRequest("请求重入时，参数与首次请求时不一致，请使用首次请求时的参数进行重试")
	r.fine = fineReentry
	return r
}

func onlyReverse() *refusal {
	r := invalidRequest("付款码支付订单不支持关单，请使用撤销接口")
	r.fine = fineOnlyReverse
	return r
}

func otherMerchants() *refusal {
	r := invalidRequest("订单不属于该商户，请检查商户号")
	r.fine = fineOther
	return r
}

func frequencyLimited() *refusal {
	return &refusal{status: http.StatusTooManyRequests, code: "FREQUENCY_LIMITED", message: "频率超限，请降低请求频率", fine: fineRate}
}

func systemError() *refusal {
	return &refusal{status: http.StatusInternalServerError, code: "SYSTEM_ERROR", message: "系统异常，请用相同参数重新调用", fine: fineUnclassified}
}

func forbidden(code, message string) *refusal {
	return &refusal{status: http.StatusForbidden, code: code, message: message, fine: fineUnclassified}
}

func noSuchAPI() *refusal {
	return &refusal{status: http.StatusNotFound, code: "NOT_FOUND", message: "请求的资源不存在", fine: fineUnclassified}
}
