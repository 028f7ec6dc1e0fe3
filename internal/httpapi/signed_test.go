package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// sendSigned sends a request of the shop and verifies the answer's signature.
func (h *harness) sendSigned(s signature) (int, payment.Code) {
	h.t.Helper()
	w := h.send(s.request())
	if err := h.verify(w, s.nonce); err != nil {
		h.t.Errorf("%s %s: status %d: %v", s.method, s.target, w.Code, err)
	}
	if w.Code < 400 {
		return w.Code, ""
	}
	return w.Code, problemOf(h.t, w.Code, w.Header(), w.Body.Bytes()).Code
}

func TestEveryKindOfAnswerIsSigned(t *testing.T) {
	for _, alg := range []signing.Algorithm{"", signing.RSA2, signing.Ed25519} {
		t.Run("algorithm "+string(alg), func(t *testing.T) {
			h := newHarness(t, func(_ *Config, d *Deps) {
				d.Routes = func(r chi.Router) {
					r.Get("/v1/file", func(w http.ResponseWriter, _ *http.Request) {
						content := []byte("a,b\r\n1,2\r\n")
						if err := WriteFile(w, File{Name: "x.csv", ContentType: "text/csv", SHA256: sha256.Sum256(content), Size: int64(len(content)), Content: io.NopCloser(bytes.NewReader(content))}); err != nil {
							t.Error(err)
						}
					})
					r.Get("/v1/empty", func(http.ResponseWriter, *http.Request) {})
					r.Post("/v1/panic", func(http.ResponseWriter, *http.Request) { panic("canary") })
				}
			})
			h.keys.set(func(k *fakeKeys) { k.merchants[shop] = signing.Merchant{ID: shop, AnswerAlgorithm: alg} })
			id := viewOf(t, h.do(201, "POST", "/v1/payments", createBody).Body).ID
			for _, rq := range []struct {
				status               int
				method, target, body string
			}{
				{200, "POST", "/v1/payments", createBody},
				{200, "GET", "/v1/payments/" + id, ""},
				{200, "HEAD", "/v1/payments/" + id, ""},
				{200, "GET", "/v1/payments?limit=2", ""},
				{200, "POST", "/v1/payments/" + id + "/close", "{}"},
				{200, "GET", "/v1/file", ""},
				{200, "HEAD", "/v1/file", ""},
				{200, "GET", "/v1/empty", ""},
				{400, "POST", "/v1/payments", "not json"},
				{404, "GET", "/v1/nowhere", ""},
				{404, "HEAD", "/v1/nowhere", ""},
				{404, "GET", "/v1", ""},
				{404, "GET", "/v1/", ""},
				{405, "DELETE", "/v1/payments", ""},
				{405, "OPTIONS", "/v1/payments", ""},
				{405, "POST", "/v1/platform-keys", ""},
				{404, "BREW", "/v1/nowhere", ""},
				{405, "BREW", "/v1/payments", ""},
				{409, "POST", "/v1/payments", strings.Replace(createBody, "8800", "1", 1)},
				{500, "POST", "/v1/panic", ""},
			} {
				a := h.do(rq.status, rq.method, rq.target, rq.body)
				if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get(signing.HeaderRequestID) == "" {
					t.Errorf("%s %s: headers %v", rq.method, rq.target, a.Header)
				}
			}
			h.keys.set(func(k *fakeKeys) {
				k.merchants[shop] = signing.Merchant{ID: shop, Disabled: true, AnswerAlgorithm: alg}
			})
			h.do(403, "GET", "/v1/payments", "")
			h.keys.set(func(k *fakeKeys) { k.merchants[shop] = signing.Merchant{ID: shop, AnswerAlgorithm: alg} })
			h.limit.wait.Store(int64(1500 * time.Millisecond))
			if a := h.do(429, "GET", "/v1/payments", ""); a.Header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
			}
		})
	}
}

func TestAllowNamesTheMethods(t *testing.T) {
	h := newHarness(t)
	for target, want := range map[string]string{
		"/v1/payments": "GET, HEAD, POST", "/v1/payments/x": "GET, HEAD", "/v1/payments/x/close": "POST", "/v1/platform-keys": "GET, HEAD",
	} {
		if a := h.do(405, "DELETE", target, ""); a.Header.Get("Allow") != want {
			t.Errorf("%s: Allow %q, want %q", target, a.Header.Get("Allow"), want)
		}
	}
	w := h.send(rawRequest{method: "POST", target: "/healthz"})
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %q", w.Code, w.Header().Get("Allow"))
	}
}

