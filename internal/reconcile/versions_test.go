package reconcile_test

import (
	"slices"
	"testing"

	"github.com/paymux/paymux/internal/reconcile"
)

// An old version stays as it was: neither what is found later nor what people do
// later changes what it shows.
func TestRun_OldVersionStaysAsItWas(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		wrong := row(a)
		wrong.Amount = cny(90)
		w.bill(d, wrong)
		first := w.run(d)
		explained := "amount_mismatch resolved " + a.ID + " 100/90"
		list, err := w.service().Discrepancies(t.Context(), reconcile.DiscrepancyFilter{ReconciliationID: first.ID})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if _, err := w.service().Resolve(t.Context(), list[0].ID, list[0].Version, reconcile.Actor{Name: "ann"}, "a coupon"); err != nil {
			t.Fatal(err)
		}
		shown := func() []string { return append(w.found(first), reason(w, first)) }
		want := []string{explained, "a coupon"}
		if got := shown(); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}

		wrong.Amount = cny(1)
		w.bill(d, wrong)
		dead := failing{Store: w.db, beforeFinish: func() error { return errCrash }}
		_, _ = w.serviceOn(dead, "host/dead").Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d})
		if got := shown(); !slices.Equal(got, want) {
			t.Errorf("after a run that died it shows %v, want %v", got, want)
		}
		w.clock.add(2 * w.cfg.Lease)
		w.want(w.run(d), reconcile.StatusDifferences, 2, 0, "amount_mismatch open "+a.ID+" 100/1")
		if got := shown(); !slices.Equal(got, want) {
			t.Errorf("after version 2 it shows %v, want %v", got, want)
		}
		// As found first: a version of its own, which shows what there is now.
		wrong.Amount = cny(90)
		w.bill(d, wrong)
		w.want(w.run(d), reconcile.StatusDifferences, 3, 0, "amount_mismatch open "+a.ID+" 100/90")
		if got := shown(); !slices.Equal(got, want) {
			t.Errorf("after version 3 it shows %v, want %v", got, want)
		}
	})
}

// reason is what the only difference of a version was explained by.
func reason(w *world, r reconcile.Reconciliation) string {
	w.Helper()
	list, err := w.service().Discrepancies(w.Context(), reconcile.DiscrepancyFilter{ReconciliationID: r.ID})
	if err != nil || len(list) != 1 {
		w.Fatal(list, err)
	}
	return list[0].Resolution
}
