package wechatpay

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestReadObject(t *testing.T) {
	o, err := readObject([]byte(" {\"a\" : \"x\\\"}{\\u0041\" ,\n\"b\":[{\"a\":\"]\"},2],\"c\" :{\"d\":12 , \"e\":{}} , \"f\":null,\"\\u0067\":-1,\"h\":12,\"i\":\"\", \"j\":true}\r\n"))
	if err != nil || len(o) != 8 {
		t.Fatalf("%v, %v", o, err)
	}
	if o.text("a") != `x"}{A` || o.text("b") != "" || o.text("f") != "" || o.text("none") != "" || o.text("i") != "" || string(o["b"]) != `[{"a":"]"},2]` || string(o["g"]) != "-1" || string(o["j"]) != "true" {
		t.Errorf("%q %q %q %q %s %s %s", o.text("a"), o.text("b"), o.text("f"), o.text("i"), o["b"], o["g"], o["j"])
	}
	if n, ok := o.within("c").integer("d"); n != 12 || !ok {
		t.Errorf("%d, %v", n, ok)
	}
	for _, name := range []string{"a", "f", "g", "none", "c"} {
		if n, ok := o.integer(name); ok {
			t.Errorf("%s is read as %d", name, n)
		}
	}
	if n, ok := o.integer("h"); n != 12 || !ok {
		t.Errorf("%d, %v", n, ok)
	}
	for _, bad := range []string{
		"", " ", "{", "}", "{}\f", "\u00a0{}", "[]", "null", `"a"`, "1", "{}{}", "{},", `{"a":1,}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a"}`, `{a:1}`, "{\"a\":\"\n\"}",
		"{" + strings.TrimSuffix(strings.Repeat(`"a":1,`, 300), ",") + "}", strings.Repeat(`{"a":`, 20000),
	} {
		if _, err := readObject([]byte(bad)); err == nil {
			t.Errorf("%.40q is read", bad)
		}
	}
}

// FuzzReadObject holds the cutting of objects against the standard reader.
func FuzzReadObject(f *testing.F) {
	f.Add([]byte(transaction(nil)))
	f.Add([]byte(`{"a":"\\","b":{"c":["]}",{}]},"d":1e5 }`))
	f.Add([]byte("{\"\\u0061\":\"\xff\",\"\xff\":2}"))
	f.Add([]byte(`{"a":{},"b":[],"c":"","d":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := readObject(text)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil || len(want) != len(o) {
			t.Fatalf("%d members, want %d (%v)", len(o), len(want), err)
		}
		for name, raw := range want {
			if !bytes.Equal(o[name], raw) {
				t.Fatalf("%q is %q, want %q", name, o[name], raw)
			}
			var s string
			if json.Unmarshal(raw, &s) == nil && s != o.text(name) {
				t.Fatalf("text of %q is %q, want %q", name, o.text(name), s)
			}
		}
	})
}
