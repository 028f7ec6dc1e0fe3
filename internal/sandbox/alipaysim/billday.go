package alipaysim

import (
	"slices"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// HasBillRow reports whether a day's bill has a row of a trade.
func (s *Simulator) HasBillRow(t *books.Trade, date string) bool {
	return parts.PaidOn(t, date) || slices.ContainsFunc(t.Refunds, func(r books.Refund) bool { return settledOn(&r, date) })
}

// settledOn reports whether a refund stands in a day's bill: in that of the day on which its money went back.
func settledOn(r *books.Refund, date string) bool {
	return r.Status == books.RefundSucceeded && r.SettledAt.In(parts.Beijing()).Format(parts.DateLayout) == date
}
