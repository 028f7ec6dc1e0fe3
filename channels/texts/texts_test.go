package texts

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClip(t *testing.T) {
	for _, tt := range []struct {
		in   string
		most int
		want string
	}{
		{"", 3, ""},
		{"abc", 0, ""},
		{"abcd", 3, "abc"},
		{"a\nb\x00c\u0085d", 3, "abc"},
		{"长长长长", 3, "长长长"},
	} {
		if got := Clip(tt.in, tt.most); got != tt.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", tt.in, tt.most, got, tt.want)
		}
	}
}

func TestMaskDigits(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"123456789012345":      "123456789012345",
		"1234567890123456":     "***",
		"a1234567890123456b12": "a***b12",
		"12a1234567890123456":  "12a***",
		"号1234567890123456号1号": "号***号1号",
	} {
		if got := MaskDigits(in, 16); got != want {
			t.Errorf("MaskDigits(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIs(t *testing.T) {
	for _, tt := range []struct {
		s           string
		least, most int
		allowed     func(rune) bool
		want        bool
	}{
		{"", 0, 3, IsAlnum, true},
		{"", 1, 3, IsAlnum, false},
		{"aZ9", 1, 3, IsAlnum, true},
		{"aZ90", 1, 3, IsAlnum, false},
		{"a-b", 1, 3, IsAlnum, false},
		{"é", 1, 3, IsAlnum, false},
		{"1x", 1, 3, IsDigit, false},
		{"٣", 1, 3, IsDigit, false}, // a digit, of another script
	} {
		if got := Is(tt.s, tt.least, tt.most, tt.allowed); got != tt.want {
			t.Errorf("Is(%q, %d, %d) = %v", tt.s, tt.least, tt.most, got)
		}
	}
}

// FuzzMaskDigits: no run of digits that long is left, whatever surrounds it,
// and what is cut afterwards is bounded and printable.
func FuzzMaskDigits(f *testing.F) {
	f.Add("order 6222021234567890123 of 张三")
	f.Add("\xff1234567890123\x001")
	f.Fuzz(func(t *testing.T, s string) {
		masked := MaskDigits(s, 13)
		for _, rest := range strings.FieldsFunc(masked, func(r rune) bool { return !IsDigit(r) }) {
			if len(rest) >= 13 {
				t.Errorf("%q keeps %q", masked, rest)
			}
		}
		clipped := Clip(masked, 20)
		if utf8.RuneCountInString(clipped) > 20 || strings.ContainsFunc(clipped, unicode.IsControl) {
			t.Errorf("clipped to %q", clipped)
		}
	})
}
