package unionpaysim

import "errors"

// Codes of answers.
const (
	codeSuccess      = "00"
	codeTimeout      = "03" // the gateway's own communication timed out: ask
	codeAccepted     = "05"
	codeBusy         = "06"
	codeFormat       = "10"
	codeSignature    = "11"
	codeDuplicate    = "12"
	codeMissing      = "13"
	codeMerchant     = "31"
	codePermission   = "32"
	codeLimit        = "33"
	codeNotFound     = "34"
	codeOriginal     = "35" // the original is missing or in the wrong state
	codeMismatch     = "36"
	codeFrequent     = "37"
	codeGivenBack    = "45"
	codeIssuer       = "60"
	codeBalance      = "64"
	codeInputTimeout = "69"
	codeNoFile       = "98"
)

// messages are the texts of the codes, as the channel writes them.
func messages() map[string]string {
	return map[string]string{
		codeSuccess:      "成功[0000000]",
		codeTimeout:      "交易通讯超时，请发起查询交易[2000003]",
		codeAccepted:     "交易已受理，请稍后查询交易结果[6154037]",
		codeBusy:         "系统繁忙，请稍后再试[2000006]",
		codeFormat:       "报文格式错误[6100030]",
		codeSignature:    "[9100004]Signature verification failed",
		codeDuplicate:    "重复交易[2000012]",
		codeMissing:      "报文交易要素缺失[2000013]",
		codeMerchant:     "商户状态不正确[2000031]",
		codePermission:   "无此交易权限[5131008]",
		codeLimit:        "交易金额超限[2000033]",
		codeNotFound:     "查无此交易[2600000]",
		codeOriginal:     "原交易不存在或状态不正确[2000035]",
		codeMismatch:     "与原交易信息不符[2000036]",
		codeFrequent:     "已超过最大查询次数或操作过于频繁[6100087]",
		codeGivenBack:    "原交易已被成功退货或已被成功撤销[2000045]",
		codeIssuer:       "交易失败，详情请咨询您的发卡行[2000060]",
		codeBalance:      "银行卡余额不足[2000064]",
		codeInputTimeout: "持卡人交易超时[2000069]",
		codeNoFile:       "文件不存在[2000098]",
	}
}

// refusal is an answer that says no, in the channel's own words.
type refusal struct {
	code, message string
	thin          bool // only what names the transaction is repeated, not the whole request
}

func (r *refusal) Error() string { return r.code + " " + r.message }

func refuse(code string) *refusal { return &refusal{code: code, message: messages()[code]} }

// refuseField names the field that is at fault.
func refuseField(code, name string) *refusal {
	r := refuse(code)
	r.message += "：" + name
	return r
}

func notFound() *refusal {
	r := refuse(codeNotFound)
	r.thin = true
	return r
}

// errExpired says that an order comes after its own payTimeout.
var errExpired = errors.New("the order's payTimeout has passed")