// TestInvariant_ReplaysAreRefused sends every kind of request twice, byte for
// byte: whatever the first answer was, the second is nonce_reused, signed.
func TestInvariant_ReplaysAreRefused(t *testing.T) {
	h := newHarness(t)
	id := viewOf(t, h.do(201, "POST", "/v1/payments", orderBody("P-0")).Body).ID
	event := h.events.events[0].ID
	for _, rq := range []struct {
		status               int
		method, target, body string
	}{
		{201, "POST", "/v1/payments", createBody},
		{200, "POST", "/v1/payments", createBody}, // a repeat of the order under another nonce
		{409, "POST", "/v1/payments", strings.Replace(createBody, "8800", "2", 1)},
		{400, "POST", "/v1/payments", "not json"},
		{400, "POST", "/v1/payments", `{"amount":-1}`},
		{404, "POST", "/v1/nowhere", ""},
		{405, "PUT", "/v1/payments", ""},
		{405, "OPTIONS", "/v1/payments", ""},
		{404, "BREW", "/v1/nowhere", ""},
		{200, "POST", "/v1/payments/" + id + "/close", ""},
		{404, "POST", "/v1/payments/x/close", ""},
		{400, "POST", "/v1/routes/explain", "{}"},
		{202, "POST", "/v1/events/" + event + "/resend", ""},
		{200, "POST", "/v1/webhook-endpoints/enable", `{"url":"https://shop.test/"}`},
		{200, "GET", "/v1/payments", ""},
		{404, "GET", "/v1/payments/x", ""},
		{400, "GET", "/v1/payments?limit=0", ""},
		{404, "GET", "/v1/nowhere", ""},
	} {
		s := h.signature(rq.method, rq.target, rq.body)
		if status, _ := h.sendSigned(s); status != rq.status {
			t.Errorf("%s %s: %d, want %d", rq.method, rq.target, status, rq.status)
		}
		for range 2 {
			if status, code := h.sendSigned(s); status != 401 || code != payment.CodeNonceReused {
				t.Errorf("%s %s again: %d %s", rq.method, rq.target, status, code)
			}
		}
	}
	if h.events.resends != 1 || len(h.events.enabled) != 1 {
		t.Errorf("%d resends and %d enables came of replays", h.events.resends, len(h.events.enabled))
	}
	// HEAD and a nonce across methods.
	s := h.signature("HEAD", "/v1/payments", "")
	if w := h.send(s.request()); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	if w := h.send(s.request()); w.Code != 401 {
		t.Errorf("HEAD again: %d", w.Code)
	}
}

func TestNoncesAreThoseOfAMerchant(t *testing.T) {
	h := newHarness(t)
	k := keysOnce()
	s := h.signature("POST", "/v1/payments", createBody)
	theirs := s
	theirs.merchant, theirs.serial, theirs.key = rival, signing.Serial(k.other.Public()), k.other
	for _, s := range []signature{s, theirs} {
		if status, _ := h.sendSigned(s); status != 201 {
			t.Errorf("%s: %d", s.merchant, status)
		}
	}
}

func TestDisabledAndLimitedRequestsUseTheirNonceUp(t *testing.T) {
	h := newHarness(t)
	disabled, limited := h.signature("POST", "/v1/payments", createBody), h.signature("POST", "/v1/payments", createBody)
	h.keys.set(func(k *fakeKeys) { k.merchants[shop] = signing.Merchant{ID: shop, Disabled: true} })
	if status, code := h.sendSigned(disabled); status != 403 || code != CodeMerchantDisabled {
		t.Errorf("%d %s", status, code)
	}
	h.keys.set(func(k *fakeKeys) { k.merchants[shop] = signing.Merchant{ID: shop} })
	h.limit.wait.Store(int64(time.Minute))
	if status, code := h.sendSigned(limited); status != 429 || code != CodeRateLimited {
		t.Errorf("%d %s", status, code)
	}
	h.limit.wait.Store(0)
	for _, s := range []signature{disabled, limited} {
		if status, code := h.sendSigned(s); status != 401 || code != payment.CodeNonceReused {
			t.Errorf("%d %s", status, code)
		}
	}
	if h.core.creates != 0 {
		t.Error("a refused request made a payment")
	}
}

func TestAFailedSignatureLeavesTheNonce(t *testing.T) {
	h := newHarness(t)
	s := h.signature("POST", "/v1/payments", createBody)
	spoilt := s.request()
	spoilt.body = orderBody("A-2")
	if w := h.send(spoilt); w.Code != 401 {
		t.Fatal(w.Code)
	}
	if status, _ := h.sendSigned(s); status != 201 {
		t.Errorf("%d", status)
	}
}

