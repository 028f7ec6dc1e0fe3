package httpapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// query reads a request's query strictly: what is unknown, doubled or malformed
// is named, all of it at once.
type query struct {
	values url.Values
	asked  map[string]bool
	faults []payment.FieldError
	err    error
}

func newQuery(raw string) *query {
	values, err := url.ParseQuery(raw)
	q := &query{values: values, asked: make(map[string]bool)}
	if err != nil {
		q.err = invalid("the query cannot be read: write it as name=value, joined by & and percent-encoded")
	}
	return q
}

// get is a parameter's value; ok is false where it is absent.
func (q *query) get(name string) (value string, ok bool) {
	q.asked[name] = true
	values, ok := q.values[name]
	if !ok {
		return "", false
	}
	if len(values) > 1 {
		q.fault(name, "stands more than once")
		return "", false
	}
	return values[0], true
}

func (q *query) fault(name, message string) {
	q.faults = append(q.faults, payment.FieldError{Field: name, Message: message})
}

// number reads an order or refund number.
func (q *query) number(name string) string {
	v, ok := q.get(name)
	if ok && !isName(v) {
		q.fault(name, "must be 1 to 64 of A-Z a-z 0-9 _ -")
	}
	return v
}

func (q *query) text(name string, most int) string {
	v, ok := q.get(name)
	if !ok {
		return ""
	}
	if n := utf8.RuneCountInString(v); n < 1 || n > most || !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
		q.fault(name, "must be 1 to "+strconv.Itoa(most)+" characters without control characters")
	}
	return v
}

func (q *query) oneOf(name string, allowed ...string) string {
	v, ok := q.get(name)
	if ok && !slices.Contains(allowed, v) {
		q.fault(name, "must be one of "+strings.Join(allowed, ", "))
	}
	return v
}

// moment reads a time. No time holds a blank, so one is a plus sign that was
// not percent-encoded.
func (q *query) moment(name string) time.Time {
	v, ok := q.get(name)
	if !ok {
		return time.Time{}
	}
	t, ok := parseTime(strings.ReplaceAll(v, " ", "+"))
	if !ok {
		q.fault(name, timeMessage+" (percent-encoded)")
	}
	return t
}

// day reads a date.
func (q *query) day(name string) channels.Day {
	v, ok := q.get(name)
	if !ok {
		return channels.Day{}
	}
	d, err := channels.ParseDay(v)
	if err != nil || d.String() != v {
		q.fault(name, "must be a date, written as 2006-01-02")
	}
	return d
}

// count reads a whole number from 1 to most; absent, it is 0.
func (q *query) count(name string, most int) int {
	v, ok := q.get(name)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most || strconv.Itoa(n) != v {
		q.fault(name, "must be an integer from 1 to "+strconv.Itoa(most))
	}
	return n
}

// page reads limit and cursor.
func (q *query) page(cfg Config, list listKind) (limit int, before position) {
	if limit = q.count("limit", cfg.MaxPage); limit < 1 || limit > cfg.MaxPage {
		limit = cfg.DefaultPage
	}
	if v, ok := q.get("cursor"); ok {
		p, err := parseCursor(list, v)
		if err != nil {
			q.fault("cursor", err.Error())
		}
		before = p
	}
	return limit, before
}

// done names what nobody asked for and gives the refusal, or nil.
func (s *Server) done(q *query) error {
	if q.err != nil {
		return q.err
	}
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !q.asked[name] {
			q.fault(strings.ToValidUTF8(name, "\uFFFD"), "is not a query parameter of this operation")
		}
	}
	return s.refuseFields(q.faults)
}

// isName tells whether s is 1 to 64 of the characters of numbers and ids.
func isName(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
		if !ok {
			return false
		}
	}
	return true
}
