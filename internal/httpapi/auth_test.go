package httpapi

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// negative is a request that must not be authenticated.
type negative struct {
	name string
	code payment.Code
	make func(h *harness) rawRequest
}

// altered signs one request and sends another.
func altered(change func(rq *rawRequest)) func(h *harness) rawRequest {
	return func(h *harness) rawRequest {
		rq := h.signature(http.MethodPost, "/v1/payments?x=1", createBody).request()
		change(&rq)
		return rq
	}
}

// missigned signs with something that is not as it should be.
func missigned(change func(s *signature)) func(h *harness) rawRequest {
	return func(h *harness) rawRequest {
		s := h.signature(http.MethodPost, "/v1/payments", createBody)
		change(&s)
		return rawRequest{method: http.MethodPost, target: "/v1/payments", auth: []string{s.header()}, body: createBody}
	}
}

// header changes the text of a good header.
func header(change func(text string) []string) func(h *harness) rawRequest {
	return func(h *harness) rawRequest {
		s := h.signature(http.MethodPost, "/v1/payments", createBody)
		return rawRequest{method: s.method, target: s.target, auth: change(s.header()), body: s.body}
	}
}

func replace(old, with string) func(h *harness) rawRequest {
	return header(func(text string) []string { return []string{strings.Replace(text, old, with, 1)} })
}

func without(name string) func(h *harness) rawRequest {
	return header(func(text string) []string {
		var kept []string
		for _, p := range strings.Split(strings.TrimPrefix(text, signing.Scheme+" "), ",") {
			if !strings.HasPrefix(p, name+"=") {
				kept = append(kept, p)
			}
		}
		return []string{signing.Scheme + " " + strings.Join(kept, ",")}
	})
}

func changeSignature(change func(raw []byte) string) func(h *harness) rawRequest {
	return header(func(text string) []string {
		before, after, _ := strings.Cut(text, `signature="`)
		encoded, rest, _ := strings.Cut(after, `"`)
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			panic(err)
		}
		return []string{before + `signature="` + change(raw) + `"` + rest}
	})
}

