package unionpay

import (
	"slices"

	"github.com/paymux/paymux/channels"
)

// The codes that are no refusals.
const (
	codeSuccess = "00"
	// codeFlawed is a success with a defect: the money moved.
	codeFlawed   = "A6"
	codeAccepted = "05"
	codeNotFound = "34"
	// codeInputTimeout: the payer's time to type ran out.
	codeInputTimeout = "69"
)

func isSuccess(code string) bool { return code == codeSuccess || code == codeFlawed }

// codeRule says what one refusal means for the money.
type codeRule struct {
	outcome channels.Outcome
	// ops are the operations it holds for; none means all.
	ops   []channels.Operation
	codes []string
}

// outcomeOf is the meaning of a respCode that refuses. It is total: the first
// rule that holds decides, and what no rule names is Unknown.
func outcomeOf(op channels.Operation, code string) channels.Outcome {
	for _, r := range codeTable() {
		if slices.Contains(r.codes, code) && (len(r.ops) == 0 || slices.Contains(r.ops, op)) {
			return r.outcome
		}
	}
	return channels.Unknown
}

// isFailure tells whether a transaction that ended with the code has failed
// for good: op is the operation that the transaction did.
func isFailure(op channels.Operation, code string) bool {
	outcome := outcomeOf(op, code)
	return outcome == channels.Declined || outcome == channels.Misconfigured
}

// codeTable is the whole table, from the list of response codes in UnionPay's
// interface pages.
//
// Left out, so Unknown, is what says itself that the result is open (03, 04,
// 05, 06, 83), what can mean that money moved (42, 70, 74, 75), what speaks of
// an earlier transaction under the same number (12), what is too vague to
// conclude from (02, 99), and for queries everything that is not about the
// account: a refused question says nothing about the order.
//
// 10 (format) is Declined and not Misconfigured: it can be one order's text,
// and one order must not take an account out.
func codeTable() []codeRule {
	transactions := []channels.Operation{channels.OpPay, channels.OpRefund}
	pay := []channels.Operation{channels.OpPay}
	refund := []channels.Operation{channels.OpRefund}
	return []codeRule{
		// Signature, elements missing or not supported, merchant's state,
		// permissions, merchant's licence.
		{outcome: channels.Misconfigured, codes: []string{"11", "13", "15", "31", "32", "43", "92", "93", "94", "95", "96"}},
		// Too many or too frequent: refused unseen.
		{outcome: channels.NotProcessed, codes: []string{"37"}},
		// Failed, format, not passed, over limit, risk, hours, binding.
		{outcome: channels.Declined, ops: transactions, codes: []string{"01", "10", "30", "33", "38", "39", "40", "44", "60"}},
		// The card, its limits and its holder.
		{outcome: channels.Declined, ops: pay, codes: []string{
			"47", "48", "61", "62", "63", "64", "65", "66", "67", "68", codeInputTimeout, "71", "72", "73",
			"76", "77", "78", "79", "80", "81", "82", "85", "90", "91",
		}},
		// The payer's code and token.
		{outcome: channels.Declined, ops: pay, codes: []string{"86", "87", "88", "89"}},
		// The order to refund: missing, not matching, given back already. The
		// number was never sent before, so it is this refund that is refused.
		{outcome: channels.Declined, ops: refund, codes: []string{
			"35", "36", "45", "61", "62", "63", "64", "68", "73", "78", "81", "90",
		}},
	}
}
