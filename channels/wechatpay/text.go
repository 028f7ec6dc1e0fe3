package wechatpay

import (
	"strings"
	"unicode"

	"github.com/paymux/paymux/channels/texts"
)

// The longest texts that are sent or kept, in characters.
const (
	maxDescription = 127
	maxReason      = 80
	maxMessage     = 200
	maxCode        = 64
)

// lastPlain is the last character of three bytes in UTF-8: WeChat Pay refuses
// those of four, emoji among them.
const lastPlain = 0xFFFF

// description is a subject as WeChat Pay takes it.
func description(s string) string {
	if s = plainText(s, maxDescription); strings.TrimSpace(s) == "" {
		return "订单"
	}
	return s
}

// reason is the same for the reason of a refund, which may be empty.
func reason(s string) string { return plainText(s, maxReason) }

func plainText(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r > lastPlain:
			return '?'
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s)
	return texts.Clip(s, most)
}

// messageOf is the channel's own message for people, without runs of digits as
// long as an account or a payer's code.
func messageOf(s string) string { return texts.Clip(texts.MaskDigits(s, maskedRun), maxMessage) }

// maskedRun is the length from which a run of digits may be a bank card (16)
// or a payer's code (18).
const maskedRun = 16

// isKeyID allows what the ids of keys and certificates are made of.
func isKeyID(r rune) bool { return texts.IsAlnum(r) || r == '_' }
