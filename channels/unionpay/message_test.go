package unionpay

import (
	"crypto/sha256"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// digestOfHex is what is signed, from the inner digest's hex.
func digestOfHex(inner string) []byte {
	sum := sha256.Sum256([]byte(inner))
	return sum[:]
}

func TestParseBody(t *testing.T) {
	for _, tt := range []struct {
		body string
		want []field
	}{
		{"a=1&b=2", []field{{"a", "1"}, {"b", "2"}}},
		{"b=2&a=1", []field{{"a", "1"}, {"b", "2"}}},
		{"{a=1&b=2}", []field{{"a", "1"}, {"b", "2"}}},
		{"a=+/==&b=成功[0000000]", []field{{"a", "+/=="}, {"b", "成功[0000000]"}}},
		{"a={x=1&y=2}&b=3", []field{{"a", "{x=1&y=2}"}, {"b", "3"}}},
		{"a=[x&y]z{&}&b=3", []field{{"a", "[x&y]z{&}"}, {"b", "3"}}},
		{"{a={x=1&y=2}}", []field{{"a", "{x=1&y=2}"}}},
		{"a={[}&b=]", []field{{"a", "{[}"}, {"b", "]"}}},
		{"a={x{y}&b=1}", []field{{"a", "{x{y}"}, {"b", "1}"}}},
		{"a&b=", []field{{"a", ""}, {"b", ""}}},
		{"a= 1 &b=\r\n", []field{{"a", " 1 "}, {"b", "\r\n"}}},
	} {
		m, err := parseBody([]byte(tt.body))
		if err != nil || !slices.Equal([]field(m), tt.want) {
			t.Errorf("%q: %v, %v", tt.body, m, err)
		}
	}
	many := make([]string, maxFields+1)
	for i := range many {
		many[i] = "f" + strconv.Itoa(i) + "=1"
	}
	for _, body := range []string{
		"", "{}", "{", "&", "a=1&", "&a=1", "=1", "a=1&a=2", "a={1&b=2", "a=[1&b=2", "a b=1", "<html>=1",
		"Invalid request.", "{a=1&b={2}", strings.Join(many, "&"),
	} {
		if m, err := parseBody([]byte(body)); !errors.Is(err, errMessage) {
			t.Errorf("%q: %v, %v", body, m, err)
		}
	}
	if _, err := parseBody([]byte(strings.Join(many[1:], "&"))); err != nil {
		t.Errorf("%d fields: %v", maxFields, err)
	}
}

func TestParseForm(t *testing.T) {
	m, err := parseForm([]byte("b=%7Bx%3D1%26y%3D2%7D&a=1+2%2B3&c=%E6%88%90"))
	if err != nil || !slices.Equal([]field(m), []field{{"a", "1 2+3"}, {"b", "{x=1&y=2}"}, {"c", "成"}}) {
		t.Errorf("%v, %v", m, err)
	}
	for _, body := range []string{"", "a=%", "%zz=1", "a=1&a=1", "a=1&%61=2", "=1", "a%20b=1", "a=1&&b=2"} {
		if m, err := parseForm([]byte(body)); !errors.Is(err, errMessage) {
			t.Errorf("%q: %v, %v", body, m, err)
		}
	}
}

// TestCheckReading: fields moved into or out of a value leave the signed text
// as it was, so such messages must not pass.
func TestCheckReading(t *testing.T) {
	genuine, err := parseForm(wireForm(map[string]string{"merId": "1", "orderId": "2", "respCode": "99", "respMsg": "x[1]", "riskInfo": "{a=1&b=2}"}))
	if err != nil {
		t.Fatal(err)
	}
	signed := genuine.signedText()
	if err := genuine.checkReading(signed); err != nil {
		t.Fatal(err)
	}
	for _, moved := range []map[string]string{
		{"merId": "1&orderId=2&respCode=99", "respMsg": "x[1]", "riskInfo": "{a=1&b=2}"},
		{"merId": "1", "orderId": "2", "respCode": "99&respMsg=x[1]", "riskInfo": "{a=1&b=2}"},
		{"merId": "1", "orderId": "2", "respCode": "99", "respMsg": "x[1]&riskInfo={a=1&b=2}"},
	} {
		m, err := parseForm(wireForm(moved))
		if err != nil {
			t.Fatal(err)
		}
		if m.signedText() != signed {
			t.Fatalf("the case is no case: %q", m.signedText())
		}
		if !errors.Is(m.checkReading(signed), errAmbiguous) {
			t.Errorf("%v passes", moved)
		}
	}
	// Moved out of the braces.
	m, err := parseForm(wireForm(map[string]string{"a": "{x=1", "b": "2}"}))
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(m.checkReading(m.signedText()), errAmbiguous) {
		t.Error("fields out of a braced value pass")
	}
}

func FuzzParseBody(f *testing.F) {
	for _, s := range []string{
		"a=1&b=2", "{a={x=1&y=2}}", "a=[&]&b", "respMsg=成功[0000000]&respCode=00", "a={", "==&=", "signature=x&a=1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := parseBody(body)
		if err != nil {
			return
		}
		checkMessage(t, m)
		// The message written as an answer is read as the same one.
		again, err := parseBody([]byte(wireText(m)))
		if err != nil || !slices.Equal(again, m) {
			t.Errorf("%q is read as %v, then as %v (%v)", body, m, again, err)
		}
		if err := m.checkReading(m.signedText()); err != nil && m.get("signature") == "" && len(m) > 1 {
			t.Errorf("%q: split from text, yet the text has another reading", body)
		}
	})
}

func FuzzParseForm(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=%7B%26%7D", "a=%", "a=1%26b%3D2", "signature=%2B", "signature&0"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := parseForm(body)
		if err != nil {
			return
		}
		checkMessage(t, m)
		// The message written as a form is read as the same one.
		form := make([]string, len(m))
		for i, f := range m {
			form[i] = url.QueryEscape(f.name) + "=" + url.QueryEscape(f.value)
		}
		again, err := parseForm([]byte(strings.Join(form, "&")))
		if err != nil || !slices.Equal(again, m) {
			t.Errorf("%q is read as %v, then as %v (%v)", body, m, again, err)
		}
	})
}

func checkMessage(t *testing.T, m message) {
	t.Helper()
	if len(m) == 0 || len(m) > maxFields {
		t.Errorf("%d fields", len(m))
	}
	for i, f := range m {
		if f.name == "" || strings.ContainsAny(f.name, "=&{}[] ") || (i > 0 && m[i-1].name >= f.name) {
			t.Errorf("field %d is %q", i, f.name)
		}
		if m.get(f.name) != f.value {
			t.Errorf("%s is %q, want %q", f.name, m.get(f.name), f.value)
		}
	}
}

func wireText(m message) string {
	pairs := make([]string, len(m))
	for i, f := range m {
		pairs[i] = f.name + "=" + f.value
	}
	return strings.Join(pairs, "&")
}
