package wechatpay

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
)

// ReadBill reads a day's bill: UTF-8, its mark optional, a line of headings,
// rows whose every value is led by a backtick, a line of headings of totals and
// one of totals. Of the trade bill, 订单金额 is a payment's amount and
// 申请退款金额 a refund's; a reversal (REVOKED) is a refund of the whole. A
// refund that did not happen counts in no total of ours. Rows of the fund-flow
// bill are BillOther; its totals say what came in as payments and what went out
// as refunds.
//
// The fund-flow bill does not say whose it is; that it is ours is known from
// the signed answer by which it was fetched.
func (c *Client) ReadBill(kind channels.BillKind, day channels.Day, original io.ReaderAt, size int64, each func(channels.BillRow) error) (channels.BillTotals, error) {
	open, ok := billLedgers()[kind]
	if !ok {
		return channels.BillTotals{}, fmt.Errorf("wechatpay has no bill of the kind %q", kind)
	}
	source := billfile.NewSource(original, size)
	text, err := unpacked(io.NewSectionReader(source, 0, size), billfile.Limit(c.cfg.BillMaxUnpackedBytes, billfile.MaxUnpackedBytes))
	var totals channels.BillTotals
	if err == nil {
		totals, err = readStatement(text, open(c, day, each))
	}
	if err != nil {
		return channels.BillTotals{}, source.Verdict("a wechatpay bill", err)
	}
	return totals, nil
}

// ledger reads one kind of bill and adds it up.
type ledger interface {
	// needed and neededTotals are the headings without which it cannot.
	needed() []string
	neededTotals() []string
	headings(billfile.Columns)
	// row's cells are valid until it returns.
	row(line int64, cells [][]byte) error
	// finish compares the totals with what the rows add up to.
	finish(line int64, columns billfile.Columns, totals [][]byte) (channels.BillTotals, error)
}

func billLedgers() map[channels.BillKind]func(*Client, channels.Day, func(channels.BillRow) error) ledger {
	return map[channels.BillKind]func(*Client, channels.Day, func(channels.BillRow) error) ledger{
		channels.BillTrades: newTradeLedger,
		channels.BillFunds:  newFundLedger,
	}
}

const byteOrderMark = "\ufeff"

// readStatement reads a whole text. A line that is not led by a backtick ends
// the rows.
func readStatement(text io.Reader, l ledger) (channels.BillTotals, error) {
	lines := billfile.NewLines(text)
	columns, err := readHeadings(lines, l.needed())
	if err != nil {
		return channels.BillTotals{}, err
	}
	l.headings(columns)
	var cells [][]byte
	for lines.Next() {
		line := lines.Bytes()
		if len(line) == 0 || line[0] != '`' {
			return readTotals(lines, l)
		}
		if cells, err = cutRow(lines.Number(), line, cells[:0], columns.Count()); err != nil {
			return channels.BillTotals{}, err
		}
		if err := l.row(lines.Number(), cells); err != nil {
			return channels.BillTotals{}, err
		}
	}
	if err := readError(lines); err != nil {
		return channels.BillTotals{}, err
	}
	return channels.BillTotals{}, billfile.Broken(lines.Number(), "the totals are missing: the file is cut off")
}

func readHeadings(lines *billfile.Lines, needed []string) (billfile.Columns, error) {
	if !lines.Next() {
		if err := readError(lines); err != nil {
			return billfile.Columns{}, err
		}
		return billfile.Columns{}, billfile.Broken(0, "the file is empty")
	}
	return headingsOf(lines, needed)
}

func headingsOf(lines *billfile.Lines, needed []string) (billfile.Columns, error) {
	text := strings.TrimPrefix(string(lines.Bytes()), byteOrderMark)
	if !utf8.ValidString(text) {
		return billfile.Columns{}, billfile.Broken(lines.Number(), "it is not UTF-8")
	}
	return billfile.NewColumns(lines.Number(), strings.Split(text, ","), needed...)
}

// readTotals reads the two lines behind the rows, the first of which is the
// present one, and sees that nothing follows them.
func readTotals(lines *billfile.Lines, l ledger) (channels.BillTotals, error) {
	columns, err := headingsOf(lines, l.neededTotals())
	if err != nil {
		return channels.BillTotals{}, err
	}
	if !lines.Next() {
		if err := readError(lines); err != nil {
			return channels.BillTotals{}, err
		}
		return channels.BillTotals{}, billfile.Broken(lines.Number(), "the totals are missing: the file is cut off")
	}
	number := lines.Number()
	cells, err := cutRow(number, bytes.Clone(lines.Bytes()), nil, columns.Count())
	if err != nil {
		return channels.BillTotals{}, err
	}
	for lines.Next() {
		if len(bytes.TrimSpace(lines.Bytes())) > 0 {
			return channels.BillTotals{}, billfile.Broken(lines.Number(), "a line after the totals")
		}
	}
	if err := readError(lines); err != nil {
		return channels.BillTotals{}, err
	}
	return l.finish(number, columns, cells)
}

func readError(lines *billfile.Lines) error {
	if err := lines.Err(); err != nil {
		return billfile.Broken(lines.Number(), "%s", billfile.Reason(err))
	}
	return nil
}

// cutRow cuts a line into its cells. They are not quoted and may hold commas,
// so that only a comma before a backtick parts two of them.
func cutRow(number int64, line []byte, cells [][]byte, count int) ([][]byte, error) {
	if len(line) == 0 || line[0] != '`' {
		return nil, billfile.Broken(number, "a value is not led by a backtick")
	}
	for rest, more := line[1:], true; more; {
		var cell []byte
		if cell, rest, more = bytes.Cut(rest, []byte(",`")); len(cells) < count {
			cells = append(cells, cell)
			continue
		}
		return nil, billfile.Broken(number, "a row of more than %d cells", count)
	}
	if len(cells) != count {
		return nil, billfile.Broken(number, "a row of %d cells under %d headings", len(cells), count)
	}
	return cells, nil
}

// total is one that a bill states, with what its rows add up to.
type total struct {
	heading string
	// places are its decimal places; 0: it is a count.
	places int
	sum    billfile.Sum
}

// compareTotals holds the stated totals against the rows; a heading that the
// file does not have states nothing.
func compareTotals(line int64, columns billfile.Columns, cells [][]byte, totals []total) error {
	for _, t := range totals {
		at := columns.At(t.heading)
		if at < 0 {
			continue
		}
		var said int64
		var err error
		if t.places == 0 {
			said, err = billfile.Count(bytes.TrimSpace(cells[at]))
		} else {
			said, err = billfile.Decimal(bytes.TrimSpace(cells[at]), t.places)
		}
		if err != nil {
			return billfile.Broken(line, "%s: %v", t.heading, err)
		}
		if err := billfile.MustAgree(line, t.heading, said, t.sum); err != nil {
			return err
		}
	}
	return nil
}
