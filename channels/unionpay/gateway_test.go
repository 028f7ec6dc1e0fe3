package unionpay

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

const (
	testMerID    = "777290058110048"
	testAttempt  = "01JD3Y7F8GH2K4M6N8P0QRSTVW"
	testRefund   = "01JD3Y7F8GH2K4M6N8P0QRSTVX"
	testQueryID  = "312611220030051234568"
	testPassword = "pass-word-of-the-pfx"
	unionPayName = "041@8310000000083040@中国银联股份有限公司@00016495"
)

// testNow is an evening in UTC that is the next day in Beijing: 2026-11-22
// 00:30:05.
var testNow = time.Date(2026, 11, 21, 16, 30, 5, 0, time.UTC)

// identity is a key with its certificate.
type identity struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

func (i identity) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}))
}

// wirePEM is a certificate as UnionPay sends it: CRLF, none at the end.
func (i identity) wirePEM() string {
	return strings.ReplaceAll(strings.TrimSpace(i.pem()), "\n", "\r\n")
}

func (i identity) keyPEM() string {
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// certificate issues one; without an issuer it signs itself.
func certificate(cn string, ca bool, algorithm x509.SignatureAlgorithm, issuer *identity, change ...func(*x509.Certificate)) identity {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 70))
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: cn, Organization: []string{"TEST CA " + cn}},
		NotBefore: testNow.AddDate(-1, 0, 0), NotAfter: testNow.AddDate(1, 0, 0),
		BasicConstraintsValid: true, IsCA: ca, SignatureAlgorithm: algorithm,
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if ca {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	for _, f := range change {
		f(template)
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return identity{key, cert}
}

// testPKI is made once for all tests of the package; like UnionPay's authority
// it signs with SHA-1.
var testPKI = sync.OnceValue(func() (p struct{ root, middle, unionpay, merchant identity }) {
	p.root = certificate("ROOT", true, x509.SHA1WithRSA, nil)
	p.middle = certificate("MIDDLE", true, x509.SHA1WithRSA, &p.root)
	p.unionpay = certificate(unionPayName, false, x509.SHA1WithRSA, &p.middle)
	p.merchant = certificate("041@Z2014-11-11@"+testMerID+":SIGN@00000005", false, x509.SHA1WithRSA, &p.middle)
	return p
})

var testPFX = sync.OnceValue(func() string {
	p := testPKI()
	raw, err := pkcs12.LegacyRC2.Encode(p.merchant.key, p.merchant.cert, []*x509.Certificate{p.middle.cert, p.root.cert}, testPassword)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
})

func testConfig(baseURL string) Config {
	p := testPKI()
	return Config{
		BaseURL: baseURL, MerID: testMerID, PFXBase64: testPFX(), PFXPassword: testPassword,
		RootCert: p.root.pem(), MiddleCert: p.middle.pem(), SignCert: p.unionpay.pem(),
	}
}

func newClient(t testing.TB, cfg Config) *Client { return newClientAt(t, cfg, testNow) }

func newClientAt(t testing.TB, cfg Config, at time.Time) *Client {
	t.Helper()
	c, err := New(cfg, Deps{Now: func() time.Time { return at }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// canonical and signFields are an own reading of the rule of signing.
func canonical(fields map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "signature" {
			pairs = append(pairs, name+"="+fields[name])
		}
	}
	return strings.Join(pairs, "&")
}

func hexDigest(text string) []byte {
	inner := sha256.Sum256([]byte(text))
	outer := sha256.Sum256([]byte(hex.EncodeToString(inner[:])))
	return outer[:]
}

// signAs makes a message as UnionPay would, with somebody's key and
// certificate.
func signAs(by identity, fields map[string]string) map[string]string {
	m := maps.Clone(fields)
	m["signPubKeyCert"] = by.wirePEM()
	return sealAs(by, m)
}

// sealAs signs fields as they are.
func sealAs(by identity, fields map[string]string) map[string]string {
	m := maps.Clone(fields)
	sig, err := rsa.SignPKCS1v15(rand.Reader, by.key, crypto.SHA256, hexDigest(canonical(m)))
	if err != nil {
		panic(err)
	}
	m["signature"] = base64.StdEncoding.EncodeToString(sig)
	return m
}

// wireBody is an answer as UnionPay writes it: raw, the certificate and the
// signature last.
func wireBody(m map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if name != "signPubKeyCert" && name != "signature" {
			pairs = append(pairs, name+"="+m[name])
		}
	}
	for _, name := range []string{"signPubKeyCert", "signature"} {
		if _, ok := m[name]; ok {
			pairs = append(pairs, name+"="+m[name])
		}
	}
	return strings.Join(pairs, "&")
}

// wireForm is a notification as UnionPay posts it.
func wireForm(m map[string]string) []byte {
	form := url.Values{}
	for name, value := range m {
		form.Set(name, value)
	}
	return []byte(form.Encode())
}

// with is a copy with pairs of names and values; "-" leaves a field out.
func with(m map[string]string, pairs ...string) map[string]string {
	out := maps.Clone(m)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			delete(out, pairs[i])
		} else {
			out[pairs[i]] = pairs[i+1]
		}
	}
	return out
}

