package texts

import (
	"strings"
	"unicode"
)

// Clip cuts to most characters and drops control characters.
func Clip(s string, most int) string {
	var b strings.Builder
	for _, r := range s {
		if most == 0 {
			break
		}
		if unicode.IsControl(r) {
			continue
		}
		b.WriteRune(r)
		most--
	}
	return b.String()
}

// MaskDigits replaces every run of at least that many digits, which may be an
// account or a payer's code, by "***".
func MaskDigits(s string, least int) string {
	var b strings.Builder
	for s != "" {
		digits := runOf(s, IsDigit)
		if digits >= least {
			b.WriteString("***")
		} else {
			b.WriteString(s[:digits])
		}
		s = s[digits:]
		others := runOf(s, func(r rune) bool { return !IsDigit(r) })
		b.WriteString(s[:others])
		s = s[others:]
	}
	return b.String()
}

// runOf is how many bytes at the beginning of s are of the kind.
func runOf(s string, kind func(rune) bool) int {
	if end := strings.IndexFunc(s, func(r rune) bool { return !kind(r) }); end >= 0 {
		return end
	}
	return len(s)
}

// Is tells whether s has from least to most bytes, all of allowed characters.
func Is(s string, least, most int, allowed func(rune) bool) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !allowed(r) }) < 0
}

// IsAlnum allows the letters and digits of ASCII.
func IsAlnum(r rune) bool {
	return IsDigit(r) || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// IsDigit allows the digits of ASCII.
func IsDigit(r rune) bool { return r >= '0' && r <= '9' }
