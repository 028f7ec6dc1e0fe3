package unionpay

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// TestWhoMaySign: of all certificates under the chain only UnionPay's sign.
func TestWhoMaySign(t *testing.T) {
	p := testPKI()
	under := func(cn string, change ...func(*x509.Certificate)) identity {
		return certificate(cn, false, x509.SHA256WithRSA, &p.middle, change...)
	}
	deep := certificate(unionPayName+"@CA", true, 0, &p.middle)
	notCA := certificate("NOT A CA", false, 0, &p.middle)
	twoNames := func(c *x509.Certificate) {
		cn := asn1.ObjectIdentifier{2, 5, 4, 3}
		c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: cn, Value: "merchant"}, {Type: cn, Value: unionPayName}}}
	}
	ended := func(c *x509.Certificate) { c.NotAfter = testNow.Add(-time.Second) }
	future := func(c *x509.Certificate) { c.NotBefore = testNow.Add(time.Second) }
	for name, tt := range map[string]struct {
		by      identity
		lenient bool
		want    error
	}{
		"UnionPay's, SHA-1":             {by: p.unionpay},
		"UnionPay's, SHA-256":           {by: under(unionPayName)},
		"the test name":                 {by: under("041@Z12@00040000:SIGN@00000062"), want: errOtherOwner},
		"the test name, in tests":       {by: under("041@Z12@00040000:SIGN@00000062"), lenient: true},
		"a merchant's":                  {by: p.merchant, want: errOtherOwner},
		"a merchant's, in tests":        {by: p.merchant, lenient: true, want: errOtherOwner},
		"the name elsewhere":            {by: under("中国银联股份有限公司@b@c@d"), want: errOtherOwner},
		"the name within":               {by: under("a@b@x中国银联股份有限公司@d"), want: errOtherOwner},
		"two parts":                     {by: under("a@中国银联股份有限公司"), want: errOtherOwner},
		"no parts":                      {by: under("中国银联股份有限公司"), want: errOtherOwner},
		"two common names":              {by: under("x", twoNames), want: errOtherOwner},
		"ended":                         {by: under(unionPayName, ended), want: errPeriod},
		"not begun":                     {by: under(unionPayName, future), want: errPeriod},
		"signed by itself":              {by: certificate(unionPayName, false, 0, nil), want: errChain},
		"from the root":                 {by: certificate(unionPayName, false, 0, &p.root), want: errChain},
		"one step deeper":               {by: certificate(unionPayName, false, 0, &deep), want: errChain},
		"from one that is no authority": {by: certificate(unionPayName, false, 0, &notCA), want: errChain},
	} {
		cfg := testConfig("https://gateway.example.com")
		cfg.AllowTestCN = tt.lenient
		c := newClient(t, cfg)
		for range 2 { // the second time from memory
			_, err := c.ParseNotification(nil, wireForm(signAs(tt.by, paidNotice())))
			if !errors.Is(err, tt.want) || (tt.want == nil && err != nil) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
			if tt.want != nil {
				adaptertest.WantOutcome(t, err, channels.BadSignature)
			}
		}
	}
}

// TestChainForged: the issuer's name alone makes no chain.
func TestChainForged(t *testing.T) {
	p := testPKI()
	// The same names as the real ones, with other keys.
	root := certificate("ROOT", true, 0, nil)
	middle := certificate("MIDDLE", true, 0, &root)
	forged := certificate(unionPayName, false, 0, &middle)
	if !bytes.Equal(forged.cert.RawIssuer, p.unionpay.cert.RawIssuer) {
		t.Fatal("the case is no case")
	}
	_, err := newClient(t, testConfig("https://a.example.com")).ParseNotification(nil, wireForm(signAs(forged, paidNotice())))
	if !errors.Is(err, errChain) {
		t.Errorf("error %v", err)
	}
}

