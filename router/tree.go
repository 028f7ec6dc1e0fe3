package router

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reader gathers the faults of a document.
type reader struct{ issues []Issue }

func (r *reader) fault(field, message string) {
	r.issues = append(r.issues, Issue{Field: field, Severity: Fault, Message: message})
}

// node is a value of the document with its place. The zero node is one that is
// not there: it reads as empty.
type node struct {
	r     *reader
	path  string
	value any
}

func (n node) fault(message string) { n.r.fault(n.path, message) }

func (n node) at(name string) node {
	path := name
	if n.path != "" {
		path = n.path + "." + name
	}
	return node{r: n.r, path: path}
}

func (n node) isObject() bool {
	_, ok := n.value.(map[string]any)
	return ok
}

// object reads a map; with known names no others are allowed.
func (n node) object(known ...string) map[string]node {
	if n.r == nil {
		return nil
	}
	fields, ok := n.value.(map[string]any)
	if !ok {
		n.fault("must be a map, not " + kindOf(n.value))
		return nil
	}
	out := make(map[string]node, len(fields))
	for _, name := range sortedKeys(fields) {
		field := n.at(name)
		field.value = fields[name]
		if len(known) > 0 && !slices.Contains(known, name) {
			field.fault("is not known here; known are " + strings.Join(known, ", "))
			continue
		}
		out[name] = field
	}
	return out
}

func sortedKeys(fields map[string]any) []string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// list reads a list of least to most entries.
func (n node) list(least, most int) []node {
	if n.r == nil {
		return nil
	}
	values, ok := n.value.([]any)
	switch {
	case !ok:
		n.fault("must be a list, not " + kindOf(n.value))
		return nil
	case len(values) < least:
		n.fault("is empty; leave it out or name something")
		return nil
	case len(values) > most:
		n.fault(fmt.Sprintf("has %d entries, at most %d are allowed", len(values), most))
		return nil
	}
	out := make([]node, len(values))
	for i, v := range values {
		out[i] = node{r: n.r, path: n.path + "[" + strconv.Itoa(i) + "]", value: v}
	}
	return out
}

// text reads a string that is not empty.
func (n node) text(most int) string { return n.line(most, false) }

// line reads a string of at most so many characters, none a control character.
func (n node) line(most int, empty bool) string {
	s, ok := n.value.(string)
	switch {
	case !ok:
		n.fault("must be a text, not " + kindOf(n.value) + "; put it in quotes")
	case s == "" && !empty:
		n.fault("is empty")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		n.fault("must be text without control characters")
	case utf8.RuneCountInString(s) > most:
		n.fault(fmt.Sprintf("must be at most %d characters", most))
	default:
		return s
	}
	return ""
}

// integer reads a whole number; 0 where it is none.
func (n node) integer(least, most int64) int64 {
	var v int64
	ok := true
	switch number := n.value.(type) {
	case int64:
		v = number
	case int:
		v = int64(number)
	case float64:
		v, ok = int64(number), number == float64(int64(number)) && number >= -1<<53 && number <= 1<<53
	case json.Number:
		parsed, err := strconv.ParseInt(number.String(), 10, 64)
		v, ok = parsed, err == nil
	default:
		ok = false
	}
	if !ok || v < least || v > most {
		n.fault(fmt.Sprintf("must be a whole number from %d to %d", least, most))
		return 0
	}
	return v
}

// oneOf reads one of some words.
func oneOf(n node, allowed []string) string {
	s, ok := n.value.(string)
	if !ok || !slices.Contains(allowed, s) {
		n.fault("must be one of " + strings.Join(allowed, ", "))
		return ""
	}
	return s
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a text"
	case bool:
		return "a truth value"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	default:
		return "a number"
	}
}
