package reconcile_test

import (
	"testing"

	"github.com/paymux/paymux/internal/reconcile"
)

// A day whose row the next day's bill has is run again, once.
func TestRun_WakesTheDayWhoseRowItHas(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d, next := day(t, "2026-11-20"), day(t, "2026-11-21")
		a := w.book(100, noon)
		w.bill(d)
		w.run(d)
		w.clock.add(24 * 60 * 60 * 1e9)
		w.bill(next, row(a))
		w.run(next)
		runs := w.runDue()
		list, err := w.service().List(t.Context(), reconcile.ListFilter{Day: d})
		if err != nil || len(list) != 1 || list[0].Version != 2 || list[0].Totals.Ours.Payments != 0 || runs != 1 {
			t.Errorf("after %d more runs: %+v %v", runs, list, err)
		}
	})
}
