package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

// late counts the account's late days.
func (w *world) late() int {
	w.Helper()
	late, err := w.service().Late(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return late[accountID]
}

// The alarm ended by itself once a day was too old to be tried again.
func TestLate_LastsUntilTheDayIsClosed(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		w.accounts[0].CreatedAt = noon
		a := w.book(500_000, noon)
		w.bank.change(func(b *bank) {
			for i := range 10 {
				b.fetchErr[d.Add(i)] = channels.ErrBillNotReady
			}
		})
		due := d.Next().Start().Add(13 * time.Hour)
		for at := due; at.Before(due.AddDate(0, 0, 6)); at = at.Add(12 * time.Hour) {
			if w.planned(w.service(), at); w.late() == 0 {
				t.Fatalf("no alarm at %s", at)
			}
		}
		before := w.late()
		w.bank.change(func(b *bank) { delete(b.fetchErr, d) })
		w.bill(d, row(a))
		if w.run(d); w.late() != before-1 {
			t.Errorf("%d late days before the day was closed, %d after", before, w.late())
		}
	})
}

// shut is a directory one of whose accounts cannot be opened.
type shut struct {
	*world
	closed string
}

func (s shut) Bills(ctx context.Context, id string) (channels.BillSource, bool, error) {
	if s.closed == id {
		return nil, false, errors.New("account.json: the certificate has expired")
	}
	return s.world.Bills(ctx, id)
}

// An account that cannot be opened had no days where no other account of its
// channel came before it, and never an alarm.
func TestLate_TellsOfAccountsThatCannotBeOpened(t *testing.T) {
	for _, closed := range []string{accountID, "acc_2", "only"} {
		t.Run(closed, func(t *testing.T) {
			t.Parallel()
			w := onSQLite(t)
			if closed == "only" {
				closed = accountID
			} else {
				w.addSecond("alipay")
			}
			s := w.with(shut{w, closed})
			due := day(t, "2026-11-21").Start().Add(13 * time.Hour)
			w.planned(s, due)
			w.planned(s, due.Add(12*time.Hour))
			late, err := s.Late(t.Context())
			if err != nil || late[closed] == 0 {
				t.Errorf("late %v, %v", late, err)
			}
		})
	}
}

// An idle Alipay account raised an alarm every day: of a day without business the
// channel says "not there" until a day after the bill was due.
func TestLate_IsNoDayOnWhichNothingIsExpected(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		w.bank.change(func(b *bank) { b.fetchErr[d] = channels.ErrBillNotReady })
		at := d.Next().Start().Add(13 * time.Hour)
		w.clock.set(at)
		if w.run(d); w.late() != 0 {
			t.Error("an alarm with nothing in our books")
		}
		w.clock.set(at.Add(25 * time.Hour))
		if w.run(d); w.late() != 1 {
			t.Error("no alarm for a channel that never says anything")
		}
		w.bank.change(func(b *bank) { b.fetchErr[d.Add(-1)] = channels.ErrBillNotReady })
		w.book(100, noon.AddDate(0, 0, -1))
		w.clock.set(d.Start().Add(13 * time.Hour))
		if w.run(d.Add(-1)); w.late() != 2 {
			t.Error("no alarm for a bill that our books expect")
		}
	})
}
