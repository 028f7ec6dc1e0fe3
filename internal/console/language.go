package console

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/paymux/paymux/internal/wording"
)

// language is a language of the pages; its value is that of the lang attribute.
type language string

const (
	chinese language = "zh-CN"
	english language = "en"
)

// told is the language's name in package wording.
func (l language) told() string {
	if l == english {
		return wording.English
	}
	return wording.Chinese
}

// text is one message in both languages. A message that takes arguments takes
// them in the same order in both.
type text struct{ zh, en string }

func (t text) in(l language) string {
	if l == english {
		return t.en
	}
	return t.zh
}

// tables are the messages, by area; keys are unique over all of them.
var tables = []map[string]text{layoutTexts, loginTexts, dayTexts, discrepancyTexts, paymentTexts, staffTexts, problemTexts, wordTexts}

func lookUp(key string) (text, bool) {
	for _, table := range tables {
		if t, ok := table[key]; ok {
			return t, true
		}
	}
	return text{}, false
}

// say gives a message. A key without one is shown itself, so that nothing is
// hidden; a test finds such keys.
func say(l language, key string, args ...any) string {
	t, ok := lookUp(key)
	switch {
	case !ok:
		return key
	case len(args) == 0:
		return t.in(l)
	default:
		return fmt.Sprintf(t.in(l), args...)
	}
}

// word gives the word for a value of a set ("status.balanced"); a value that
// this table does not know is shown as it is.
func word(l language, set, value string) string {
	if t, ok := lookUp(set + "." + value); ok {
		return t.in(l)
	}
	return value
}

const languageCookie = "paymux-console-lang"

// languageOf is what the person chose, else Chinese.
func languageOf(r *http.Request) language {
	if c, err := r.Cookie(languageCookie); err == nil && strings.HasPrefix(c.Value, "en") {
		return english
	}
	return chinese
}
