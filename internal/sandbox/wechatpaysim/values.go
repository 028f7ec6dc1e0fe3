package wechatpaysim

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/keys"
)

// Amounts the sandbox takes, in fen.
const (
	minAmount = 1
	maxAmount = 5_000_000
)

const currency = "CNY"

func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

func formatTime(t time.Time) string { return t.In(beijing()).Format(time.RFC3339) }

func digits(s string, shortest, longest int) bool {
	return len(s) >= shortest && len(s) <= longest && strings.Trim(s, "0123456789") == ""
}

// validOrderNumber takes 6 to 32 letters, digits and _ - | *.
func validOrderNumber(s string) bool { return len(s) >= 6 && len(s) <= 32 && made(s, "_-|*") }

// validRefundNumber takes up to 64 letters, digits and _ - | * @.
func validRefundNumber(s string) bool { return s != "" && len(s) <= 64 && made(s, "_-|*@") }

func made(s, signs string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune(signs, c)
	})
}

// validAuthCode is a payer's code: 18 digits that begin with 10 to 15.
func validAuthCode(s string) bool { return digits(s, 18, 18) && s[:2] >= "10" && s[:2] <= "15" }

func validSubMerchant(s string) bool { return digits(s, 8, 32) }

// plainText takes characters of one to three bytes in UTF-8; the channel refuses others.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return utf8.RuneLen(c) > 3 })
}

// transactionID is 28 digits that begin with 42 and hold the day.
func transactionID(now time.Time) string {
	return "4200" + keys.Digits(6) + now.In(beijing()).Format("20060102") + keys.Digits(10)
}

// refundID is 29 digits that begin with 50 and hold the day.
func refundID(now time.Time) string {
	return "5030" + keys.Digits(6) + now.In(beijing()).Format("20060102") + keys.Digits(11)
}

// newPrepayID is 36 characters that begin with wx and the time of day.
func newPrepayID(now time.Time) string {
	return "wx" + now.In(beijing()).Format("02150405") + keys.Hex(26)
}

// fee is 0.6 % of a payment, rounded half up, in fen.
func fee(amount int64) int64 { return (amount*6 + 500) / 1000 }

// returnedFee is how much of a payment's fee has gone back once this much of it was refunded, rounded half up, in fen.
func returnedFee(fee, refunded, total int64) int64 { return (2*fee*refunded + total) / (2 * total) }

// declinedByAmount says whether an amount is never paid.
func declinedByAmount(amount int64) bool { return faults.MagicOf(amount) == faults.MagicDecline }

func formatYuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}
