package parts

import (
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
)

// Charge takes the money of a trade, once.
func Charge(t *books.Trade, now time.Time) {
	t.Status, t.PaidAt = books.StatusPaid, now
	t.TimesPaid++
	t.Fee = Fee(t.Amount)
}

// Tell has the merchant told of an event, if it left an address.
func Tell(tx *books.Tx, t *books.Trade, event, ref, address string, now time.Time) {
	if address == "" {
		return
	}
	tx.Queue(books.Callback{ID: keys.Hex(32), Trade: t.Key, Event: event, Ref: ref, URL: address, CreatedAt: now, NextAt: now})
}
