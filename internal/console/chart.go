package console

import "github.com/paymux/paymux/internal/money"

// chart draws both sides of a day's accounts as bars beside each other. All
// numbers are units of the picture.
type chart struct {
	Width, Height int
	Groups        []chartGroup
	Currency      money.Currency
}

// chartGroup is one account's pair of bars for what was paid, and one for what
// was given back.
type chartGroup struct {
	Row summaryRow
	// Tail is the end of the account's id, where the channel alone does not name
	// it.
	Tail string
	// Y is the group's top.
	Y    int
	Bars []bar
}

type bar struct {
	// Kind is payments or refunds, Theirs the side.
	Kind   string
	Theirs bool
	Y      int
	Length int
	// TextX is where the amount is written.
	TextX int
	Minor int64
}

// Measures of the chart.
const (
	chartWidth  = 1080
	chartLabel  = 130
	chartSpace  = 140 // for the amount behind the longest bar
	barHeight   = 14
	barGap      = 2
	pairGap     = 8
	groupGap    = 22
	chartMargin = 8
	tailLetters = 4
)

// newChart draws rows of one currency; nil where there is nothing to draw.
func newChart(rows []summaryRow) *chart {
	var most int64
	for _, r := range rows {
		if r.Currency != rows[0].Currency {
			return nil
		}
		most = max(most, r.Ours.PaymentMinor, r.Theirs.PaymentMinor, r.Ours.RefundMinor, r.Theirs.RefundMinor)
	}
	if most <= 0 {
		return nil
	}
	c := &chart{Width: chartWidth, Currency: rows[0].Currency}
	y := chartMargin
	accounts := map[string]int{}
	for _, r := range rows {
		accounts[r.Channel]++
	}
	for _, r := range rows {
		g := chartGroup{Row: r, Y: y}
		if accounts[r.Channel] > 1 {
			g.Tail = "…" + r.AccountID[max(0, len(r.AccountID)-tailLetters):]
		}
		for i, pair := range []struct {
			kind         string
			ours, theirs int64
		}{{"payments", r.Ours.PaymentMinor, r.Theirs.PaymentMinor}, {"refunds", r.Ours.RefundMinor, r.Theirs.RefundMinor}} {
			if i > 0 {
				y += pairGap
			}
			for _, side := range []struct {
				theirs bool
				minor  int64
			}{{false, pair.ours}, {true, pair.theirs}} {
				length := barLength(side.minor, most)
				g.Bars = append(g.Bars, bar{
					Kind: pair.kind, Theirs: side.theirs, Y: y, Length: length, TextX: chartLabel + length + 6, Minor: side.minor,
				})
				y += barHeight + barGap
			}
		}
		c.Groups = append(c.Groups, g)
		y += groupGap
	}
	c.Height = y - groupGap + chartMargin
	return c
}

// barLength is a bar's share of the room; what is not nothing can be seen.
func barLength(minor, most int64) int {
	const room = chartWidth - chartLabel - chartSpace
	if minor <= 0 {
		return 0
	}
	// Shares of large amounts, without passing what an integer holds.
	return max(2, int(float64(minor)/float64(most)*room))
}

// Label is where the account's name stands, Middle its height.
func (g chartGroup) Middle() int { return g.Y + 2*barHeight + barGap }

// BarX, TextY and the like are what the template needs.
func (b bar) X() int { return chartLabel }

// Height is the bar's.
func (b bar) Height() int { return barHeight }

// TextY is the line on which the amount is written.
func (b bar) TextY() int { return b.Y + barHeight - 3 }
