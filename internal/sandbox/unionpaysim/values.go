package unionpaysim

import (
	"strconv"
	"time"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

const (
	version     = "5.1.0"
	currencyCNY = "156"
)

// How UnionPay writes times, always Beijing's.
const (
	timeLayout  = "20060102150405"
	traceLayout = "0102150405" // without the year
	dayLayout   = "0102"
)

func formatTime(t time.Time) string { return t.In(parts.Beijing()).Format(timeLayout) }

func parseTime(s string) (time.Time, bool) {
	if !parts.Digits(s, len(timeLayout), len(timeLayout)) {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(timeLayout, s, parts.Beijing())
	return t.UTC(), err == nil
}

// settlementDay is the day to whose settlement a moment belongs: days go from 23:00 to 23:00 in Beijing.
func settlementDay(t time.Time) time.Time {
	y, m, d := t.In(parts.Beijing()).Add(time.Hour).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, parts.Beijing())
}

// parseAmount reads fen, digits only.
func parseAmount(s string) (int64, bool) {
	if !parts.Digits(s, 1, 12) {
		return 0, false
	}
	fen, err := strconv.ParseInt(s, 10, 64)
	return fen, err == nil
}

func formatAmount(fen int64) string { return strconv.FormatInt(fen, 10) }

func validOrderID(s string) bool { return parts.Alphanumerics(s, 8, 40, "") }

func validAddress(s string) bool {
	return parts.WebAddress(s, 256)
}
