package alipaysim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Amounts the sandbox takes, in fen.
const (
	minAmount = 1
	maxAmount = 5_000_000
)

// timeLayout is how Alipay writes a time, always in Beijing's.
const timeLayout = "2006-01-02 15:04:05"

func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

func formatTime(t time.Time) string { return t.In(beijing()).Format(timeLayout) }

func parseTime(s string) (time.Time, bool) {
	if len(s) != len(timeLayout) { // time.Parse would take fractions of a second
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(timeLayout, s, beijing())
	return t.UTC(), err == nil
}

// parseYuan reads an amount in yuan with at most two decimals as fen.
func parseYuan(s string) (int64, bool) {
	whole, fraction, dotted := strings.Cut(s, ".")
	if !digits(whole, 1, 9) || (dotted && !digits(fraction, 1, 2)) {
		return 0, false
	}
	fen, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	return fen, err == nil
}

func formatYuan(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }

func digits(s string, shortest, longest int) bool {
	if len(s) < shortest || len(s) > longest {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// parseExpress reads a relative limit such as 90m, 2h, 1d or 1c (the end of the day), from 1m to 15d.
func parseExpress(s string, from time.Time) (time.Time, bool) {
	if s == "1c" {
		y, m, d := from.In(beijing()).Date()
		return time.Date(y, m, d+1, 0, 0, 0, 0, beijing()).UTC(), true
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	if len(s) < 2 || !digits(s[:len(s)-1], 1, 5) {
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
func validOrderNumber(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-'
	})
}

// validAuthCode is a payer's barcode: 16 to 24 digits that begin with 25 to 30.
func validAuthCode(s string) bool {
	return digits(s, 16, 24) && s[:2] >= "25" && s[:2] <= "30"
}
