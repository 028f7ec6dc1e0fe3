package alipaysim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox/keys"
)

func TestParseYuan(t *testing.T) {
	for s, want := range map[string]int64{"0.01": 1, "1": 100, "1.5": 150, "12.34": 1234, "50000.00": 5_000_000, "000.10": 10} {
		if got, ok := parseYuan(s); !ok || got != want {
			t.Errorf("%q: %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", ".", "1.", ".5", "1.234", "-1", "+1", "1e3", " 1", "1 ", "１", "0x10", "1,000", "1234567890", "NaN"} {
		if got, ok := parseYuan(s); ok {
			t.Errorf("%q was taken as %d", s, got)
		}
	}
}

func FuzzParseYuan(f *testing.F) {
	for _, s := range []string{"0.01", "1", "1.5", "-1", "99999999999.99"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fen, ok := parseYuan(s)
		if !ok {
			return
		}
		if again, ok := parseYuan(formatYuan(fen)); !ok || again != fen || fen < 0 {
			t.Errorf("%q: %d, written %s", s, fen, formatYuan(fen))
		}
	})
}

func TestParseExpress(t *testing.T) {
	from := time.Date(2026, 11, 21, 15, 30, 0, 0, time.UTC) // 23:30 in Beijing
	for s, want := range map[string]time.Duration{"1m": time.Minute, "90m": 90 * time.Minute, "2h": 2 * time.Hour, "15d": 15 * 24 * time.Hour, "1c": 30 * time.Minute} {
		if got, ok := parseExpress(s, from); !ok || got.Sub(from) != want {
			t.Errorf("%q: %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "m", "0m", "1.5h", "16d", "2c", "1s", "-1m", "9999999m"} {
		if got, ok := parseExpress(s, from); ok {
			t.Errorf("%q was taken as %v", s, got)
		}
	}
}

func TestAuthCodeAndOrderNumber(t *testing.T) {
	for s, want := range map[string]bool{
		"280000000000000001": true, "2500000000000000": true, "300000000000000000000000": true, "130000000000000001": false,
		"310000000000000001": false, "28000000000000001x": false, "280000000000000": false, "2800000000000000000000000": false, "": false,
	} {
		if validAuthCode(s) != want {
			t.Errorf("auth_code %q: %v", s, !want)
		}
	}
	for s, want := range map[string]bool{"a": true, "20190815155618536-564-57": true, "A_1": true, "": false, "a.b": false, "a\n": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false} {
		if validOrderNumber(s) != want {
			t.Errorf("out_trade_no %q: %v", s, !want)
		}
	}
}

func TestParams_Refused(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"bad escape":          request("app_id=%zz", "", ""),
		"two values":          request("app_id=1", "app_id=2", formType),
		"another body":        request("", `{"app_id":"1"}`, "application/json"),
		"too many":            request("", manyParams(), formType),
		"body without a type": request("", "a=1", ""),
	} {
		if p, err := readParams(r); err == nil {
			t.Errorf("%s: %v", name, p)
		}
	}
	p, err := readParams(request("app_id=1&a=b%2Bc+d", "biz_content=%7B%7D&app_id=1&empty=", formType+";charset=utf-8"))
	if err != nil || p["a"] != "b+c d" || p.signedText("sign") != "a=b+c d&app_id=1&biz_content={}" {
		t.Errorf("%v, %v", p, err)
	}
}

const formType = "application/x-www-form-urlencoded"

func request(query, body, kind string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/gateway.do?"+query, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return r
}

func manyParams() string {
	v := make(url.Values)
	for i := range maxParams + 1 {
		v.Set(strings.Repeat("x", i+1), "1")
	}
	return v.Encode()
}

func FuzzParams(f *testing.F) {
	f.Add("a=1&b=%E5%92%96", "biz_content=%7B%22a%22%3A1%7D&sign=x%2By")
	f.Add("a=1&a=2", "&&=&=x")
	f.Add("%", "%zz")
	f.Fuzz(func(t *testing.T, query, body string) {
		p := make(params)
		if p.add(query) != nil || p.add(body) != nil {
			return
		}
		again := make(params)
		if err := again.add(p.encode()); err != nil || again.signedText() != p.signedText() {
			t.Errorf("%q + %q: %v", query, body, err)
		}
	})
}

func FuzzContent(f *testing.F) {
	f.Add([]byte(`{"out_trade_no":"1","total_amount":0.01,"query_options":["a"]}`))
	f.Add([]byte(`{"out_trade_no":null,"subject":[1]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseContent(text)
		if err != nil {
			return
		}
		c.malformed(contentFields()...)
		c.asksFor("a")
		c.get("out_trade_no")
	})
}

func FuzzDecrypt(f *testing.F) {
	key := []byte("0123456789abcdef")
	sealed, err := encrypt(key, []byte("咖啡"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add("AAAA")
	f.Add("")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = decrypt(key, text) })
}

// The vectors are real messages that nobody here made.

func vectors(t *testing.T, name string, into any) {
	t.Helper()
	dir := os.Getenv("PAYMUX_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "vectors")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "alipay", name))
	if err != nil {
		t.Skipf("SKIPPED: the vectors are missing, set PAYMUX_VECTORS to their folder: %v", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func TestVectors_CertificateNumbers(t *testing.T) {
	var cases []struct {
		File       string
		RootBundle bool `json:"root_bundle"`
		SN         string
	}
	vectors(t, "cert_sn.json", &cases)
	for _, c := range cases {
		if c.RootBundle {
			continue // the real roots hold an SM2 certificate, the simulator's do not
		}
		dir := os.Getenv("PAYMUX_VECTORS")
		if dir == "" {
			dir = filepath.Join("..", "..", "..", "..", "shared", "vectors")
		}
		raw, err := os.ReadFile(filepath.Join(dir, "alipay", c.File))
		if err != nil {
			t.Fatal(err)
		}
		cert, err := keys.ParseCertificatePEM(string(raw))
		if err != nil || serialNumber(cert) != c.SN {
			t.Errorf("%s: %v, want %s", c.File, err, c.SN)
		}
	}
}

func TestVectors_Encryption(t *testing.T) {
	var cases []struct{ Key, Plain, Cipher string }
	vectors(t, "aes.json", &cases)
	for _, c := range cases {
		key, err := base64.StdEncoding.DecodeString(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := encrypt(key, []byte(c.Plain))
		if err != nil || sealed != c.Cipher {
			t.Errorf("encrypted %q: %s, %v", c.Plain, sealed, err)
		}
		if plain, err := decrypt(key, c.Cipher); err != nil || string(plain) != c.Plain {
			t.Errorf("decrypted %q: %s, %v", c.Cipher, plain, err)
		}
	}
}
