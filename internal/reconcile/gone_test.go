package reconcile_test

import (
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

// A day's bill that has what many days called missing counts each day's result
// once, and right.
func TestRun_ManyGoneOfSeveralResults(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d, next := day(t, "2026-11-20"), day(t, "2026-11-21")
		var rows []channels.BillRow
		for range 20 {
			rows = append(rows, row(w.book(100, noon)))
		}
		lost := w.book(300, noon)
		w.bill(d)
		if r := w.run(d); r.Open != 21 {
			t.Fatalf("%+v", r)
		}
		w.clock.set(noon.AddDate(0, 0, 2))
		there := w.book(200, noon.AddDate(0, 0, 1))
		w.bill(next)
		if r := w.run(next); r.Open != 1 {
			t.Fatalf("%+v", r)
		}
		w.bill(next, append(rows, row(there))...)
		w.want(w.run(next), reconcile.StatusBalanced, 2, 21)
		list, err := w.service().List(t.Context(), reconcile.ListFilter{Day: d})
		if err != nil || len(list) != 1 || list[0].Open != 1 || list[0].Repaired != 20 || list[0].Status != reconcile.StatusDifferences {
			t.Errorf("%+v %v; only %s is open", list, err, lost.ID)
		}
	})
}
