package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// A refund in doubt that was sent shortly after a day began may stand in the
// file of the day before: while that was not read, nothing says it failed.
func TestRepair_DoubtWaitsForTheDayBefore(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.repeatable = false
	d, before := day(t, "2026-11-20"), day(t, "2026-11-19")
	start, _ := w.bank.BillCalendar().Window(d)
	a := w.book(100, noon)
	r := w.refund(a, 30, start.Add(2*time.Second), doubtful)
	w.core.answers[r.ID] = "processing"
	w.bill(d, row(a))
	w.want(w.run(d), reconcile.StatusBalanced, 1, 1)
	if len(w.core.settled) != 0 {
		t.Fatalf("settled although the file of the day before may have it: %+v", w.core.settled)
	}
	w.bill(before)
	w.run(before)
	leases, err := w.service().Claim(t.Context(), 10)
	if err != nil || len(leases) != 1 || leases[0].Day != d {
		t.Fatalf("the day is not due again: %v %v", leases, err)
	}
	if err := w.service().RunClaimed(t.Context(), leases[0]); err != nil {
		t.Fatal(err)
	}
	if len(w.core.settled) != 1 || w.core.settled[0].Succeeded {
		t.Errorf("both files were read, and it is settled as %+v", w.core.settled)
	}
}

// A refund that the next day's file did not have either moved no money: it is
// no row of a statement.
func TestStatementRows_FailedDoubt(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.repeatable = false
		w.bank.change(func(b *bank) { b.calendar.RefundOnAcceptance = true })
		d := day(t, "2026-11-20")
		_, end := w.bank.BillCalendar().Window(d)
		a := w.book(100, noon)
		r := w.refund(a, 30, end.Add(-time.Second), doubtful)
		w.core.answers[r.ID] = "processing"
		w.bill(d, row(a))
		w.run(d)
		w.clock.add(24 * time.Hour)
		w.bill(d.Next())
		w.run(d.Next())
		if got, err := w.db.RefundByID(t.Context(), merchantID, r.ID); err != nil || got.Status != payment.RefundFailed {
			t.Fatalf("%+v %v", got, err)
		}
		for _, on := range []channels.Day{d, d.Next()} {
			if got := w.statement(on); slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, r.ID) }) {
				t.Errorf("the statement of %s has the failed refund: %v", on, got)
			}
		}
	})
}

// Two days that are worked on at the same time know of each other in the end:
// what the earlier one leaves to the later one's bill is judged, even if the
// process dies as soon as the later one's result is written.
func TestRun_DayBeforeEndsMeanwhile(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		dayBeforeEndsMeanwhile(t, w, w.service())
	})
}

func TestRun_DayBeforeEndsMeanwhileAndTheProcessDies(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		dayBeforeEndsMeanwhile(t, w, w.serviceOn(failing{Store: w.db, afterFinish: func() error { return errCrash }}, "host/dead"))
	})
}

// dayBeforeEndsMeanwhile has a service match a day while the day before ends.
func dayBeforeEndsMeanwhile(t *testing.T, w *world, service *reconcile.Service) {
	t.Helper()
	d, next := day(t, "2026-11-20"), day(t, "2026-11-21")
	_, end := w.bank.BillCalendar().Window(d)
	lost := w.book(100, end.Add(-time.Second))
	early := w.book(200, end.Add(time.Second)) // neither bill has it
	w.bill(d)
	w.bill(next)
	w.clock.add(24 * time.Hour)
	w.bank.change(func(b *bank) {
		b.onFetch = func() {
			w.bank.change(func(b *bank) { b.onFetch = nil })
			w.run(d)
		}
	})
	_, err := service.Run(t.Context(), reconcile.Job{AccountID: accountID, Day: next})
	if err != nil && !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	w.runDue()
	list, err := w.service().List(t.Context(), reconcile.ListFilter{AccountID: accountID, Day: next})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	want := []string{"missing_at_channel open " + lost.ID + " 100/-", "missing_at_channel open " + early.ID + " 200/-"}
	slices.Sort(want)
	if got := w.found(list[0]); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// A try without a bill does not forget that the day waits for the one before.
func TestRun_StillWaitsAfterAFailedTry(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d, before := day(t, "2026-11-20"), day(t, "2026-11-19")
	start, _ := w.bank.BillCalendar().Window(d)
	w.book(100, start.Add(time.Second))
	w.bill(d)
	w.run(d)
	w.clock.add(72 * time.Hour) // the try is not repeated by itself
	w.bank.change(func(b *bank) { b.fetchErr[d] = errors.New("connection refused") })
	w.run(d)
	w.bank.change(func(b *bank) { delete(b.fetchErr, d) })
	w.bill(before)
	w.run(before)
	if leases, err := w.service().Claim(t.Context(), 10); err != nil || len(leases) != 1 || leases[0].Day != d {
		t.Errorf("the day that waited is not due again: %v %v", leases, err)
	}
}

// What a run wrote before it died is not open for ever when the next one does
// not find it.
func TestRun_LeavesNothingOpenOfADeadRun(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	a := w.book(100, noon)
	w.bill(d)
	dead := w.serviceOn(failing{Store: w.db, beforeFinish: func() error { return errCrash }}, "host/dead")
	if _, err := dead.Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d}); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	w.clock.add(2 * time.Minute) // its lease is over
	w.bill(d, row(a))
	w.want(w.run(d), reconcile.StatusBalanced, 1, 1)
	list, err := w.service().Discrepancies(t.Context(), reconcile.DiscrepancyFilter{AccountID: accountID, Status: reconcile.Open})
	if err != nil || len(list) != 0 {
		t.Errorf("still open: %+v %v", list, err)
	}
}
