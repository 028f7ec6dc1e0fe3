package wechatpay

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/paymux/paymux/channels/texts"
)

// errNotOneObject is the cause when text is not exactly one JSON object whose
// names are each there once.
var errNotOneObject = errors.New("not one JSON object with each name once")

// maxMembers bounds an object's names. WeChat Pay's largest have some thirty.
const maxMembers = 256

// object is a JSON object. Its fields are read one by one, under exactly their
// names, so that an odd value in a field that nobody needs cannot spoil the
// rest and no amount ever becomes a float.
type object map[string]json.RawMessage

// readObject reads one object. A repeated name is refused: two readers could
// disagree about which counts.
func readObject(text []byte) (object, error) {
	rest := skipBlanks(text)
	if len(rest) == 0 || rest[0] != '{' || !json.Valid(rest) {
		return nil, errNotOneObject
	}
	// From here on the text is well formed, so cutting it needs no checks.
	o := object{}
	for rest = skipBlanks(rest[1:]); rest[0] != '}'; {
		if rest[0] == ',' {
			rest = skipBlanks(rest[1:])
		}
		end := stringEnd(rest)
		name := textOf(rest[:end])
		rest = skipBlanks(skipBlanks(rest[end:])[1:])
		end = valueEnd(rest)
		if _, twice := o[name]; twice || len(o) == maxMembers {
			return nil, errNotOneObject
		}
		o[name] = json.RawMessage(rest[:end])
		rest = skipBlanks(rest[end:])
	}
	return o, nil
}

func skipBlanks(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n") }

// stringEnd is where the string ends that text begins with, quotes included.
func stringEnd(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd is where the value ends that text begins with.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:]) - 1
		case '{', '[':
			depth++
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		}
		if depth == 0 && (text[i] == '"' || text[i] == '}' || text[i] == ']') {
			return i + 1
		}
	}
}

// textOf is what a JSON value says as a text; empty where it is none.
func textOf(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// text is a field's text; empty where the field is absent or no text.
func (o object) text(name string) string { return textOf(o[name]) }

// integer is a field's whole number, written with digits only.
func (o object) integer(name string) (int64, bool) {
	raw := string(o[name])
	if !texts.Is(raw, 1, 19, texts.IsDigit) {
		return 0, false
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	return n, err == nil
}

// within is a field's object; an empty one where the field is none.
func (o object) within(name string) object {
	inner, err := readObject(o[name])
	if err != nil {
		return object{}
	}
	return inner
}
