package credentials

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/paymux/paymux/channels/texts"
)

const (
	// maxNames bounds the search for repeated names, which compares each with
	// each. No channel has a tenth as many fields.
	maxNames = 256
	// maxNameShown is how much of an unknown name a fault shows, in characters.
	maxNameShown = 64
)

var errNotOneObject = errors.New("not one JSON object with each name once")

// Read reads the credentials of an account at the named channel strictly:
// unknown names, names in another case and repeated names are faults. The
// fields are those of C by their json tags. faults lists what is wrong with the
// values; all faults are reported together.
func Read[C any](channel string, raw []byte, faults func(C) []error) (C, error) {
	var none, read C
	names, err := memberNames(raw)
	if err != nil {
		return none, fmt.Errorf("%s credentials are %w", channel, err)
	}
	known := fieldNames(reflect.TypeFor[C]())
	var found []error
	for _, name := range names {
		if !slices.Contains(known, name) {
			found = append(found, fmt.Errorf("%s credentials: field %q is not known", channel, texts.Clip(name, maxNameShown)))
		}
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		var kind *json.UnmarshalTypeError
		if !errors.As(err, &kind) {
			return none, fmt.Errorf("%s credentials are not valid JSON", channel)
		}
		// Value may quote a number, which may be a secret: only its kind is told.
		held, _, _ := strings.Cut(kind.Value, " ")
		found = append(found, fmt.Errorf("%s credentials: field %q holds a %s", channel, kind.Field, held))
		return none, errors.Join(found...)
	}
	if found = append(found, faults(read)...); len(found) > 0 {
		return none, errors.Join(found...)
	}
	return read, nil
}

// fieldNames are the names that a struct's json tags give.
func fieldNames(of reflect.Type) []string {
	var names []string
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// memberNames are the names of one JSON object, in their order, each there once.
func memberNames(raw []byte) ([]string, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errNotOneObject
	}
	var names []string
	for dec.More() {
		tok, err := dec.Token()
		name, isName := tok.(string)
		if err != nil || !isName || slices.Contains(names, name) || len(names) == maxNames {
			return nil, errNotOneObject
		}
		names = append(names, name)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errNotOneObject
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNotOneObject
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotOneObject
	}
	return names, nil
}
