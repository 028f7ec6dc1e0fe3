package unionpay

import (
	"strings"
	"unicode"

	"github.com/paymux/paymux/channels/texts"
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
func forPeople(respMsg string) string {
	return texts.Clip(texts.MaskDigits(respMsg, maskedRun), maxMessage)
}

// maskedRun is the length from which a run of digits may be a card (13 to 19)
// or a payer's code.
const maskedRun = 13

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
	return strings.TrimSpace(texts.Clip(s, maxDesc))
}
