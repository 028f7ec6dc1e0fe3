package reconcile_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/reconcile"
)

// failing is a store that fails, or says something, before a result is written.
type failing struct {
	reconcile.Store
	beforeFinish func() error
	afterFinish  func() error
	beforeSave   func() error
}

func (f failing) Finish(ctx context.Context, o reconcile.Outcome) error {
	if f.beforeFinish != nil {
		if err := f.beforeFinish(); err != nil {
			return err
		}
	}
	err := f.Store.Finish(ctx, o)
	if err == nil && f.afterFinish != nil {
		return f.afterFinish()
	}
	return err
}

func (f failing) SaveDiscrepancies(ctx context.Context, l reconcile.DayLease, id string, list []reconcile.Discrepancy) error {
	if f.beforeSave != nil {
		if err := f.beforeSave(); err != nil {
			return err
		}
	}
	return f.Store.SaveDiscrepancies(ctx, l, id, list)
}

var errCrash = errors.New("the process died")

// A run that dies at any of its writes leaves what a further run completes.
func TestRun_Crash(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		w.bill(d)
		for _, crash := range []failing{
			{Store: w.db, beforeSave: func() error { return errCrash }},
			{Store: w.db, beforeFinish: func() error { return errCrash }},
		} {
			if _, err := w.serviceOn(crash, "host/dead").Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d}); !errors.Is(err, errCrash) {
				t.Fatalf("%v", err)
			}
			if list, err := w.service().List(t.Context(), reconcile.ListFilter{Day: d}); err != nil || len(list) != 0 {
				t.Fatalf("half a result: %+v %v", list, err)
			}
		}
		w.want(w.run(d), reconcile.StatusDifferences, 1, 0, "missing_at_channel open "+a.ID+" 100/-")
	})
}

// The day of a process that died is another's when its lease has run out, and
// what the dead one still writes is refused.
func TestRun_TakenOver(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	a := w.book(100, noon)
	w.bill(d, row(a))
	var second reconcile.Reconciliation
	slow := failing{Store: w.db, beforeFinish: func() error {
		if _, err := w.service().Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d}); !errors.Is(err, reconcile.ErrBusy) {
			t.Errorf("a second run beside the first: %v", err)
		}
		w.clock.add(w.cfg.Lease + time.Second)
		w.bill(d)
		second = w.run(d)
		return nil
	}}
	if _, err := w.serviceOn(slow, "host/slow").Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d}); !errors.Is(err, reconcile.ErrBusy) {
		t.Errorf("the one that lost its lease: %v", err)
	}
	list, err := w.service().List(t.Context(), reconcile.ListFilter{AllVersions: true})
	if err != nil || len(list) != 1 || list[0].ID != second.ID || list[0].Open != 1 {
		t.Errorf("%+v %v", list, err)
	}
}

// Runs of the same day at once end as one result.
func TestRun_ManyAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a, b := w.book(100, noon), w.book(200, noon)
		w.bill(d, row(a))
		var group sync.WaitGroup
		ran := make([]error, 6)
		for i := range ran {
			group.Go(func() {
				_, ran[i] = w.serviceOn(w.db, "host/many").Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d})
			})
		}
		group.Wait()
		done := 0
		for _, err := range ran {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, reconcile.ErrBusy):
				t.Error(err)
			}
		}
		if done == 0 {
			t.Error("nobody reconciled the day")
		}
		list, err := w.service().List(t.Context(), reconcile.ListFilter{AllVersions: true})
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		w.want(list[0], reconcile.StatusDifferences, 1, 1, "missing_at_channel open "+b.ID+" 200/-")
		statements, err := w.service().Statements(t.Context(), merchantID, d)
		if err != nil || len(statements) != 1 {
			t.Errorf("%+v %v", statements, err)
		}
	})
}

// A run that is stopped says so and leaves the day free.
func TestRun_Stopped(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	ctx, stop := context.WithCancel(t.Context())
	w.bank.change(func(b *bank) { b.onFetch = stop })
	if _, err := w.service().Run(ctx, reconcile.Job{AccountID: accountID, Day: d}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	w.bank.change(func(b *bank) { b.onFetch = nil })
	w.want(w.run(d), reconcile.StatusBalanced, 1, 0)
}
