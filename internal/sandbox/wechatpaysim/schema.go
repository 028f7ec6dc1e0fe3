package wechatpaysim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// kind is the form of a field's value.
type kind int

const (
	text kind = iota
	integer
	boolean
	record
	list // of records
)

// field says what a request's field may hold.
type field struct {
	kind     kind
	required bool
	longest  int               // text: characters; 0: not limited here
	holds    func(string) bool // text: a form of its own
	fields   fields            // record, and list: of each item
}

type fields map[string]field

// and answers the fields together with others.
func (f fields) and(others ...fields) fields {
	all := maps.Clone(f)
	for _, o := range others {
		maps.Copy(all, o)
	}
	return all
}

// check refuses an object with fields that are unknown, missing or malformed; it names the first by the alphabet, extra
// ones before others.
func (f fields) check(o object, path string) *refusal {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if _, known := f[name]; !known {
			return extraParameter(path+"/"+name, "body")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		value, there := o[name]
		rule := f[name]
		at := path + "/" + name
		if !there || value == nil {
			if rule.required {
				return parameterError(at, "body", "缺少必填参数", "")
			}
			continue
		}
		if no := rule.check(value, at); no != nil {
			return no
		}
	}
	return nil
}

func (r field) check(value any, at string) *refusal {
	wrong := func() *refusal {
		return parameterError(at, "body", "输入源映射到值字段的规则校验失败", value)
	}
	switch r.kind {
	case integer:
		n, ok := value.(json.Number)
		if !ok || !wholeNumber(n.String()) {
			return wrong()
		}
	case boolean:
		if _, ok := value.(bool); !ok {
			return wrong()
		}
	case record:
		o, ok := value.(object)
		if !ok {
			return wrong()
		}
		return r.fields.check(o, at)
	case list:
		items, ok := value.([]any)
		if !ok {
			return wrong()
		}
		for i, item := range items {
			o, ok := item.(object)
			if !ok {
				return wrong()
			}
			if no := r.fields.check(o, at+"/"+strconv.Itoa(i)); no != nil {
				return no
			}
		}
	case text:
		s, ok := value.(string)
		if !ok || !r.takes(s) {
			return wrong()
		}
	}
	return nil
}

func (r field) takes(s string) bool {
	return plainText(s) && (s != "" || !r.required) && (r.longest == 0 || utf8.RuneCountInString(s) <= r.longest) &&
		(r.holds == nil || r.holds(s))
}

// wholeNumber takes digits alone, with a sign at most: 1.0 and 1e2 are no integers to the channel.
func wholeNumber(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}
