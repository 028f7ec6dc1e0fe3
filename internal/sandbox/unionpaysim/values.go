package unionpaysim

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Amounts the sandbox takes, in fen.
const (
	minAmount = 1
	maxAmount = 5_000_000
)

const (
	version     = "5.1.0"
	currencyCNY = "156"
	currency    = "CNY"
)

// How UnionPay writes times, always Beijing's.
const (
	timeLayout  = "20060102150405"
	traceLayout = "0102150405" // without the year
	dayLayout   = "0102"
)

func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

func formatTime(t time.Time) string { return t.In(beijing()).Format(timeLayout) }

func parseTime(s string) (time.Time, bool) {
	if !digits(s, len(timeLayout), len(timeLayout)) {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(timeLayout, s, beijing())
	return t.UTC(), err == nil
}

// settlementDay is the day to whose settlement a moment belongs: days go from 23:00 to 23:00 in Beijing.
func settlementDay(t time.Time) time.Time {
	y, m, d := t.In(beijing()).Add(time.Hour).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, beijing())
}

// parseAmount reads fen, digits only.
func parseAmount(s string) (int64, bool) {
	if !digits(s, 1, 12) {
		return 0, false
	}
	fen, err := strconv.ParseInt(s, 10, 64)
	return fen, err == nil
}

func formatAmount(fen int64) string { return strconv.FormatInt(fen, 10) }

func digits(s string, shortest, longest int) bool {
	return len(s) >= shortest && len(s) <= longest && strings.Trim(s, "0123456789") == ""
}

// alphanumerics: ASCII letters and digits, nothing else.
func alphanumerics(s string, shortest, longest int) bool {
	if len(s) < shortest || len(s) > longest {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}

func validOrderID(s string) bool { return alphanumerics(s, 8, 40) }

func validAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= 256 && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// fee is 0.6 % of a payment, rounded half up, in fen.
func fee(amount int64) int64 { return (amount*6 + 500) / 1000 }

// otherNumber is a number of the same form that differs in its last character.
func otherNumber(number string) string {
	last := byte('0')
	if number[len(number)-1] == last {
		last = '1'
	}
	return number[:len(number)-1] + string(last)
}
