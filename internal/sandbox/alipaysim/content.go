package alipaysim

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// content is the business part of a request, biz_content.
type content map[string]json.RawMessage

func parseContent(text []byte) (content, error) {
	var c content
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errors.New("biz_content is null")
	}
	return c, nil
}

// text reads a field that is a JSON string, or a number as some SDKs write amounts; absent and null are empty. It
// reports false where the field is anything else.
func (c content) text(name string) (string, bool) {
	raw := bytes.TrimSpace(c[name])
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return "", true
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, true
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String(), true
	}
	return "", false
}

// get reads a field, empty where it is absent or not text; check the fields' form with malformed first.
func (c content) get(name string) string {
	s, _ := c.text(name)
	return s
}

// malformed answers the first of the named fields that is not text.
func (c content) malformed(names ...string) (string, bool) {
	for _, name := range names {
		if _, ok := c.text(name); !ok {
			return name, true
		}
	}
	return "", false
}

// asksFor reports whether query_options holds a word.
func (c content) asksFor(word string) bool {
	var words []string
	return json.Unmarshal(c["query_options"], &words) == nil && slices.Contains(words, word)
}
