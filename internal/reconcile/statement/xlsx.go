package statement

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/paymux/paymux/internal/reconcile"
)

// excelRows is how many rows a sheet can have. A detail sheet leaves room for
// totals in every currency.
const (
	excelRows = 1_048_576
	spareRows = 32
)

// WriteXLSX writes a statement as an Excel workbook: the rows with totals
// (further sheets where one cannot hold them), each account's summary, and the
// discrepancies. It gives the number of rows between headings and totals.
func WriteXLSX(w io.Writer, in Input) (int64, error) {
	return writeXLSX(w, in, excelRows-spareRows)
}

func writeXLSX(w io.Writer, in Input, perSheet int) (rows int64, err error) {
	words, err := in.words()
	if err != nil {
		return 0, err
	}
	book, err := newWorkbook(w, words.font)
	if err != nil {
		return 0, fmt.Errorf("write XLSX statement: %w", err)
	}
	defer func() { err = errors.Join(err, book.close()) }()
	ours := make(reconcile.OwnSides)
	if rows, err = book.writeDetail(in, words, perSheet, ours); err != nil {
		return 0, fmt.Errorf("write XLSX statement: %w", err)
	}
	if err := book.writeDifferences(in, words, perSheet); err != nil {
		return 0, fmt.Errorf("write XLSX statement: %w", err)
	}
	in.Accounts = ours.Complete(in.Accounts)
	if err := book.writeSummary(in, words); err != nil {
		return 0, fmt.Errorf("write XLSX statement: %w", err)
	}
	title := in.MerchantName + " " + words.title + " " + in.Day.String()
	if err := book.finish(clean(title), in.Day.Next().Start(), words.summary, words.differences); err != nil {
		return 0, fmt.Errorf("write XLSX statement: %w", err)
	}
	return rows, nil
}

// table writes items of one kind, on as many sheets as they need.
type table[T any] struct {
	book     *workbook
	words    *words
	name     string
	layout   layout
	columns  []column[T]
	language string
	perSheet int
	sheets   int
	current  *sheet
	// highlight may give a cell another look than its column's form.
	highlight func(column int, item *T) (look, bool)
}

func (t *table[T]) open() error {
	t.sheets++
	name := t.name
	if t.sheets > 1 {
		name += strconv.Itoa(t.sheets)
		t.layout.selected = false
	}
	t.layout.widths = make([]float64, len(t.columns))
	for i := range t.columns {
		t.layout.widths[i] = t.columns[i].width
	}
	s, err := t.book.sheet(name, t.layout)
	if err != nil {
		return err
	}
	t.current = s
	s.begin(24)
	for i := range t.columns {
		s.text(t.book.styles.of[lookHeading], t.columns[i].heading(t.language))
	}
	return s.end()
}

// shut ends the current sheet; its last rows, the totals, stay out of the filter.
func (t *table[T]) shut(totals int) error {
	last := t.current.rows - totals
	ref := fmt.Sprintf("$A$1:$%s$%d", columnName(len(t.columns)-1), last)
	t.book.filters = append(t.book.filters, filter{sheet: t.book.names[len(t.book.names)-1], heading: 1, ref: ref})
	return t.current.close(t.layout, last)
}

func (t *table[T]) add(item *T) error {
	if t.current.rows-1 >= t.perSheet {
		if err := t.shut(0); err != nil {
			return err
		}
		if err := t.open(); err != nil {
			return err
		}
	}
	s := t.current
	s.begin(0)
	for i := range t.columns {
		c := t.columns[i].value(t.words, item)
		switch t.columns[i].form {
		case formText, formID:
			style := lookText
			if l, ok := t.highlight(i, item); ok {
				style = l
			}
			s.text(t.book.styles.of[style], c.text)
		case formTime:
			s.moment(t.book.styles.of[lookTime], c.at)
		case formAmount:
			if c.empty {
				s.skip()
				continue
			}
			s.amount(t.book.styles.amount(lookAmount, c.currency), c.minor, c.currency)
		}
	}
	return s.end()
}

func (b *workbook) writeDetail(in Input, w *words, perSheet int, ours reconcile.OwnSides) (int64, error) {
	columns := detailColumns()
	t := &table[row]{
		book: b, words: w, name: w.detail, columns: columns, language: in.Language, perSheet: perSheet,
		layout: layout{frozen: 1, filter: 1, selected: true, tab: colourHeading, footer: w.page},
		highlight: func(column int, r *row) (look, bool) {
			if columns[column].zh != headingResult || r.Result == "matched" {
				return 0, false
			}
			if r.Result == "pending" {
				return lookWait, true
			}
			return lookBad, true
		},
	}
	if err := t.open(); err != nil {
		return 0, err
	}
	sums := newTotals()
	err := in.eachRow(func(r reconcile.StatementRow) error {
		sums.add(&r)
		ours.Add(&r)
		return t.add(&r)
	})
	if err != nil {
		return 0, err
	}
	lines := sums.lines()
	for _, line := range lines {
		t.current.begin(20)
		for _, c := range totalCells(w, columns, line) {
			switch {
			case c.form == formAmount:
				t.current.amount(b.styles.amount(lookAmountTotal, c.cell.currency), c.cell.minor, c.cell.currency)
			case c.cell.text == "":
				t.current.empty(b.styles.of[lookTotal])
			default:
				t.current.text(b.styles.of[lookTotal], c.cell.text)
			}
		}
		if err := t.current.end(); err != nil {
			return 0, err
		}
	}
	return sums.rows, t.shut(len(lines))
}

func (b *workbook) writeDifferences(in Input, w *words, perSheet int) error {
	t := &table[discrepancy]{
		book: b, words: w, name: w.differences, columns: differenceColumns(), language: in.Language, perSheet: perSheet,
		layout: layout{frozen: 1, filter: 1, tab: colourBad, footer: w.page},
		highlight: func(column int, d *discrepancy) (look, bool) {
			if column != 1 {
				return 0, false
			}
			if d.Status == reconcile.Open {
				return lookBad, true
			}
			return lookGood, true
		},
	}
	if err := t.open(); err != nil {
		return err
	}
	found := false
	err := in.eachDiscrepancy(func(d reconcile.Discrepancy) error {
		found = true
		return t.add(&d)
	})
	if err != nil {
		return err
	}
	if !found {
		t.current.begin(0)
		t.current.text(b.styles.of[lookNote], w.none)
		if err := t.current.end(); err != nil {
			return err
		}
		return t.shut(1)
	}
	return t.shut(0)
}
