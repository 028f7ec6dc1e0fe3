package payment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// A file's time is the channel's clock, which may be behind ours: the refund is
// settled, and not booked before it was sent.
func TestOperator_EvidenceOfAClockThatIsBehind(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		_, r := lostUnionPayRefund(w)
		sent := r.SubmittedAt
		if sent.IsZero() {
			sent = r.CreatedAt
		}
		ev := payment.RefundEvidence{
			RefundID: r.ID, Succeeded: true, At: r.CreatedAt.Add(-11 * time.Minute), Evidence: "day file", Actor: operator,
		}
		if _, err := w.SettleRefund(acting(), ev); codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("evidence from long before it was sent: %v", err)
		}
		ev.At = r.CreatedAt.Add(-5 * time.Second)
		got, err := w.SettleRefund(acting(), ev)
		if err != nil || got.Status != payment.RefundSucceeded {
			t.Fatalf("%+v %v", got, err)
		}
		if got.SucceededAt.Before(got.SubmittedAt) || got.SucceededAt.After(sent.Add(time.Second)) {
			t.Errorf("booked at %s, sent at %s", got.SucceededAt, got.SubmittedAt)
		}
		told := false
		for _, c := range w.historyOf(got.PaymentID) {
			told = told || strings.Contains(c.Detail, ev.At.UTC().Format(time.RFC3339))
		}
		if !told {
			t.Error("the evidence's own time is not told")
		}
	})
}