// gateway answers requests with what answer says. It verifies every request as
// UnionPay does and keeps it.
type gateway struct {
	*httptest.Server
	t      testing.TB
	mu     sync.Mutex
	seen   []seen
	answer func(w http.ResponseWriter, path string, p map[string]string)
}

type seen struct {
	path   string
	fields map[string]string
}

func newGateway(t testing.TB, answer func(w http.ResponseWriter, path string, p map[string]string)) *gateway {
	g := &gateway{t: t, answer: answer}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	if err != nil {
		g.t.Errorf("request is not a form: %v", err)
	}
	if ct := r.Header.Get("Content-Type"); r.Method != http.MethodPost || ct != "application/x-www-form-urlencoded;charset=UTF-8" {
		g.t.Errorf("%s with content type %q", r.Method, ct)
	}
	fields := map[string]string{}
	for name, values := range form {
		if len(values) != 1 || values[0] == "" {
			g.t.Errorf("field %s is sent as %q", name, values)
		}
		fields[name] = values[0]
	}
	checkRequest(g.t, fields)
	g.mu.Lock()
	g.seen = append(g.seen, seen{r.URL.Path, fields})
	g.mu.Unlock()
	g.answer(w, r.URL.Path, fields)
}

func (g *gateway) requests() []seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.seen)
}

func (g *gateway) last() seen {
	all := g.requests()
	if len(all) == 0 {
		g.t.Fatal("the gateway saw no request")
	}
	return all[len(all)-1]
}

// checkRequest checks what every request has, and its signature.
func checkRequest(t testing.TB, p map[string]string) {
	t.Helper()
	for name, want := range map[string]string{
		"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "accessType": "0", "merId": testMerID,
		"certId": testPKI().merchant.cert.SerialNumber.String(),
	} {
		if p[name] != want {
			t.Errorf("%s is %q, want %q", name, p[name], want)
		}
	}
	if p["signPubKeyCert"] != "" {
		t.Error("a request carries a certificate")
	}
	sig, err := base64.StdEncoding.DecodeString(p["signature"])
	if err != nil {
		t.Errorf("signature is not base64: %v", err)
	}
	if rsa.VerifyPKCS1v15(&testPKI().merchant.key.PublicKey, crypto.SHA256, hexDigest(canonical(p)), sig) != nil {
		t.Errorf("the request's signature does not hold over %q", canonical(p))
	}
}

// echo is an answer's fields: those of the request that UnionPay repeats, with
// pairs of names and values over them.
func echo(p map[string]string, pairs ...string) map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"accessType", "bizType", "encoding", "merId", "orderId", "txnTime", "txnType", "txnSubType", "version",
		"signMethod", "txnAmt", "currencyCode", "origQryId", "reqReserved",
	} {
		if v, ok := p[name]; ok {
			m[name] = v
		}
	}
	return with(m, pairs...)
}

// answering answers every call by echoing it with the pairs, signed.
func answering(t testing.TB, pairs ...string) *gateway {
	return newGateway(t, func(w http.ResponseWriter, _ string, p map[string]string) {
		_, _ = io.WriteString(w, wireBody(signAs(testPKI().unionpay, echo(p, pairs...))))
	})
}

func attempt(scene channels.Scene) channels.AttemptRef {
	return channels.AttemptRef{
		ID: testAttempt, SubmittedAt: testNow, Scene: scene, Amount: adaptertest.CNY(8880), ExpiresAt: testNow.Add(30 * time.Minute),
	}
}

func payRequest(scene channels.Scene) channels.PayRequest {
	return channels.PayRequest{
		Attempt: attempt(scene), Subject: "coffee & {cake}", NotifyURL: "https://pay.example.com/notify/unionpay/1",
		ReturnURL: "https://shop.example.com/back?a=1&b=2", AuthCode: "6220000000000000018", ClientIP: "203.0.113.7",
	}
}

func refundRequest(scene channels.Scene) channels.RefundRequest {
	ref := attempt(scene)
	ref.ChannelTradeNo = testQueryID
	return channels.RefundRequest{
		Attempt: ref, RefundID: testRefund, SubmittedAt: testNow.Add(time.Minute), Amount: adaptertest.CNY(1000), Others: adaptertest.CNY(0),
		Reason: "too cold", NotifyURL: "https://pay.example.com/notify/unionpay/1",
	}
}