// TestInvariant_OneOfManyCopiesIsServed replays one captured request at once.
func TestInvariant_OneOfManyCopiesIsServed(t *testing.T) {
	for _, rq := range [][3]string{
		{"POST", "/v1/payments", createBody},
		{"GET", "/v1/payments", ""},
		{"POST", "/v1/nowhere", ""},
		{"POST", "/v1/events/01EVENT00000000000000000001/resend", ""},
	} {
		h := newHarness(t)
		s := h.signature(rq[0], rq[1], rq[2])
		rq := s.request()
		var served, reused atomic.Int64
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				w := h.send(rq)
				if err := h.verify(w, s.nonce); err != nil {
					t.Error(err)
				}
				if w.Code == 401 && strings.Contains(w.Body.String(), string(payment.CodeNonceReused)) {
					reused.Add(1)
				} else {
					served.Add(1)
				}
			})
		}
		wg.Wait()
		if served.Load() != 1 || reused.Load() != 31 || h.core.creates > 1 || h.events.resends > 1 {
			t.Errorf("%s %s: %d served, %d refused, %d payments, %d resends", rq.method, rq.target, served.Load(), reused.Load(), h.core.creates, h.events.resends)
		}
	}
}

func TestAPanickingHandlerUsesTheNonceUp(t *testing.T) {
	h := newHarness(t)
	h.core.before = func(context.Context) { panic("canary-panic") }
	s := h.signature("POST", "/v1/payments", createBody)
	if status, code := h.sendSigned(s); status != 500 || code != CodeInternal {
		t.Errorf("%d %s", status, code)
	}
	if !h.nonces.wasUsed(shop, s.nonce) {
		t.Error("the nonce is free after a panic")
	}
	h.core.change(func(c *fakeCore) { c.before = nil })
	if status, code := h.sendSigned(s); status != 401 || code != payment.CodeNonceReused {
		t.Errorf("%d %s", status, code)
	}
	if !strings.Contains(h.log.String(), "canary-panic") {
		t.Error("the panic is not logged")
	}
	if h.core.creates != 0 {
		t.Error("a payment was made")
	}
}

// TestTheNonceIsDurableBeforeTheAnswerLeaves: where it cannot be, the answer is
// 503 and never the handler's.
func TestTheNonceIsDurableBeforeTheAnswerLeaves(t *testing.T) {
	h := newHarness(t)
	h.do(201, "POST", "/v1/payments", createBody)
	h.nonces.fail(payment.ErrUnavailable)
	for _, rq := range [][3]string{
		{"POST", "/v1/payments", createBody}, // a repeat, which reads only
		{"POST", "/v1/payments", orderBody("N-1")},
		{"POST", "/v1/nowhere", ""},
		{"PUT", "/v1/payments", ""},
		{"POST", "/v1/events/01EVENT00000000000000000001/resend", ""},
	} {
		if status, code := h.sendSigned(h.signature(rq[0], rq[1], rq[2])); status != 503 || code != payment.CodeTemporarilyUnable {
			t.Errorf("%s %s: %d %s", rq[0], rq[1], status, code)
		}
	}
	if h.events.resends != 0 || h.core.creates != 1 {
		t.Errorf("%d resends, %d payments", h.events.resends, h.core.creates)
	}
	h.nonces.fail(nil)
	h.nonces.readErr = errors.New("redis and database are gone")
	if status, code := h.sendSigned(h.signature("GET", "/v1/payments", "")); status != 503 || code != payment.CodeTemporarilyUnable {
		t.Errorf("%d %s", status, code)
	}
}

// TestACommitThatWentThroughUnseenIsNotCalledAReplay: the handler's transaction
// took the nonce with it, but the database's answer was lost.
func TestACommitThatWentThroughUnseenIsNotCalledAReplay(t *testing.T) {
	h := newHarness(t)
	h.core.before = func(ctx context.Context) {
		claim := payment.NonceFrom(ctx)
		lost := &payment.NonceClaim{MerchantID: claim.MerchantID, Nonce: claim.Nonce, Expires: claim.Expires}
		if err := h.nonces.take(lost); err != nil {
			t.Error(err)
		}
	}
	h.core.change(func(c *fakeCore) { c.err = payment.ErrUnavailable })
	s := h.signature("POST", "/v1/payments", createBody)
	if status, code := h.sendSigned(s); status != 503 || code != payment.CodeTemporarilyUnable {
		t.Errorf("%d %s", status, code)
	}
	h.core.change(func(c *fakeCore) { c.err, c.before = nil, nil })
	if status, code := h.sendSigned(s); status != 401 || code != payment.CodeNonceReused {
		t.Errorf("%d %s", status, code)
	}
}

// TestANonceOfTheFirstTransactionCostsNoCommitOfItsOwn: on the hot path nothing
// is committed twice.
func TestANonceOfTheFirstTransactionCostsNoCommitOfItsOwn(t *testing.T) {
	h := newHarness(t)
	h.do(201, "POST", "/v1/payments", createBody)
	if h.nonces.commits != 0 {
		t.Errorf("%d commits", h.nonces.commits)
	}
	h.do(200, "POST", "/v1/payments", createBody)
	if h.nonces.commits != 1 {
		t.Errorf("%d commits after a repeat, which has no transaction", h.nonces.commits)
	}
}

