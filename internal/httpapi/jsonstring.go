package httpapi

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string; p.at is at its opening quote.
func (p *jsonReader) str() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			p.at++
			return string(p.data[start : p.at-1]), nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", errors.New("control characters in a string must be escaped")
		default:
			p.at++
		}
	}
	return "", errors.New("a string does not end")
}

var shortEscapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads the rest of a string that has escapes.
func (p *jsonReader) escaped(start int) (string, error) {
	out := append(make([]byte, 0, p.at-start+32), p.data[start:p.at]...)
	for p.at < len(p.data) {
		c := p.data[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), nil
		case c < ' ':
			return "", errors.New("control characters in a string must be escaped")
		case c != '\\':
			out = append(out, c)
			p.at++
			continue
		}
		p.at++
		if p.peek() == 'u' {
			r, err := p.codePoint()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		short, ok := shortEscapes[p.peek()]
		if !ok {
			return "", errors.New("an unknown escape in a string")
		}
		out = append(out, short)
		p.at++
	}
	return "", errors.New("a string does not end")
}

// codePoint reads uXXXX, or a pair of surrogates; p.at is at the u.
func (p *jsonReader) codePoint() (rune, error) {
	high, ok := p.hex4()
	if !ok {
		return 0, errors.New(`four hex digits are expected after \u`)
	}
	if !utf16.IsSurrogate(high) {
		return high, nil
	}
	if p.peek() == '\\' {
		p.at++
		if low, ok := p.hex4(); ok {
			if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
				return r, nil
			}
		}
	}
	return 0, errors.New("half of a surrogate pair is no character")
}

func (p *jsonReader) hex4() (rune, bool) {
	if p.peek() != 'u' || p.at+5 > len(p.data) {
		return 0, false
	}
	var r rune
	for _, c := range p.data[p.at+1 : p.at+5] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.at += 5
	return r, true
}
