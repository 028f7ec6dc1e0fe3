package reconcile

import "testing"

// A result of before discrepancies had types is the same result since: a day
// that is run again gets no new version by it.
func TestSeal_TypesAreNotPartOfTheResult(t *testing.T) {
	sealed := func(payment, refund StatementRowType) string {
		r := newResult(10)
		r.find(finding{kind: MissingAtChannel, subject: "A", ours: &Entry{Type: payment, AttemptID: "A"}})
		r.find(finding{kind: MissingLocally, subject: "bill:R", theirs: &Entry{Type: refund, ChannelTradeNo: "T"}})
		return r.seal()
	}
	if with, without := sealed(RowPayment, RowRefund), sealed("", ""); with != without {
		t.Errorf("%s with types, %s without", with, without)
	}
}