// TestAClientThatGoesAwayDoesNotStopAChange cancels the request while the
// handler works.
func TestAClientThatGoesAwayDoesNotStopAChange(t *testing.T) {
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.core.before = func(inner context.Context) {
		cancel()
		if inner.Err() != nil {
			t.Errorf("the change was cancelled: %v", inner.Err())
		}
		if _, ok := inner.Deadline(); !ok {
			t.Error("the change has no deadline")
		}
	}
	s := h.signature("POST", "/v1/payments", createBody)
	r := httptest.NewRequestWithContext(ctx, s.method, s.target, strings.NewReader(s.body))
	r.Header.Set("Authorization", s.header())
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, r)
	if w.Code != 201 || !h.nonces.wasUsed(shop, s.nonce) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestBodyLimit(t *testing.T) {
	h := newHarness(t)
	pad := func(n int) string {
		head, tail := strings.TrimSuffix(createBody, "}"), "}"
		return head + strings.Repeat(" ", n-len(head)-len(tail)) + tail
	}
	h.do(201, "POST", "/v1/payments", pad(64<<10))
	for name, send := range map[string]func() (*http.Response, error){
		"declared": func() (*http.Response, error) {
			return h.http.Client().Post(h.http.URL+"/v1/payments", "application/json", strings.NewReader(pad(64<<10+1)))
		},
		"chunked": func() (*http.Response, error) {
			return h.http.Client().Post(h.http.URL+"/v1/payments", "application/json", io.MultiReader(strings.NewReader(pad(64<<10)), strings.NewReader("x")))
		},
		"on a read": func() (*http.Response, error) {
			r, err := http.NewRequestWithContext(t.Context(), "GET", h.http.URL+"/v1/payments", strings.NewReader(pad(64<<10+1)))
			if err != nil {
				return nil, err
			}
			return h.http.Client().Do(r)
		},
	} {
		res, err := send()
		if err != nil {
			t.Fatal(name, err)
		}
		body := readAll(t, res.Body)
		_ = res.Body.Close()
		if p := problemOf(t, res.StatusCode, res.Header, body); res.StatusCode != 413 || p.Code != CodeBodyTooLarge || res.Header.Get(signing.HeaderSignature) != "" {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
}

func TestABodyThatBreaksOffIsNotAuthenticated(t *testing.T) {
	h := newHarness(t)
	s := h.signature("POST", "/v1/payments", createBody)
	r := httptest.NewRequest(s.method, s.target, io.MultiReader(strings.NewReader(createBody), brokenReader{}))
	r.Header.Set("Authorization", s.header())
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, r)
	if w.Code != 400 || h.core.creates != 0 || h.nonces.wasUsed(shop, s.nonce) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestAnAnswerThatCannotBeSignedIsNotSent: the caller learns nothing that it
// could not verify.
func TestAnAnswerThatCannotBeSignedIsNotSent(t *testing.T) {
	h := newHarness(t)
	quick, err := signing.NewPlatformKey(keysOnce().ed25519)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := signing.NewKeyRing(quick) // no key for the shop's rsa2
	if err != nil {
		t.Fatal(err)
	}
	h.ring = ring
	w := h.send(h.signature("POST", "/v1/payments", createBody).request())
	if p := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); w.Code != 500 || p.Code != CodeInternal || w.Header().Get(signing.HeaderSignature) != "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestFilesAreHashedAndSigned(t *testing.T) {
	content := []byte(strings.Repeat("交易,1\n", 1000))
	closed := false
	h := newHarness(t, func(_ *Config, d *Deps) {
		d.Routes = func(r chi.Router) {
			r.Get("/v1/file", func(w http.ResponseWriter, r *http.Request) {
				if MerchantID(r.Context()) != shop || RequestID(r.Context()) == "" {
					t.Error("the merchant is not known")
				}
				_ = WriteFile(w, File{Name: "f.csv", ContentType: "text/csv; charset=utf-8", SHA256: sha256.Sum256(content), Size: int64(len(content)), Content: closer{bytes.NewReader(content), &closed}})
			})
		}
	})
	a := h.do(200, "GET", "/v1/file", "")
	h.http.Close() // waits for the handler's end
	if !bytes.Equal(a.Body, content) || a.Header.Get(signing.HeaderContentSHA256) != string(signing.FileBody(content)) || !closed {
		t.Errorf("%v", a.Header)
	}
	if err := WriteFile(httptest.NewRecorder(), File{}); err == nil {
		t.Error("a file was written where nothing is signed")
	}
}

type closer struct {
	io.Reader
	closed *bool
}

func (c closer) Close() error {
	*c.closed = true
	return nil
}
