package alipay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errNotOneObject is the cause when text is not exactly one JSON object whose
// names are each there once.
var errNotOneObject = errors.New("not one JSON object with each name once")

// member is a name of an object and the exact bytes of its value, with no
// blanks around them.
type member struct {
	name string
	raw  json.RawMessage
}

// objectMembers cuts an object into its members with a tokenizer that knows
// strings, so that braces, quotes and names inside values mislead nobody. The
// values are the bytes as they came: signatures cover them.
//
// A repeated name is refused: two readers could disagree about which counts.
func objectMembers(text []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errNotOneObject
	}
	var members []member
	for dec.More() {
		tok, err := dec.Token()
		name, isName := tok.(string)
		if err != nil || !isName {
			return nil, errNotOneObject
		}
		for i := range members {
			if members[i].name == name {
				return nil, fmt.Errorf("%w: a name is repeated", errNotOneObject)
			}
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errNotOneObject
		}
		members = append(members, member{name: name, raw: raw})
		if len(members) > maxMembers {
			return nil, fmt.Errorf("%w: too many names", errNotOneObject)
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNotOneObject
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotOneObject
	}
	return members, nil
}

// maxMembers bounds the search for repeated names, which compares each with
// each. Alipay's largest answers have some sixty.
const maxMembers = 512
