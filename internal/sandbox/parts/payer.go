package parts

import (
	"fmt"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// ErrDeclined says that a payment was tried and is declined.
var ErrDeclined = fmt.Errorf("%w: the payment is declined", sim.ErrNotPossible)

// Act changes a trade as its payer does, if the payer can still act on it. noun is how the channel calls a trade.
func Act(env *sim.Env, key books.Key, noun string, do func(tx *books.Tx, t *books.Trade, now time.Time) error) (books.Trade, error) {
	now := env.Now().UTC()
	var acted books.Trade
	err := env.Books.Change(func(tx *books.Tx) error {
		t, known := tx.TradeAsOf(key, now)
		switch {
		case !known:
			return sim.ErrNotFound
		case t.Status == books.StatusPaid:
			return fmt.Errorf("%w: the %s is paid", sim.ErrNotPossible, noun)
		case t.Status == books.StatusClosed:
			return fmt.Errorf("%w: the %s is closed or expired", sim.ErrNotPossible, noun)
		}
		if err := do(tx, &t, now); err != nil {
			return err
		}
		tx.SaveTrade(t)
		acted = t
		return nil
	})
	return acted, err
}
