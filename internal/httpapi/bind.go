package httpapi

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/payment"
)

// field is a field of a request: where its value goes and what is wrong with
// it. null is the same as absent and never gets here.
type field[T any] struct {
	name string
	read func(dst *T, v node) []payment.FieldError
}

// decode reads a body into dst and names every fault of its form. The error
// says that it is no JSON object; then nothing was read.
func decode[T any](body []byte, fields []field[T], dst *T, maxDepth int) ([]payment.FieldError, error) {
	if len(body) == 0 {
		return nil, invalid("the body is empty; send a JSON object")
	}
	root, faults, err := parseJSON(body, maxDepth)
	if err != nil {
		return nil, invalid("%s", err)
	}
	if root.kind != kindObject {
		return nil, invalid("the body must be a JSON object")
	}
	for _, m := range root.members {
		f := find(fields, m.name)
		switch {
		case f == nil:
			faults = append(faults, payment.FieldError{Field: m.name, Message: unknownField(fields, m.name)})
		case m.value.kind == kindNull || m.value.kind == kindFaulty:
		default:
			faults = append(faults, f.read(dst, m.value)...)
		}
	}
	return faults, nil
}

func find[T any](fields []field[T], name string) *field[T] {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

func unknownField[T any](fields []field[T], name string) string {
	for _, f := range fields {
		if strings.EqualFold(f.name, name) {
			return "is unknown; the field is written " + f.name
		}
	}
	return "is unknown"
}

func invalid(format string, args ...any) *refusal {
	return &refusal{code: payment.CodeInvalidRequest, detail: fmt.Sprintf(format, args...)}
}

// refuseFields is the refusal for wrong fields, or nil where there are none.
func (s *Server) refuseFields(faults []payment.FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	ref := invalid("the fields in errors are wrong; correct them and sign a new request")
	if most := s.cfg.MaxFieldErrors; len(faults) > most {
		ref.detail = fmt.Sprintf("%d fields are wrong, errors names the first %d", len(faults), most)
		faults = faults[:most]
	}
	ref.fields = make([]payment.FieldError, len(faults))
	for i, f := range faults {
		ref.fields[i] = payment.FieldError{Field: shorten(f.Field), Message: f.Message}
	}
	return ref
}

const maxFieldName = 128

// shorten keeps a caller's own long field name from filling the answer.
func shorten(name string) string {
	if utf8.RuneCountInString(name) <= maxFieldName {
		return name
	}
	return string([]rune(name)[:maxFieldName]) + "…"
}

// together joins the faults of the form with those of the content: a field
// whose form is wrong was not read, so what its emptiness leads to is not said.
func together(form, content []payment.FieldError) []payment.FieldError {
	wrong := make(map[string]bool, len(form))
	for _, f := range form {
		wrong[rootOf(f.Field)] = true
	}
	for _, f := range content {
		if !wrong[rootOf(f.Field)] {
			form = append(form, f)
		}
	}
	return form
}

func rootOf(field string) string {
	root, _, _ := strings.Cut(field, ".")
	return root
}

const mustBeString = "must be a string"

func text[T any](name string, at func(*T) *string) field[T] {
	return field[T]{name, func(dst *T, v node) []payment.FieldError {
		if v.kind != kindString {
			return fault(name, mustBeString)
		}
		*at(dst) = v.text
		return nil
	}}
}

// filled is a text that is left out rather than empty.
func filled[T any](name string, at func(*T) *string) field[T] {
	f := text(name, at)
	return field[T]{name, func(dst *T, v node) []payment.FieldError {
		if v.kind == kindString && v.text == "" {
			return fault(name, "must not be empty; leave it out instead")
		}
		return f.read(dst, v)
	}}
}

func integer[T any](name string, at func(*T) *int64) field[T] {
	const message = "must be an integer of at least 1, written with digits only (no quotes, sign, point or exponent)"
	return field[T]{name, func(dst *T, v node) []payment.FieldError {
		if v.kind != kindNumber {
			return fault(name, message)
		}
		if digits, rest := cutDigits(v.text); digits == "" || rest != "" {
			return fault(name, message)
		}
		n, err := strconv.ParseInt(v.text, 10, 64)
		if err != nil {
			return fault(name, fmt.Sprintf("must be at most %d", int64(payment.MaxAmountMinor)))
		}
		*at(dst) = n
		return nil
	}}
}

func moment[T any](name string, at func(*T) **time.Time) field[T] {
	return field[T]{name, func(dst *T, v node) []payment.FieldError {
		t, ok := parseTime(v.text)
		if v.kind != kindString || !ok {
			return fault(name, timeMessage)
		}
		*at(dst) = &t
		return nil
	}}
}

const timeMessage = "must be an RFC 3339 time with offset, for instance 2025-11-21T12:00:00+08:00"

// parseTime reads an RFC 3339 time, section 5.6, to the letter: package time
// also takes one digit for the hour, a comma before the fraction and offsets
// beyond a day.
func parseTime(s string) (time.Time, bool) {
	const shape = "0000-00-00T00:00:00"
	if len(s) < len(shape) || !hasShape(s[:len(shape)], shape) {
		return time.Time{}, false
	}
	zone := s[len(shape):]
	if after, ok := strings.CutPrefix(zone, "."); ok {
		fraction, rest := cutDigits(after)
		if fraction == "" || len(fraction) > 9 {
			return time.Time{}, false
		}
		zone = rest
	}
	if zone != "Z" && (!hasShape(zone, "+00:00") && !hasShape(zone, "-00:00") || zone[1:3] > "23" || zone[4:] > "59") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC(), err == nil
}

// hasShape tells whether s has the characters of shape, where 0 is any digit.
func hasShape(s, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		if digit := s[i] >= '0' && s[i] <= '9'; shape[i] == '0' && !digit || shape[i] != '0' && s[i] != shape[i] {
			return false
		}
	}
	return true
}

func pairs[T any](name string, at func(*T) *map[string]string) field[T] {
	return field[T]{name, func(dst *T, v node) []payment.FieldError {
		if v.kind != kindObject {
			return fault(name, "must be an object of strings")
		}
		var faults []payment.FieldError
		out := make(map[string]string, len(v.members))
		for _, m := range v.members {
			switch m.value.kind {
			case kindString:
				out[m.name] = m.value.text
			case kindFaulty: // named already
			case kindNull, kindBool, kindNumber, kindArray, kindObject:
				faults = append(faults, payment.FieldError{Field: name + "." + m.name, Message: "must be a string"})
			}
		}
		*at(dst) = out
		return faults
	}}
}

func fault(name, message string) []payment.FieldError {
	return []payment.FieldError{{Field: name, Message: message}}
}