func negatives() []negative {
	missing, bad, late, unknown := CodeSignatureMissing, CodeSignatureInvalid, CodeTimestampOutOfRange, CodeKeyUnknown
	list := []negative{
		{"no header", missing, header(func(string) []string { return nil })},
		{"empty header", missing, header(func(string) []string { return []string{""} })},
		{"blank header", missing, header(func(string) []string { return []string{"  "} })},
		{"bearer", missing, header(func(string) []string { return []string{"Bearer abc"} })},
		{"basic", missing, header(func(string) []string { return []string{"Basic YTpi"} })},
		{"scheme in lower case", missing, replace(signing.Scheme, strings.ToLower(signing.Scheme))},
		{"longer scheme", missing, replace(signing.Scheme, signing.Scheme+"X")},
		{"other digest", missing, replace(signing.Scheme, "PAYMUX-SHA1-RSA2048")},
		{"two headers", bad, header(func(text string) []string { return []string{text, text} })},
		{"second header of another scheme", bad, header(func(text string) []string { return []string{text, "Bearer x"} })},
		{"scheme alone", bad, header(func(string) []string { return []string{signing.Scheme} })},
		{"tab after scheme", bad, replace(signing.Scheme+" ", signing.Scheme+"\t")},
		{"two headers in one line", bad, header(func(text string) []string { return []string{text + ", " + text} })},
		{"doubled nonce", bad, header(func(text string) []string { return []string{text + `,nonce="another-nonce-123456"`} })},
		{"doubled merchant", bad, header(func(text string) []string { return []string{text + `,merchant_id="` + rival + `"`} })},
		{"doubled signature", bad, header(func(text string) []string { return []string{text + `,signature="AAAA"`} })},
		{"unknown parameter", bad, header(func(text string) []string { return []string{text + `,algorithm="none"`} })},
		{"parameter in upper case", bad, replace("nonce=", "Nonce=")},
		{"no quotes", bad, header(func(text string) []string { return []string{strings.ReplaceAll(text, `"`, "")} })},
		{"single quotes", bad, header(func(text string) []string { return []string{strings.ReplaceAll(text, `"`, "'")} })},
		{"semicolons", bad, header(func(text string) []string { return []string{strings.ReplaceAll(text, ",", ";")} })},
		{"comma at the end", bad, header(func(text string) []string { return []string{text + ","} })},
		{"comma at the beginning", bad, replace(signing.Scheme+" ", signing.Scheme+" ,")},
		{"open quote", bad, header(func(text string) []string { return []string{strings.TrimSuffix(text, `"`)} })},
		{"escape in a value", bad, replace(shop, `m\_shop`)},
		{"blank in a value", bad, replace(shop, `m shop`)},
		{"non-ASCII in a value", bad, replace(shop, "m_shöp")},
		{"empty merchant", bad, replace(shop, "")},
		{"long merchant", bad, replace(shop, strings.Repeat("m", 200))},
		{"huge header", bad, replace(shop, strings.Repeat("m", 9000))},
		{"no merchant", bad, without("merchant_id")},
		{"no serial", bad, without("serial")},
		{"no timestamp", bad, without("timestamp")},
		{"no nonce", bad, without("nonce")},
		{"no signature", bad, without("signature")},
		{"signature empty", bad, changeSignature(func([]byte) string { return "" })},
		{"signature in base64url", bad, changeSignature(func(raw []byte) string { raw[0], raw[1] = 0xff, 0xff; return base64.URLEncoding.EncodeToString(raw) })},
		{"signature without padding", bad, changeSignature(func(raw []byte) string { return base64.RawStdEncoding.EncodeToString(raw) })},
		{"signature in hex", bad, changeSignature(func(raw []byte) string { return fmt.Sprintf("%x", raw) })},
		{"signature with a line feed", bad, changeSignature(func(raw []byte) string { return base64.StdEncoding.EncodeToString(raw)[:60] + "\n" })},
		{"signature cut", bad, changeSignature(func(raw []byte) string { return base64.StdEncoding.EncodeToString(raw[:len(raw)-1]) })},
		{"signature longer", bad, changeSignature(func(raw []byte) string { return base64.StdEncoding.EncodeToString(append(raw, 0)) })},
		{"one bit of the signature", bad, changeSignature(func(raw []byte) string { raw[17] ^= 1; return base64.StdEncoding.EncodeToString(raw) })},
		{"signature of zeros", bad, changeSignature(func(raw []byte) string { return base64.StdEncoding.EncodeToString(make([]byte, len(raw))) })},
		{"nonce too short", bad, missigned(func(s *signature) { s.nonce = "short-nonce-123" })},
		{"nonce too long", bad, missigned(func(s *signature) { s.nonce = strings.Repeat("n", 65) })},
		{"nonce empty", bad, missigned(func(s *signature) { s.nonce = "" })},
		{"nonce with a dot", bad, missigned(func(s *signature) { s.nonce = "nonce.nonce.nonce.1" })},
		{"nonce with a slash", bad, missigned(func(s *signature) { s.nonce = "nonce/nonce/nonce/1" })},
		{"timestamp empty", bad, missigned(func(s *signature) { s.timestamp = "" })},
		{"timestamp negative", bad, missigned(func(s *signature) { s.timestamp = "-" + s.timestamp })},
		{"timestamp with a sign", bad, missigned(func(s *signature) { s.timestamp = "+" + s.timestamp })},
		{"timestamp with a leading zero", bad, missigned(func(s *signature) { s.timestamp = "0" + s.timestamp })},
		{"timestamp with a fraction", bad, missigned(func(s *signature) { s.timestamp += ".0" })},
		{"timestamp in words", bad, missigned(func(s *signature) { s.timestamp = "2025-11-21T04:00:00Z" })},
		{"timestamp beyond int64", bad, missigned(func(s *signature) { s.timestamp = "99999999999999999999" })},
		{"timestamp in milliseconds", late, missigned(func(s *signature) { s.timestamp += "000" })},
		{"timestamp zero", late, missigned(func(s *signature) { s.timestamp = "0" })},
		{"timestamp 301 s old", late, missigned(shift(-301 * time.Second))},
		{"timestamp 301 s ahead", late, missigned(shift(301 * time.Second))},
		{"unknown merchant", unknown, missigned(func(s *signature) { s.merchant = "m_nobody" })},
		{"unknown serial", unknown, missigned(func(s *signature) { s.serial = strings.Repeat("A", 40) })},
		{"serial in lower case", unknown, missigned(func(s *signature) { s.serial = strings.ToLower(s.serial) })},
		{"another merchant's serial", unknown, missigned(func(s *signature) { s.serial = signing.Serial(keysOnce().other.Public()) })},
		{"another merchant's key", bad, missigned(func(s *signature) { s.key = keysOnce().other })},
		{"merchant swapped after signing", unknown, replace(shop, rival)},
		{"another method signed", bad, missigned(func(s *signature) { s.method = http.MethodGet })},
		{"method in lower case signed", bad, missigned(func(s *signature) { s.method = "post" })},
		{"another target signed", bad, missigned(func(s *signature) { s.target = "/v1/refunds" })},
		{"target with host signed", bad, missigned(func(s *signature) { s.target = "http://api.test/v1/payments" })},
		{"another body signed", bad, missigned(func(s *signature) { s.body = strings.Replace(s.body, "8800", "8801", 1) })},
		{"body left out of the text", bad, missigned(func(s *signature) { s.body = "" })},
		{"body with a line feed signed", bad, missigned(func(s *signature) { s.body += "\n" })},
		{"body re-encoded", bad, altered(func(rq *rawRequest) { rq.body = strings.ReplaceAll(rq.body, ",", ", ") })},
		{"body with CRLF", bad, altered(func(rq *rawRequest) { rq.body += "\r\n" })},
		{"body dropped", bad, altered(func(rq *rawRequest) { rq.body = "" })},
		{"query altered", bad, altered(func(rq *rawRequest) { rq.target = "/v1/payments?x=2" })},
		{"query dropped", bad, altered(func(rq *rawRequest) { rq.target = "/v1/payments" })},
		{"query added to", bad, altered(func(rq *rawRequest) { rq.target += "&y=1" })},
		{"path altered", bad, altered(func(rq *rawRequest) { rq.target = "/v1/refunds?x=1" })},
		{"path escaped otherwise", bad, altered(func(rq *rawRequest) { rq.target = "/v1/%70ayments?x=1" })},
		{"method altered", bad, altered(func(rq *rawRequest) { rq.method = http.MethodPut })},
	}
	return list
}

