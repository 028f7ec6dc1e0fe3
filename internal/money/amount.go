package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Errors of arithmetic and parsing.
var (
	ErrNegative         = errors.New("amount is negative")
	ErrOverflow         = errors.New("amount is out of range")
	ErrCurrencyMismatch = errors.New("amounts are of different currencies")
	ErrSyntax           = errors.New("amount is not a decimal number with the currency's places")
)

// Amount is a sum of money, zero or more, in the minor unit of its currency.
// The zero value is nothing of no currency.
type Amount struct {
	minor    int64
	currency Currency
}

// New makes an amount of minor units (fen for CNY); minor must not be negative
// and the currency must be Known.
func New(minor int64, c Currency) (Amount, error) {
	if minor < 0 {
		return Amount{}, ErrNegative
	}
	if !c.Known() {
		return Amount{}, fmt.Errorf("currency %q is not known", string(c))
	}
	return Amount{minor: minor, currency: c}, nil
}

// Minor is the amount in minor units.
func (a Amount) Minor() int64 { return a.minor }

// Currency is the amount's currency.
func (a Amount) Currency() Currency { return a.currency }

// IsZero tells whether there is no money in it.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Equal tells whether both the number and the currency are the same.
func (a Amount) Equal(b Amount) bool { return a == b }

// Add returns the sum; both must be of one currency.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, ErrCurrencyMismatch
	}
	if a.minor > math.MaxInt64-b.minor {
		return Amount{}, ErrOverflow
	}
	return Amount{minor: a.minor + b.minor, currency: a.currency}, nil
}

// Sub returns the difference; ErrNegative when b is the larger one.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, ErrCurrencyMismatch
	}
	if b.minor > a.minor {
		return Amount{}, ErrNegative
	}
	return Amount{minor: a.minor - b.minor, currency: a.currency}, nil
}

// Major writes the amount in the major unit with all decimal places, for
// instance "88.80" for 8880 fen.
func (a Amount) Major() string {
	exp := a.currency.Exponent()
	if exp == 0 {
		return strconv.FormatInt(a.minor, 10)
	}
	digits := strconv.FormatInt(a.minor, 10)
	if len(digits) <= exp {
		digits = strings.Repeat("0", exp+1-len(digits)) + digits
	}
	cut := len(digits) - exp
	return digits[:cut] + "." + digits[cut:]
}

// String writes the amount for people and logs, for instance "88.80 CNY".
func (a Amount) String() string { return a.Major() + " " + string(a.currency) }

// ParseMajor reads a decimal number of the major unit exactly. Fewer decimal
// places than the currency has are fine, more are not, even when they are
// zeros; signs, blanks, exponents and separators are refused.
func ParseMajor(s string, c Currency) (Amount, error) {
	if !c.Known() {
		return Amount{}, fmt.Errorf("currency %q is not known", string(c))
	}
	whole, frac, point := strings.Cut(s, ".")
	exp := c.Exponent()
	if whole == "" || !digitsOnly(whole) || !digitsOnly(frac) || (point && frac == "") || len(frac) > exp {
		return Amount{}, fmt.Errorf("%w: %q", ErrSyntax, s)
	}
	minor, err := strconv.ParseInt(whole+frac+strings.Repeat("0", exp-len(frac)), 10, 64)
	if err != nil {
		return Amount{}, fmt.Errorf("%w: %q", ErrOverflow, s)
	}
	return Amount{minor: minor, currency: c}, nil
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