// TestCertificateTexts: what may be configured, and what a message may bring.
func TestCertificateTexts(t *testing.T) {
	p := testPKI()
	short := "-----BEGIN CERTIFICATE-----\n" + "AAAA\n" + "-----END CERTIFICATE-----"
	for name, text := range map[string]string{
		"none": "", "text": "x", "a key": p.merchant.keyPEM(), "a key beside": p.root.pem() + p.merchant.keyPEM(), "not a certificate": short,
	} {
		if certs, err := allCertificates(text); err == nil {
			t.Errorf("%s: %d certificates", name, len(certs))
		}
	}
	for name, text := range map[string]string{
		"text before": "x " + p.root.pem(), "text after": p.root.pem() + "x", "two": p.root.pem() + p.middle.pem(), "none": "",
		"a key": p.merchant.keyPEM(), "cut": p.root.wirePEM()[:400],
	} {
		if _, err := oneCertificate(text); err == nil {
			t.Errorf("%s is taken for one certificate", name)
		}
	}
	if c, err := oneCertificate(p.root.wirePEM()); err != nil || !c.Equal(p.root.cert) {
		t.Error(err)
	}
}

// TestPeriodIsCheckedEachTime: a certificate that was good is not good for ever,
// nor is one whose authority ended.
func TestPeriodIsCheckedEachTime(t *testing.T) {
	now := testNow
	c, err := New(testConfig("https://a.example.com"), Deps{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	body := wireForm(signAs(testPKI().unionpay, paidNotice()))
	if _, err := c.ParseNotification(nil, body); err != nil {
		t.Fatal(err)
	}
	now = testNow.AddDate(2, 0, 0)
	if _, err := c.ParseNotification(nil, body); !errors.Is(err, errPeriod) {
		t.Errorf("error %v", err)
	}
	root := certificate("ROOT", true, 0, nil)
	middle := certificate("MIDDLE", true, 0, &root, func(x *x509.Certificate) { x.NotAfter = testNow.AddDate(0, 1, 0) })
	leaf := certificate(unionPayName, false, 0, &middle)
	cfg := testConfig("https://a.example.com")
	cfg.RootCert, cfg.MiddleCert, cfg.SignCert = root.pem(), middle.pem(), ""
	body = wireForm(signAs(leaf, paidNotice()))
	if _, err := newClient(t, cfg).ParseNotification(nil, body); err != nil {
		t.Error(err)
	}
	if _, err := newClientAt(t, cfg, testNow.AddDate(0, 2, 0)).ParseNotification(nil, body); !errors.Is(err, errPeriod) {
		t.Errorf("error %v", err)
	}
}

// TestChangeOfAuthority: old and new authority side by side.
func TestChangeOfAuthority(t *testing.T) {
	p := testPKI()
	root := certificate("ROOT 2", true, 0, nil)
	middle := certificate("MIDDLE 2", true, x509.SHA384WithRSA, &root)
	leaf := certificate(unionPayName, false, x509.SHA512WithRSA, &middle)
	cfg := testConfig("https://a.example.com")
	cfg.RootCert = "subject=ROOT\nissuer=ROOT\n" + cfg.RootCert + "another:\n" + root.pem()
	cfg.MiddleCert = middle.pem() + "\r\n" + cfg.MiddleCert
	c := newClient(t, cfg)
	for _, by := range []identity{p.unionpay, leaf} {
		if _, err := c.ParseNotification(nil, wireForm(signAs(by, paidNotice()))); err != nil {
			t.Error(err)
		}
	}
	cfg.MiddleCert += certificate("MIDDLE 3", true, 0, nil).pem()
	if _, err := New(cfg, Deps{Now: time.Now}); err == nil {
		t.Error("a middle certificate from no root")
	}
}

// TestKnownChainsAreBounded, and good to use from many goroutines.
func TestKnownChainsAreBounded(t *testing.T) {
	c := newClient(t, testConfig("https://a.example.com"))
	var wg sync.WaitGroup
	for i := range 4 * maxKnown {
		wg.Go(func() {
			// A genuine certificate, spelt in another way each time.
			text := testPKI().unionpay.wirePEM() + strings.Repeat("\n", i+1)
			if _, err := c.trust.signingKey(text, testNow); err != nil {
				t.Error(err)
			}
			_, _ = c.trust.signingKey(testPKI().merchant.wirePEM()+strings.Repeat("\n", i), testNow)
		})
	}
	wg.Wait()
	if n := len(c.trust.known); n == 0 || n > maxKnown {
		t.Errorf("%d chains are kept", n)
	}
	for _, ch := range c.trust.known {
		if !ch[0].Equal(testPKI().unionpay.cert) {
			t.Error("a chain that was refused is kept")
		}
	}
}

func TestExpiriesAreWarnedOf(t *testing.T) {
	var logs strings.Builder
	cfg := testConfig("https://a.example.com")
	at := testNow.AddDate(0, 11, 15)
	c, err := New(cfg, Deps{Now: func() time.Time { return at }, Logger: slog.New(slog.NewTextHandler(&logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(logs.String(), "level=WARN"); n != 4 || len(c.Expiries()) != 4 {
		t.Errorf("%d warnings, %d certificates", n, len(c.Expiries()))
	}
	for _, e := range c.Expiries() {
		if !strings.Contains(logs.String(), e.Serial) || e.NotAfter.IsZero() {
			t.Errorf("%+v is not warned of", e)
		}
	}
	if strings.Contains(logs.String(), testPassword) || strings.Contains(logs.String(), cfg.PFXBase64[:30]) {
		t.Error("the log holds a secret")
	}
}

func FuzzCertificates(f *testing.F) {
	p := testPKI()
	f.Add(p.unionpay.wirePEM())
	f.Add(p.merchant.pem() + p.middle.pem())
	f.Add("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----")
	c := newClient(f, testConfig("https://a.example.com"))
	f.Fuzz(func(t *testing.T, text string) {
		key, err := c.trust.signingKey(text, testNow)
		if err == nil && !key.Equal(p.unionpay.cert.PublicKey) {
			t.Errorf("%q may sign", text)
		}
	})
}

// TestErrorsKeepSecrets searches every error and log of a client for what must
// not be in it.
func TestErrorsKeepSecrets(t *testing.T) {
	var texts strings.Builder
	for _, pairs := range [][]string{
		{"respCode", "11", "respMsg", "bad qrNo 6220000000000000018"}, {"respCode", "00"}, {"merId", "1"}, {"version", "5.0.0"},
	} {
		g := answering(t, pairs...)
		c := newClient(t, testConfig(g.URL))
		_, err := c.Pay(t.Context(), payRequest(channels.SceneBarcode))
		texts.WriteString(describe(err))
		_, err = c.QueryPayment(t.Context(), attempt(channels.SceneBarcode))
		texts.WriteString(describe(err))
		g.Close()
		_, err = c.Refund(t.Context(), refundRequest(channels.SceneBarcode))
		texts.WriteString(describe(err))
	}
	_, err := newClient(t, testConfig("https://a.example.com")).ParseNotification(nil, wireForm(signAs(testPKI().merchant, paidNotice())))
	texts.WriteString(describe(err))
	if texts.Len() == 0 {
		t.Fatal("no errors to search")
	}
	for _, secret := range []string{
		testPassword, testPFX()[:40], "6220000000000000018", strings.Split(testPKI().merchant.keyPEM(), "\n")[1], "/gateway/api",
	} {
		if strings.Contains(texts.String(), secret) {
			t.Errorf("%.20s… is in an error", secret)
		}
	}
}

func describe(err error) string {
	var e *channels.Error
	if errors.As(err, &e) {
		return fmt.Sprintf("%v %s %s\n", err, e.Code, e.Message)
	}
	return fmt.Sprintln(err)
}
