package statement

import (
	"encoding/csv"
	"fmt"
	"io"
	"time"

	"github.com/paymux/paymux/internal/reconcile"
)

// byteOrderMark makes Excel read a CSV file as UTF-8.
const byteOrderMark = "\uFEFF"

// WriteCSV writes a statement as CSV (RFC 4180 with CRLF) in UTF-8 with a byte
// order mark: headings, one row a payment or refund, totals last. It gives the
// number of rows between them.
func WriteCSV(w io.Writer, in Input) (int64, error) {
	words, err := in.words()
	if err != nil {
		return 0, err
	}
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return 0, fmt.Errorf("write CSV statement: %w", err)
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	columns := detailColumns()
	record := make([]string, len(columns))
	for i := range columns {
		record[i] = columns[i].heading(in.Language)
	}
	if err := out.Write(record); err != nil {
		return 0, fmt.Errorf("write CSV statement: %w", err)
	}
	sums := newTotals()
	err = in.eachRow(func(r reconcile.StatementRow) error {
		sums.add(&r)
		for i := range columns {
			record[i] = csvCell(columns[i].form, columns[i].value(words, &r))
		}
		return out.Write(record)
	})
	if err != nil {
		return 0, fmt.Errorf("write CSV statement: %w", err)
	}
	for _, sum := range sums.lines() {
		for i, c := range totalCells(words, columns, sum) {
			record[i] = csvCell(c.form, c.cell)
		}
		if err := out.Write(record); err != nil {
			return 0, fmt.Errorf("write CSV statement: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return 0, fmt.Errorf("write CSV statement: %w", err)
	}
	return sums.rows, nil
}

// csvCell writes a cell for a CSV file. An identifier ends in a tab, which keeps
// Excel from taking it for a number; an empty one stays empty. Text that could
// be taken for a formula is led by an apostrophe; numbers of orders and refunds
// can hold nothing that a formula could do, so they stay as they are.
func csvCell(f form, c cell) string {
	switch f {
	case formTime:
		return csvTime(c.at)
	case formAmount:
		if c.empty {
			return ""
		}
		return string(appendMajor(make([]byte, 0, 24), c.minor, c.currency))
	case formID:
		if c.text == "" {
			return ""
		}
		if isNumber(c.text) {
			return c.text + "\t"
		}
		return harmless(c.text) + "\t"
	case formText:
	}
	return harmless(c.text)
}

// harmless is cleaned text that no spreadsheet takes for a formula.
func harmless(s string) string {
	if startsFormula(s) {
		return "'" + clean(s)
	}
	return clean(s)
}

func csvTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(shanghai).Format(timeLayout)
}
