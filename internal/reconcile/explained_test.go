package reconcile_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// statements counts the versions of a day's statement after the schedule's turn.
func (w *world) statements() int {
	w.Helper()
	if err := w.service().WriteDueStatements(w.Context()); err != nil {
		w.Fatal(err)
	}
	list, err := w.service().Statements(w.Context(), merchantID, day(w, "2026-11-20"))
	if err != nil {
		w.Fatal(err)
	}
	return len(list)
}

// What a person explained never came into the statement by itself.
func TestStatement_FollowsExplanations(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.service()
		_, d := w.missing(100)
		if n := w.statements(); n != 1 {
			t.Fatalf("%d versions of a new day", n)
		}
		d, err := s.Assign(ctx, d.ID, d.Version, anna, "anna")
		if err != nil {
			t.Fatal(err)
		}
		if w.clock.add(time.Hour); w.statements() != 1 {
			t.Error("who looks into it is no news")
		}
		if _, err = s.Resolve(ctx, d.ID, d.Version, anna, "paid in cash"); err != nil {
			t.Fatal(err)
		}
		if w.clock.add(4 * time.Minute); w.statements() != 1 {
			t.Error("a version for a click")
		}
		if w.clock.add(2 * time.Minute); w.statements() != 2 {
			t.Error("the explanation is in no statement")
		}
		if w.clock.add(time.Hour); w.statements() != 2 {
			t.Error("the same again")
		}
	})
}

// A proposal, its rejection and its approval stand in the statement too; a run by
// hand waits for nobody.
func TestStatement_FollowsProposals(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.service()
		_, d := w.missing(200_000)
		for i, act := range []func() (reconcile.Discrepancy, error){
			func() (reconcile.Discrepancy, error) { return s.Resolve(ctx, d.ID, d.Version, anna, "cash") },
			func() (reconcile.Discrepancy, error) { return s.Reject(ctx, d.ID, d.Version, ben, "no") },
			func() (reconcile.Discrepancy, error) { return s.Resolve(ctx, d.ID, d.Version, anna, "cash") },
			func() (reconcile.Discrepancy, error) { return s.Approve(ctx, d.ID, d.Version, ben) },
		} {
			var err error
			if d, err = act(); err != nil {
				t.Fatal(err)
			}
			if i == 3 {
				w.run(d.Day)
			}
			w.clock.add(6 * time.Minute)
			if n := w.statements(); n != i+2 {
				t.Errorf("%d versions after step %d", n, i)
			}
		}
	})
}

// saving is a store that has something happen just before a statement is kept.
type saving struct {
	reconcile.Store
	before func()
}

func (s saving) SaveStatement(ctx context.Context, st reconcile.StoredStatement, e *payment.Event, read []reconcile.DayState) error {
	s.before()
	return s.Store.SaveStatement(ctx, st, e, read)
}

// An explanation that comes after a statement's files were made is in the next.
func TestStatement_MissesNoExplanationThatComesMeanwhile(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		_, d := w.missing(200_000)
		s := w.service()
		d, err := s.Resolve(t.Context(), d.ID, d.Version, anna, "cash")
		if err != nil {
			t.Fatal(err)
		}
		approve := func() {
			if _, err := s.Approve(t.Context(), d.ID, d.Version, ben); err != nil {
				t.Error(err)
			}
		}
		if _, err := w.serviceOn(saving{w.db, approve}, "host/2").WriteStatement(t.Context(), merchantID, d.Day); err != nil {
			t.Fatal(err)
		}
		if w.clock.add(time.Hour); w.statements() != 3 {
			t.Error("the approval is in no statement")
		}
	})
}

// No setting reached the writer's language.
func TestStatement_Language(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	var languages []string
	write := func(language string) int {
		t.Helper()
		w.cfg.StatementLanguage = language
		s := reconcile.New(w.cfg, w.deps(w.db, "host/1", func(out io.Writer, in reconcile.StatementInput) (int64, error) {
			languages = append(languages, in.Language)
			return writeText(out, in)
		}))
		st, err := s.WriteStatement(t.Context(), merchantID, d)
		if err != nil {
			t.Fatal(err)
		}
		return st.Version
	}
	if zh, en, again := write("zh"), write("en"), write("en"); zh != 1 || en != 2 || again != 2 {
		t.Errorf("versions %d, %d and %d", zh, en, again)
	}
	if !slices.Equal(languages, []string{"zh", "en"}) {
		t.Errorf("written in %q", languages)
	}
}

// closedMerchants is a directory that has but one merchant to tell.
type closedMerchants struct{ *world }

func (closedMerchants) Merchant(_ context.Context, id string) (name, notifyURL string, err error) {
	if id != "mer_9" {
		return "", "", errNoAnswer
	}
	return "Shop", "", nil
}

// Statements that cannot be written held up everybody else's.
func TestStatement_HoldsUpNobodyElses(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		first := w.accounts[0]
		w.accounts = nil
		for i := range 21 {
			a := first
			a.MerchantID = fmt.Sprintf("mer_0%02d", i)
			if i == 20 {
				a.MerchantID = "mer_9"
			}
			a.ID = "acc_" + a.MerchantID
			w.accounts = append(w.accounts, a)
		}
		s := w.with(closedMerchants{w})
		for _, a := range w.accounts {
			if _, err := s.Run(t.Context(), reconcile.Job{AccountID: a.ID, Day: d, DeferStatement: true}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.WriteDueStatements(t.Context()); err == nil {
			t.Error("nobody is told of those that cannot be written")
		}
		if list, err := s.Statements(t.Context(), "mer_9", d); err != nil || len(list) != 1 {
			t.Errorf("%d statements of the good merchant, %v", len(list), err)
		}
	})
}
