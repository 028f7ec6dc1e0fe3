package money

import "fmt"

// Currency is an ISO 4217 alphabetic code, for instance "CNY".
type Currency string

// CNY is the renminbi, whose minor unit is the fen.
const CNY Currency = "CNY"

// exponents lists the decimal places of the minor unit (ISO 4217, table A.1)
// for the currencies that the channels can carry.
var exponents = map[Currency]int{
	"AUD": 2, "CAD": 2, "CHF": 2, CNY: 2, "EUR": 2, "GBP": 2, "HKD": 2,
	"JPY": 0, "KRW": 0, "KWD": 3, "MOP": 2, "NZD": 2, "SGD": 2, "THB": 2,
	"TWD": 2, "USD": 2,
}

// ParseCurrency accepts three upper-case ASCII letters. Whether the currency
// is one that can be paid in is another question: see Known.
func ParseCurrency(s string) (Currency, error) {
	if len(s) != 3 {
		return "", fmt.Errorf("currency %q is not an ISO 4217 code of three letters", s)
	}
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return "", fmt.Errorf("currency %q is not an ISO 4217 code of three upper-case letters", s)
		}
	}
	return Currency(s), nil
}

// Known tells whether the minor unit of the currency is known here.
func (c Currency) Known() bool {
	_, ok := exponents[c]
	return ok
}

// Exponent is the number of decimal places of the minor unit; it is 0 for a
// currency that is not Known.
func (c Currency) Exponent() int { return exponents[c] }
