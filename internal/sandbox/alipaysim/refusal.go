package alipaysim

import "errors"

// refusal is an answer that says no, in the channel's own words.
type refusal struct {
	code, msg       string
	subCode, subMsg string
	extra           node // further fields that some refusals carry
	unsigned        bool // told as error_response, without a signature
}

func (r *refusal) Error() string { return r.code + " " + r.subCode + ": " + r.subMsg }

func (r *refusal) node() node {
	n := node{{"code", r.code}, {"msg", r.msg}}
	if r.subCode != "" {
		n = append(n, field{"sub_code", r.subCode}, field{"sub_msg", r.subMsg})
	}
	return append(n, r.extra...)
}

// Codes of the gateway.
const (
	codeSuccess     = "10000"
	codeWaiting     = "10003"
	codeUnavailable = "20000"
	codeMissing     = "40001"
	codeInvalid     = "40002"
	codeBusiness    = "40004"
	codeLimited     = "40005"
)

func missing(subCode, subMsg string) *refusal {
	return &refusal{code: codeMissing, msg: "Missing Required Arguments", subCode: subCode, subMsg: subMsg}
}

func invalid(subCode, subMsg string) *refusal {
	return &refusal{code: codeInvalid, msg: "Invalid Arguments", subCode: subCode, subMsg: subMsg}
}

func business(subCode string) *refusal {
	return &refusal{code: codeBusiness, msg: "Business Failed", subCode: subCode, subMsg: businessTexts()[subCode]}
}

func invalidParameter(detail string) *refusal {
	r := business(acqInvalidParameter)
	r.subMsg += "：" + detail
	return r
}

func unavailable() *refusal {
	return &refusal{code: codeUnavailable, msg: "Service Currently Unavailable", subCode: "isp.unknow-error", subMsg: "系统繁忙"}
}

func limited() *refusal {
	return &refusal{code: codeLimited, msg: "Call Limited", subCode: "isv.app-call-limited", subMsg: "应用调用次数超限，包含调用频率超限"}
}

// Business refusals that the simulator gives.
const (
	acqSystemError        = "ACQ.SYSTEM_ERROR"
	aqcSystemError        = "AQC.SYSTEM_ERROR" // so spelled by cancel
	acqInvalidParameter   = "ACQ.INVALID_PARAMETER"
	acqTradeNotExist      = "ACQ.TRADE_NOT_EXIST"
	acqHasSuccess         = "ACQ.TRADE_HAS_SUCCESS"
	acqHasClose           = "ACQ.TRADE_HAS_CLOSE"
	acqStatusError        = "ACQ.TRADE_STATUS_ERROR"
	acqReasonStatus       = "ACQ.REASON_TRADE_STATUS_INVALID"
	acqInconsistent       = "ACQ.CONTEXT_INCONSISTENT"
	acqFeeExceed          = "ACQ.TOTAL_FEE_EXCEED"
	acqAuthCode           = "ACQ.PAYMENT_AUTH_CODE_INVALID"
	acqBalance            = "ACQ.BUYER_BALANCE_NOT_ENOUGH"
	acqExpired            = "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"
	acqSeller             = "ACQ.SELLER_NOT_EXIST"
	acqRefundNotTotal     = "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
	acqRefundTooMuch      = "ACQ.REASON_TRADE_REFUND_FEE_ERR"
	acqRefundFee          = "ACQ.REFUND_FEE_ERROR"
	acqRefundDiscordant   = "ACQ.DISCORDANT_REPEAT_REQUEST"
	acqRefundNotAllowed   = "ACQ.TRADE_NOT_ALLOW_REFUND"
	acqCancelTimeOut      = "ACQ.TRADE_CANCEL_TIME_OUT"
	ispBillNotExist       = "isp.bill_not_exist"
	isvInvalidArguments   = "isv.invalid_arguments"
	subInvalidSignature   = "isv.invalid-signature"
	invalidSignatureIntro = "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为："
)

func businessTexts() map[string]string {
	return map[string]string{
		acqSystemError:      "系统异常，请使用相同的参数再次调用",
		aqcSystemError:      "系统异常，请使用相同的参数再次调用",
		acqInvalidParameter: "参数无效",
		acqTradeNotExist:    "交易不存在",
		acqHasSuccess:       "交易已被支付",
		acqHasClose:         "交易已经关闭",
		acqStatusError:      "交易状态不合法",
		acqReasonStatus:     "交易状态异常",
		acqInconsistent:     "交易信息被篡改",
		acqFeeExceed:        "订单总金额不在允许范围内",
		acqAuthCode:         "支付授权码无效",
		acqBalance:          "买家余额不足",
		acqExpired:          "当前时间已超过允许支付的时间",
		acqSeller:           "卖家不存在",
		acqRefundNotTotal:   "退款金额与交易总金额不一致，部分退款请传入退款请求号",
		acqRefundTooMuch:    "退款金额超限",
		acqRefundFee:        "退款金额有误",
		acqRefundDiscordant: "请求信息不一致",
		acqRefundNotAllowed: "当前交易不允许退款",
		acqCancelTimeOut:    "超过撤销时间范围",
		ispBillNotExist:     "账单不存在",
		isvInvalidArguments: "入参不合法",
	}
}

func isNotExist(err error) bool {
	var no *refusal
	return errors.As(err, &no) && no.subCode == acqTradeNotExist
}
