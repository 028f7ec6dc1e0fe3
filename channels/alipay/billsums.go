package alipay

import (
	"strings"

	"github.com/paymux/paymux/channels/billfile"
)

// Headings of the sheet of sums.
const (
	headPaidCount = "交易订单总笔数"
	headBackCount = "退款订单总笔数"
	headNet       = "实收净额（元）"
	sumsOfAll     = "合计"
)

// tradeTotals reads the trade bill's sheet of sums: a row for each store, and
// one of all.
type tradeTotals struct {
	of *tradeLedger
	at struct {
		store, paid, back, net int
		sums                   [sumCount]int
	}
	// stores are what the rows of each store state; several rows of one are
	// added up.
	stores map[string]*storeTotals
	all    *storeTotals
}

// storeTotals is what rows of the sheet state.
type storeTotals struct {
	line       int64
	paid, back billfile.Sum
	sums       [sumCount]billfile.Sum
	net        billfile.Sum
}

func (t *tradeTotals) sheet() sheet {
	needed := []string{headStore, headPaidCount, headBackCount, headOrdered, headReceived, headFee, headNet}
	return sheet{title: "业务汇总", needed: needed, optional: tradeSums(), headings: t.headings, row: t.row, footer: func(int64, string) error { return nil }}
}

func (t *tradeTotals) headings(columns billfile.Columns) {
	t.at.store, t.at.paid, t.at.back, t.at.net = columns.At(headStore), columns.At(headPaidCount), columns.At(headBackCount), columns.At(headNet)
	for i, heading := range tradeSums() {
		t.at.sums[i] = columns.At(heading)
		if t.of.at.sums[i] < 0 {
			t.at.sums[i] = -1 // the rows do not say it
		}
	}
}

func (t *tradeTotals) row(line int64, cells [][]byte) error {
	paid, err := billfile.Count(cells[t.at.paid])
	if err != nil {
		return billfile.Broken(line, "%s: %v", headPaidCount, err)
	}
	back, err := billfile.Count(cells[t.at.back])
	if err != nil {
		return billfile.Broken(line, "%s: %v", headBackCount, err)
	}
	amounts, err := readAmounts(line, cells, t.at.sums)
	if err != nil {
		return err
	}
	net, err := billfile.Decimal(cells[t.at.net], 2)
	if err != nil {
		return billfile.Broken(line, "%s: %v", headNet, err)
	}
	into, err := t.rowOf(line, cells[t.at.store])
	if err != nil || into == nil {
		return err
	}
	into.paid.Add(paid)
	into.back.Add(back)
	into.net.Add(net)
	for i, amount := range amounts {
		into.sums[i].Add(amount)
	}
	return nil
}

// rowOf is where a row's numbers belong; nil: nowhere, as there are too many
// stores to compare each.
func (t *tradeTotals) rowOf(line int64, store []byte) (*storeTotals, error) {
	if strings.HasPrefix(decodeBill(store), sumsOfAll) {
		if t.all != nil {
			return nil, billfile.Broken(line, "the row of all (合计) is there twice")
		}
		t.all = &storeTotals{line: line}
		return t.all, nil
	}
	if t.all != nil {
		return nil, billfile.Broken(line, "a store's row behind the row of all (合计)")
	}
	if t.of.stores == nil {
		return nil, nil
	}
	s := t.stores[string(store)]
	if s == nil {
		if t.of.stores[string(store)] == nil && len(t.stores) >= maxStores {
			return nil, billfile.Broken(line, "more stores than the rows have")
		}
		s = &storeTotals{line: line}
		t.stores[string(store)] = s
	}
	return s, nil
}

// compare holds the sheet against the rows: all of them, and those of each
// store. A sheet without any row belongs to a day without business.
func (t *tradeTotals) compare() error {
	none := len(t.of.stores) == 0 && t.of.all == tally{}
	if t.all == nil {
		if none && len(t.stores) == 0 {
			return nil
		}
		return billfile.Broken(0, "the row of all (合计) is missing")
	}
	if err := t.agree("of all stores", t.all, &t.of.all); err != nil || t.of.stores == nil {
		return err
	}
	for store, said := range t.stores {
		rows := t.of.stores[store]
		if rows == nil {
			rows = &tally{}
		}
		if err := t.agree("of one store", said, rows); err != nil {
			return err
		}
	}
	for store, rows := range t.of.stores {
		if t.stores[store] == nil && *rows != (tally{}) {
			return billfile.Broken(0, "a store of the rows has no sums")
		}
	}
	return nil
}

// agree compares what is said with what rows add up to. What the merchant keeps
// (实收净额) is what he received less the fee; where a share goes to others
// (分润) the documentation leaves open how it counts there.
func (t *tradeTotals) agree(whose string, said *storeTotals, rows *tally) error {
	type check struct {
		what string
		said billfile.Sum
		rows billfile.Sum
	}
	checks := []check{{headPaidCount, said.paid, rows.paid}, {headBackCount, said.back, rows.back}}
	for i, heading := range tradeSums() {
		if t.at.sums[i] >= 0 {
			checks = append(checks, check{heading, said.sums[i], rows.sums[i]})
		}
	}
	if rows.sums[sumShare].Is(0) {
		net := rows.sums[sumReceived]
		fee, _ := rows.sums[sumFee].Value()
		net.Add(fee)
		checks = append(checks, check{headNet, said.net, net})
	}
	for _, c := range checks {
		value, ok := c.said.Value()
		if !ok {
			return billfile.Broken(said.line, "%s %s is more than can be counted", c.what, whose)
		}
		if err := billfile.MustAgree(said.line, c.what+" "+whose, value, c.rows); err != nil {
			return err
		}
	}
	return nil
}
