package alipay

import (
	"bytes"
	"strings"

	"github.com/paymux/paymux/channels/billfile"
)

// cellKind is what a column's cells look like.
type cellKind int

const (
	// textCell may hold commas, and so be several cells.
	textCell cellKind = iota
	// wordCell is a number or a word without commas.
	wordCell
	amountCell
	// optionalAmountCell may be empty.
	optionalAmountCell
	timeCell
)

// cellKinds are those of known headings; the others' are by their ends.
func cellKinds() map[string]cellKind {
	return map[string]cellKind{
		"支付宝交易号": wordCell, "商户订单号": wordCell, "业务类型": wordCell, "门店编号": wordCell, "退款批次号/请求号": wordCell,
		"账务流水号": wordCell, "业务流水号": wordCell, "交易渠道": wordCell,
		"收入金额(+元)": optionalAmountCell, "支出金额(-元)": optionalAmountCell, "账户余额(元)": optionalAmountCell,
		"创建时间": timeCell, "完成时间": timeCell, "发生时间": timeCell,
	}
}

// maxCells bounds the cells of a row whose texts hold commas.
const maxCells = 256

// cutter cuts rows into cells. Values are not quoted, so that a comma in a text
// makes a row of more cells than columns: then the times and the amounts, whose
// form is known, tell which cells belong together.
type cutter struct {
	kinds []cellKind
	// used are the places of the columns that are read.
	used  []int
	cells [][]byte
}

func newCutter(columns billfile.Columns, used []int) *cutter {
	k := &cutter{used: used}
	for _, heading := range columns.Headings() {
		kind, known := cellKinds()[heading]
		if !known && strings.HasSuffix(heading, "元)") {
			kind = amountCell
		}
		k.kinds = append(k.kinds, kind)
	}
	return k
}

// cut gives the row's cells by their columns, without the blanks and tabs round
// them, until the next call. Cells of columns that nobody needs may be wrong
// where texts hold commas.
func (k *cutter) cut(number int64, line []byte) ([][]byte, error) {
	cells := k.cells[:0]
	for rest, more := line, true; more; {
		var cell []byte
		cell, rest, more = bytes.Cut(rest, []byte{','})
		if len(cells) == maxCells {
			return nil, billfile.Broken(number, "a row of more than %d cells", maxCells)
		}
		cells = append(cells, bytes.Trim(cell, "\t "))
	}
	k.cells = cells
	switch {
	case len(cells) == len(k.kinds):
		return cells, nil
	case len(cells) < len(k.kinds):
		return nil, billfile.Broken(number, "a row of %d cells under %d headings", len(cells), len(k.kinds))
	default:
		return k.join(number, cells)
	}
}

// fits tells whether a cell can stand alone in a column.
func (k *cutter) fits(column int, cell []byte) bool {
	switch k.kinds[column] {
	case amountCell, optionalAmountCell:
		_, err := billfile.Decimal(cell, 2)
		return err == nil || len(cell) == 0 && k.kinds[column] == optionalAmountCell
	case timeCell:
		_, err := billfile.Time(cell)
		return err == nil
	default:
		return true
	}
}

// join finds where each used column begins when texts take several cells
// each. It is certain only if each has one possible place.
func (k *cutter) join(number int64, cells [][]byte) ([][]byte, error) {
	n, m := len(cells), len(k.kinds)
	// before[j][i]: the first j columns can take exactly the first i cells;
	// after[j][i]: the columns from j on can take exactly the cells from i on.
	before, after := newGrid(m+1, n+1), newGrid(m+1, n+1)
	before[0][0], after[m][n] = true, true
	for j := range m {
		for i := range n {
			if !k.fits(j, cells[i]) {
				continue
			}
			before[j+1][i+1] = before[j+1][i+1] || before[j][i] || k.kinds[j] == textCell && before[j+1][i]
		}
	}
	for j := m - 1; j >= 0; j-- {
		for i := n - 1; i >= 0; i-- {
			if !k.fits(j, cells[i]) {
				continue
			}
			after[j][i] = after[j+1][i+1] || k.kinds[j] == textCell && after[j][i+1]
		}
	}
	joined := make([][]byte, m)
	for _, j := range k.used {
		start, one := onlyPlace(before[j], after[j])
		end, ends := onlyPlace(before[j+1], after[j+1])
		if !one || !ends {
			return nil, billfile.Broken(number, "a row of %d cells under %d headings: commas in its texts leave open which cell is which", n, m)
		}
		joined[j] = bytes.Join(cells[start:end], []byte{','})
	}
	return joined, nil
}

func newGrid(rows, columns int) [][]bool {
	grid := make([][]bool, rows)
	for i := range grid {
		grid[i] = make([]bool, columns)
	}
	return grid
}

// onlyPlace is the one place at which both hold.
func onlyPlace(before, after []bool) (place int, one bool) {
	for i := range before {
		if before[i] && after[i] {
			if one {
				return 0, false
			}
			place, one = i, true
		}
	}
	return place, one
}
