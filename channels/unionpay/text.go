package unionpay

import (
	"strings"
	"unicode"
)

// maxMessage, maxCode and maxDesc bound texts, in characters. orderDesc's
// length is not documented where it is described; 32 is taken everywhere.
const (
	maxMessage = 200
	maxCode    = 16
	maxDesc    = 32
)

// forPeople is the channel's own message for people. What could be an account
// number or a payer's code is masked.
func forPeople(respMsg string) string { return clip(maskDigits(respMsg), maxMessage) }

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

// maskedRun is the length from which a run of digits may be a card (13 to 19)
// or a payer's code.
const maskedRun = 13

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
		next := strings.IndexFunc(s, isDigit)
		if next < 0 {
			next = len(s)
		}
		b.WriteString(s[:next])
		s = s[next:]
	}
	return b.String()
}

// description replaces what UnionPay's messages use themselves by the
// full-width twin, which reads the same, and control characters by a blank.
func description(subject string) string {
	twins := map[rune]rune{
		'&': '＆', '=': '＝', '{': '｛', '}': '｝', '[': '［', ']': '］', '"': '＂', '\'': '＇', '<': '＜', '>': '＞',
	}
	s := strings.Map(func(r rune) rune {
		if twin, ok := twins[r]; ok {
			return twin
		}
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, subject)
	return strings.TrimSpace(clip(s, maxDesc))
}
