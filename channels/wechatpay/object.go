package wechatpay

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
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
	dec := json.NewDecoder(bytes.NewReader(text))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errNotOneObject
	}
	o := object{}
	for dec.More() {
		tok, err := dec.Token()
		name, isName := tok.(string)
		if err != nil || !isName {
			return nil, errNotOneObject
		}
		if _, twice := o[name]; twice || len(o) == maxMembers {
			return nil, errNotOneObject
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errNotOneObject
		}
		o[name] = raw
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNotOneObject
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotOneObject
	}
	return o, nil
}

// text is a field's text; empty where the field is absent or no text.
func (o object) text(name string) string {
	var s string
	if json.Unmarshal(o[name], &s) != nil {
		return ""
	}
	return s
}

// integer is a field's whole number, written with digits only.
func (o object) integer(name string) (int64, bool) {
	raw := string(o[name])
	if raw == "" || !isText(raw, 1, 19, isDigit) {
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
