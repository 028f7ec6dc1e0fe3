package reconcile_test

import (
	"context"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// Money that went back in a second or third try by an operator is back.
func TestRun_CoreFindingSettledByARetry(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		again := w.book(200, noon)
		w.tx(func(ctx context.Context, tx payment.Tx) error {
			return tx.RecordDiscrepancy(ctx, payment.Discrepancy{
				Kind: payment.DiscrepancyDuplicatePayment, MerchantID: merchantID, PaymentID: again.PaymentID, AttemptID: again.ID, AccountID: accountID,
				Ours: again.Amount, Theirs: again.Amount, Detail: "why", At: noon,
			})
		})
		try := func(key string, status payment.RefundStatus) *payment.Refund {
			return w.refund(again, 200, noon, func(r *payment.Refund) {
				r.AutoKey, r.MerchantRefundNo, r.Initiator, r.Status = key, "", payment.ByGateway, status
				if status != payment.RefundSucceeded {
					r.SucceededAt = time.Time{}
				}
			})
		}
		first := try("duplicate:"+again.ID, payment.RefundFailed)
		second := try("retry:"+first.ID, payment.RefundFailed)
		w.bill(d, row(again))
		w.want(w.run(d), reconcile.StatusDifferences, 1, 1, "duplicate_payment open "+again.ID+" 200/200")
		third := try("retry:"+second.ID, payment.RefundSucceeded)
		w.bill(d, row(again), back(third, again))
		w.want(w.run(d), reconcile.StatusBalanced, 2, 2, "duplicate_payment repaired "+again.ID+" 200/200")
	})
}