func shift(d time.Duration) func(s *signature) {
	return func(s *signature) {
		unix, err := strconv.ParseInt(s.timestamp, 10, 64)
		if err != nil {
			panic(err)
		}
		s.timestamp = strconv.FormatInt(unix+int64(d/time.Second), 10)
	}
}

func TestWhatIsNotAuthenticatedIsRefusedUnsignedAndWithoutEffect(t *testing.T) {
	h := newHarness(t)
	list := negatives()
	if len(list) < 60 {
		t.Fatalf("%d negatives, at least 60 are wanted", len(list))
	}
	for _, n := range list {
		t.Run(n.name, func(t *testing.T) {
			w := h.send(n.make(h))
			if w.Code != http.StatusUnauthorized {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if p := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); p.Code != n.code {
				t.Errorf("code %s, want %s: %s", p.Code, n.code, p.Detail)
			}
			for _, name := range []string{signing.HeaderSignature, signing.HeaderSerial, signing.HeaderNonce, signing.HeaderTimestamp} {
				if w.Header().Get(name) != "" {
					t.Errorf("the refusal has %s", name)
				}
			}
		})
	}
	if h.core.creates != 0 || len(h.nonces.used) != 0 {
		t.Errorf("%d payments and %d nonces came of refused requests", h.core.creates, len(h.nonces.used))
	}
}

