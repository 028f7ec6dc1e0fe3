package alipay

import (
	"slices"
	"strings"

	"github.com/paymux/paymux/channels"
)

// codeRule says what one signed refusal means for the money.
type codeRule struct {
	// ops are the operations it holds for; none means all.
	ops []channels.Operation
	// code is the gateway's code.
	code string
	// subCode is the exact sub_code, or the beginning of one before a final
	// "*"; "*" alone holds for every one and for none.
	subCode string
	outcome channels.Outcome
}

// outcomeOf is the meaning of a signed refusal. It is total: the first rule
// that holds decides, and what no rule names is Unknown. Alipay's lists of
// codes are neither complete nor always true, so that a sub_code which they do
// not name proves nothing.
func outcomeOf(op channels.Operation, code, subCode string) channels.Outcome {
	for _, r := range codeTable() {
		if r.code == code && r.matches(subCode) && (len(r.ops) == 0 || slices.Contains(r.ops, op)) {
			return r.outcome
		}
	}
	return channels.Unknown
}

func (r codeRule) matches(subCode string) bool {
	if prefix, ok := strings.CutSuffix(r.subCode, "*"); ok {
		return strings.HasPrefix(subCode, prefix)
	}
	return r.subCode == subCode
}

// codeTable is the whole table, from the lists of common errors and of each
// method's errors in Alipay's documentation.
//
// A refusal speaks of the call that it answers. Whether an earlier call under
// the same number succeeded is never said by it: for repeats the core asks.
func codeTable() []codeRule {
	return slices.Concat(gatewayCodes(), payCodes(), reverseCodes(), refundCodes(),
		// A bill that is not there is told apart by FetchBill.
		business(channels.Declined, []channels.Operation{channels.OpBill}, append(badBillArguments(), noBillCodes()...)...))
}

