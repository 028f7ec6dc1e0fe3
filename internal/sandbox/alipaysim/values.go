package alipaysim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

// timeLayout is how Alipay writes a time, always in Beijing's.
const timeLayout = "2006-01-02 15:04:05"

func formatTime(t time.Time) string { return t.In(parts.Beijing()).Format(timeLayout) }

func parseTime(s string) (time.Time, bool) {
	if len(s) != len(timeLayout) { // time.Parse would take fractions of a second
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(timeLayout, s, parts.Beijing())
	return t.UTC(), err == nil
}

// parseYuan reads an amount in yuan with at most two decimals as fen.
func parseYuan(s string) (int64, bool) {
	whole, fraction, dotted := strings.Cut(s, ".")
	if !parts.Digits(whole, 1, 9) || (dotted && !parts.Digits(fraction, 1, 2)) {
		return 0, false
	}
	fen, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	return fen, err == nil
}

func formatYuan(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }

// parseExpress reads a relative limit such as 90m, 2h, 1d or 1c (the end of the day), from 1m to 15d.
func parseExpress(s string, from time.Time) (time.Time, bool) {
	if s == "1c" {
		y, m, d := from.In(parts.Beijing()).Date()
		return time.Date(y, m, d+1, 0, 0, 0, 0, parts.Beijing()).UTC(), true
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	if len(s) < 2 || !parts.Digits(s[:len(s)-1], 1, 5) {
		return time.Time{}, false
	}
	unit, ok := units[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	limit := time.Duration(n) * unit
	if !ok || err != nil || limit < time.Minute || limit > defaultLimit {
		return time.Time{}, false
	}
	return from.Add(limit), true
}

// validOrderNumber takes what real notifications show: letters, digits, underscores and hyphens.
func validOrderNumber(s string) bool { return parts.Alphanumerics(s, 1, 64, "_-") }

// validAuthCode is a payer's barcode: 16 to 24 digits that begin with 25 to 30.
func validAuthCode(s string) bool {
	return parts.Digits(s, 16, 24) && s[:2] >= "25" && s[:2] <= "30"
}
