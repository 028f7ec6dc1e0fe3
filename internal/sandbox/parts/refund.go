package parts

import (
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// SettleAfter is how long a refund is under way; the sweep that settles it comes a moment later.
const SettleAfter = 300 * time.Millisecond

// Settlement is how a channel's refunds end a moment after they were taken in.
type Settlement struct {
	// Due is when a refund settles; zero: it is settled, or stuck.
	Due func(r *books.Refund) time.Time
	// Settle ends a refund that is due.
	Settle func(tx *books.Tx, t *books.Trade, r *books.Refund, now time.Time)
}

// Next is when the next refund of a trade is due; zero: none is.
func (s Settlement) Next(t *books.Trade) time.Time {
	var next time.Time
	for i := range t.Refunds {
		if due := s.Due(&t.Refunds[i]); !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next
}

// Expire closes a trade whose limit has come, telling closed of it, and settles the refunds that are due.
func (s Settlement) Expire(env *sim.Env, key books.Key, closed func(tx *books.Tx, t *books.Trade, now time.Time)) error {
	now := env.Now().UTC()
	return env.Books.Change(func(tx *books.Tx) error {
		t, known := tx.Trade(key)
		if !known {
			return nil
		}
		changed := false
		if late := t.AsOf(now); late.Status != t.Status {
			t, changed = late, true
			closed(tx, &t, now)
		}
		for i := range t.Refunds {
			r := &t.Refunds[i]
			if due := s.Due(r); !due.IsZero() && !now.Before(due) {
				s.Settle(tx, &t, r, now)
				changed = true
			}
		}
		if changed {
			t.WakeAt = s.Next(&t)
			tx.SaveTrade(t)
		}
		return nil
	})
}
