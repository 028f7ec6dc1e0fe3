package alipay

import (
	"strings"
	"unicode"

	"github.com/paymux/paymux/channels/texts"
)

// maxSubject and maxReason are the longest texts that Alipay takes, in
// characters.
const (
	maxSubject = 256
	maxReason  = 256
)

// subject replaces what Alipay's documentation of subject forbids by the
// full-width twin, which reads the same, and control characters by a blank.
func subject(s string) string {
	if s = plainText(s, maxSubject); strings.TrimSpace(s) == "" {
		return "订单"
	}
	return s
}

// reason is the same for the reason of a refund, which may be empty.
func reason(s string) string { return plainText(s, maxReason) }

func plainText(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '/':
			return '／'
		case r == '=':
			return '＝'
		case r == '&':
			return '＆'
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s)
	return texts.Clip(s, most)
}
