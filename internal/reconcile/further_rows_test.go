package reconcile_test

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// A row that stands in the bill twice is matched once, whatever day and state
// its other side is of.
func TestMatch_TwiceInTheBill(t *testing.T) {
	t.Parallel()
	d := day(t, "2026-11-20")
	for name, c := range map[string]struct {
		set  func(w *world) (row channels.BillRow, subject string)
		ours int64
	}{
		"early on the next day": {func(w *world) (channels.BillRow, string) {
			_, end := w.bank.BillCalendar().Window(d)
			a := w.book(100, end.Add(time.Second))
			return row(a), a.ChannelTradeNo
		}, 100},
		"a refund on its way": {func(w *world) (channels.BillRow, string) {
			w.bank.change(func(b *bank) { b.calendar.RefundOnAcceptance = true })
			a := w.book(100, noon.AddDate(0, 0, -2))
			r := w.refund(a, 30, noon, doubtful)
			b := back(r, a)
			b.Pending, b.At, b.ChannelRefundNo = true, noon, "R9"
			return b, "R9"
		}, 30},
		"what the channel gave back by itself": {func(w *world) (channels.BillRow, string) {
			a := w.book(100, noon.AddDate(0, 0, -2), func(a *payment.Attempt) { a.Status = payment.AttemptReversed })
			r := w.refund(a, 100, noon.AddDate(0, 0, -2), func(r *payment.Refund) {
				r.AutoKey, r.MerchantRefundNo, r.Initiator, r.ChannelRefundNo = "reversal:"+a.ID, "", payment.ByGateway, ""
			})
			b := back(r, a)
			b.RefundID, b.ChannelRefundNo, b.At = "", "", noon
			return b, a.ChannelTradeNo
		}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onSQLite(t)
			b, subject := c.set(w)
			w.bill(d, b, b)
			first := w.run(d)
			w.want(first, reconcile.StatusDifferences, 1, 1, "missing_locally open bill:"+subject+"#2 -/"+amountOf(b))
			if ours := first.Totals.Ours.PaymentMinor + first.Totals.Ours.RefundMinor; ours != c.ours {
				t.Errorf("our side has %d, want %d", ours, c.ours)
			}
			if again := w.run(d); again.ResultDigest != first.ResultDigest {
				t.Errorf("run again it says something else: %v", w.found(again))
			}
		})
	}
}

func amountOf(b channels.BillRow) string { return side(&reconcile.Entry{Amount: b.Amount}) }

// A refund's row that failed moved nothing, wherever it stands beside the one
// that did.
func TestMatch_FailedRowBesideTheRealOne(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"before": true, "behind": false} {
		for _, early := range []bool{false, true} {
			w := onSQLite(t)
			d := day(t, "2026-11-20")
			_, end := w.bank.BillCalendar().Window(d)
			a := w.book(100, noon)
			at := noon.Add(time.Hour)
			if early {
				at = end.Add(time.Second) // by our books it is of the next day
			}
			r := w.refund(a, 30, at)
			failed := back(r, a)
			failed.Failed = true
			rows := []channels.BillRow{row(a), back(r, a), failed}
			if before {
				rows = []channels.BillRow{row(a), failed, back(r, a)}
			}
			w.bill(d, rows...)
			t.Log(name, early)
			w.want(w.run(d), reconcile.StatusBalanced, 1, 2)
		}
	}
}

// What a run repaired hides no other difference of the same row.
func TestRepair_HidesNoOtherDifference(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon, unpaid(payment.AttemptUnknown), func(a *payment.Attempt) { a.ChannelTradeNo = "OTHER" })
		w.core.answers[a.ID] = "succeeded"
		w.bill(d, billed(a))
		want := "status_mismatch open " + a.ID + " 100/100"
		w.want(w.run(d), reconcile.StatusDifferences, 1, 0, want)
		w.want(w.run(d), reconcile.StatusDifferences, 1, 0, want)
	})
}

// Rows that are not ours are differences of their day and payment, though
// channels number refunds anew for each payment.
func TestMatch_ForeignRowsUnderOneNumber(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		w.clock.set(d.Add(2).Start().Add(12 * time.Hour))
		back := func(trade string, fen int64, at time.Time) channels.BillRow {
			return channels.BillRow{Type: channels.BillRefund, AttemptID: "order-" + trade, RefundID: "1", ChannelTradeNo: trade, Amount: cny(fen), At: at}
		}
		w.bill(d, back("TA", 10, noon), back("TB", 20, noon))
		w.bill(d.Next(), back("TA", 30, noon.Add(24*time.Hour)))
		w.want(w.run(d), reconcile.StatusDifferences, 1, 0, "missing_locally open bill:TA/1 -/10", "missing_locally open bill:TB/1 -/20")
		list, err := w.service().Discrepancies(t.Context(), reconcile.DiscrepancyFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if _, err := w.service().Resolve(t.Context(), x.ID, x.Version, reconcile.Actor{Name: "ann"}, "the shop's own till"); err != nil {
				t.Fatal(err)
			}
		}
		w.want(w.run(d.Next()), reconcile.StatusDifferences, 1, 0, "missing_locally open bill:TA/1 -/30")
		w.want(w.run(d), reconcile.StatusBalanced, 1, 0, "missing_locally resolved bill:TA/1 -/10", "missing_locally resolved bill:TB/1 -/20")
		w.want(w.newest(d.Next()), reconcile.StatusDifferences, 1, 0, "missing_locally open bill:TA/1 -/30")
	})
}

// A refund that is on its way and stands in another day's bill than its own is
// not missing on its own day once it has succeeded.
func TestRun_PendingInAnotherDaysBill(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.bank.change(func(b *bank) { b.calendar.RefundOnAcceptance = true })
		d, later := day(t, "2026-11-20"), day(t, "2026-11-22")
		a := w.book(100, noon)
		r := w.refund(a, 30, noon.Add(time.Hour), doubtful)
		w.bill(d, row(a))
		accepted := back(r, a)
		accepted.Pending, accepted.At, accepted.ChannelRefundNo = true, noon.Add(49*time.Hour), "R9"
		w.bill(later, accepted)
		w.clock.set(later.Next().Start().Add(12 * time.Hour))
		for _, on := range []channels.Day{d, d.Next(), later} {
			w.run(on)
		}
		w.core.answers[r.ID] = "succeeded"
		if _, err := w.core.AskRefund(t.Context(), r.ID, ""); err != nil {
			t.Fatal(err)
		}
		w.want(w.run(d), reconcile.StatusBalanced, 2, 1) // it is carried to the later one
	})
}

// A row that could not be asked about is asked about again, by itself.
func TestRepair_UnansweredIsAskedAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon, unpaid(payment.AttemptUnknown))
		w.bill(d, billed(a))
		w.want(w.run(d), reconcile.StatusDifferences, 1, 0, "status_mismatch open "+a.ID+" 100/100")
		w.core.answers[a.ID] = "succeeded"
		w.clock.add(time.Hour)
		if runs := w.runDue(); runs != 1 {
			t.Errorf("%d runs", runs)
		}
		if got := w.newest(d); got.Status != reconcile.StatusBalanced || got.Matched != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// A channel that answers nothing is not asked about every row in one run.
func TestRepair_StopsAskingAChannelThatIsGone(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	var rows []channels.BillRow
	for range 50 {
		rows = append(rows, billed(w.book(100, noon, unpaid(payment.AttemptUnknown))))
	}
	w.bill(d, rows...)
	if r := w.run(d); r.Open != 50 || len(w.core.asked) > 10 {
		t.Errorf("%d open after %d questions", r.Open, len(w.core.asked))
	}
}
