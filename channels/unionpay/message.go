package unionpay

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/paymux/paymux/channels/texts"
)

// maxFields bounds a message; real ones have some thirty fields.
const maxFields = 256

// errMessage is the cause when text is no message: fields with names of
// letters and digits, each there once.
var errMessage = errors.New("not a message with each field once")

// errAmbiguous refuses a message whose signed text has a second reading. The
// text joins "name=value" by "&" without escapes, so fields of a genuine
// message could be moved into the value before them, and its signature would
// still hold.
var errAmbiguous = errors.New("the signed text could be read as other fields")

// message is a received message: fields in order of name, each there once,
// values exactly as they came.
type message []field

type field struct{ name, value string }

// parseBody reads the body of an answer, which is not URL-encoded. The whole
// may stand in one pair of braces.
func parseBody(body []byte) (message, error) {
	text := string(body)
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		text = text[1 : len(text)-1]
	}
	fields, err := splitFields(text)
	if err != nil {
		return nil, err
	}
	return newMessage(fields)
}

// parseForm reads the body of a notification, which is URL-encoded, decoding
// it once.
func parseForm(body []byte) (message, error) {
	pairs := strings.SplitN(string(body), "&", maxFields+1)
	if len(body) == 0 || len(pairs) > maxFields {
		return nil, errMessage
	}
	fields := make([]field, 0, len(pairs))
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, errMessage
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, errMessage
		}
		fields = append(fields, field{name, value})
	}
	return newMessage(fields)
}

// splitFields splits un-encoded text by UnionPay's own rule: a name ends at
// the first "=", its value at the next "&" outside of brackets. Inside a value
// the first "{" or "[" opens a part that ends at the first "}" or "]" after
// it; brackets do not nest. A part that is never closed is refused: by the rule
// it would swallow the rest of the message, the signature too.
func splitFields(text string) ([]field, error) {
	var fields []field
	for start := 0; start <= len(text); {
		end, err := pairEnd(text, start)
		if err != nil || len(fields) == maxFields {
			return nil, errMessage
		}
		name, value, _ := strings.Cut(text[start:end], "=")
		fields = append(fields, field{name, value})
		start = end + 1
	}
	return fields, nil
}

// pairEnd is where the pair that begins at start ends.
func pairEnd(text string, start int) (int, error) {
	inValue, closer := false, byte(0)
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case closer != 0:
			if c == closer {
				closer = 0
			}
		case c == '&':
			return i, nil
		case !inValue:
			inValue = c == '='
		case c == '{':
			closer = '}'
		case c == '[':
			closer = ']'
		}
	}
	if closer != 0 {
		return 0, errMessage
	}
	return len(text), nil
}

func newMessage(fields []field) (message, error) {
	m := message(fields)
	slices.SortFunc(m, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for i, f := range m {
		if !texts.Is(f.name, 1, 64, texts.IsAlnum) || (i > 0 && m[i-1].name == f.name) {
			return nil, errMessage
		}
	}
	return m, nil
}

// get is a field's value; empty where the field is absent.
func (m message) get(name string) string {
	i, ok := slices.BinarySearchFunc(m, name, func(f field, name string) int { return strings.Compare(f.name, name) })
	if !ok {
		return ""
	}
	return m[i].value
}

// signedText is the text that the signature covers: every field but the
// signature, unknown and empty ones too, in order of name.
func (m message) signedText() string {
	var b strings.Builder
	for _, f := range m {
		if f.name == fieldSignature {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(f.name)
		b.WriteByte('=')
		b.WriteString(f.value)
	}
	return b.String()
}

// checkReading refuses a signed text that, split by the rule, gives other
// fields than the message's. Two messages with the same signed text that both
// pass are the same message.
func (m message) checkReading(signed string) error {
	again, err := splitFields(signed)
	if err != nil {
		return errAmbiguous
	}
	own := slices.DeleteFunc(slices.Clone(m), func(f field) bool { return f.name == fieldSignature })
	if !slices.Equal(again, []field(own)) {
		return errAmbiguous
	}
	return nil
}
