package unionpay

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func configJSON(t testing.TB, cfg Config) []byte {
	t.Helper()
	raw, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestParseConfig(t *testing.T) {
	want := testConfig("https://gateway.95516.com")
	got, err := ParseConfig(configJSON(t, want))
	if err != nil || got != want {
		t.Fatalf("%v, %v", got, err)
	}
	if got.Identity() != testMerID {
		t.Errorf("identity %q", got.Identity())
	}
	sandbox, err := FromSandbox([]byte(fmt.Sprintf(
		`{"base_url":"http://127.0.0.1:9","mer_id":%q,"pfx_base64":%q,"pfx_password":%q,"root_cert":%q,"middle_cert":%q,"sign_cert":%q}`,
		testMerID, want.PFXBase64, want.PFXPassword, want.RootCert, want.MiddleCert, want.SignCert)))
	if err != nil {
		t.Fatal(err)
	}
	newClient(t, sandbox)
}

func TestParseConfigRefuses(t *testing.T) {
	good := string(configJSON(t, testConfig("https://gateway.95516.com")))
	for name, raw := range map[string]string{
		"empty":       "",
		"a list":      "[]",
		"null":        "null",
		"two objects": good + "{}",
		"cut":         good[:len(good)-1],
		"unknown":     `{"extra":1,` + good[1:],
		"other case":  `{"MER_ID":"777290058110048",` + good[1:],
		"twice":       `{"mer_id":"777290058110048",` + good[1:],
		"a number":    strings.Replace(good, `"`+testMerID+`"`, testMerID, 1),
	} {
		if _, err := ParseConfig([]byte(raw)); err == nil {
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), testPassword) || strings.Contains(err.Error(), testPFX()[:40]) {
			t.Errorf("%s: the fault quotes a secret: %v", name, err)
		}
	}
}

// TestConfigFaultsTogether: each fault is named, all at once.
func TestConfigFaultsTogether(t *testing.T) {
	days := 0
	cfg := Config{
		BaseURL: "http://gateway.95516.com", FileURL: "ftp://x", MerID: "1", PFXPassword: "p",
		TermID: "term-1", RefundWindowDays: &days, BillMaxBytes: -1,
	}
	_, err := New(cfg, Deps{Now: time.Now})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{
		"base_url", "file_url", "mer_id", "pfx_base64", "root_cert", "middle_cert", "term_id", "refund_window_days", "bill_max_bytes",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named in %q", field, err)
		}
	}
	if _, err := New(testConfig("https://gateway.95516.com"), Deps{}); err == nil {
		t.Error("a client without a clock")
	}
}

// TestKeys: what is wrong with keys is said without quoting them.
func TestKeys(t *testing.T) {
	p := testPKI()
	base := testConfig("https://gateway.95516.com")
	byPEM := base
	byPEM.PFXBase64, byPEM.PFXPassword = "", ""
	byPEM.MerchantCert, byPEM.MerchantPrivateKey = p.merchant.pem(), p.merchant.keyPEM()
	if c := newClient(t, byPEM); c.certID != p.merchant.cert.SerialNumber.String() {
		t.Errorf("certId %s", c.certID)
	}
	external := byPEM
	external.MerchantPrivateKey = ""
	if _, err := New(external, Deps{Now: time.Now, Signer: p.merchant.key}); err != nil {
		t.Error(err)
	}
	if _, err := New(base, Deps{Now: time.Now, Signer: p.unionpay.key}); err == nil {
		t.Error("a signer that is not the certificate's key")
	}
	for name, spoil := range map[string]func(*Config){
		"wrong password":       func(c *Config) { c.PFXPassword = "wrong" },
		"no pfx":               func(c *Config) { c.PFXBase64 = "AAAA" },
		"not base64":           func(c *Config) { c.PFXBase64 = "*" },
		"both":                 func(c *Config) { c.MerchantCert = p.merchant.pem() },
		"neither":              func(c *Config) { c.PFXBase64, c.PFXPassword = "", "" },
		"another key":          func(c *Config) { *c = byPEM; c.MerchantPrivateKey = p.unionpay.keyPEM() },
		"no key":               func(c *Config) { *c = external },
		"no certificate":       func(c *Config) { *c = byPEM; c.MerchantCert = "" },
		"key is no key":        func(c *Config) { *c = byPEM; c.MerchantPrivateKey = p.merchant.pem() },
		"certificate is a key": func(c *Config) { *c = byPEM; c.MerchantCert = p.merchant.keyPEM() },
		"root is no root":      func(c *Config) { c.RootCert = p.unionpay.pem() },
		"middle is the leaf":   func(c *Config) { c.MiddleCert = p.unionpay.pem() },
		"middle is no authority": func(c *Config) {
			c.MiddleCert, c.SignCert = certificate("NOBODY", false, 0, &p.root).pem(), ""
		},
		"root is text":          func(c *Config) { c.RootCert = "root" },
		"sign_cert is another":  func(c *Config) { c.SignCert = p.merchant.pem() },
		"sign_cert is the root": func(c *Config) { c.SignCert = p.root.pem() },
	} {
		cfg := base
		spoil(&cfg)
		_, err := New(cfg, Deps{Now: time.Now})
		if err == nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		for _, secret := range []string{testPassword, base.PFXBase64[:40], strings.Split(p.merchant.keyPEM(), "\n")[1]} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the fault quotes a secret", name)
			}
		}
	}
}

func TestConfigIsNotPrinted(t *testing.T) {
	cfg := testConfig("https://gateway.95516.com")
	var logs strings.Builder
	slog.New(slog.NewTextHandler(&logs, nil)).Info("x", "cfg", cfg)
	for _, text := range []string{fmt.Sprint(cfg), fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg), logs.String()} {
		if strings.Contains(text, testPassword) || strings.Contains(text, cfg.PFXBase64[:20]) || !strings.Contains(text, testMerID) {
			t.Errorf("printed as %.200s", text)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(configJSON(f, testConfig("https://gateway.95516.com")))
	f.Add([]byte(`{"mer_id":1}`))
	f.Add([]byte(`{"mer_id":"1","mer_id":"2"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		cfg, err := ParseConfig(raw)
		if err != nil {
			return
		}
		if faults := cfg.faults(); len(faults) > 0 {
			t.Errorf("accepted with %v", faults)
		}
		if _, err := New(cfg, Deps{Now: func() time.Time { return testNow }}); err != nil && strings.Contains(err.Error(), testPassword) {
			t.Error("the fault quotes a secret")
		}
	})
}
