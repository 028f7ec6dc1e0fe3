package reconcile_test

import (
	"context"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// A refund in a bill without a number of its own could not be told from a
// payment.
func TestRun_DiscrepanciesSayWhatTheyAreAbout(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		paid, odd := w.book(200, noon), w.book(300, noon)
		returned, disputed := w.refund(paid, 20, noon), w.refund(paid, 30, noon)
		w.tx(func(ctx context.Context, tx payment.Tx) error {
			return tx.RecordDiscrepancy(ctx, payment.Discrepancy{
				Kind: payment.DiscrepancyAmountMismatch, MerchantID: merchantID, PaymentID: paid.PaymentID, AttemptID: paid.ID, RefundID: disputed.ID,
				AccountID: accountID, Ours: disputed.Amount, Theirs: cny(31), Detail: "why", At: noon,
			})
		})
		w.bill(d, row(paid), back(disputed, paid), channels.BillRow{Type: channels.BillRefund, ChannelTradeNo: "TX1", Amount: cny(5), At: noon},
			channels.BillRow{Type: channels.BillPayment, AttemptID: "X2", ChannelTradeNo: "TX2", Amount: cny(7), At: noon})
		list, err := w.service().Discrepancies(t.Context(), reconcile.DiscrepancyFilter{ReconciliationID: w.run(d).ID})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]reconcile.StatementRowType{
			odd.ID: reconcile.RowPayment, returned.ID: reconcile.RowRefund, disputed.ID: reconcile.RowRefund, "bill:2026-11-20/TX1": reconcile.RowRefund, "bill:2026-11-20/TX2": reconcile.RowPayment,
		}
		for _, d := range list {
			if d.Type() != want[d.SubjectID] {
				t.Errorf("%s of %s is about a %q, want %q", d.Kind, d.SubjectID, d.Type(), want[d.SubjectID])
			}
			for _, e := range []*reconcile.Entry{d.Ours, d.Theirs} {
				if e != nil && e.Type != d.Type() {
					t.Errorf("%s of %s has a side of type %q", d.Kind, d.SubjectID, e.Type)
				}
			}
			delete(want, d.SubjectID)
		}
		if len(want) != 0 {
			t.Errorf("not found: %v", want)
		}
	})
}
