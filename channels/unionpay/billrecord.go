package unionpay

import (
	"bytes"
	"fmt"
	"time"

	"github.com/paymux/paymux/channels"
)

// layout says where the columns of a record are: fixed widths in bytes, a blank
// between two. Columns are numbered from 1, as in UnionPay's description.
type layout struct {
	name string
	// at and width are by the column's number.
	at, width []int
	// least is the length of a record, in bytes; UnionPay may add columns behind.
	least int
	// reserved is the column from which the content was laid out anew over the
	// years: from there on nothing is required of the blanks between columns.
	reserved int
}

func newLayout(name string, reserved int, widths ...int) layout {
	l := layout{name: name, at: []int{0}, width: []int{0}, least: -1, reserved: reserved}
	for _, w := range widths {
		l.at, l.width = append(l.at, l.least+1), append(l.width, w)
		l.least += 1 + w
	}
	return l
}

// detailLayout is the ZM record's: 607 bytes.
func detailLayout() layout {
	return newLayout("ZM", 41,
		3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8, 32,
		13, 13, 12, 2, 1, 32, 98)
}

// errorLayout is the ZME record's: 339 bytes.
func errorLayout() layout {
	return newLayout("ZME", 22, 3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135)
}

// The columns that are read.
const (
	colCode   = 1
	colTime   = 5
	colAmount = 7

	colQueryID     = 10
	colOrderID     = 12
	colFee         = 16
	colSettled     = 17
	colTxnType     = 20
	colOrigQueryID = 27
	colMerID       = 28
	colShare       = 32
	colDiscount    = 36
	colInstalment  = 38
	colOrigOrderID = 41

	colErrorFee   = 15
	colErrorMerID = 18
)

// column is a column's content without the blanks round it.
func (l *layout) column(record []byte, n int) []byte {
	return bytes.Trim(record[l.at[n]:l.at[n]+l.width[n]], " ")
}

// check looks at a record's form.
func (l *layout) check(record []byte) error {
	if len(record) < l.least {
		return fmt.Errorf("a record of %s has %d bytes, not %d", l.name, len(record), l.least)
	}
	for n := 2; n <= l.reserved; n++ {
		if record[l.at[n]-1] != ' ' {
			return fmt.Errorf("there is no blank before column %d: the columns have moved", n)
		}
	}
	return nil
}

// fields reads a record's columns; its err is the first thing that is wrong.
type fields struct {
	*layout
	record []byte
	err    error
}

func (f *fields) fail(n int, what string) {
	if f.err == nil {
		f.err = fmt.Errorf("column %d is %s", n, what)
	}
}

// digits reads a whole number without a sign. All of the column counts: a blank
// in a number means that it was cut.
func (f *fields) digits(n int) int64 {
	v, ok := wholeNumber(f.whole(n))
	if !ok {
		f.fail(n, "no number")
	}
	return v
}

// signed reads an amount behind its sign, C (to the merchant, positive), D
// (from it, negative) or a blank, which only zero has.
func (f *fields) signed(n int) int64 {
	text := f.whole(n)
	v, ok := wholeNumber(text[1:])
	switch {
	case ok && text[0] == 'C', ok && text[0] == ' ' && v == 0:
		return v
	case ok && text[0] == 'D':
		return -v
	}
	f.fail(n, "no amount behind C, D or, for zero, a blank")
	return 0
}

// unused tells whether an amount is zero or not filled in.
func (f *fields) unused(n int) bool {
	return len(bytes.Trim(f.whole(n), " 0CD")) == 0
}

// name reads a number that is a name: printable ASCII, or nothing.
func (f *fields) name(n int) string {
	text := f.column(f.record, n)
	for _, c := range text {
		if c <= ' ' || c > '~' {
			f.fail(n, "no number of a transaction")
			return ""
		}
	}
	return string(text)
}

// time reads MMDDhhmmss. Of the years the one is taken that puts it nearest to
// the day of the bill.
func (f *fields) time(n int, day channels.Day) time.Time {
	text := f.whole(n)
	if _, ok := wholeNumber(text); !ok {
		f.fail(n, "no time")
		return time.Time{}
	}
	two := func(at int) int { return int(text[at]-'0')*10 + int(text[at+1]-'0') }
	start := day.Start()
	var nearest time.Time
	for year := start.Year() - 1; year <= start.Year()+1; year++ {
		t := time.Date(year, time.Month(two(0)), two(2), two(4), two(6), two(8), 0, beijing)
		if int(t.Month()) != two(0) || t.Day() != two(2) || t.Hour() != two(4) || t.Minute() != two(6) || t.Second() != two(8) {
			continue // no such moment, as on 29 February of most years
		}
		if nearest.IsZero() || t.Sub(start).Abs() < nearest.Sub(start).Abs() {
			nearest = t
		}
	}
	if nearest.IsZero() {
		f.fail(n, "no time")
	}
	return nearest.UTC()
}

func (f *fields) whole(n int) []byte { return f.record[f.at[n] : f.at[n]+f.width[n]] }

func wholeNumber(text []byte) (int64, bool) {
	var v int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, len(text) > 0
}
