package alipay

import (
	"strings"

	"github.com/paymux/paymux/channels/texts"
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
	return texts.Clip(texts.MaskDigits(text, maskedRun), maxMessage)
}

// codeText is the more exact of the two codes.
func codeText(code, subCode string) string {
	if subCode != "" {
		return texts.Clip(subCode, maxCode)
	}
	return texts.Clip(code, maxCode)
}

// maskedRun is the length from which a run of digits may be an account (16) or
// a payer's code (16 to 24).
const maskedRun = 16
