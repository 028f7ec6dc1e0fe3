package alipay

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// pki is a set of certificates like Alipay's: a bundle of roots of which one
// cannot be parsed and one is not RSA, a middle certificate and leaves.
type pki struct {
	roots, app, alipay, alipayNext string
	serial, serialNext             string
}

var pkiNames = sync.OnceValue(func() (n struct{ root, middle pkix.Name }) {
	n.root = pkix.Name{CommonName: "Test Root", Organization: []string{"paymux"}, Country: []string{"CN"}}
	n.middle = pkix.Name{CommonName: "Test Middle", Organization: []string{"paymux"}, Country: []string{"CN"}}
	return n
})

func newPKI(t *testing.T) pki {
	t.Helper()
	keys, names := testKeys(), pkiNames()
	issue := func(serial int64, subject pkix.Name, ca bool, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) *x509.Certificate {
		tmpl := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: subject, IsCA: ca, BasicConstraintsValid: true,
			NotBefore: testNow.AddDate(-1, 0, 0), NotAfter: testNow.AddDate(0, 0, 10),
		}
		if ca {
			tmpl.NotAfter, tmpl.KeyUsage = testNow.AddDate(20, 0, 0), x509.KeyUsageCertSign
		}
		if parent == nil {
			parent = tmpl
		}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, by)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	text := func(certs ...*x509.Certificate) string {
		var b strings.Builder
		for _, c := range certs {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
		}
		return b.String()
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := issue(1, names.root, true, nil, keys.stranger.Public(), keys.stranger)
	ecRoot := issue(2, pkix.Name{CommonName: "EC Root"}, true, nil, ec.Public(), ec)
	middle := issue(3, names.middle, true, root, keys.stranger.Public(), keys.stranger)
	app := issue(4, pkix.Name{CommonName: "app"}, false, middle, keys.app.Public(), keys.stranger)
	ali := issue(5, pkix.Name{CommonName: "alipay"}, false, middle, keys.alipay.Public(), keys.stranger)
	next := issue(6, pkix.Name{CommonName: "alipay next"}, false, middle, keys.alipay.Public(), keys.stranger)
	unparsable := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("an SM2 certificate")}))
	return pki{
		roots: unparsable + text(root, ecRoot), app: text(app),
		alipay: text(ali, middle), alipayNext: text(next, middle), serial: certSN(ali), serialNext: certSN(next),
	}
}

func certConfig(gatewayURL string, p pki) Config {
	cfg := keyConfig(gatewayURL)
	cfg.AlipayPublicKey = ""
	cfg.AppCert, cfg.AlipayCert, cfg.AlipayRootCert = p.app, p.alipay, p.roots
	return cfg
}

func TestRootSerialSkipsWhatIsNotRSA(t *testing.T) {
	serial, roots, err := rootCertSN(newPKI(t).roots)
	if err != nil || strings.Contains(serial, "_") || len(serial) != 32 || len(roots) != 2 {
		t.Errorf("serial %q, %d roots, error %v", serial, len(roots), err)
	}
	if _, _, err := rootCertSN("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"); err == nil {
		t.Error("a bundle without an RSA root was accepted")
	}
}

func TestCertificateModeSendsSerialsAndChecksTheAnswers(t *testing.T) {
	p := newPKI(t)
	const node = `{"code":"10000","msg":"Success","out_trade_no":"` + testAttempt + `","trade_no":"1"}`
	serial := ""
	g := newGateway(t, func(w http.ResponseWriter, v url.Values) {
		_, _ = fmt.Fprintf(w, `{%q:%s,"alipay_cert_sn":%q,"sign":%q}`, nodeName(v.Get("method")), node, serial, sign(testKeys().alipay, node))
	})
	cfg := certConfig(g.URL, p)
	cfg.AlipayCerts = []string{p.alipayNext}
	c := newClient(t, cfg)
	for _, tt := range []struct {
		serial string
		good   bool
	}{{p.serial, true}, {p.serialNext, true}, {"", true}, {strings.Repeat("0", 32), false}} {
		serial = tt.serial
		before := g.count()
		_, err := c.ClosePayment(t.Context(), attempt(channels.SceneQR))
		if tt.good && err != nil {
			t.Errorf("serial %q: %v", tt.serial, err)
		}
		if !tt.good {
			adaptertest.WantOutcome(t, err, channels.BadSignature)
		}
		if g.count() != before+1 {
			t.Errorf("serial %q led to %d calls, want 1", tt.serial, g.count()-before)
		}
	}
	if got := g.last(); len(got.Get("app_cert_sn")) != 32 || len(got.Get("alipay_root_cert_sn")) != 32 {
		t.Errorf("serials of the request: %q, %q", got.Get("app_cert_sn"), got.Get("alipay_root_cert_sn"))
	}
}

func TestCertificatesAreCheckedAtNew(t *testing.T) {
	p, other := newPKI(t), newPKI(t)
	otherRoot := certConfig("https://a.example.com/g", p)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "Other"}, IsCA: true, BasicConstraintsValid: true, NotBefore: testNow.AddDate(-1, 0, 0), NotAfter: testNow.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	otherRoot.AlipayRootCert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	swapped := certConfig("https://a.example.com/g", p)
	swapped.AppCert = other.alipay
	broken := certConfig("https://a.example.com/g", p)
	broken.AlipayCert = "no certificate"
	for name, tt := range map[string]struct {
		cfg  Config
		want string
	}{
		"foreign root":      {otherRoot, "alipay_cert does not come from alipay_root_cert"},
		"another app's key": {swapped, "app_cert belongs to another key"},
		"no certificate":    {broken, "alipay_cert is not a PEM certificate"},
	} {
		if _, err := New(tt.cfg, Deps{Now: func() time.Time { return testNow }}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestEndedCertificateIsShownAndStillVerifies(t *testing.T) {
	p := newPKI(t)
	var log strings.Builder
	later := testNow.AddDate(0, 1, 0)
	c, err := New(certConfig("https://a.example.com/g", p), Deps{
		Now: func() time.Time { return later }, Logger: slog.New(slog.NewTextHandler(io.Writer(&log), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Expiries(); len(e) != 2 || e[1].Field != "alipay_cert" || e[1].NotAfter.After(later) {
		t.Errorf("expiries %+v", e)
	}
	if !strings.Contains(log.String(), "field=alipay_cert") {
		t.Errorf("no warning: %q", log.String())
	}
}
