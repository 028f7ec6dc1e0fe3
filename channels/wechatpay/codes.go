package wechatpay

import (
	"net/http"
	"slices"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"github.com/paymux/paymux/channels"
)

// Codes that have a meaning beyond the table.
const (
	codeUserPaying  = "USERPAYING"
	codeSignError   = "SIGN_ERROR"
	codeNoOrder     = "ORDER_NOT_EXIST"
	codeOrderPaid   = "ORDER_PAID"
	codeOrderClosed = "ORDER_CLOSED"
	codeReversed    = "ORDER_REVERSED"
)

// codeRule says what refusals mean for the money. Codes changed their spelling
// over the years: underscores do not count.
type codeRule struct {
	// ops are the operations it holds for; none means all.
	ops []channels.Operation
	// status is the HTTP status that it needs; 0: any 4xx.
	status  int
	outcome channels.Outcome
	codes   []string
}

// outcomeOf is the meaning of a refusal: the HTTP class first, then the fine
// code, then the code. It is total: what no rule names is Unknown.
func outcomeOf(op channels.Operation, status int, code, fine string) channels.Outcome {
	if status/100 != 4 {
		return channels.Unknown
	}
	if outcome, ok := fineCodes()[fine]; ok {
		return outcome
	}
	for _, r := range codeTable() {
		if (r.status == 0 || r.status == status) && (len(r.ops) == 0 || slices.Contains(r.ops, op)) &&
			slices.ContainsFunc(r.codes, func(c string) bool { return sameCode(c, code) }) {
			return r.outcome
		}
	}
	return channels.Unknown
}

func sameCode(a, b string) bool {
	return strings.ReplaceAll(a, "_", "") == strings.ReplaceAll(b, "_", "")
}

// codeTable is the whole table, from the lists of errors of each call in
// WeChat Pay's documentation.
//
// A refusal speaks of the call that it answers. Whether an earlier call under
// the same number succeeded is never said by it: for repeats the core asks.
//
// Left out, so Unknown and asked for:
//   - ORDER_PAID, OUT_TRADE_NO_USED, ORDER_CLOSED, ORDER_REVERSED,
//     ALREADY_EXISTS: something is there under the number.
//   - NOT_ENOUGH of a refund: it succeeds once there is balance, under the same
//     number. RESOURCE_NOT_EXISTS and ORDER_NOT_EXIST of a refund: we return
//     what was paid, so this is no final word but a contradiction.
//   - SIGN_ERROR: see confirmed.
//   - every refusal of a close or a reversal: see closeAnswers and reverse.
func codeTable() []codeRule {
	pay := []channels.Operation{channels.OpPay}
	refund := []channels.Operation{channels.OpRefund}
	return []codeRule{
		{status: http.StatusTooManyRequests, outcome: channels.NotProcessed, codes: []string{
			"FREQUENCY_LIMITED", "FREQUENCY_LIMIT", "FREQUENCY_LIMIT_EXCEED", "FREQUENCY_LIMIT_EXCEEDED",
			"RATELIMIT_EXCEED", "RATELIMIT_EXCEEDED",
		}},
		{outcome: channels.Misconfigured, codes: []string{
			"NO_AUTH", "APPID_MCHID_NOT_MATCH", "APPID_NOT_EXIST", "MCH_NOT_EXISTS", "MCHID_NOT_EXIST",
		}},
		{ops: pay, outcome: channels.Declined, codes: []string{
			// PARAM_ERROR can be the payer's id or code: one order must not
			// take an account out.
			"PARAM_ERROR", "INVALID_REQUEST", "OPENID_MISMATCH", "USER_NOT_EXISTS",
			"AUTH_CODE_INVALID", "AUTH_CODE_ERROR", "AUTH_CODE_EXPIRE", "AUTH_CODE_EXPIRED",
			"RULE_LIMIT", "TRADE_ERROR", "NOT_ENOUGH", "ACCOUNT_ERROR", "USER_ACCOUNT_ABNORMAL", "REQUEST_BLOCKED",
		}},
		{ops: refund, outcome: channels.Declined, codes: []string{
			"PARAM_ERROR", "INVALID_REQUEST", "USER_NOT_EXISTS", "USER_ACCOUNT_ABNORMAL", "TRADE_OVERDUE", "REFUND_FEE_MISMATCH",
		}},
		{ops: []channels.Operation{channels.OpBill}, outcome: channels.Declined, codes: []string{
			"PARAM_ERROR", "INVALID_REQUEST", "NO_STATEMENT_EXIST", "STATEMENT_CREATING",
		}},
	}
}

// fineCodes are the numbers at the end of Request-ID that say more than the
// code beside them. That header is unsigned even in a signed refusal, so none
// of them can make a call count as refused that would not otherwise.
func fineCodes() map[string]channels.Outcome {
	return map[string]channels.Outcome{
		"268498688": channels.Unknown, // the number was used with other parameters
		"268449538": channels.Unknown, // paid already
		"268498689": channels.Unknown, // paid already
	}
}

// fineCode is the number behind the last hyphen of Request-ID.
func fineCode(h http.Header) string {
	id := h.Get(consts.RequestID)
	return id[strings.LastIndexByte(id, '-')+1:]
}

// closeAnswers are the refusals of a close that say in what state the order
// is; a close that is refused otherwise is an error.
func closeAnswers() map[string]channels.CloseResult {
	return map[string]channels.CloseResult{
		codeNoOrder:     channels.CloseNoOrder,
		codeOrderClosed: channels.CloseAcknowledged,
		codeOrderPaid:   channels.CloseAlreadyPaid,
	}
}

// isNoOrder and isNoRefund tell "there is none", which is a state.
func isNoOrder(r reply) bool {
	return r.status == http.StatusNotFound && sameCode(r.code, codeNoOrder)
}

func isNoRefund(r reply) bool {
	return r.status == http.StatusNotFound && slices.ContainsFunc(
		[]string{"RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"}, func(c string) bool { return sameCode(c, r.code) })
}
