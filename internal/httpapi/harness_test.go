package httpapi

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymux/paymux/signing"
)

// testKeys are made once: RSA keys are dear.
type testKeys struct {
	merchant, other, platform *rsa.PrivateKey
	ed25519                   ed25519.PrivateKey
}

var keysOnce = sync.OnceValue(func() testKeys {
	var k testKeys
	for _, to := range []**rsa.PrivateKey{&k.merchant, &k.other, &k.platform} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		*to = key
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	k.ed25519 = key
	return k
})

const (
	shop  = "m_shop"
	rival = "m_rival"
)

// harness is the API over fakes of all its ports.
type harness struct {
	t      testing.TB
	server *Server
	http   *httptest.Server
	ring   *signing.KeyRing
	core   *fakeCore
	nonces *fakeNonces
	limit  *fakeLimiter
	keys   *fakeKeys
	events *fakeEvents
	states *fakeStates
	books  *fakeReconcile
	checks []Check
	log    *lockedBuffer
	nowNS  atomic.Int64
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (h *harness) now() time.Time          { return time.Unix(0, h.nowNS.Load()).UTC() }
func (h *harness) advance(d time.Duration) { h.nowNS.Add(int64(d)) }

type option func(*Config, *Deps)

func newHarness(t testing.TB, options ...option) *harness {
	t.Helper()
	k := keysOnce()
	h := &harness{t: t, log: &lockedBuffer{}, nonces: newFakeNonces(), limit: &fakeLimiter{}, events: newFakeEvents(), states: &fakeStates{}, books: newFakeReconcile()}
	h.nowNS.Store(time.Date(2025, 11, 21, 4, 0, 0, 0, time.UTC).UnixNano())
	h.core = newFakeCore(h.now, h.nonces)
	h.keys = &fakeKeys{merchants: map[string]signing.Merchant{
		shop: {ID: shop, AnswerAlgorithm: signing.RSA2}, rival: {ID: rival, AnswerAlgorithm: signing.Ed25519},
	}, live: map[string]crypto.PublicKey{
		shop + "/" + signing.Serial(k.merchant.Public()): k.merchant.Public(),
		rival + "/" + signing.Serial(k.other.Public()):   k.other.Public(),
	}}
	platform, err := signing.NewPlatformKey(k.platform)
	if err != nil {
		t.Fatal(err)
	}
	quick, err := signing.NewPlatformKey(k.ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if h.ring, err = signing.NewKeyRing(platform, quick); err != nil {
		t.Fatal(err)
	}
	var ids atomic.Int64
	cfg := DefaultConfig()
	deps := Deps{
		Auth: &signing.Authenticator{Keys: h.keys, Now: h.now},
		Ring: func() *signing.KeyRing { return h.ring }, Nonces: h.nonces, Limiter: h.limit,
		Merchants: h.core, Payments: h.core, Refunds: h.core, Events: h.events, Channels: h.states, Reconciliations: h.books, Statements: h.books,
		Notify: func(channel, accountID string, w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "%s/%s", channel, accountID)
		},
		Metrics: prometheus.NewRegistry(),
		Logger:  slog.New(slog.NewJSONHandler(h.log, nil)),
		Now:     h.now,
		NewID:   func() string { return fmt.Sprintf("01REQUEST%017d", ids.Add(1)) },
	}
	for _, o := range options {
		o(&cfg, &deps)
	}
	if h.server, err = New(cfg, deps); err != nil {
		t.Fatal(err)
	}
	h.http = httptest.NewServer(h.server)
	t.Cleanup(h.http.Close)
	return h
}

// client is the shop's.
func (h *harness) client() *signing.Client { return h.clientOf(shop, keysOnce().merchant) }

func (h *harness) clientOf(merchant string, key crypto.Signer) *signing.Client {
	return &signing.Client{BaseURL: h.http.URL, MerchantID: merchant, Key: key, PlatformKeys: h.ring.PublicKeys(), HTTP: h.http.Client(), Now: h.now}
}

// do sends a request as the shop and demands a signed answer of the status.
func (h *harness) do(status int, method, target, body string) *signing.Answer {
	h.t.Helper()
	a, err := h.client().Do(context.Background(), method, target, []byte(body))
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, target, err)
	}
	if !a.Signed {
		h.t.Fatalf("%s %s: status %d is not signed: %s", method, target, a.Status, a.Body)
	}
	if a.Status != status {
		h.t.Fatalf("%s %s: status %d, want %d: %s", method, target, a.Status, status, a.Body)
	}
	return a
}

