package statement

import (
	"fmt"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// The summary's columns: four that name the account, six for each side, and the
// difference of their nets.
const (
	summaryNames  = 4
	summarySide   = 6
	summaryWidth  = summaryNames + 2*summarySide + 1
	summaryHeader = 5 // rows above the first account
)

func summaryLayout(w *words) layout {
	l := layout{frozen: summaryHeader, tab: colourGroup, footer: w.page, widths: []float64{13, idWidth, 9, 14}}
	for range 2 {
		l.widths = append(l.widths, 10, 18, 10, 16, 15, 18)
	}
	l.widths = append(l.widths, 15)
	last := columnName(summaryWidth - 1)
	l.merged = []string{"A1:" + last + "1", "A2:" + last + "2", "E4:J4", "K4:P4"}
	for i := range summaryNames {
		l.merged = append(l.merged, columnName(i)+"4:"+columnName(i)+"5")
	}
	l.merged = append(l.merged, last+"4:"+last+"5")
	return l
}

// writeSummary writes each account's gross, refunds, fees and net on both sides.
func (b *workbook) writeSummary(in Input, w *words) error {
	l := summaryLayout(w)
	s, err := b.sheet(w.summary, l)
	if err != nil {
		return err
	}
	b.writeSummaryHead(s, in, w)
	var sums []reconcile.AccountSummary
	for i := range in.Accounts {
		a := in.Accounts[i]
		if a.Currency == "" {
			a.Currency = money.CNY
		}
		sums = addSummary(sums, a)
		s.begin(18)
		s.text(b.styles.of[lookText], word(w.channels, a.Channel))
		s.text(b.styles.of[lookText], a.AccountID)
		s.text(b.styles.of[lookText], string(a.Currency))
		s.text(b.styles.of[lookOfStatus(a.Status)], word(w.reconciled, string(a.Status)))
		b.writeSides(s, a, lookCount, lookAmount)
		if err := s.end(); err != nil {
			return err
		}
	}
	for _, a := range sums {
		s.begin(20)
		s.text(b.styles.of[lookTotal], w.total)
		s.empty(b.styles.of[lookTotal])
		s.text(b.styles.of[lookTotal], string(a.Currency))
		s.empty(b.styles.of[lookTotal])
		b.writeSides(s, a, lookTotalCount, lookAmountTotal)
		if err := s.end(); err != nil {
			return err
		}
	}
	return s.close(l, 0)
}

func (b *workbook) writeSummaryHead(s *sheet, in Input, w *words) {
	s.begin(30)
	s.text(b.styles.of[lookTitle], in.MerchantName+"  "+w.title)
	_ = s.end() // the sheet keeps its first error
	s.begin(18)
	s.text(b.styles.of[lookNote], fmt.Sprintf("%s   ·   "+w.version+"   ·   %s", in.Day.Format(w.dayAs), in.Version, in.MerchantID))
	_ = s.end()
	s.begin(6)
	_ = s.end()
	names := []string{w.channel, w.account, w.currency, w.status}
	s.begin(20)
	for _, name := range names {
		s.text(b.styles.of[lookHeading], name)
	}
	for _, name := range []string{w.ours, w.theirs} {
		s.text(b.styles.of[lookGroup], name)
		for range summarySide - 1 {
			s.empty(b.styles.of[lookGroup])
		}
	}
	s.text(b.styles.of[lookHeading], w.difference)
	_ = s.end()
	s.begin(20)
	for range summaryNames {
		s.empty(b.styles.of[lookHeading])
	}
	for range 2 {
		for _, name := range []string{w.payments, w.paid, w.refunds, w.refunded, w.fee, w.net} {
			s.text(b.styles.of[lookHeading], name)
		}
	}
	s.empty(b.styles.of[lookHeading])
	_ = s.end()
}

// writeSides writes both sides and what the channel's net is above ours. Where
// no bill was read, the channel's side says nothing.
func (b *workbook) writeSides(s *sheet, a reconcile.AccountSummary, count, amount look) {
	style, counts := b.styles.amount(amount, a.Currency), b.styles.of[count]
	sides := []reconcile.Side{a.Ours, a.Theirs}
	read := a.Status.BillRead()
	for i, side := range sides {
		if i == 1 && !read {
			for range summarySide {
				s.skip()
			}
			break
		}
		s.integer(counts, side.Payments)
		s.amount(style, side.PaymentMinor, a.Currency)
		s.integer(counts, side.Refunds)
		s.amount(style, side.RefundMinor, a.Currency)
		s.amount(style, side.FeeMinor, a.Currency)
		s.amount(style, side.NetMinor(), a.Currency)
	}
	if !read {
		s.skip()
		return
	}
	difference := a.Theirs.NetMinor() - a.Ours.NetMinor()
	if difference != 0 {
		bad := map[look]look{lookAmount: lookAmountBad, lookAmountTotal: lookAmountTotalBad}[amount]
		style = b.styles.amount(bad, a.Currency)
	}
	s.amount(style, difference, a.Currency)
}

func lookOfStatus(s reconcile.Status) look {
	switch s {
	case reconcile.StatusBalanced:
		return lookGood
	case reconcile.StatusDifferences, reconcile.StatusFailed:
		return lookBad
	case reconcile.StatusPending:
	}
	return lookWait
}

// addSummary adds an account to the totals of its currency. Where a bill was not
// read, the total of the channel's side would say nothing, so it is pending too.
func addSummary(sums []reconcile.AccountSummary, a reconcile.AccountSummary) []reconcile.AccountSummary {
	for i := range sums {
		if sums[i].Currency == a.Currency {
			addSide(&sums[i].Ours, a.Ours)
			addSide(&sums[i].Theirs, a.Theirs)
			if !a.Status.BillRead() {
				sums[i].Status = reconcile.StatusPending
			}
			return sums
		}
	}
	sum := reconcile.AccountSummary{Currency: a.Currency, Ours: a.Ours, Theirs: a.Theirs}
	if !a.Status.BillRead() {
		sum.Status = reconcile.StatusPending
	}
	return append(sums, sum)
}

func addSide(to *reconcile.Side, s reconcile.Side) {
	to.Payments += s.Payments
	to.Refunds += s.Refunds
	to.PaymentMinor += s.PaymentMinor
	to.RefundMinor += s.RefundMinor
	to.FeeMinor += s.FeeMinor
}
