package unionpay

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/channels"
)

// summary is what the summary (RD) states: a text for people, with two tables
// of the same transactions, by their types and by the payers' cards. Each ends
// with its total.
type summary struct {
	merID    string
	date     string // YYYYMMDD
	currency string
	totals   []statedLine
}

// statedLine is a line of a table. Debit (借) is what left the merchant, credit
// (贷) what came in; all in fen.
type statedLine struct {
	number, count         int64
	out, in               int64 // amounts
	feeOut, feeIn         int64
	settledOut, settledIn int64
}

// The words of the summary that are read.
const (
	wordMerchant = "商户代码:"
	wordDate     = "清算日期:"
	wordCurrency = "清算币种:"
	wordTotal    = "总计"
	wordRenminbi = "人民币"
)

// readSummary reads the text, in GBK, and adds its tables up.
func readSummary(in io.Reader) (summary, error) {
	var s summary
	var rows statedLine
	lines := bufio.NewScanner(simplifiedchinese.GBK.NewDecoder().Reader(in))
	number := int64(0)
	for lines.Scan() {
		number++
		text := lines.Text()
		for word, place := range map[string]*string{wordMerchant: &s.merID, wordDate: &s.date, wordCurrency: &s.currency} {
			if _, after, ok := strings.Cut(text, word); ok {
				*place, _, _ = strings.Cut(strings.TrimSpace(after), " ")
			}
		}
		cells := strings.Fields(text)
		line, ok := readStatedLine(cells)
		if !ok {
			continue
		}
		if cells[0] != wordTotal {
			rows.add(line)
			continue
		}
		if rows != line {
			return s, broken(number, "RD: the lines above do not add up to the total")
		}
		line.number = number
		s.totals, rows = append(s.totals, line), statedLine{}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return s, broken(number+1, "RD: a line is too long")
		}
		return s, broken(number+1, "RD: its content does not agree with its length and checksum")
	}
	if len(s.totals) == 0 || rows != (statedLine{}) {
		return s, broken(0, "RD: it has no total: its form is not the known one")
	}
	return s, nil
}

// check compares what is stated with what the records add up to. The year is
// not compared: UnionPay's test files bear two different ones.
func (s summary) check(merID string, day channels.Day, records sums) error {
	switch {
	case s.merID != merID:
		return broken(0, "RD: it is another merchant's")
	case len(s.date) != len("20060102") || s.date[4:] != day.Format("0102"):
		return broken(0, "RD: it is of another day")
	case s.currency != "" && s.currency != wordRenminbi:
		return broken(0, "RD: it is in another currency than the renminbi")
	}
	for _, t := range s.totals {
		for _, c := range []struct {
			what            string
			stated, records int64
		}{
			{"number of transactions", t.count, records.count},
			{"amounts in", t.in, records.in},
			{"amounts out", t.out, records.out},
			{"fees", t.feeOut - t.feeIn, records.feeTaken - records.feeBack},
			{"amounts settled", t.settledIn - t.settledOut, records.settled},
		} {
			if c.stated != c.records {
				return broken(t.number, "RD: %s: stated as %d, but %d by the records", c.what, c.stated, c.records)
			}
		}
	}
	return nil
}

func (l *statedLine) add(m statedLine) {
	l.count += m.count
	l.out, l.in = l.out+m.out, l.in+m.in
	l.feeOut, l.feeIn = l.feeOut+m.feeOut, l.feeIn+m.feeIn
	l.settledOut, l.settledIn = l.settledOut+m.settledOut, l.settledIn+m.settledIn
}

// readStatedLine reads a name, a count and six amounts; other lines are none.
func readStatedLine(cells []string) (l statedLine, ok bool) {
	if len(cells) != 8 {
		return l, false
	}
	count, err := strconv.ParseInt(cells[1], 10, 64)
	if err != nil || count < 0 {
		return l, false
	}
	l.count = count
	for i, place := range []*int64{&l.out, &l.in, &l.feeOut, &l.feeIn, &l.settledOut, &l.settledIn} {
		if *place, ok = yuan(cells[2+i]); !ok {
			return l, false
		}
	}
	return l, true
}

// yuan reads an amount of the summary, "13,227.00" or "-0.44", as fen.
func yuan(text string) (int64, bool) {
	text, negative := strings.CutPrefix(text, "-")
	whole, cents, ok := strings.Cut(strings.ReplaceAll(text, ",", ""), ".")
	if !ok || len(cents) != 2 || len(whole) > 13 {
		return 0, false
	}
	fen, ok := wholeNumber([]byte(whole + cents))
	if !ok || whole == "" {
		return 0, false
	}
	if negative {
		fen = -fen
	}
	return fen, true
}
