package statement

import (
	"fmt"
	"slices"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// totals adds up rows, apart for each currency.
type totals struct {
	rows int64
	of   map[money.Currency]*sum
}

type sum struct {
	currency              money.Currency
	rows                  int64
	amount, fee, netMinor int64
}

func newTotals() *totals { return &totals{of: make(map[money.Currency]*sum)} }

func (t *totals) add(r *reconcile.StatementRow) {
	s := t.of[r.Currency]
	if s == nil {
		s = &sum{currency: r.Currency}
		t.of[r.Currency] = s
	}
	t.rows++
	s.rows++
	s.amount += r.AmountMinor
	s.fee += r.FeeMinor
	s.netMinor += r.NetMinor()
}

// lines are the totals by currency; a file without rows totals nothing in CNY.
func (t *totals) lines() []sum {
	if len(t.of) == 0 {
		return []sum{{currency: money.CNY}}
	}
	out := make([]sum, 0, len(t.of))
	for _, s := range t.of {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b sum) int {
		switch {
		case a.currency < b.currency:
			return -1
		case a.currency > b.currency:
			return 1
		default:
			return 0
		}
	})
	return out
}

// formed is a cell with its own form.
type formed struct {
	form form
	cell cell
}

// totalCells is a totals row of a currency, in the detail's columns.
func totalCells(w *words, columns []column[row], s sum) []formed {
	out := make([]formed, len(columns))
	out[0] = formed{formText, cell{text: w.total}}
	out[1] = formed{formText, cell{text: fmt.Sprintf(w.rows, s.rows)}}
	amounts := []int64{s.amount, s.fee, s.netMinor}
	for i := range columns {
		if columns[i].form != formAmount {
			continue
		}
		out[i] = formed{formAmount, cell{minor: amounts[0], currency: s.currency}}
		if amounts = amounts[1:]; len(amounts) == 2 {
			out[i-1] = formed{formText, cell{text: string(s.currency)}}
		}
	}
	return out
}
