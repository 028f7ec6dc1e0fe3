package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// runDue runs what the schedule has due now, and what that makes due, and gives
// how many runs there were.
func (w *world) runDue() (runs int) {
	w.Helper()
	for range 20 {
		leases, err := w.service().Claim(w.Context(), 10)
		if err != nil {
			w.Fatal(err)
		}
		if len(leases) == 0 {
			return runs
		}
		for _, l := range leases {
			runs++
			if err := w.service().RunClaimed(w.Context(), l); err != nil {
				w.Fatal(err)
			}
		}
	}
	w.Fatal("one day makes the other due, and that one the first")
	return runs
}

// newest is the newest result of a day.
func (w *world) newest(d channels.Day) reconcile.Reconciliation {
	w.Helper()
	list, err := w.service().List(w.Context(), reconcile.ListFilter{AccountID: accountID, Day: d})
	if err != nil || len(list) != 1 {
		w.Fatal(list, err)
	}
	return list[0]
}

// settle changes an attempt as a late callback or an operator does.
func (w *world) settle(a *payment.Attempt) {
	w.Helper()
	a.UpdatedAt = w.clock.Now()
	w.tx(func(ctx context.Context, tx payment.Tx) error { return tx.UpdateAttempt(ctx, a) })
}

// What is booked on a day whose books were closed is held against its bill,
// within an hour, once.
func TestRun_AgainForWhatIsBookedLater(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a, ghost := w.book(100, noon), w.book(990_000, noon.Add(time.Hour), unpaid(payment.AttemptClosed))
		w.bill(d, row(a))
		w.want(w.run(d), reconcile.StatusBalanced, 1, 1)
		w.clock.add(20 * time.Minute)
		ghost.Status, ghost.PaidAt = payment.AttemptSucceeded, noon.Add(time.Hour)
		w.settle(ghost)
		if runs := w.runDue(); runs != 0 {
			t.Errorf("run %d times at once: others may be booked in the same hour", runs)
		}
		w.clock.add(40 * time.Minute)
		if runs := w.runDue(); runs != 1 {
			t.Errorf("%d runs", runs)
		}
		w.want(w.newest(d), reconcile.StatusDifferences, 2, 1, "missing_at_channel open "+ghost.ID+" 990000/-")
		w.clock.add(3 * time.Hour)
		if runs := w.runDue(); runs != 0 {
			t.Errorf("%d more runs", runs)
		}
	})
}

// What is booked while a day is being matched is not lost between the reading of
// our books and the writing of the result.
func TestRun_AgainForWhatIsBookedMeanwhile(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a, ghost := w.book(100, noon), w.book(990_000, noon.Add(time.Hour), unpaid(payment.AttemptClosed))
		w.bill(d, row(a))
		store := failing{Store: w.db, beforeFinish: func() error {
			w.clock.add(time.Second)
			ghost.Status, ghost.PaidAt = payment.AttemptSucceeded, noon.Add(time.Hour)
			w.settle(ghost)
			return nil
		}}
		if _, err := w.serviceOn(store, "host/2").Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d}); err != nil {
			t.Fatal(err)
		}
		w.clock.add(time.Hour)
		if runs := w.runDue(); runs != 1 {
			t.Errorf("%d runs", runs)
		}
		w.want(w.newest(d), reconcile.StatusDifferences, 2, 1, "missing_at_channel open "+ghost.ID+" 990000/-")
	})
}

// A refund that a bill lists on the day of its acceptance, and that ends days
// later, comes into that day's statement, or in front of people.
func TestRun_RefundThatEndsDaysAfterItsBill(t *testing.T) {
	for _, end := range []payment.RefundStatus{payment.RefundSucceeded, payment.RefundFailed} {
		eachStore(t, func(t *testing.T, w *world) {
			w.bank.change(func(b *bank) { b.calendar.RefundOnAcceptance = true })
			d := day(t, "2026-11-20")
			a := w.book(100, noon)
			r := w.refund(a, 30, noon.Add(time.Hour), func(r *payment.Refund) { r.Status, r.SucceededAt = payment.RefundProcessing, time.Time{} })
			accepted := back(r, a)
			accepted.Pending, accepted.At = true, noon.Add(time.Hour)
			w.bill(d, row(a), accepted)
			w.want(w.run(d), reconcile.StatusBalanced, 1, 2)
			w.clock.add(72 * time.Hour)
			r.Status, r.UpdatedAt = end, w.clock.Now()
			if end == payment.RefundSucceeded {
				r.SucceededAt = w.clock.Now()
			}
			w.tx(func(ctx context.Context, tx payment.Tx) error { return tx.UpdateRefund(ctx, r) })
			w.clock.add(time.Hour)
			if runs := w.runDue(); runs != 1 {
				t.Errorf("%s: %d runs", end, runs)
			}
			if end == payment.RefundFailed {
				w.want(w.newest(d), reconcile.StatusDifferences, 2, 1, "status_mismatch open "+r.ID+" 30/30")
				return
			}
			w.want(w.newest(d), reconcile.StatusBalanced, 1, 2)
			st, err := w.service().Statement(t.Context(), merchantID, d, 0)
			if err != nil || st.Version != 2 || st.Rows != 2 {
				t.Errorf("the statement has %+v (%v)", st, err)
			}
		})
	}
}

