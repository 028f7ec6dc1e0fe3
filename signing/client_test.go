package signing_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/signing"
)

// platform is the smallest server that keeps the contract's signing rules; the
// tests of the client and of the documented examples talk to it.
type platform struct {
	auth *signing.Authenticator
	ring *signing.KeyRing
	now  func() time.Time

	mu sync.Mutex // guards what follows, and the key source's fields
	// spoil changes an answer after it was signed.
	spoil func(h http.Header, body []byte) (status int, spoilt []byte)
	seen  string
}

func newPlatform(t testing.TB, now func() time.Time) (*platform, *httptest.Server) {
	t.Helper()
	auth, _ := newAuthenticator(t)
	auth.Now = now
	p := &platform{auth: auth, ring: exampleRing(t), now: now}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server
}

// spoilWith sets how the next answers are spoilt.
func (p *platform) spoilWith(spoil func(h http.Header, body []byte) (int, []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil = spoil
}

// answerWith sets the merchant's algorithm and returns the serial of its key.
func (p *platform) answerWith(t testing.TB, alg signing.Algorithm) (merchantSerial string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	source, ok := p.auth.Keys.(*keySource)
	if !ok {
		t.Fatal("another key source")
	}
	source.merchant.AnswerAlgorithm = alg
	return source.serial
}

// lastTarget is the target of the last request whose signature held.
func (p *platform) lastTarget() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.RequestURI == signing.PlatformKeysTarget {
		p.serveKeys(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	identity, err := p.auth.Authenticate(r.Context(), r.Method, r.RequestURI, r.Header.Values("Authorization"), body)
	if refusal, ok := errors.AsType[*signing.AuthError](err); ok {
		http.Error(w, refusal.Code+": "+refusal.ProblemDetail(), http.StatusUnauthorized)
		return
	}
	p.seen = r.RequestURI
	key, err := p.ring.Current(identity.Merchant.AnswerAlgorithm)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	status, answer := http.StatusCreated, []byte(`{"echo":`+string(mustJSON(string(body)))+`}`)
	signed, err := signing.SignAnswer(key, p.now(), identity.Authorization.Nonce, status, answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	signed.SetHeaders(w.Header())
	if p.spoil != nil {
		status, answer = p.spoil(w.Header(), answer)
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (p *platform) serveKeys(w http.ResponseWriter, r *http.Request) {
	document, err := p.ring.Published()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body := mustJSON(document)
	if err := signing.SignAnswerWithAll(w.Header(), p.ring.All(), p.now(), r.Header.Get(signing.HeaderNonce), http.StatusOK, body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	status := http.StatusOK
	if p.spoil != nil {
		status, body = p.spoil(w.Header(), body)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func goldenNow() time.Time { return goldenTime }

func newClient(t testing.TB, server *httptest.Server) *signing.Client {
	t.Helper()
	return &signing.Client{
		BaseURL: server.URL, MerchantID: "mer_1", Key: exampleSigner(t, "merchant"),
		PlatformKeys: exampleRing(t).PublicKeys(), HTTP: server.Client(), Now: goldenNow,
	}
}

func TestClient_SignsAndVerifies(t *testing.T) {
	p, server := newPlatform(t, goldenNow)
	c := newClient(t, server)
	for _, alg := range []signing.Algorithm{signing.RSA2, signing.Ed25519} {
		keys, err := p.ring.Current(alg)
		if err != nil {
			t.Fatal(err)
		}
		p.answerWith(t, alg)
		for _, target := range []string{"/v1/payments", "/v1/payments?a=%E8%8C%B6&b=", "/v1/x%2Fy", "/v1/payments?"} {
			answer, err := c.Do(context.Background(), "POST", target, []byte(`{"subject":"茶"}`))
			if err != nil {
				t.Fatalf("%s %s: %v", alg, target, err)
			}
			if !answer.Signed || answer.Status != http.StatusCreated || !strings.Contains(string(answer.Body), "茶") {
				t.Errorf("%s %s: answer %+v", alg, target, answer)
			}
			if p.lastTarget() != target || answer.Header.Get(signing.HeaderSerial) != keys.Serial {
				t.Errorf("%s: the server saw %s and signed with %s", target, p.lastTarget(), answer.Header.Get(signing.HeaderSerial))
			}
		}
	}
	if answer, err := c.Do(context.Background(), "GET", "/v1/payments", nil); err != nil || !answer.Signed {
		t.Errorf("without a body: %+v, %v", answer, err)
	}
}

func TestClient_RefusesSpoiltAnswers(t *testing.T) {
	p, server := newPlatform(t, goldenNow)
	c := newClient(t, server)
	unsign := func(h http.Header) {
		for _, name := range []string{signing.HeaderTimestamp, signing.HeaderNonce, signing.HeaderSerial, signing.HeaderSignature} {
			h.Del(name)
		}
	}
	for name, v := range map[string]struct {
		spoil func(h http.Header, body []byte) (int, []byte)
		want  error
	}{
		"body":                {func(_ http.Header, b []byte) (int, []byte) { return 201, append(b, ' ') }, signing.ErrSignature},
		"status":              {func(_ http.Header, b []byte) (int, []byte) { return 200, b }, signing.ErrSignature},
		"signature, 401":      {func(_ http.Header, b []byte) (int, []byte) { return 401, b }, signing.ErrSignature},
		"unsigned 201":        {func(h http.Header, b []byte) (int, []byte) { unsign(h); return 201, b }, signing.ErrAnswerUnsigned},
		"unsigned 404":        {func(h http.Header, b []byte) (int, []byte) { unsign(h); return 404, b }, signing.ErrAnswerUnsigned},
		"unsigned redirect":   {func(h http.Header, b []byte) (int, []byte) { unsign(h); h.Set("Location", "/x"); return 307, b }, signing.ErrAnswerUnsigned},
		"unknown key":         {func(h http.Header, b []byte) (int, []byte) { h.Set(signing.HeaderSerial, "S"); return 201, b }, signing.ErrPlatformKeyUnknown},
		"answer of a replay ": {func(h http.Header, b []byte) (int, []byte) { h.Set(signing.HeaderNonce, goodNonce); return 201, b }, signing.ErrAnswerMalformed},
	} {
		p.spoilWith(v.spoil)
		answer, err := c.Do(context.Background(), "POST", "/v1/payments", []byte(`{}`))
		unverified, ok := errors.AsType[*signing.UnverifiedError](err)
		if !ok || answer != nil || !errors.Is(err, v.want) || len(unverified.Answer.Body) == 0 {
			t.Errorf("%s: answer %+v, error %v", name, answer, err)
		}
	}
	for _, status := range []int{401, 413, 431, 500, 502, 503} {
		p.spoilWith(func(h http.Header, b []byte) (int, []byte) { unsign(h); return status, b })
		answer, err := c.Do(context.Background(), "POST", "/v1/payments", nil)
		if err != nil || answer.Signed || answer.Status != status {
			t.Errorf("unsigned %d: answer %+v, error %v", status, answer, err)
		}
	}
}

func TestClient_EarlyRefusal(t *testing.T) {
	_, server := newPlatform(t, goldenNow)
	c := newClient(t, server)
	c.MerchantID = "mer_2"
	answer, err := c.Do(context.Background(), "GET", "/v1/payments", nil)
	if err != nil || answer.Signed || answer.Status != 401 || !strings.Contains(string(answer.Body), signing.CodeKeyUnknown) {
		t.Errorf("answer %+v, error %v", answer, err)
	}
}

func TestClient_RefusesToSend(t *testing.T) {
	_, server := newPlatform(t, goldenNow)
	for name, v := range map[string]struct {
		change func(c *signing.Client)
		target string
	}{
		"no slash":        {func(*signing.Client) {}, "v1/payments"},
		"not escaped":     {func(*signing.Client) {}, "/v1/payments/茶"},
		"fragment":        {func(*signing.Client) {}, "/v1/payments#x"},
		"no key":          {func(c *signing.Client) { c.Key = nil }, "/"},
		"weak key":        {func(c *signing.Client) { c.Key = weakRSA(t) }, "/"},
		"Ed25519 key":     {func(c *signing.Client) { c.Key = exampleSigner(t, "platform-ed25519") }, "/"},
		"no base":         {func(c *signing.Client) { c.BaseURL = "" }, "/"},
		"no random":       {func(c *signing.Client) { c.Rand = strings.NewReader("x") }, "/"},
		"answer too long": {func(c *signing.Client) { c.MaxAnswerBytes = 4 }, "/"},
	} {
		c := newClient(t, server)
		v.change(c)
		if answer, err := c.Do(context.Background(), "GET", v.target, nil); err == nil {
			t.Errorf("%s: answer %+v", name, answer)
		}
	}
}

func TestClient_ErrorHidesQuery(t *testing.T) {
	_, server := newPlatform(t, goldenNow)
	c := newClient(t, server)
	server.Close()
	_, err := c.Do(context.Background(), "GET", "/v1/payments?customer_id=canary", nil)
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v", err)
	}
}

func TestClient_FetchPlatformKeys(t *testing.T) {
	p, server := newPlatform(t, goldenNow)
	c := newClient(t, server)
	c.PlatformKeys = nil
	keys, err := c.FetchPlatformKeys(context.Background())
	if err != nil || len(keys) != 2 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	// One key in hand is enough to learn the others.
	for serial, pub := range keys {
		c.PlatformKeys = map[string]crypto.PublicKey{serial: pub}
		if again, err := c.FetchPlatformKeys(context.Background()); err != nil || len(again) != 2 {
			t.Errorf("with %s: %v, %v", serial, again, err)
		}
	}
	stranger, err := signing.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	c.PlatformKeys = map[string]crypto.PublicKey{signing.Serial(stranger.Public()): stranger.Public()}
	if _, err := c.FetchPlatformKeys(context.Background()); !errors.Is(err, signing.ErrPlatformKeyUnknown) {
		t.Errorf("with another platform's key: %v", err)
	}
	c.PlatformKeys = nil
	p.spoilWith(func(_ http.Header, b []byte) (int, []byte) { return 200, append(b, ' ') })
	if _, err := c.FetchPlatformKeys(context.Background()); !errors.Is(err, signing.ErrSignature) {
		t.Errorf("spoilt list: %v", err)
	}
	for _, base := range []string{"https://pay.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1:8080", "http://127.0.0.1@pay.example.com"} {
		c.BaseURL = base
		if _, err := c.FetchPlatformKeys(context.Background()); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: error %v", base, err)
		}
	}
}
