package httpapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/payment"
)

func nested(n int) string { return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1) }

func TestWhatIsNotJSONIsRefused(t *testing.T) {
	h := newHarness(t)
	for name, body := range map[string]string{
		"empty":                  "",
		"blank":                  "  ",
		"words":                  "amount=1",
		"form":                   "a=1&b=2",
		"null":                   "null",
		"array":                  "[" + createBody + "]",
		"string":                 `"x"`,
		"number":                 "1",
		"open":                   `{"amount":1`,
		"open string":            `{"subject":"x`,
		"trailing comma":         `{"amount":1,}`,
		"leading comma":          `{,"amount":1}`,
		"no colon":               `{"amount" 1}`,
		"no value":               `{"amount":}`,
		"single quotes":          `{'amount':1}`,
		"no quotes":              `{amount:1}`,
		"comment":                `{"amount":1/*x*/}`,
		"NaN":                    `{"amount":NaN}`,
		"True":                   `{"amount":True}`,
		"two values":             createBody + createBody,
		"trailing data":          createBody + "x",
		"byte order mark":        "\ufeff" + createBody,
		"UTF-16":                 "{\x00}\x00",
		"latin-1":                "{\"subject\":\"caf\xe9\"}",
		"overlong UTF-8":         "{\"subject\":\"\xc0\xaf\"}",
		"encoded surrogate":      "{\"subject\":\"\xed\xa0\x80\"}",
		"lone high surrogate":    `{"subject":"\ud800"}`,
		"lone low surrogate":     `{"subject":"\udc00"}`,
		"two high surrogates":    `{"subject":"\ud800\ud800"}`,
		"high surrogate, letter": `{"subject":"\ud800x"}`,
		"bad escape":             `{"subject":"\x41"}`,
		"short escape":           `{"subject":"\u12"}`,
		"raw line feed":          "{\"subject\":\"a\nb\"}",
		"raw NUL":                "{\"subject\":\"a\x00b\"}",
		"vertical tab outside":   "{\v}",
		"no-break space outside": "{\u00a0}",
		"33 levels":              nested(33),
		"33 levels of arrays":    `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
		"very deep":              strings.Repeat("[", 60000),
		"very deep and open":     strings.Repeat(`{"a":`, 10000),
	} {
		a := h.do(400, "POST", "/v1/payments", body)
		if p := problemOf(t, a.Status, a.Header, a.Body); p.Code != payment.CodeInvalidRequest || len(p.Errors) != 0 || p.Detail == "" {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
}

func TestWrongFieldsAreNamedAllAtOnce(t *testing.T) {
	h := newHarness(t)
	with := func(members string) string { return strings.TrimSuffix(createBody, "}") + "," + members + "}" }
	without := func(member string) string { return strings.Replace(createBody, member, "", 1) }
	for _, tt := range []struct{ name, body, fields string }{
		{"nothing", `{}`, "merchant_order_no amount subject scene"},
		{"unknown", with(`"foo":1`), "foo"},
		{"unknown, null", with(`"foo":null`), "foo"},
		{"other case", with(`"Channel":"alipay"`), "Channel"},
		{"other case instead", `{"merchant_order_no":"A","Amount":1,"subject":"x","scene":"qr"}`, "Amount amount"},
		{"look-alike", with(`"ſcene":"qr"`), "ſcene"},
		{"doubled", with(`"amount":8800`), "amount"},
		{"doubled unknown", with(`"x":1,"x":2`), "x x"},
		{"doubled by escape", with(`"amoun\u0074":8800`), "amount"},
		{"doubled in metadata", with(`"metadata":{"a":"1","b":"2","a":"3"}`), "metadata.a"},
		{"doubled deep inside of an unknown one", with(`"x":{"y":[{"z":1,"z":2}]}`), "x.y.0.z x"},
		{"metadata of numbers", with(`"metadata":{"a":1,"b":"x","c":null,"d":{},"e":[],"f":true}`), "metadata.a metadata.c metadata.d metadata.e metadata.f"},
		{"metadata a list", with(`"metadata":[]`), "metadata"},
		{"metadata a string", with(`"metadata":"x"`), "metadata"},
		{"metadata with a number that is none", with(`"metadata":{"a":01}`), "metadata.a"},
		{"time without offset", with(`"expires_at":"2025-11-21T04:10:00"`), "expires_at"},
		{"time with a blank", with(`"expires_at":"2025-11-21 04:10:00Z"`), "expires_at"},
		{"time with a comma", with(`"expires_at":"2025-11-21T04:10:00,5Z"`), "expires_at"},
		{"time with a short hour", with(`"expires_at":"2025-11-21T4:10:00Z"`), "expires_at"},
		{"time with a far offset", with(`"expires_at":"2025-11-21T04:10:00+99:00"`), "expires_at"},
		{"no such day", with(`"expires_at":"2025-02-30T04:10:00Z"`), "expires_at"},
		{"time as a number", with(`"expires_at":1763700000`), "expires_at"},
		{"time too near", with(`"expires_at":"2025-11-21T04:01:50Z"`), "expires_at"},
		{"time too far", with(`"expires_at":"2025-11-22T04:00:10Z"`), "expires_at"},
		{"empty time", with(`"expires_at":""`), "expires_at"},
		{"strings of other kinds", `{"merchant_order_no":1,"amount":1,"subject":true,"scene":["qr"],"channel":{}}`, "merchant_order_no subject scene channel"},
		{"a missing one and a wrong one", `{"amount":"1","scene":"qr","foo":0}`, "amount foo merchant_order_no subject"},
		{"control characters", strings.Replace(createBody, "Two", `Two\u0000`, 1), "subject"},
		{"null for a needed one", strings.Replace(createBody, "8800", "null", 1), "amount"},
		{"no amount", without(`"amount":8800,`), "amount"},
	} {
		a := h.do(400, "POST", "/v1/payments", tt.body)
		p := problemOf(t, a.Status, a.Header, a.Body)
		if fieldsOf(p) != tt.fields {
			t.Errorf("%s: fields %q, want %q", tt.name, fieldsOf(p), tt.fields)
		}
		for _, f := range p.Errors {
			if f.Message == "" {
				t.Errorf("%s: %s has no message", tt.name, f.Field)
			}
		}
	}
	if h.core.creates != 0 {
		t.Errorf("%d payments came of wrong requests", h.core.creates)
	}
}

func TestAmountsAreWrittenWithDigitsOnly(t *testing.T) {
	h := newHarness(t)
	for _, amount := range []string{
		"1.0", "1.5", "1e2", "1E2", "1e0", "100e-2", "-1", "-0", "+1", "01", "00", "0", "0.0", `"1"`, `""`, "true", "[1]", "{}", "null", "1.", ".5", "1e", "--1", "1-1",
		"1000000000001", "9223372036854775807", "9223372036854775808", "18446744073709551617", "1" + strings.Repeat("0", 5000), "1e999999999",
	} {
		body := strings.Replace(createBody, "8800", amount, 1)
		a := h.do(400, "POST", "/v1/payments", body)
		if p := problemOf(t, a.Status, a.Header, a.Body); fieldsOf(p) != "amount" {
			t.Errorf("%.40s: %s", amount, a.Body)
		}
	}
	for i, amount := range []string{"1", "5000000", "1000000000000"} {
		h.do(201, "POST", "/v1/payments", strings.Replace(orderBody(fmt.Sprintf("D-%d", i)), "8800", amount, 1))
	}
}

func TestWhatIsJSONIsRead(t *testing.T) {
	h := newHarness(t)
	for i, body := range []string{
		"\t\r\n " + createBody + "\n",
		strings.ReplaceAll(createBody, ":", " :\t"),
		strings.Replace(createBody, "Two tickets", `支付宝 \u652f\u4ed8 \ud83d\ude00 \"\\\/\b`, 1),
		strings.TrimSuffix(createBody, "}") + `,"channel":null,"metadata":null,"expires_at":null,"currency":null}`,
		strings.TrimSuffix(createBody, "}") + `,"metadata":{"a":"1","A":"2","":"x"},"auth_code":"123","payer_id":"x","client_ip":"::1"}`,
	} {
		body = strings.Replace(body, "A-1", fmt.Sprintf("J-%d", i), 1)
		a, err := h.client().Do(t.Context(), "POST", "/v1/payments", []byte(body))
		want := 201
		if strings.Contains(body, `\b`) || strings.Contains(body, `"":"x"`) {
			want = 400 // JSON, but not for us: a control character, an empty key
		}
		if err != nil || a.Status != want {
			t.Errorf("%d: %v %d %s", i, err, a.Status, a.Body)
		}
	}
}

func TestTheErrorsNamedAreBounded(t *testing.T) {
	h := newHarness(t)
	var members []string
	for i := range 3000 {
		members = append(members, `"x`+strconv.Itoa(i)+`":0`)
	}
	a := h.do(400, "POST", "/v1/payments", "{"+strings.Join(members, ",")+"}")
	if p := problemOf(t, a.Status, a.Header, a.Body); len(p.Errors) != 100 || !strings.Contains(p.Detail, "3004") {
		t.Errorf("%d errors: %s", len(p.Errors), p.Detail)
	}
	a = h.do(400, "POST", "/v1/payments", `{"`+strings.Repeat("长", 20000)+`":0}`)
	if len(a.Body) > 4096 {
		t.Errorf("the answer has %d bytes", len(a.Body))
	}
}

// FuzzParseJSON holds the strict reader against encoding/json: what we read, it
// reads alike; what it refuses, we refuse.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{
		createBody, "{}", "[]", "null", `{"a":1e5,"b":[1,2,{"c":"\ud83d\ude00"}]}`, `{"a":01}`, `"\ud800"`, `{"a":1,"a":2}`, "1", "-0.5e+3",
		nested(32), nested(33), "\ufeff{}", "{\"a\":\"\xff\"}", `{"\u0061":"\u0000"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const depth = 32
		root, faults, err := parseJSON(data, depth)
		if err != nil || len(faults) > 0 {
			return
		}
		if !json.Valid(data) || !utf8.Valid(data) {
			t.Fatalf("%q is read but is no JSON", data)
		}
		var theirs any
		dec := json.NewDecoder(strings.NewReader(string(data)))
		dec.UseNumber()
		if err := dec.Decode(&theirs); err != nil {
			t.Fatal(err)
		}
		if ours := plain(root); !reflect.DeepEqual(ours, theirs) {
			t.Fatalf("%q is read as %#v, is %#v", data, ours, theirs)
		}
	})
}

// plain is a node in the form of encoding/json with UseNumber.
func plain(n node) any {
	switch n.kind {
	case kindObject:
		out := make(map[string]any)
		for _, m := range n.members {
			out[m.name] = plain(m.value)
		}
		return out
	case kindArray:
		out := make([]any, 0, len(n.items))
		for _, item := range n.items {
			out = append(out, plain(item))
		}
		return out
	case kindString:
		return n.text
	case kindNumber:
		return json.Number(n.text)
	case kindBool:
		return n.text == "true"
	case kindNull, kindFaulty:
		return nil
	}
	return nil
}

// FuzzDecodeCreate: no body makes a panic, and what is read without a fault is
// what encoding/json would have read.
func FuzzDecodeCreate(f *testing.F) {
	for _, s := range []string{
		createBody, `{}`, `{"amount":1.0}`, `{"amount":18446744073709551617}`, `{"metadata":{"a":1}}`, `{"expires_at":"2025-11-21T04:10:00+08:00"}`,
		`{"Amount":1,"amount":2,"amount":3}`, `{"channel":null}`, `{"amount":01,"x":[[[[]]]]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var req payment.CreateRequest
		faults, err := decode(data, createFields, &req, 32)
		if err != nil || len(faults) > 0 {
			return
		}
		var theirs struct {
			MerchantOrderNo string            `json:"merchant_order_no"`
			Amount          int64             `json:"amount"`
			Subject         string            `json:"subject"`
			Metadata        map[string]string `json:"metadata"`
		}
		if err := json.Unmarshal(data, &theirs); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if req.MerchantOrderNo != theirs.MerchantOrderNo || req.Amount != theirs.Amount || req.Subject != theirs.Subject ||
			len(req.Metadata) != len(theirs.Metadata) {
			t.Fatalf("%q: %+v, %+v", data, req, theirs)
		}
		if req.Amount < 0 {
			t.Fatalf("%q: a negative amount", data)
		}
	})
}

