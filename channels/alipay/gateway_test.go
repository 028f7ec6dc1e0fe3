package alipay

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// testKeys are made once for all tests of the package.
var testKeys = sync.OnceValue(func() (k struct{ app, alipay, stranger *rsa.PrivateKey }) {
	for _, p := range []**rsa.PrivateKey{&k.app, &k.alipay, &k.stranger} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		*p = key
	}
	return k
})

const (
	testAppID    = "2021000000000001"
	testSellerID = "2088000000000001"
	testAttempt  = "01JD3Y7F8GH2K4M6N8P0QRSTVW"
	testRefund   = "01JD3Y7F8GH2K4M6N8P0QRSTVX"
	testTradeNo  = "2026112122001400000000000001"
	testAESKey   = "aa4BtZ4tspm2wnXLb1ThQA=="
)

// testNow is a Beijing evening that is another day in UTC's west.
var testNow = time.Date(2026, 11, 21, 16, 30, 5, 0, time.UTC)

func sign(key *rsa.PrivateKey, text string) string {
	digest := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

func keyConfig(gatewayURL string) Config {
	return Config{
		GatewayURL: gatewayURL, AppID: testAppID, SellerID: testSellerID,
		AppPrivateKey: adaptertest.PrivatePEM(testKeys().app), AlipayPublicKey: adaptertest.PublicPEM(testKeys().alipay),
	}
}

// gateway answers requests with what answer says. It verifies every request as
// Alipay does and keeps the parameters.
type gateway struct {
	*httptest.Server
	t      testing.TB
	mu     sync.Mutex
	seen   []url.Values
	answer func(w http.ResponseWriter, p url.Values)
}

func newGateway(t testing.TB, answer func(w http.ResponseWriter, p url.Values)) *gateway {
	g := &gateway{t: t, answer: answer}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p, err := url.ParseQuery(string(body))
	if err != nil {
		g.t.Errorf("request is not a form: %v", err)
	}
	if ct := r.Header.Get("Content-Type"); ct != "application/x-www-form-urlencoded;charset=utf-8" {
		g.t.Errorf("content type %q", ct)
	}
	verifyRequest(g.t, p)
	g.mu.Lock()
	g.seen = append(g.seen, p)
	g.mu.Unlock()
	g.answer(w, p)
}

func (g *gateway) last() url.Values {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.seen) == 0 {
		g.t.Fatal("the gateway saw no request")
	}
	return g.seen[len(g.seen)-1]
}

func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.seen)
}

// verifyRequest checks a request's signature by an own reading of the rule.
func verifyRequest(t testing.TB, p url.Values) {
	t.Helper()
	var pairs []string
	for name, values := range p {
		if len(values) != 1 {
			t.Errorf("parameter %s is sent %d times", name, len(values))
		}
		if name != "sign" && values[0] != "" {
			pairs = append(pairs, name+"\x00"+values[0])
		}
	}
	sortStrings(pairs)
	text := strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
	sig, err := base64.StdEncoding.DecodeString(p.Get("sign"))
	if err != nil {
		t.Errorf("sign is not base64: %v", err)
	}
	digest := sha256.Sum256([]byte(text))
	if err := rsa.VerifyPKCS1v15(&testKeys().app.PublicKey, crypto.SHA256, digest[:], sig); err != nil {
		t.Errorf("the request's signature does not hold over %q", text)
	}
}

func sortStrings(s []string) {
	for i := 1; i < len(s); i++ {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}

func nodeName(method string) string { return strings.ReplaceAll(method, ".", "_") + "_response" }

// envelope wraps a node as the gateway does, signed by key.
func envelope(name, node string, key *rsa.PrivateKey) string {
	return fmt.Sprintf(`{%q:%s,"sign":%q}`, name, node, sign(key, node))
}

// answering answers every call with one signed node.
func answering(t testing.TB, node string) *gateway {
	return newGateway(t, func(w http.ResponseWriter, p url.Values) {
		w.Header().Set("Content-Type", "text/html;charset=utf-8")
		_, _ = io.WriteString(w, envelope(nodeName(p.Get("method")), node, testKeys().alipay))
	})
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
		Attempt: attempt(scene), Subject: "coffee", NotifyURL: "https://pay.example.com/notify/alipay/1",
		ReturnURL: "https://shop.example.com/back?a=1&b=2", AuthCode: "280000000000000001", PayerID: "2088000000000009",
	}
}

func refundRequest() channels.RefundRequest {
	return channels.RefundRequest{
		Attempt: attempt(channels.SceneQR), RefundID: testRefund, SubmittedAt: testNow, Amount: adaptertest.CNY(1000), Reason: "too cold",
	}
}

func biz(t testing.TB, p url.Values) map[string]any {
	t.Helper()
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader([]byte(p.Get("biz_content"))))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("biz_content %q: %v", p.Get("biz_content"), err)
	}
	return m
}
