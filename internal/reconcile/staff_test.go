package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

var (
	anna = reconcile.Actor{Name: "anna", MerchantID: merchantID}
	ben  = reconcile.Actor{Name: "ben"} // of the operator
	eve  = reconcile.Actor{Name: "eve", MerchantID: "mer_2"}
)

// missing makes a day with one open difference of an amount.
func (w *world) missing(fen int64) (reconcile.Reconciliation, reconcile.Discrepancy) {
	w.Helper()
	d := day(w, "2026-11-20")
	w.book(fen, noon)
	w.bill(d)
	r := w.run(d)
	list, err := w.service().Discrepancies(w.Context(), reconcile.DiscrepancyFilter{ReconciliationID: r.ID, Limit: 1})
	if err != nil || len(list) != 1 {
		w.Fatal(list, err)
	}
	return r, list[0]
}

func TestStaff_Resolve(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.service()
		rec, d := w.missing(100)
		if _, err := s.Assign(ctx, d.ID, d.Version, eve, "eve"); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("another merchant's person: %v", err)
		}
		assigned, err := s.Assign(ctx, d.ID, d.Version, ben, "anna")
		if err != nil || assigned.Assignee != "anna" || assigned.Version != d.Version+1 {
			t.Fatalf("%+v %v", assigned, err)
		}
		if _, err := s.Resolve(ctx, d.ID, d.Version, anna, "paid in cash"); !errors.Is(err, payment.ErrStale) {
			t.Errorf("an old version: %v", err)
		}
		if _, err := s.Comment(ctx, d.ID, anna, "asked the channel"); err != nil {
			t.Error(err)
		}
		for _, text := range []string{"", " \n", strings.Repeat("長", 2001), "\xff"} {
			if _, err := s.Comment(ctx, d.ID, anna, text); !errors.Is(err, reconcile.ErrNoText) {
				t.Errorf("%q: %v", text[:min(len(text), 5)], err)
			}
			if _, err := s.Resolve(ctx, d.ID, assigned.Version, anna, text); !errors.Is(err, reconcile.ErrNoText) {
				t.Errorf("%q: %v", text[:min(len(text), 5)], err)
			}
		}
		resolved, err := s.Resolve(ctx, d.ID, assigned.Version, anna, "paid in cash")
		if err != nil || resolved.Status != reconcile.Resolved || resolved.Resolution != "paid in cash" || resolved.ResolvedAt.IsZero() {
			t.Fatalf("%+v %v", resolved, err)
		}
		now, err := s.Get(ctx, merchantID, rec.ID)
		if err != nil || now.Status != reconcile.StatusBalanced || now.Open != 0 || now.Resolved != 1 {
			t.Errorf("%+v %v", now, err)
		}
		if _, err := s.Resolve(ctx, d.ID, resolved.Version, anna, "again"); !errors.Is(err, reconcile.ErrNotOpen) {
			t.Errorf("resolved twice: %v", err)
		}
		// A run that finds it again leaves it resolved.
		again := w.run(rec.Day)
		if again.ID != rec.ID || again.Resolved != 1 || again.Status != reconcile.StatusBalanced {
			t.Errorf("%+v", again)
		}
		got, comments, err := s.Discrepancy(ctx, merchantID, d.ID)
		if err != nil || got.Resolution != "paid in cash" || got.Assignee != "anna" || len(comments) != 1 || comments[0].Author != "anna" {
			t.Errorf("%+v %+v %v", got, comments, err)
		}
		wantActions(w, d.ID, "discrepancy.assign ben", "discrepancy.comment anna", "discrepancy.resolve anna")
	})
}

func wantActions(w *world, subject string, want ...string) {
	w.Helper()
	entries, err := w.db.ListAudit(w.Context(), audit.Filter{Subject: subject, Limit: 100})
	if err != nil {
		w.Fatal(err)
	}
	got := make([]string, len(entries))
	for i, e := range entries {
		got[len(got)-1-i] = e.Action + " " + e.Actor
	}
	if !slices.Equal(got, want) {
		w.Errorf("audit trail %v, want %v", got, want)
	}
}

