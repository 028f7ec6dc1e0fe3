package alipay

import (
	"strings"
	"unicode"
)

// maxMessage and maxCode bound what is kept of the channel's own words, in
// characters.
const (
	maxMessage = 200
	maxCode    = 64
)

// messageOf is the channel's message for people. A message that repeats
// parameters of the request (that of isv.invalid-signature repeats them all,
// the token and the payer's code too) is left out for the general one, and
// runs of digits as long as an account or a payer's code are masked.
func messageOf(n node) string {
	text := n.text("sub_msg")
	if text == "" || strings.ContainsAny(text, "=&") {
		text = n.text("msg")
	}
	return clip(maskDigits(text), maxMessage)
}

// codeText is the more exact of the two codes.
func codeText(code, subCode string) string {
	if subCode != "" {
		return clip(subCode, maxCode)
	}
	return clip(code, maxCode)
}

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

// maskedRun is the length from which a run of digits may be an account (16) or
// a payer's code (16 to 24).
const maskedRun = 16

func maskDigits(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		end := strings.IndexFunc(s, func(r rune) bool { return !isDigit(r) })
		if end < 0 {
			end = len(s)
		}
		if end >= maskedRun {
			b.WriteString("***")
		} else {
			b.WriteString(s[:end])
		}
		s = s[end:]
		if next := strings.IndexFunc(s, isDigit); next >= 0 {
			b.WriteString(s[:next])
			s = s[next:]
		} else {
			b.WriteString(s)
			s = ""
		}
	}
	return b.String()
}
