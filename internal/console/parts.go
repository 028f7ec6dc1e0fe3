package console

import (
	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// What parts of pages are rendered from: the page with what they are about.
type (
	sidesView struct {
		Page *page
		Row  summaryRow
		// Merchant is named where several are shown; Day where it is of one day.
		Merchant, Day string
	}
	listView struct {
		Page *page
		List []reconcile.Discrepancy
	}
	valueView struct {
		Page  *page
		Value any
	}
)

// In is a row on a page of several days.
func (r summaryRow) In(p *page) sidesView {
	return sidesView{Page: p, Row: r, Merchant: p.merchantOf(r.MerchantID)}
}

// On is a row on a day's page.
func (r summaryRow) On(p *page, day channels.Day) sidesView {
	return sidesView{Page: p, Row: r, Merchant: p.merchantOf(r.MerchantID), Day: day.String()}
}

// merchantOf names a merchant where the page shows several.
func (p *page) merchantOf(id string) string {
	var sc scope
	switch view := p.Data.(type) {
	case calendarView:
		sc = view.Scope
	case dayView:
		sc = view.Scope
	case discrepanciesView:
		sc = view.Scope
	}
	if sc.MerchantID != "" {
		return ""
	}
	return sc.Name(id)
}

// List is a list of discrepancies on this page.
func (p *page) List(list []reconcile.Discrepancy) listView { return listView{Page: p, List: list} }

// Merchant names a merchant where the list has several's.
func (l listView) Merchant(id string) string { return l.Page.merchantOf(id) }

// With is a value on this page.
func (p *page) With(value any) valueView { return valueView{Page: p, Value: value} }

// MerchantQuery names a merchant in a link; a merchant's own user needs none.
func (p *page) MerchantQuery(merchantID string) string {
	if !p.User.Operator() {
		return ""
	}
	return merchantQuery("?", merchantID)
}

// Number is what a difference is known by.
func (p *page) Number(d reconcile.Discrepancy) string {
	for _, e := range []*reconcile.Entry{d.Ours, d.Theirs} {
		side := sideOf(e)
		for _, number := range []string{side.MerchantOrderNo, side.RefundID, side.AttemptID, side.ChannelTradeNo, side.ChannelRefundNo} {
			if number != "" {
				return number
			}
		}
	}
	return d.SubjectID
}

// Signed is Minor with a sign.
func (p *page) Signed(minor *int64, c money.Currency) string {
	if *minor > 0 {
		return "+" + formatMinor(*minor, c)
	}
	return formatMinor(*minor, c)
}

// Bottom is where the chart's axis ends.
func (c *chart) Bottom() int { return c.Height - chartMargin/2 }