func TestTimestampIsAcceptedToTheSecond(t *testing.T) {
	h := newHarness(t)
	for _, d := range []time.Duration{-300 * time.Second, 300 * time.Second} {
		s := h.signature(http.MethodGet, "/v1/payments", "")
		shift(d)(&s)
		if w := h.send(s.request()); w.Code != http.StatusOK {
			t.Errorf("%s off: %d %s", d, w.Code, w.Body)
		}
	}
}

func TestParametersStandInAnyOrder(t *testing.T) {
	h := newHarness(t)
	s := h.signature(http.MethodGet, "/v1/payments", "")
	parts := strings.Split(strings.TrimPrefix(s.header(), signing.Scheme+" "), ",")
	for i := range parts {
		s := h.signature(http.MethodGet, "/v1/payments", "")
		parts := strings.Split(strings.TrimPrefix(s.header(), signing.Scheme+" "), ",")
		turned := append(append([]string{}, parts[i:]...), parts[:i]...)
		w := h.send(rawRequest{method: s.method, target: s.target, auth: []string{signing.Scheme + " " + strings.Join(turned, ", ")}})
		if w.Code != http.StatusOK {
			t.Errorf("order %d: %d %s", i, w.Code, w.Body)
		}
	}
}

func TestSignatureInvalidShowsTheTextThatWasVerified(t *testing.T) {
	h := newHarness(t)
	s := h.signature(http.MethodPost, "/v1/payments?a=b", createBody)
	rq := s.request()
	rq.body = orderBody("A-2")
	w := h.send(rq)
	p := problemOf(t, w.Code, w.Header(), w.Body.Bytes())
	want := string(signing.RequestText(s.method, s.target, s.timestamp, s.nonce, []byte(rq.body)))
	if !strings.HasSuffix(p.Detail, want) {
		t.Errorf("detail %q does not show %q", p.Detail, want)
	}
}

func TestRevokedKeyStopsAtOnce(t *testing.T) {
	h := newHarness(t)
	h.do(200, "GET", "/v1/payments", "")
	h.keys.set(func(k *fakeKeys) { k.live = map[string]crypto.PublicKey{} })
	a, err := h.client().Do(context.Background(), "GET", "/v1/payments", nil)
	if err != nil || a.Signed || a.Status != 401 {
		t.Fatalf("%v %+v", err, a)
	}
	if p := problemOf(t, a.Status, a.Header, a.Body); p.Code != CodeKeyUnknown {
		t.Errorf("code %s", p.Code)
	}
}

func TestKeysThatCannotBeLookedUpAre503Unsigned(t *testing.T) {
	h := newHarness(t)
	h.keys.set(func(k *fakeKeys) { k.err = errors.New("dial tcp 10.9.8.7:3306: refused") })
	w := h.send(h.signature("POST", "/v1/payments", createBody).request())
	p := problemOf(t, w.Code, w.Header(), w.Body.Bytes())
	if w.Code != 503 || p.Code != payment.CodeTemporarilyUnable || w.Header().Get(signing.HeaderSignature) != "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "10.9.8.7") {
		t.Error("the inside is told")
	}
	if !strings.Contains(h.log.String(), "10.9.8.7") {
		t.Error("the cause is not logged")
	}
}

