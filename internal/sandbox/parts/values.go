package parts

import (
	"net/url"
	"strings"
	"time"
)

// Amounts the sandbox takes, in fen.
const (
	MinAmount = 1
	MaxAmount = 5_000_000
)

// Currency is that of every trade.
const Currency = "CNY"

// DateLayout is how the sandbox writes a day.
const DateLayout = "2006-01-02"

// Beijing is the zone of the channels' times and days.
func Beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// Fee is 0.6 % of a payment, rounded half up, in fen.
func Fee(amount int64) int64 { return (amount*6 + 500) / 1000 }

// Digits takes ASCII digits alone, so many.
func Digits(s string, shortest, longest int) bool {
	return len(s) >= shortest && len(s) <= longest && strings.Trim(s, "0123456789") == ""
}

// Alphanumerics takes ASCII letters, digits and the further signs alone, so many.
func Alphanumerics(s string, shortest, longest int, signs string) bool {
	return len(s) >= shortest && len(s) <= longest && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune(signs, c)
	})
}

// WebAddress takes http and https addresses of at most so many characters.
func WebAddress(s string, longest int) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= longest && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// OtherNumber is a number of the same form that differs in its last character.
func OtherNumber(number string) string {
	last := byte('0')
	if number[len(number)-1] == last {
		last = '1'
	}
	return number[:len(number)-1] + string(last)
}