// problem reads the problem document of an answer and checks its form.
func problemOf(t testing.TB, status int, header http.Header, body []byte) Problem {
	t.Helper()
	var p Problem
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		t.Fatalf("problem document: %v: %s", err, body)
	}
	if got := header.Get("Content-Type"); got != problemType {
		t.Errorf("content type %q of %s", got, body)
	}
	info := codeInfo(p.Code)
	if info.Code != p.Code || p.Status != status || info.Status != status || p.Title == "" || p.Type != "/docs/errors#"+string(p.Code) {
		t.Errorf("status %d: problem document does not fit the table: %s", status, body)
	}
	if id := header.Get(signing.HeaderRequestID); p.RequestID == "" || p.RequestID != id {
		t.Errorf("request_id %q, header %q", p.RequestID, id)
	}
	if (header.Get("Retry-After") != "") != info.Retry {
		t.Errorf("%s: Retry-After %q", p.Code, header.Get("Retry-After"))
	}
	return p
}

func fieldsOf(p Problem) string {
	var names []string
	for _, f := range p.Errors {
		names = append(names, f.Field)
	}
	return strings.Join(names, " ")
}

// rawRequest is a request that need not be well-formed.
type rawRequest struct {
	method, target string
	auth           []string
	header         http.Header
	body           string
}

// sign signs as a merchant, with whatever differs.
type signature struct {
	method, target, body               string
	merchant, serial, timestamp, nonce string
	key                                *rsa.PrivateKey
}

var nonceCounter atomic.Int64

func freshNonce() string { return fmt.Sprintf("nonce-%016d", nonceCounter.Add(1)) }

func (h *harness) signature(method, target, body string) signature {
	k := keysOnce()
	return signature{method, target, body, shop, signing.Serial(k.merchant.Public()), strconv.FormatInt(h.now().Unix(), 10), freshNonce(), k.merchant}
}

func (s signature) header() string {
	sig, err := signing.Sign(s.key, signing.RSA2, signing.RequestText(s.method, s.target, s.timestamp, s.nonce, []byte(s.body)))
	if err != nil {
		panic(err)
	}
	return signing.FormatAuthorization(signing.Authorization{
		MerchantID: s.merchant, Serial: s.serial, Timestamp: s.timestamp, Nonce: s.nonce, Signature: sig,
	})
}

func (s signature) request() rawRequest {
	return rawRequest{method: s.method, target: s.target, auth: []string{s.header()}, body: s.body}
}

// send serves a raw request without a network.
func (h *harness) send(rq rawRequest) *httptest.ResponseRecorder {
	r := httptest.NewRequest(rq.method, "http://api.test"+rq.target, strings.NewReader(rq.body))
	r.RequestURI = rq.target
	for name, values := range rq.header {
		r.Header[name] = values
	}
	if rq.auth != nil {
		r.Header["Authorization"] = rq.auth
	}
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, r)
	return w
}

// verify checks the signature of an answer to a signed request.
func (h *harness) verify(w *httptest.ResponseRecorder, nonce string) error {
	return signing.VerifyAnswer(signing.AnswerCheck{Keys: h.ring.PublicKeys(), Nonce: nonce, Now: h.now()}, w.Code, w.Header(), w.Body.Bytes())
}

const createBody = `{"merchant_order_no":"A-1","amount":8800,"subject":"Two tickets","scene":"qr"}`

func orderBody(no string) string { return strings.Replace(createBody, "A-1", no, 1) }

func readAll(t testing.TB, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