// Above the limit another person must approve.
func TestStaff_SecondEyes(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.service()
		rec, d := w.missing(100_001)
		if _, err := s.Approve(ctx, d.ID, d.Version, ben); !errors.Is(err, reconcile.ErrNotOpen) {
			t.Errorf("nothing is proposed: %v", err)
		}
		proposed, err := s.Resolve(ctx, d.ID, d.Version, anna, "written off")
		if err != nil || proposed.Status != reconcile.Open || proposed.ProposedBy != "anna" {
			t.Fatalf("%+v %v", proposed, err)
		}
		if _, err := s.Approve(ctx, d.ID, proposed.Version, anna); !errors.Is(err, reconcile.ErrSecondPerson) {
			t.Errorf("by the same person: %v", err)
		}
		if _, err := s.Resolve(ctx, d.ID, proposed.Version, ben, "mine"); !errors.Is(err, reconcile.ErrNotOpen) {
			t.Errorf("over a proposal: %v", err)
		}
		rejected, err := s.Reject(ctx, d.ID, proposed.Version, ben, "who allowed it?")
		if err != nil || rejected.ProposedBy != "" || rejected.Resolution != "" {
			t.Fatalf("%+v %v", rejected, err)
		}
		proposed, err = s.Resolve(ctx, d.ID, rejected.Version, anna, "written off, see minutes")
		if err != nil {
			t.Fatal(err)
		}
		// A run in between keeps the proposal.
		if again := w.run(rec.Day); again.Open != 1 || again.ID != rec.ID {
			t.Errorf("%+v", again)
		}
		approved, err := s.Approve(ctx, d.ID, proposed.Version, ben)
		if err != nil || approved.Status != reconcile.Resolved || approved.ApprovedBy != "ben" || approved.ProposedBy != "anna" {
			t.Fatalf("%+v %v", approved, err)
		}
		if now, err := s.Get(ctx, "", rec.ID); err != nil || now.Status != reconcile.StatusBalanced {
			t.Errorf("%+v %v", now, err)
		}
		wantActions(w, d.ID, "discrepancy.resolve anna", "discrepancy.reject ben", "discrepancy.resolve anna", "discrepancy.approve ben")
	})
}

// What a resolved discrepancy is about may change: then it is open again.
func TestStaff_ResolvedThenChanged(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	a := w.book(100, noon)
	wrong := row(a)
	wrong.Amount = cny(99)
	w.bill(d, wrong)
	first := w.run(d)
	list, err := w.service().Discrepancies(t.Context(), reconcile.DiscrepancyFilter{ReconciliationID: first.ID})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if _, err := w.service().Resolve(t.Context(), list[0].ID, list[0].Version, anna, "a coin fell down"); err != nil {
		t.Fatal(err)
	}
	wrong.Amount = cny(50)
	w.bill(d, wrong)
	w.want(w.run(d), reconcile.StatusDifferences, 2, 0, "amount_mismatch open "+a.ID+" 100/50")
	old, err := w.service().Get(t.Context(), "", first.ID)
	if err != nil || old.Resolved != 1 || old.Status != reconcile.StatusBalanced {
		t.Errorf("%+v %v", old, err)
	}
}

// An act that cannot be recorded is not done.
func TestStaff_NoActWithoutTrail(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	_, d := w.missing(100)
	for _, nobody := range []reconcile.Actor{{}, {Name: strings.Repeat("x", audit.MaxActor+1)}} {
		if _, err := w.service().Resolve(t.Context(), d.ID, d.Version, nobody, "reason"); err == nil {
			t.Errorf("resolved by %q", nobody.Name)
		}
	}
	if now, err := w.service().Get(t.Context(), "", d.ReconciliationID); err != nil || now.Open != 1 {
		t.Errorf("%+v %v", now, err)
	}
}
