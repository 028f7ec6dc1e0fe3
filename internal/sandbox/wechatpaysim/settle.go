package wechatpaysim

import (
	"context"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// Expire closes an order whose limit has come and settles refunds that are due.
func (s *Simulator) Expire(_ context.Context, key books.Key) error {
	return settlement().Expire(&s.env, key, func(*books.Tx, *books.Trade, time.Time) {}) // nobody is told of the close
}

func settlement() parts.Settlement {
	return parts.Settlement{Due: func(r *books.Refund) time.Time { return attrsOf(r).due }, Settle: settle}
}

// settle ends a refund that is due.
func settle(tx *books.Tx, t *books.Trade, r *books.Refund, now time.Time) {
	attrs := attrsOf(r)
	switch attrs.outcome {
	case refundSuccess:
		r.Status, r.SettledAt = books.RefundSucceeded, now
	case refundClosed:
		r.Status, r.SettledAt = books.RefundFailed, now
	}
	attrs.due = time.Time{}
	r.Attrs = attrs.stored()
	parts.Tell(tx, t, eventRefund+attrs.outcome, r.OutRefundNo, attrs.notifyURL, now)
}
