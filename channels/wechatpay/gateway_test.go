package wechatpay

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// testKeys are made once for all tests of the package.
var testKeys = sync.OnceValue(func() (k struct{ merchant, wechat, platform, stranger *rsa.PrivateKey }) {
	for _, p := range []**rsa.PrivateKey{&k.merchant, &k.wechat, &k.platform, &k.stranger} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		*p = key
	}
	return k
})

const (
	testMchID    = "1900007291"
	testAppID    = "wxd678efh567hg6787"
	testSerial   = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	testAPIKey   = "0123456789abcdefghijklmnopqrstuv"
	testKeyID    = "PUB_KEY_ID_0119000072912026112100000001"
	testAttempt  = "01JD3Y7F8GH2K4M6N8P0QRSTVW"
	testRefund   = "01JD3Y7F8GH2K4M6N8P0QRSTVX"
	testTradeNo  = "4200000925202611214997714292"
	testRefundNo = "50302806232026112100000000001"
	testNotify   = "https://pay.example.com/notify/wechatpay/1"
)

// testNow is a Beijing night that is another day in UTC.
var testNow = time.Date(2026, 11, 21, 16, 30, 5, 0, time.UTC)

// certPEM is a platform certificate of key for a year from notBefore.
func certPEM(key *rsa.PrivateKey, serial string, notBefore time.Time) string {
	number, ok := new(big.Int).SetString(serial, 16)
	if !ok {
		panic("serial")
	}
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: "Tenpay.com sign"},
		NotBefore: notBefore, NotAfter: notBefore.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

const certSerial = "7132D72A03E93CDDF8C03BBD1F37EEDF00000001"

func signText(key *rsa.PrivateKey, text string) string {
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

func seal(apiKey, nonce, aad, plain string) string {
	block, err := aes.NewCipher([]byte(apiKey))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), []byte(plain), []byte(aad)))
}

func sealed(apiKey, aad, plain string) string {
	const nonce = "fdasflkja484"
	return fmt.Sprintf(`{"original_type":"transaction","algorithm":"AEAD_AES_256_GCM","ciphertext":%q,"associated_data":%q,"nonce":%q}`,
		seal(apiKey, nonce, aad, plain), aad, nonce)
}

// signer signs messages as WeChat Pay does.
type signer struct {
	key *rsa.PrivateKey
	id  string
	at  time.Time
}

func wechat() signer { return signer{key: testKeys().wechat, id: testKeyID, at: testNow} }

func (s signer) header(body string) http.Header {
	at, nonce := strconv.FormatInt(s.at.Unix(), 10), rand.Text()
	return http.Header{
		"Wechatpay-Timestamp": {at}, "Wechatpay-Nonce": {nonce}, "Wechatpay-Serial": {s.id},
		"Wechatpay-Signature": {signText(s.key, at+"\n"+nonce+"\n"+body+"\n")},
	}
}

func (s signer) write(w http.ResponseWriter, status int, body string) {
	for name, values := range s.header(body) {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	if body != "" {
		_, _ = io.WriteString(w, body)
	}
}

func keyConfig(base string) Config {
	return Config{
		BaseURL: base, MchID: testMchID, AppID: testAppID, Serial: testSerial, APIV3Key: testAPIKey,
		MerchantPrivateKey: adaptertest.PrivatePEM(testKeys().merchant), PublicKeyID: testKeyID, PublicKey: adaptertest.PublicPEM(testKeys().wechat),
	}
}

func certConfig(base string) Config {
	cfg := keyConfig(base)
	cfg.PublicKeyID, cfg.PublicKey = "", ""
	cfg.PlatformCert = certPEM(testKeys().platform, certSerial, testNow.AddDate(0, -1, 0))
	return cfg
}

func partnerConfig(base string) Config {
	cfg := keyConfig(base)
	cfg.SubMchID = "1900000109"
	return cfg
}

// seen is one request as it came.
type seen struct {
	method, target string
	header         http.Header
	body           string
}

func (s seen) fields(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	dec := json.NewDecoder(strings.NewReader(s.body))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("body %q: %v", s.body, err)
	}
	return m
}

// gateway answers requests with what answer says. It verifies every request as
// WeChat Pay does and keeps it.
type gateway struct {
	*httptest.Server
	t      testing.TB
	mu     sync.Mutex
	seen   []seen
	answer func(w http.ResponseWriter, r seen)
}

func newGateway(t testing.TB, answer func(w http.ResponseWriter, r seen)) *gateway {
	g := &gateway{t: t, answer: answer}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s := seen{method: r.Method, target: r.RequestURI, header: r.Header.Clone(), body: string(body)}
	verifyRequest(g.t, s)
	g.mu.Lock()
	g.seen = append(g.seen, s)
	g.mu.Unlock()
	g.answer(w, s)
}

func (g *gateway) requests() []seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]seen(nil), g.seen...)
}

func (g *gateway) last() seen {
	all := g.requests()
	if len(all) == 0 {
		g.t.Fatal("the gateway saw no request")
	}
	return all[len(all)-1]
}

