package wechatpaysim

import (
	"context"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// Expire closes an order whose limit has come and settles refunds that are due.
func (s *Simulator) Expire(_ context.Context, key books.Key) error {
	now := s.env.Now().UTC()
	return s.env.Books.Change(func(tx *books.Tx) error {
		t, known := tx.Trade(key)
		if !known {
			return nil
		}
		changed := false
		if late := t.AsOf(now); late.Status != t.Status {
			t, changed = late, true
		}
		for i := range t.Refunds {
			changed = settle(tx, &t, &t.Refunds[i], now) || changed
		}
		if changed {
			t.WakeAt = nextSettlement(&t)
			tx.SaveTrade(t)
		}
		return nil
	})
}

// settle ends a refund that is due; it reports whether it was.
func settle(tx *books.Tx, t *books.Trade, r *books.Refund, now time.Time) bool {
	attrs := attrsOf(r)
	if r.Status != books.RefundProcessing || attrs.due.IsZero() || now.Before(attrs.due) {
		return false
	}
	switch attrs.outcome {
	case refundSuccess:
		r.Status, r.SettledAt = books.RefundSucceeded, now
	case refundClosed:
		r.Status, r.SettledAt = books.RefundFailed, now
	}
	attrs.due = time.Time{}
	r.Attrs = attrs.stored()
	parts.Tell(tx, t, eventRefund+attrs.outcome, r.OutRefundNo, attrs.notifyURL, now)
	return true
}

// nextSettlement is when the next refund of an order is due; zero: none is.
func nextSettlement(t *books.Trade) time.Time {
	var next time.Time
	for i := range t.Refunds {
		if due := attrsOf(&t.Refunds[i]).due; !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next
}
