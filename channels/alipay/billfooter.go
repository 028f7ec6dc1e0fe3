package alipay

import (
	"strings"

	"github.com/paymux/paymux/channels/billfile"
)

// footerNumbers reads the numbers that stand between the words of a line such
// as "#交易合计：6笔，商家实收共0.06元，商家优惠共0.00元": the first is a count, the
// others amounts in fen. ok is false where it is another line.
func footerNumbers(line int64, text string, words ...string) (numbers []int64, ok bool, err error) {
	rest, ok := strings.CutPrefix(text, words[0])
	if !ok {
		return nil, false, nil
	}
	for i, word := range words[1:] {
		cell, after, found := strings.Cut(rest, word)
		var n int64
		if found {
			if i == 0 {
				n, err = billfile.Count([]byte(cell))
			} else {
				n, err = billfile.Decimal([]byte(cell), 2)
			}
		}
		if !found || err != nil {
			return nil, false, billfile.Broken(line, "the totals cannot be read")
		}
		numbers, rest = append(numbers, n), after
	}
	return numbers, true, nil
}

// stated is a total that a sheet states, on a line of it.
type stated struct {
	line  int64
	value int64
	there bool
}

func (s *stated) set(line, value int64) { *s = stated{line: line, value: value, there: true} }

// agree compares what is stated with what was added up.
func (s stated) agree(what string, sum billfile.Sum) error {
	if !s.there {
		return nil
	}
	return billfile.MustAgree(s.line, what, s.value, sum)
}
