package statement

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/paymux/paymux/internal/money"
)

// shanghai is where business days are counted; see package channels.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// timeLayout is that of cells of times.
const timeLayout = "2006-01-02 15:04:05"

// maxCell bounds a cell's text; Excel takes 32,767 characters.
const maxCell = 4000

// appendMajor writes an amount in the currency's major unit with all its
// decimal places, negative ones with a minus sign.
func appendMajor(out []byte, minor int64, c money.Currency) []byte {
	// The digits of the lowest number have no positive number of their own.
	digits := strconv.FormatInt(minor, 10)
	if minor < 0 {
		out, digits = append(out, '-'), digits[1:]
	}
	places := c.Exponent()
	for len(digits) <= places {
		digits = "0" + digits
	}
	cut := len(digits) - places
	out = append(out, digits[:cut]...)
	if places > 0 {
		out = append(append(out, '.'), digits[cut:]...)
	}
	return out
}

// clean makes text of one line that every reader of the files takes.
func clean(s string) string {
	plain := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			plain = false
			break
		}
	}
	if plain && len(s) <= maxCell {
		return s
	}
	var out strings.Builder
	n := 0
	for _, r := range s { // what is not UTF-8 comes as U+FFFD
		if n++; n > maxCell {
			out.WriteRune('…')
			break
		}
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			out.WriteByte(' ')
		case r == '\ufffe', r == '\uffff':
			out.WriteRune(unicode.ReplacementChar)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// formulaStarts are the first characters that spreadsheets take for the
// beginning of a formula when they open a CSV file, and those that hide one.
const formulaStarts = "=+-@\t\r＝＋－＠"

// startsFormula tells whether a spreadsheet could take a CSV cell for a formula.
func startsFormula(s string) bool {
	for _, r := range s {
		return strings.ContainsRune(formulaStarts, r)
	}
	return false
}

// isNumber tells whether s has only the characters of order and refund numbers.
func isNumber(s string) bool {
	for i := range len(s) {
		c := s[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
		if !ok {
			return false
		}
	}
	return true
}