func (g *gateway) count() int { return len(g.requests()) }

var authorizationParameter = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// verifyRequest checks a request by an own reading of the rule.
func verifyRequest(t testing.TB, s seen) {
	t.Helper()
	kind, rest, _ := strings.Cut(s.header.Get("Authorization"), " ")
	p := map[string]string{}
	for _, m := range authorizationParameter.FindAllStringSubmatch(rest, -1) {
		p[m[1]] = m[2]
	}
	if kind != "WECHATPAY2-SHA256-RSA2048" || len(p) != 5 || p["mchid"] != testMchID || p["serial_no"] != testSerial || len(p["nonce_str"]) != 32 {
		t.Errorf("authorization %q", s.header.Get("Authorization"))
	}
	sig, err := base64.StdEncoding.DecodeString(p["signature"])
	if err != nil {
		t.Errorf("signature: %v", err)
	}
	sum := sha256.Sum256([]byte(s.method + "\n" + s.target + "\n" + p["timestamp"] + "\n" + p["nonce_str"] + "\n" + s.body + "\n"))
	if rsa.VerifyPKCS1v15(&testKeys().merchant.PublicKey, crypto.SHA256, sum[:], sig) != nil {
		t.Errorf("the signature of %s %s does not hold", s.method, s.target)
	}
	if strings.HasPrefix(s.header.Get("User-Agent"), "WechatPay-Go/") {
		return // the library's own headers, in tests that let it judge ours
	}
	accept := "application/json"
	if strings.HasPrefix(s.target, "/v3/billdownload/") {
		accept = "*/*" // a file is not JSON
	}
	if s.header.Get("Accept") != accept || s.header.Get("User-Agent") == "" || (s.body != "" && s.header.Get("Content-Type") != "application/json") {
		t.Errorf("headers %v", s.header)
	}
}

// answering answers every call with one body, signed by WeChat Pay.
func answering(t testing.TB, status int, body string) *gateway {
	return newGateway(t, func(w http.ResponseWriter, _ seen) { wechat().write(w, status, body) })
}

// refusing answers every call with a refusal, unsigned as WeChat Pay's are.
func refusing(t testing.TB, status int, code string) *gateway {
	return newGateway(t, func(w http.ResponseWriter, _ seen) { refuse(w, status, code, "") })
}

func refuse(w http.ResponseWriter, status int, code, fine string) {
	if fine != "" {
		w.Header().Set("Request-ID", "08B2C5F1A40610AB-"+fine)
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%q,"message":"原因","detail":{"field":"/amount","issue":"x"}}`, code)
}

func newClient(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg, Deps{Now: func() time.Time { return testNow }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func attempt(scene channels.Scene) channels.AttemptRef {
	return channels.AttemptRef{
		ID: testAttempt, SubmittedAt: testNow, Scene: scene, Amount: adaptertest.CNY(8880),
		ExpiresAt: time.Date(2026, 11, 21, 17, 0, 5, 0, time.UTC),
	}
}

func payRequest(scene channels.Scene) channels.PayRequest {
	return channels.PayRequest{
		Attempt: attempt(scene), Subject: "coffee", NotifyURL: testNotify, AuthCode: "130000000000000001",
		PayerID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", ClientIP: "203.0.113.7", ReturnURL: "https://shop.example.com/back?a=1&b=2",
	}
}

func refundRequest() channels.RefundRequest {
	return channels.RefundRequest{
		Attempt: attempt(channels.SceneQR), RefundID: testRefund, SubmittedAt: testNow, Amount: adaptertest.CNY(1000),
		Reason: "too cold", NotifyURL: testNotify,
	}
}

// transaction writes a paid order with fields changed; a nil value takes one out.
func transaction(change map[string]any) string {
	fields := map[string]any{
		"appid": testAppID, "mchid": testMchID, "out_trade_no": testAttempt, "transaction_id": testTradeNo,
		"trade_type": "NATIVE", "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS",
		"success_time": "2026-11-22T00:30:01+08:00", "payer": map[string]any{"openid": "o"},
		"amount": map[string]any{"total": 8880, "payer_total": 8000, "currency": "CNY", "payer_currency": "CNY"},
	}
	return written(fields, change)
}

// refunded writes a refund as the API gives it.
func refunded(change map[string]any) string {
	fields := map[string]any{
		"refund_id": testRefundNo, "out_refund_no": testRefund, "transaction_id": testTradeNo, "out_trade_no": testAttempt,
		"channel": "ORIGINAL", "user_received_account": "支付用户零钱", "create_time": "2026-11-22T00:30:05+08:00", "status": "PROCESSING",
		"amount": map[string]any{"total": 8880, "refund": 1000, "payer_total": 8000, "payer_refund": 900, "currency": "CNY"},
	}
	return written(fields, change)
}

func written(fields, change map[string]any) string {
	for name, value := range change {
		if value == nil {
			delete(fields, name)
		} else {
			fields[name] = value
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // the body ends with a line's end, as some real ones do
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields); err != nil {
		panic(err)
	}
	return b.String()
}
