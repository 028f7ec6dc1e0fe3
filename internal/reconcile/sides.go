package reconcile

import (
	"maps"
	"slices"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// OwnSides adds up our side of a statement's rows by account and currency.
type OwnSides map[string]map[money.Currency]*Side

// Add adds a row.
func (o OwnSides) Add(r *StatementRow) {
	sides := o[r.AccountID]
	if sides == nil {
		sides = make(map[money.Currency]*Side)
		o[r.AccountID] = sides
	}
	s := sides[r.Currency]
	if s == nil {
		s = new(Side)
		sides[r.Currency] = s
	}
	if r.Type == RowRefund {
		s.Refunds++
		s.RefundMinor -= r.AmountMinor
	} else {
		s.Payments++
		s.PaymentMinor += r.AmountMinor
	}
	s.FeeMinor += r.FeeMinor
}

// Complete gives accounts whose bill was not read what the rows say of our
// side: a result without a bill has added up nothing.
func (o OwnSides) Complete(accounts []AccountSummary) []AccountSummary {
	out := make([]AccountSummary, 0, len(accounts))
	for _, a := range accounts {
		sides := o[a.AccountID]
		if a.Status.BillRead() || len(sides) == 0 {
			out = append(out, a)
			continue
		}
		for _, currency := range slices.Sorted(maps.Keys(sides)) {
			a.Currency, a.Ours = currency, *sides[currency]
			out = append(out, a)
		}
	}
	return out
}

// BillRead tells whether a status says that the channel's bill was read.
func (s Status) BillRead() bool { return s == StatusBalanced || s == StatusDifferences }

// awaited adds the accounts that have no result of the day as pending: those
// that could have taken payments, and whoever has rows.
func (o OwnSides) awaited(results []AccountSummary, accounts []Account, day channels.Day) []AccountSummary {
	for _, a := range accounts {
		if slices.ContainsFunc(results, func(r AccountSummary) bool { return r.AccountID == a.ID }) {
			continue
		}
		if len(o[a.ID]) > 0 || a.Enabled && !day.Before(channels.DayAt(a.CreatedAt)) {
			results = append(results, AccountSummary{
				MerchantID: a.MerchantID, AccountID: a.ID, Channel: a.Channel, Currency: money.CNY, Status: StatusPending,
			})
		}
	}
	return results
}
