package wechatpaysim

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

func formatTime(t time.Time) string { return t.In(parts.Beijing()).Format(time.RFC3339) }

// validOrderNumber takes 6 to 32 letters, digits and _ - | *.
func validOrderNumber(s string) bool { return parts.Alphanumerics(s, 6, 32, "_-|*") }

// validRefundNumber takes up to 64 letters, digits and _ - | * @.
func validRefundNumber(s string) bool { return parts.Alphanumerics(s, 1, 64, "_-|*@") }

// validAuthCode is a payer's code: 18 digits that begin with 10 to 15.
func validAuthCode(s string) bool { return parts.Digits(s, 18, 18) && s[:2] >= "10" && s[:2] <= "15" }

func validSubMerchant(s string) bool { return parts.Digits(s, 8, 32) }

// plainText takes characters of one to three bytes in UTF-8; the channel refuses others.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return utf8.RuneLen(c) > 3 })
}

// transactionID is 28 digits that begin with 42 and hold the day.
func transactionID(now time.Time) string {
	return "4200" + keys.Digits(6) + now.In(parts.Beijing()).Format("20060102") + keys.Digits(10)
}

// refundID is 29 digits that begin with 50 and hold the day.
func refundID(now time.Time) string {
	return "5030" + keys.Digits(6) + now.In(parts.Beijing()).Format("20060102") + keys.Digits(11)
}

// newPrepayID is 36 characters that begin with wx and the time of day.
func newPrepayID(now time.Time) string {
	return "wx" + now.In(parts.Beijing()).Format("02150405") + keys.Hex(26)
}

// returnedFee is how much of a payment's fee has gone back once this much of it was refunded, rounded half up, in fen.
func returnedFee(fee, refunded, total int64) int64 { return (2*fee*refunded + total) / (2 * total) }

func formatYuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}