func TestOptionalTextsAreLeftOutRatherThanEmpty(t *testing.T) {
	h := newHarness(t)
	for _, field := range []string{"currency", "channel", "customer_id", "notify_url", "return_url"} {
		a, err := h.client().Do(t.Context(), "POST", "/v1/payments",
			[]byte(`{"merchant_order_no":"o-1","amount":1,"subject":"x","scene":"qr","`+field+`":""}`))
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != 400 || !strings.Contains(string(a.Body), `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", field, a.Status, a.Body)
		}
	}
}

func TestFieldsOfOtherScenesAreIgnoredWhateverTheyHold(t *testing.T) {
	h := newHarness(t)
	for i, extra := range []string{`"auth_code":5`, `"payer_id":[]`, `"client_ip":{}`, `"auth_code":""`, `"client_ip":"nowhere"`} {
		a, err := h.client().Do(t.Context(), "POST", "/v1/payments",
			fmt.Appendf(nil, `{"merchant_order_no":"ignored-%d","amount":1,"subject":"x","scene":"qr",%s}`, i, extra))
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != 201 {
			t.Errorf("%s: %d %s", extra, a.Status, a.Body)
		}
	}
	a, err := h.client().Do(t.Context(), "POST", "/v1/payments",
		[]byte(`{"merchant_order_no":"o-1","amount":1,"subject":"x","scene":"barcode","auth_code":5}`))
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != 400 {
		t.Errorf("a number as the payer's code: %d %s", a.Status, a.Body)
	}
}
