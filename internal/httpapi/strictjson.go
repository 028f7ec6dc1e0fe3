package httpapi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/payment"
)

// encoding/json takes names in any case, repeated names, lone surrogates and
// broken UTF-8, and stops at the first fault. Money is worth a stricter reader:
// this one keeps order and literals, and names every fault that leaves the rest
// readable.

// kind is what a JSON value is.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
	// kindFaulty is a value that was named as a fault already.
	kindFaulty
)

// node is a JSON value.
type node struct {
	kind    kind
	text    string // a string's content, a number's or boolean's literal
	members []member
	items   []node
}

// member is a member of an object, in the order of the text. Repeated names are
// left out and named as faults.
type member struct {
	name  string
	value node
}

// get finds a member by name; nil when there is none.
func (n node) get(name string) *node {
	for i := range n.members {
		if n.members[i].name == name {
			return &n.members[i].value
		}
	}
	return nil
}

// jsonReader reads one JSON text (RFC 8259).
type jsonReader struct {
	data     []byte
	at       int
	depth    int
	maxDepth int
	path     []string
	faults   []payment.FieldError
}

var errTooDeep = errors.New("too deep")

// parseJSON reads one JSON text. The error says why it is none; the faults are
// repeated names and malformed numbers, by field.
func parseJSON(data []byte, maxDepth int) (node, []payment.FieldError, error) {
	if !utf8.Valid(data) {
		return node{}, nil, errors.New("the body is not valid UTF-8")
	}
	p := &jsonReader{data: data, maxDepth: maxDepth}
	p.blanks()
	root, err := p.value()
	if err == nil {
		p.blanks()
		if p.at < len(p.data) {
			err = errors.New("nothing may follow the JSON value")
		}
	}
	switch {
	case errors.Is(err, errTooDeep):
		return node{}, nil, fmt.Errorf("the body is nested deeper than %d levels", maxDepth)
	case err != nil:
		return node{}, nil, fmt.Errorf("the body is not JSON: %w, at byte %d", err, p.at)
	}
	return root, p.faults, nil
}

func (p *jsonReader) blanks() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *jsonReader) peek() byte {
	if p.at < len(p.data) {
		return p.data[p.at]
	}
	return 0
}

func (p *jsonReader) value() (node, error) {
	switch c := p.peek(); {
	case p.at == len(p.data):
		return node{}, errors.New("it ends too early")
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '"':
		s, err := p.str()
		return node{kind: kindString, text: s}, err
	case c == '-' || c == '+' || c == '.' || c >= '0' && c <= '9':
		return p.number(), nil
	default:
		return p.literal()
	}
}

func (p *jsonReader) literal() (node, error) {
	for _, l := range [...]struct {
		text string
		kind kind
	}{{"true", kindBool}, {"false", kindBool}, {"null", kindNull}} {
		if strings.HasPrefix(string(p.data[p.at:min(len(p.data), p.at+len(l.text))]), l.text) {
			p.at += len(l.text)
			return node{kind: l.kind, text: l.text}, nil
		}
	}
	return node{}, errors.New("a value is expected")
}

func (p *jsonReader) enter() error {
	p.depth++
	if p.depth > p.maxDepth {
		return errTooDeep
	}
	p.at++
	p.blanks()
	return nil
}

func (p *jsonReader) leave() {
	p.depth--
	p.at++
}

func (p *jsonReader) object() (node, error) {
	n := node{kind: kindObject}
	if err := p.enter(); err != nil {
		return n, err
	}
	if p.peek() == '}' {
		p.leave()
		return n, nil
	}
	seen := make(map[string]bool)
	for {
		if p.peek() != '"' {
			return n, errors.New(`a member's name in quotes is expected`)
		}
		name, err := p.str()
		if err != nil {
			return n, err
		}
		p.blanks()
		if p.peek() != ':' {
			return n, errors.New("a colon is expected")
		}
		p.at++
		p.blanks()
		p.path = append(p.path, name)
		v, err := p.value()
		if err != nil {
			return n, err
		}
		if seen[name] {
			p.fault("stands more than once")
		} else {
			seen[name] = true
			n.members = append(n.members, member{name, v})
		}
		p.path = p.path[:len(p.path)-1]
		more, err := p.next('}')
		if err != nil || !more {
			return n, err
		}
	}
}

func (p *jsonReader) array() (node, error) {
	n := node{kind: kindArray}
	if err := p.enter(); err != nil {
		return n, err
	}
	if p.peek() == ']' {
		p.leave()
		return n, nil
	}
	for {
		p.path = append(p.path, strconv.Itoa(len(n.items)))
		v, err := p.value()
		if err != nil {
			return n, err
		}
		p.path = p.path[:len(p.path)-1]
		n.items = append(n.items, v)
		more, err := p.next(']')
		if err != nil || !more {
			return n, err
		}
	}
}

// next goes on to the next element, or past the closing bracket.
func (p *jsonReader) next(closing byte) (more bool, err error) {
	p.blanks()
	switch p.peek() {
	case ',':
		p.at++
		p.blanks()
		return true, nil
	case closing:
		p.leave()
		return false, nil
	default:
		return false, fmt.Errorf("a comma or %c is expected", closing)
	}
}

// number takes whatever looks like a number; what is none is a fault of its
// field, so that a leading zero does not hide the other fields' faults.
func (p *jsonReader) number() node {
	start := p.at
	for p.at < len(p.data) && strings.IndexByte("+-.eE0123456789", p.data[p.at]) >= 0 {
		p.at++
	}
	literal := string(p.data[start:p.at])
	if !isNumber(literal) {
		p.fault("is not a JSON number; integers are written with digits only")
		return node{kind: kindFaulty}
	}
	return node{kind: kindNumber, text: literal}
}

// isNumber follows RFC 8259, section 6.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, rest := cutDigits(s)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	if after, ok := strings.CutPrefix(rest, "."); ok {
		fraction, tail := cutDigits(after)
		if fraction == "" {
			return false
		}
		rest = tail
	}
	if rest == "" {
		return true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	rest = rest[1:]
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		rest = rest[1:]
	}
	exponent, tail := cutDigits(rest)
	return exponent != "" && tail == ""
}

func cutDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

func (p *jsonReader) fault(message string) {
	p.faults = append(p.faults, payment.FieldError{Field: strings.Join(p.path, "."), Message: message})
}
