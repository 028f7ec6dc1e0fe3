package wechatpay

import (
	"strings"
	"unicode"
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
	return clip(s, most)
}

// messageOf is the channel's own message for people, without runs of digits as
// long as an account or a payer's code.
func messageOf(s string) string { return clip(maskDigits(s), maxMessage) }

// clip cuts to most characters and drops control characters.
func clip(s string, most int) string {
	var b strings.Builder
	for _, r := range s {
		if most == 0 {
			break
		}
		if unicode.IsControl(r) {
			continue
		}
		b.WriteRune(r)
		most--
	}
	return b.String()
}

// maskedRun is the length from which a run of digits may be a bank card (16)
// or a payer's code (18).
const maskedRun = 16

func maskDigits(s string) string {
	var b strings.Builder
	for s != "" {
		digits := strings.IndexFunc(s, func(r rune) bool { return !isDigit(r) })
		if digits < 0 {
			digits = len(s)
		}
		if digits >= maskedRun {
			b.WriteString("***")
		} else {
			b.WriteString(s[:digits])
		}
		s = s[digits:]
		other := strings.IndexFunc(s, isDigit)
		if other < 0 {
			other = len(s)
		}
		b.WriteString(s[:other])
		s = s[other:]
	}
	return b.String()
}

func isText(s string, least, most int, allowed func(rune) bool) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !allowed(r) }) < 0
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isAlnum(r rune) bool {
	return isDigit(r) || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// isKeyID allows what the ids of keys and certificates are made of.
func isKeyID(r rune) bool { return isAlnum(r) || r == '_' }