// gatewayCodes are the gateway's own refusals, before any business is done.
//
// invalid-parameter is Declined and not Misconfigured: it can be the payer's
// id or the subject of one order, and one order must not take an account out.
func gatewayCodes() []codeRule {
	return []codeRule{
		{code: "20000", subCode: "*", outcome: channels.Unknown},
		{code: "20001", subCode: "*", outcome: channels.Misconfigured},
		{code: "40001", subCode: "isv.missing-*", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-parameter", outcome: channels.Declined},
		{code: "40002", subCode: "isv.invalid-signature", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-signature-type", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-app-id", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-timestamp", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-encrypt*", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.decryption-error*", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-method", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-charset", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-format", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-token", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-app-auth-token*", outcome: channels.Misconfigured},
		{code: "40002", subCode: "isv.invalid-cloud-app-permission", outcome: channels.Misconfigured},
		{code: "40003", subCode: "isv.*", outcome: channels.Misconfigured},
		{code: "40003", subCode: "", outcome: channels.Declined},
		{code: "40005", subCode: "*", outcome: channels.NotProcessed},
		{code: "40006", subCode: "*", outcome: channels.Misconfigured},
	}
}

// business makes the rules of one operation's sub_codes under 40004.
func business(outcome channels.Outcome, ops []channels.Operation, subCodes ...string) []codeRule {
	rules := make([]codeRule, len(subCodes))
	for i, s := range subCodes {
		rules[i] = codeRule{ops: ops, code: "40004", subCode: s, outcome: outcome}
	}
	return rules
}

// payCodes are of precreate, create and pay. Left out, so Unknown, are all
// that say that something exists under the number already (TRADE_HAS_SUCCESS,
// TRADE_HAS_CLOSE, CONTEXT_INCONSISTENT, TRADE_BUYER_NOT_MATCH): a query says
// what.
func payCodes() []codeRule {
	pay := []channels.Operation{channels.OpPay}
	return slices.Concat(
		business(channels.Misconfigured, pay,
			"ACQ.ACCESS_FORBIDDEN", "ACQ.PARTNER_ERROR", "ACQ.SELLER_BEEN_BLOCKED", "ACQ.SELLER_NOT_EXIST",
			"ACQ.MERCHANT_STATUS_NOT_NORMAL", "ACQ.INVALID_RECEIVE_ACCOUNT", "ACQ.INVALID_STORE_ID",
			"ACQ.SECONDARY_MERCHANT_*"),
		business(channels.Declined, pay,
			"ACQ.INVALID_PARAMETER", "ACQ.EXIST_FORBIDDEN_WORD", "ACQ.TOTAL_FEE_EXCEED", "ACQ.BUYER_SELLER_EQUAL",
			"ACQ.BUYER_ENABLE_STATUS_FORBID", "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR",
			"ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR", "ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT",
			"ACQ.BEYOND_PAY_RESTRICTION", "ACQ.BEYOND_PER_RECEIPT_*", "ACQ.MERCHANT_PERM_RECEIPT_*",
			"ACQ.SUB_GOODS_SIZE_MAX_COUNT", "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "ACQ.RISK_MERCHANT_IP_NOT_EXIST",
			// alipay.trade.pay only
			"ACQ.PAYMENT_AUTH_CODE_INVALID", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH",
			"ACQ.ERROR_BALANCE_PAYMENT_DISABLE", "ACQ.PULL_MOBILE_CASHIER_FAIL", "ACQ.MOBILE_PAYMENT_SWITCH_OFF",
			"ACQ.PAYMENT_FAIL", "ACQ.PAYMENT_REQUEST_HAS_RISK", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE",
			"ACQ.BUYER_NOT_EXIST"),
	)
}

// reverseCodes are of cancel: refused for good, so that the money can only go
// back by a refund. Left out, so Unknown, is what a later try or a query
// changes: SELLER_BALANCE_NOT_ENOUGH, REASON_TRADE_BEEN_FREEZEN, and
// REASON_TRADE_REFUND_FEE_ERR (given back already).
func reverseCodes() []codeRule {
	reverse := []channels.Operation{channels.OpReverse}
	return slices.Concat(
		business(channels.Declined, reverse,
			"ACQ.CANCEL_NOT_ALLOWED", "ACQ.TRADE_CANCEL_TIME_OUT", "ACQ.TRADE_HAS_FINISHED", "ACQ.INVALID_PARAMETER"),
		business(channels.Misconfigured, reverse, "ACQ.ACCESS_FORBIDDEN", "ACQ.PARTNER_ERROR"),
	)
}

// refundCodes are of refund. Left out, so Unknown and sent again under the
// same number:
//   - SELLER_BALANCE_NOT_ENOUGH: documented to succeed once there is balance.
//   - TRADE_NOT_EXIST: we ask for a refund of what was paid, so this is no
//     final word about it but a contradiction.
//   - TRADE_HAS_CLOSE, TRADE_STATUS_ERROR, REASON_TRADE_STATUS_INVALID,
//     REASON_ILLEGAL_STATUS: also what a refund finds that an earlier call of
//     its own completed in full.
//   - DISCORDANT_REPEAT_REQUEST: a refund exists under the number.
//   - TRADE_SETTLE_ERROR, REASON_TRADE_BEEN_FREEZEN: pass by themselves.
func refundCodes() []codeRule {
	refund := []channels.Operation{channels.OpRefund}
	return slices.Concat(
		business(channels.Misconfigured, refund, "ACQ.ACCESS_FORBIDDEN", "ACQ.PARTNER_ERROR"),
		business(channels.Declined, refund,
			"ACQ.INVALID_PARAMETER", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "ACQ.REASON_TRADE_REFUND_FEE_ERR",
			"ACQ.REFUND_FEE_ERROR", "ACQ.TRADE_HAS_FINISHED", "ACQ.TRADE_NOT_ALLOW_REFUND",
			"ACQ.NOT_ALLOW_PARTIAL_REFUND", "ACQ.REFUND_CHARGE_ERROR", "ACQ.REFUND_ACCOUNT_NOT_EXIST",
			"ACQ.BUYER_NOT_EXIST", "ACQ.BUYER_ERROR", "ACQ.CUSTOMER_VALIDATE_ERROR", "ACQ.CURRENCY_NOT_SUPPORT",
			"ACQ.ALLOC_AMOUNT_VALIDATE_ERROR", "ACQ.REFUNDALLOC_UNAUTH_LIMIT",
			"ACQ.REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST", "ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND",
			"ACQ.OVERDRAFT_*", "ACQ.USER_NOT_MATCH_ERR"),
	)
}

// closeAnswers are the refusals of a close that say in what state the order
// is; a close that is refused otherwise is an error.
func closeAnswers() map[string]channels.CloseResult {
	return map[string]channels.CloseResult{
		"ACQ.TRADE_NOT_EXIST": channels.CloseNoOrder,
		// Not waiting for the payer: paid or closed, which is not said.
		"ACQ.TRADE_STATUS_ERROR":          channels.CloseUncertain,
		"ACQ.REASON_TRADE_STATUS_INVALID": channels.CloseUncertain,
		"ACQ.REASON_ILLEGAL_STATUS":       channels.CloseUncertain,
		"ACQ.TRADE_HAS_CLOSE":             channels.CloseAcknowledged,
		"ACQ.TRADE_HAS_SUCCESS":           channels.CloseAlreadyPaid,
		"ACQ.TRADE_HAS_FINISHED":          channels.CloseAlreadyPaid,
	}
}

const subCodeNoTrade = "ACQ.TRADE_NOT_EXIST"