// An answer that says what our books have already, such as to a question that
// reconciliation itself asks in each run, makes no day due: it would be run again
// for ever.
func TestRun_NotAgainForWhatIsKnown(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		r := w.refund(a, 30, noon.Add(time.Hour), doubtful, func(r *payment.Refund) { r.Status = payment.RefundFailed })
		w.core.answers[r.ID] = string(payment.RefundFailed)
		w.bill(d, row(a), back(r, a))
		w.want(w.run(d), reconcile.StatusDifferences, 1, 1, "status_mismatch open "+r.ID+" 30/30")
		w.settle(a)
		r.UpdatedAt = w.clock.Now()
		w.tx(func(ctx context.Context, tx payment.Tx) error { return tx.UpdateRefund(ctx, r) })
		w.clock.add(2 * time.Hour)
		if runs := w.runDue(); runs != 0 {
			t.Errorf("%d runs", runs)
		}
	})
}

// A run by hand that dies with half of what it found written is made good.
func TestRun_DeadRunByHandIsDue(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		w.bill(d, row(a))
		first := w.run(d)
		extra := row(a)
		extra.AttemptID, extra.ChannelTradeNo = "NOTOURS", "T9"
		w.bill(d, row(a), extra)
		dead := failing{Store: w.db, beforeFinish: func() error { return errCrash }}
		_, err := w.serviceOn(dead, "host/dead").Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d})
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		w.clock.add(10 * time.Minute)
		if runs := w.runDue(); runs != 1 {
			t.Errorf("%d runs", runs)
		}
		got := w.newest(d)
		w.want(got, reconcile.StatusDifferences, 2, 1, w.found(got)...)
		if got.ID == first.ID || got.Open != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// A row that was carried over and called missing on the next day counts once
// when a later bill has it.
func TestRun_CarriedRowInALaterBill(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d, second, third := day(t, "2026-11-20"), day(t, "2026-11-21"), day(t, "2026-11-22")
		_, end := w.bank.BillCalendar().Window(d)
		a := w.book(100, end.Add(-time.Minute))
		w.clock.set(third.Next().Start().Add(12 * time.Hour))
		w.bill(d)
		w.bill(second)
		w.bill(third, row(a))
		for _, on := range []channels.Day{d, second, third} {
			w.run(on)
		}
		w.runDue()
		sums, err := w.service().SettlementSummary(t.Context(), merchantID, d, third)
		if err != nil || len(sums) != 1 || sums[0].Ours != sums[0].Theirs || sums[0].Ours.PaymentMinor != 100 || sums[0].Open != 0 {
			t.Errorf("%+v %v", sums, err)
		}
	})
}

// A row near the beginning of a day is called missing once the day before is
// given up, instead of waiting for its bill for ever.
func TestRun_DayBeforeIsGivenUp(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d, before := day(t, "2026-11-20"), day(t, "2026-11-19")
		start, _ := w.bank.BillCalendar().Window(d)
		early := w.book(500_000, start.Add(time.Second))
		w.bank.change(func(b *bank) { b.fetchErr[before] = errors.New("certificate expired") })
		w.bill(d)
		w.clock.set(d.Next().Start().Add(12 * time.Hour))
		w.run(before)
		w.want(w.run(d), reconcile.StatusBalanced, 1, 0)
		for range 2 * w.cfg.CatchUpDays {
			w.clock.add(12 * time.Hour)
			w.runDue()
		}
		w.want(w.newest(d), reconcile.StatusDifferences, 2, 0, "missing_at_channel open "+early.ID+" 500000/-")
	})
}

// A lease that ended is not renewed by the run that had it.
func TestRenewDay_AfterTheEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		take := func(owner string) (reconcile.DayLease, error) {
			return w.db.AcquireDay(t.Context(), w.accounts[0], d, owner, w.clock.Now(), time.Minute)
		}
		l, err := take("host/1")
		if err := errors.Join(err, w.db.ReleaseDay(t.Context(), l, w.clock.Now())); err != nil {
			t.Fatal(err)
		}
		_ = w.db.RenewDay(t.Context(), l, time.Minute)
		if _, err := take("host/2"); err != nil {
			t.Error(err)
		}
	})
}
