package billfile

import (
	"errors"
	"math"
)

// errNumber is the cause of a cell that is no number of the stated places.
var errNumber = errors.New("no number of the stated decimal places")

// maxDigits bounds a number's digits, so that it fits into 64 bits however many
// places it has.
const maxDigits = 17

// Decimal reads a decimal number exactly, as an integer of so many places:
// "-0.27" with 2 places is -27. Fewer places than stated are fine, more are
// not, even when they are zeros. Signs but "-", separators, exponents and
// blanks inside are refused.
func Decimal(cell []byte, places int) (int64, error) {
	negative := len(cell) > 0 && cell[0] == '-'
	if negative {
		cell = cell[1:]
	}
	var n int64
	digits, point, after := 0, false, 0
	for _, c := range cell {
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
			digits++
			if point {
				after++
			}
		case c == '.' && !point && digits > 0:
			point = true
		default:
			return 0, errNumber
		}
		if digits+places-after > maxDigits {
			return 0, errNumber
		}
	}
	if digits == 0 || point && after == 0 || after > places {
		return 0, errNumber
	}
	for ; after < places; after++ {
		n *= 10
	}
	if negative {
		n = -n
	}
	return n, nil
}

// Count reads a whole number; one bill of WeChat Pay's writes "45.0".
func Count(cell []byte) (int64, error) {
	n, err := Decimal(cell, 1)
	if err != nil || n < 0 || n%10 != 0 {
		return 0, errNumber
	}
	return n / 10, nil
}

// Sum is a sum that knows when it left 64 bits.
type Sum struct {
	n    int64
	over bool
}

// Add adds v.
func (s *Sum) Add(v int64) {
	if v > 0 && s.n > math.MaxInt64-v || v < 0 && s.n < math.MinInt64-v {
		s.over = true
		return
	}
	s.n += v
}

// Value is the sum; false when it left 64 bits.
func (s *Sum) Value() (int64, bool) { return s.n, !s.over }

// Is tells whether the sum is exactly v.
func (s *Sum) Is(v int64) bool { return !s.over && s.n == v }
