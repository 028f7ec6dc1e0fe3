package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

func (h *harness) get(target string, header ...string) *httptest.ResponseRecorder {
	rq := rawRequest{method: "GET", target: target, header: http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		rq.header.Add(header[i], header[i+1])
	}
	return h.send(rq)
}

func TestPlatformKeysAreSignedByEachKey(t *testing.T) {
	h := newHarness(t)
	nonce := freshNonce()
	w := h.get("/v1/platform-keys", signing.HeaderNonce, nonce)
	if w.Code != 200 || w.Header().Get(signing.HeaderNonce) != nonce {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	keys, err := signing.ParsePlatformKeys(w.Body.Bytes())
	if err != nil || len(keys) != 2 {
		t.Fatal(err, keys)
	}
	if len(w.Header().Values(signing.HeaderSerial)) != 2 || len(w.Header().Values(signing.HeaderSignature)) != 2 {
		t.Errorf("%v", w.Header())
	}
	for serial, pub := range keys { // whoever holds one of them
		one := signing.AnswerCheck{Nonce: nonce, Now: h.now(), Keys: h.ring.PublicKeys()}
		for other := range one.Keys {
			if other != serial {
				delete(one.Keys, other)
			}
		}
		if one.Keys[serial] == nil || pub == nil {
			t.Fatalf("key %s is not live", serial)
		}
		if err := signing.VerifyAnswer(one, w.Code, w.Header(), w.Body.Bytes()); err != nil {
			t.Errorf("with %s alone: %v", serial, err)
		}
	}
	if _, err := h.client().FetchPlatformKeys(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPlatformKeysRepeatTheNonceAsItIs(t *testing.T) {
	h := newHarness(t)
	for _, header := range [][]string{
		nil,
		{signing.HeaderNonce, ""},
		{signing.HeaderNonce, freshNonce(), signing.HeaderNonce, freshNonce()},
		{signing.HeaderNonce, strings.Repeat("n", 257)},
		{signing.HeaderNonce, "näh"},
		{"Authorization", h.signature("GET", "/v1/platform-keys", "").header()},
	} {
		w := h.get("/v1/platform-keys", header...)
		values, ok := w.Header()[signing.HeaderNonce]
		if w.Code != 200 || !ok || len(values) != 1 || values[0] != "" {
			t.Errorf("%v: %d %v", header, w.Code, values)
		}
		if err := h.verify(w, ""); err != nil {
			t.Errorf("%v: %v", header, err)
		}
	}
	for _, nonce := range []string{"short", "with.dots and blanks", strings.Repeat("n", 65), freshNonce()} {
		w := h.get("/v1/platform-keys", signing.HeaderNonce, nonce)
		if err := h.verify(w, nonce); w.Code != 200 || err != nil {
			t.Errorf("%q: %d %v", nonce, w.Code, err)
		}
	}
	w := h.send(rawRequest{method: "HEAD", target: "/v1/platform-keys"})
	if err := h.verify(w, ""); w.Code != 200 || err != nil {
		t.Errorf("HEAD: %d %v", w.Code, err)
	}
}

func TestHealthAndReadiness(t *testing.T) {
	var database, redis atomic.Pointer[error]
	probe := func(p *atomic.Pointer[error]) func(context.Context) error {
		return func(context.Context) error {
			if err := p.Load(); err != nil {
				return *err
			}
			return nil
		}
	}
	h := newHarness(t, func(_ *Config, d *Deps) {
		d.Checks = []Check{{Name: "database", Probe: probe(&database)}, {Name: "redis", Optional: true, Probe: probe(&redis)}}
	})
	expect := func(status int, parts ...string) {
		t.Helper()
		h.advance(readinessLives)
		w := h.get("/readyz")
		if w.Code != status {
			t.Errorf("%d, want %d: %s", w.Code, status, w.Body)
		}
		for _, part := range parts {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s is not in %s", part, w.Body)
			}
		}
		if strings.Contains(w.Body.String(), "canary") {
			t.Errorf("the inside is told: %s", w.Body)
		}
		if status != 200 {
			problemOf(t, w.Code, w.Header(), w.Body.Bytes())
		}
	}
	gone := errors.New("dial canary-host: refused")
	expect(200, `{"name":"database","status":"ok"}`, `{"name":"redis","status":"ok"}`)
	redis.Store(&gone)
	expect(200, `{"name":"redis","status":"degraded"}`)
	database.Store(&gone)
	expect(503, `{"name":"database","status":"failed"}`, string(payment.CodeTemporarilyUnable))
	if w := h.get("/healthz"); w.Code != 200 || w.Body.String() != `{"status":"ok"}`+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	database.Store(nil)
	redis.Store(nil)
	expect(200)
	if !strings.Contains(h.log.String(), "canary-host") {
		t.Error("the cause is not logged")
	}
}

func TestReadinessIsNotHeldUpByACheck(t *testing.T) {
	h := newHarness(t, func(c *Config, d *Deps) {
		c.CheckTimeout = time.Millisecond
		d.Checks = []Check{
			{Name: "stuck", Probe: func(context.Context) error { select {} }},
			{Name: "broken", Probe: func(context.Context) error { panic("x") }},
		}
	})
	if w := h.get("/readyz"); w.Code != 503 || !strings.Contains(w.Body.String(), `{"name":"stuck","status":"failed"},{"name":"broken","status":"failed"}`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAClockFarFromTheDatabasesIsNotReady(t *testing.T) {
	now := time.Date(2025, 11, 21, 4, 0, 0, 0, time.UTC)
	for off, ok := range map[time.Duration]bool{
		0: true, 30 * time.Second: true, -30 * time.Second: true, 31 * time.Second: false, -31 * time.Second: false, time.Hour: false,
	} {
		check := ClockCheck(func() time.Time { return now }, func(context.Context) (time.Time, error) { return now.Add(off), nil }, 30*time.Second)
		if err := check.Probe(t.Context()); (err == nil) != ok {
			t.Errorf("%s off: %v", off, err)
		}
	}
	check := ClockCheck(func() time.Time { return now }, func(context.Context) (time.Time, error) { return time.Time{}, payment.ErrUnavailable }, 30*time.Second)
	if err := check.Probe(t.Context()); !errors.Is(err, payment.ErrUnavailable) || check.Optional {
		t.Errorf("%v", err)
	}
}

func TestMetricsCountByRoute(t *testing.T) {
	h := newHarness(t)
	h.do(201, "POST", "/v1/payments", createBody)
	h.do(404, "GET", "/v1/payments/secret-id", "")
	h.send(rawRequest{method: "BREW", target: "/canary"})
	w := h.get("/metrics")
	for _, want := range []string{
		`paymux_http_requests_total{method="POST",route="/v1/payments",status="201"} 1`,
		`paymux_http_requests_total{method="GET",route="/v1/payments/{id}",status="404"} 1`,
		`paymux_http_requests_total{method="other",route="none",status="404"} 1`,
		`paymux_http_request_duration_seconds_count{method="POST",route="/v1/payments"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is missing:\n%s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "secret-id") || strings.Contains(w.Body.String(), "canary") {
		t.Error("paths became labels")
	}
}

func TestTheAccessLogNamesRequestsWithoutTheirContent(t *testing.T) {
	h := newHarness(t)
	s := h.signature("POST", "/v1/payments", strings.Replace(createBody, "Two tickets", "canary-subject", 1))
	h.send(s.request())
	w := h.send(h.signature("GET", "/v1/payments?customer_id=canary-person", "").request())
	h.send(rawRequest{method: "GET", target: "/v1/payments/canary-id", auth: []string{"Bearer canary-token"}})
	log := h.log.String()
	for _, want := range []string{
		`"request_id":"` + w.Header().Get(signing.HeaderRequestID) + `"`, `"merchant_id":"m_shop"`, `"route":"/v1/payments"`, `"status":201`,
		`"code":"signature_missing"`, `"duration_ms":`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is missing in %s", want, log)
		}
	}
	if strings.Contains(log, "canary") || strings.Contains(log, s.nonce) {
		t.Errorf("content is logged: %s", log)
	}
}

func TestEveryAnswerHasARequestIDOfOurs(t *testing.T) {
	h := newHarness(t)
	seen := map[string]bool{}
	for _, rq := range []rawRequest{
		{method: "GET", target: "/healthz"},
		{method: "GET", target: "/nowhere"},
		{method: "GET", target: "/v1/payments"},
		{method: "OPTIONS", target: "*"},
		{method: "POST", target: "/notify/alipay/acc_1"},
		{method: "GET", target: "/docs"},
		{method: "GET", target: "/v1/platform-keys"},
		{method: "POST", target: "/v1/payments", body: strings.Repeat("x", 70000)},
	} {
		rq.header = http.Header{signing.HeaderRequestID: {"mine"}}
		id := h.send(rq).Header().Get(signing.HeaderRequestID)
		if len(id) != 26 || seen[id] {
			t.Errorf("%s %s: id %q", rq.method, rq.target, id)
		}
		seen[id] = true
	}
}

func TestNotificationsGoPastAuthentication(t *testing.T) {
	h := newHarness(t)
	if w := h.send(rawRequest{method: "POST", target: "/notify/alipay/acc_1", body: "a=b"}); w.Code != 200 || w.Body.String() != "alipay/acc_1" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.get("/notify/alipay/acc_1"); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := h.send(rawRequest{method: "POST", target: "/notify/alipay"}); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}

func TestAPanicOutsideOfTheAPIIsA500(t *testing.T) {
	h := newHarness(t, func(_ *Config, d *Deps) {
		d.Notify = func(string, string, http.ResponseWriter, *http.Request) { panic("canary") }
		d.Mounts = map[string]http.Handler{"/console": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "console at "+r.URL.Path)
		})}
	})
	w := h.send(rawRequest{method: "POST", target: "/notify/alipay/acc_1"})
	if p := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); p.Code != CodeInternal || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("%s", w.Body)
	}
	for _, target := range []string{"/console", "/console/x"} {
		if w := h.get(target); w.Body.String() != "console at "+target {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestPagesAreCompleteInThemselves(t *testing.T) {
	h := newHarness(t)
	outside := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|url\(|@import|(src|action)=|style="| on[a-z]+="`)
	for _, tt := range []struct{ target, accept, lang, contains string }{
		{"/return", "", "zh", "请回到商户查看支付结果"},
		{"/return?out_trade_no=1&lang=en", "zh", "en", "See the result at the merchant"},
		{"/return", "en-GB", "en", "See the result at the merchant"},
		{"/docs", "", "en", "Create a payment"},
		{"/docs", "zh-CN", "zh", "创建支付"},
		{"/docs?lang=zh", "en", "zh", "商户订单号"},
		{"/docs/errors", "", "en", `id="temporarily_unavailable"`},
		{"/docs/errors?lang=zh", "", "zh", "服务暂时不可用"},
	} {
		w := h.get(tt.target, "Accept-Language", tt.accept)
		body := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Language") != tt.lang || !strings.Contains(body, `<html lang="`+tt.lang+`">`) || !strings.Contains(body, tt.contains) {
			t.Errorf("%s (%s): %d %s", tt.target, tt.accept, w.Code, w.Header().Get("Content-Language"))
		}
		if found := outside.FindString(body); found != "" {
			t.Errorf("%s: %q", tt.target, found)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", tt.target, csp)
		}
	}
	if w := h.send(rawRequest{method: "POST", target: "/return", body: "orderId=1"}); w.Code != 200 {
		t.Errorf("a payer who is sent back with a form gets %d", w.Code)
	}
}

func TestTheDocumentationShowsEveryOperationFieldAndCode(t *testing.T) {
	h := newHarness(t)
	for _, lang := range []string{"zh", "en"} {
		body := h.get("/docs?lang=" + lang).Body.String()
		for _, rt := range h.server.routes() {
			if !strings.Contains(body, "<code>"+rt.pattern+"</code>") {
				t.Errorf("%s: %s is missing", lang, rt.pattern)
			}
		}
		for _, f := range createFields {
			if !strings.Contains(body, "<code>"+f.name+"</code>") {
				t.Errorf("%s: field %s is missing", lang, f.name)
			}
		}
		for _, info := range Codes() {
			if !strings.Contains(body, string(info.Code)) {
				t.Errorf("%s: code %s is missing", lang, info.Code)
			}
		}
		for _, anchor := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(body, -1) {
			if !strings.Contains(body, `id="`+anchor[1]+`"`) {
				t.Errorf("%s: nothing has the id %s", lang, anchor[1])
			}
		}
	}
}

// TestTheSigningExampleOfTheDocumentationWorks runs it as it is printed.
func TestTheSigningExampleOfTheDocumentationWorks(t *testing.T) {
	for _, tool := range []string{"sh", "openssl", "curl", "date"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: the documentation's signing example was not run", tool)
		}
	}
	h := newHarness(t)
	h.nowNS.Store(time.Now().UnixNano()) // the example takes the time of day
	key, err := signing.EncodePrivateKeyPEM(keysOnce().merchant)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "merchant-private.pem")
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", signingExample)
	cmd.Env = append(os.Environ(), "API="+h.http.URL, "KEY_FILE="+file, "MERCHANT_ID="+shop, "SERIAL="+signing.Serial(keysOnce().merchant.Public()), "no_proxy=*")
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil || !strings.Contains(out.String(), `"merchant_order_no":"A-1001"`) {
		t.Errorf("%v %s %s", err, out.String(), diagnostics.String())
	}
}

func TestNewRefusesWhatIsMissing(t *testing.T) {
	_, err := New(DefaultConfig(), Deps{})
	for _, name := range []string{"Auth", "Ring", "Nonces", "Merchants", "Payments", "Refunds", "Events", "Channels", "Metrics", "Logger", "Now", "NewID"} {
		if err == nil || !strings.Contains(err.Error(), name+" is missing") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := DefaultConfig()
	cfg.MaxBodyBytes, cfg.DefaultPage = 0, 1000
	if _, err := New(cfg, Deps{}); err == nil || !strings.Contains(err.Error(), "MaxBodyBytes") || !strings.Contains(err.Error(), "DefaultPage") {
		t.Errorf("%v", err)
	}
}

func TestTheListenersLimitsAreSet(t *testing.T) {
	h := newHarness(t)
	l := DefaultListening()
	server := NewHTTPServer(l, h.server, h.server.deps.Logger)
	if server.ReadHeaderTimeout != l.ReadHeaderTimeout || server.ReadTimeout != l.ReadTimeout || server.WriteTimeout != l.WriteTimeout ||
		server.IdleTimeout != l.IdleTimeout || server.MaxHeaderBytes != 16<<10 || !server.DisableGeneralOptionsHandler {
		t.Errorf("%+v", server)
	}
	if l.WriteTimeout <= DefaultConfig().WriteTimeout+DefaultConfig().NonceTimeout {
		t.Error("an answer could be cut before its handler's own limit")
	}
}