// TestOrderOfChecks gives a request every fault from one step on; the first
// step must win.
func TestOrderOfChecks(t *testing.T) {
	h := newHarness(t)
	big := `{"subject":"` + strings.Repeat("x", 64<<10) + `"}`
	old := func(s *signature) { shift(-time.Hour)(s) }
	type step struct {
		name   string
		status int
		code   payment.Code
		signed bool
		make   func() rawRequest
	}
	reusedNonce := freshNonce()
	first := h.signature("POST", "/v1/payments", createBody)
	first.nonce = reusedNonce
	if w := h.send(first.request()); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.keys.set(func(k *fakeKeys) {
		k.merchants[shop] = signing.Merchant{ID: shop, Disabled: true, AnswerAlgorithm: signing.RSA2}
	})
	h.limit.wait.Store(int64(time.Second))
	unroutable := func(change func(s *signature)) rawRequest {
		s := h.signature("PATCH", "/v1/nowhere", "not json")
		s.nonce = reusedNonce
		change(&s)
		rq := s.request()
		rq.method, rq.target, rq.body = "PATCH", "/v1/nowhere", "not json"
		return rq
	}
	steps := []step{
		{"size", 413, CodeBodyTooLarge, false, func() rawRequest {
			return rawRequest{method: "PATCH", target: "/v1/nowhere", body: big}
		}},
		{"header", 401, CodeSignatureMissing, false, func() rawRequest {
			return rawRequest{method: "PATCH", target: "/v1/nowhere", body: "not json"}
		}},
		{"header's syntax", 401, CodeSignatureInvalid, false, func() rawRequest {
			return unroutable(func(s *signature) { old(s); s.nonce = "short"; s.merchant = "m_nobody" })
		}},
		{"timestamp", 401, CodeTimestampOutOfRange, false, func() rawRequest {
			return unroutable(func(s *signature) { old(s); s.merchant = "m_nobody"; s.body = "other" })
		}},
		{"key", 401, CodeKeyUnknown, false, func() rawRequest {
			return unroutable(func(s *signature) { s.merchant = "m_nobody"; s.body = "other" })
		}},
		{"signature", 401, CodeSignatureInvalid, false, func() rawRequest {
			return unroutable(func(s *signature) { s.body = "other" })
		}},
		{"nonce", 401, payment.CodeNonceReused, true, func() rawRequest { return unroutable(func(*signature) {}) }},
		{"merchant", 403, CodeMerchantDisabled, true, func() rawRequest {
			return unroutable(func(s *signature) { s.nonce = freshNonce() })
		}},
	}
	for _, st := range steps {
		rq := st.make()
		w := h.send(rq)
		if w.Code != st.status {
			t.Errorf("%s: status %d, want %d: %s", st.name, w.Code, st.status, w.Body)
			continue
		}
		if p := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); p.Code != st.code {
			t.Errorf("%s: code %s, want %s", st.name, p.Code, st.code)
		}
		if signed := w.Header().Get(signing.HeaderSignature) != ""; signed != st.signed {
			t.Errorf("%s: signed %t", st.name, signed)
		}
	}
	h.keys.set(func(k *fakeKeys) { k.merchants[shop] = signing.Merchant{ID: shop} })
	for _, st := range []step{
		{name: "rate limit", status: 429, code: CodeRateLimited},
		{name: "routing", status: 404, code: payment.CodeNotFound},
	} {
		rq := unroutable(func(s *signature) { s.nonce = freshNonce() })
		w := h.send(rq)
		if p := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); w.Code != st.status || p.Code != st.code || w.Header().Get(signing.HeaderSignature) == "" {
			t.Errorf("%s: %d %s", st.name, w.Code, w.Body)
		}
		h.limit.wait.Store(0)
	}
}

func TestNoMerchantsRouteIsReachedUnauthenticated(t *testing.T) {
	h := newHarness(t)
	for _, target := range []string{
		"/v1", "/v1/", "/v1/payments", "/v1/payments/", "/v1//payments", "/v1/payments/x/close", "/%761/payments", "/v1%2Fpayments",
		"/v1/./payments", "/v1/platform-keys/", "/v1/platform-keys/../payments", "/v1/platform%2Dkeys", "/v1/nowhere",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "OPTIONS", "BREW"} {
			if w := h.send(rawRequest{method: method, target: target}); w.Code != 401 {
				t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
			}
		}
	}
	for _, target := range []string{"//v1/payments", "/V1/payments", "/./v1/payments", "/x/../v1/payments", "/;/v1/payments"} {
		if w := h.send(rawRequest{method: "GET", target: target}); w.Code != 404 {
			t.Errorf("GET %s: %d", target, w.Code)
		}
	}
}
