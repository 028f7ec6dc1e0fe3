package signing_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // for signatures that must be refused
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/signing"
)

// keySource knows one key and counts how often it is asked.
type keySource struct {
	merchant signing.Merchant
	serial   string
	key      crypto.PublicKey
	err      error
	asked    int
}

func (s *keySource) VerificationKey(_ context.Context, merchantID, serial string) (crypto.PublicKey, signing.Merchant, error) {
	s.asked++
	if s.err != nil {
		return nil, signing.Merchant{}, s.err
	}
	if merchantID != s.merchant.ID || serial != s.serial {
		return nil, signing.Merchant{}, signing.ErrKeyUnknown
	}
	return s.key, s.merchant, nil
}

// request is a signed request that a test spoils after signing.
type request struct {
	method, target string
	auth           signing.Authorization
	headers        []string // instead of auth, when set
	body           []byte
}

func newAuthenticator(t testing.TB) (*signing.Authenticator, *keySource) {
	t.Helper()
	pub := exampleSigner(t, "merchant").Public()
	keys := &keySource{
		merchant: signing.Merchant{ID: "mer_1", AnswerAlgorithm: signing.Ed25519},
		serial:   signing.Serial(pub),
		key:      pub,
	}
	return &signing.Authenticator{Keys: keys, Now: func() time.Time { return goldenTime }}, keys
}

func signedRequest(t testing.TB, unix int64) *request {
	t.Helper()
	signer := exampleSigner(t, "merchant")
	r := &request{
		method: "POST", target: "/v1/payments?a=1",
		body: []byte(`{"amount":8888,"subject":"café"}`),
		auth: signing.Authorization{
			MerchantID: "mer_1", Serial: signing.Serial(signer.Public()),
			Timestamp: strconv.FormatInt(unix, 10), Nonce: goodNonce, UnixTime: unix,
		},
	}
	r.sign(t, signer)
	return r
}

func (r *request) sign(t testing.TB, signer crypto.Signer) {
	t.Helper()
	alg, err := signing.AlgorithmOf(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	r.auth.Signature, err = signing.Sign(signer, alg, r.text())
	if err != nil {
		t.Fatal(err)
	}
}

func (r *request) text() []byte {
	return signing.RequestText(r.method, r.target, r.auth.Timestamp, r.auth.Nonce, r.body)
}

func (r *request) authenticate(a *signing.Authenticator) (signing.Identity, error) {
	headers := r.headers
	if headers == nil {
		headers = []string{signing.FormatAuthorization(r.auth)}
	}
	return a.Authenticate(context.Background(), r.method, r.target, headers, r.body)
}

func TestAuthenticate_Good(t *testing.T) {
	a, _ := newAuthenticator(t)
	for _, offset := range []int64{-300, -299, 0, 299, 300} {
		unix := goldenTime.Unix() + offset
		got, err := signedRequest(t, unix).authenticate(a)
		if err != nil {
			t.Errorf("offset %d: %v", offset, err)
			continue
		}
		if got.Merchant.ID != "mer_1" || got.Merchant.AnswerAlgorithm != signing.Ed25519 || got.Authorization.Nonce != goodNonce {
			t.Errorf("offset %d: identity %+v", offset, got)
		}
		if want := time.Unix(unix+360, 0).UTC(); !got.NonceExpires.Equal(want) {
			t.Errorf("offset %d: nonce expires %v, want %v", offset, got.NonceExpires, want)
		}
	}
}

func TestAuthenticate_DisabledMerchantIsTheCallersCase(t *testing.T) {
	a, keys := newAuthenticator(t)
	keys.merchant.Disabled = true
	got, err := signedRequest(t, goldenTime.Unix()).authenticate(a)
	if err != nil || !got.Merchant.Disabled {
		t.Errorf("identity %+v, error %v", got, err)
	}
}

// TestAuthenticate_Tampered spoils one thing after signing; each must end in
// signature_invalid with the text that the server verified.
func TestAuthenticate_Tampered(t *testing.T) {
	a, _ := newAuthenticator(t)
	spoil := map[string]func(r *request){
		"other method":               func(r *request) { r.method = "PUT" },
		"method in lower case":       func(r *request) { r.method = "post" },
		"extra query":                func(r *request) { r.target += "&b=2" },
		"query taken off":            func(r *request) { r.target = "/v1/payments" },
		"query reordered":            func(r *request) { r.target = "/v1/payments?1=a" },
		"question mark added":        func(r *request) { r.target = "/v1/payments?a=1?" },
		"slash added":                func(r *request) { r.target = "/v1/payments/?a=1" },
		"slash doubled":              func(r *request) { r.target = "//v1/payments?a=1" },
		"path escaped":               func(r *request) { r.target = "/v1/%70ayments?a=1" },
		"path in another case":       func(r *request) { r.target = "/v1/Payments?a=1" },
		"dot segment":                func(r *request) { r.target = "/v1/./payments?a=1" },
		"absolute target":            func(r *request) { r.target = "http://host/v1/payments?a=1" },
		"fragment":                   func(r *request) { r.target += "#x" },
		"line moved into the target": func(r *request) { r.target += "\n" + r.auth.Timestamp },
		"other nonce":                func(r *request) { r.auth.Nonce = "6f1a0c9be27d4e3f8a6b" },
		"nonce in another case":      func(r *request) { r.auth.Nonce = strings.ToUpper(r.auth.Nonce) },
		"other timestamp":            func(r *request) { r.auth.Timestamp = strconv.FormatInt(r.auth.UnixTime+1, 10) },
		"body empty":                 func(r *request) { r.body = nil },
		"body with another amount":   func(r *request) { r.body = []byte(`{"amount":8889,"subject":"café"}`) },
		"body with a line end":       func(r *request) { r.body = append(r.body, '\n') },
		"body with CR LF":            func(r *request) { r.body = append(r.body, "\r\n"...) },
		"body with a blank":          func(r *request) { r.body = []byte(`{"amount": 8888,"subject":"café"}`) },
		"body re-encoded":            func(r *request) { r.body = []byte(`{"amount":8888,"subject":"caf\u00e9"}`) },
		"body decomposed (NFD)":      func(r *request) { r.body = []byte("{\"amount\":8888,\"subject\":\"cafe\u0301\"}") },
		"body in Latin-1":            func(r *request) { r.body = []byte("{\"amount\":8888,\"subject\":\"caf\xe9\"}") },
		"body with a BOM":            func(r *request) { r.body = append([]byte("\uFEFF"), r.body...) },
		"body with a NUL":            func(r *request) { r.body = append(r.body, 0) },
		"body cut":                   func(r *request) { r.body = r.body[:len(r.body)-1] },
		"body reordered":             func(r *request) { r.body = []byte(`{"subject":"café","amount":8888}`) },
		"signature cut":              func(r *request) { r.auth.Signature = r.auth.Signature[:255] },
		"signature longer":           func(r *request) { r.auth.Signature = append(r.auth.Signature, 0) },
		"signature led by a zero":    func(r *request) { r.auth.Signature = append([]byte{0}, r.auth.Signature...) },
		"signature of one byte":      func(r *request) { r.auth.Signature = []byte{1} },
		"signature all zero":         func(r *request) { r.auth.Signature = make([]byte, 256) },
		"signature one":              func(r *request) { r.auth.Signature = append(make([]byte, 255), 1) },
		"signature with a bit moved": func(r *request) { r.auth.Signature[17] ^= 4 },
		"signature reversed": func(r *request) {
			for i, j := 0, len(r.auth.Signature)-1; i < j; i, j = i+1, j-1 {
				r.auth.Signature[i], r.auth.Signature[j] = r.auth.Signature[j], r.auth.Signature[i]
			}
		},
		"signature in base64 twice": func(r *request) {
			r.auth.Signature = []byte(base64.StdEncoding.EncodeToString(r.auth.Signature))
		},
		"other RSA key":     func(r *request) { r.sign(t, exampleSigner(t, "platform-rsa2")) },
		"algorithm Ed25519": func(r *request) { r.sign(t, exampleSigner(t, "platform-ed25519")) },
		"hash SHA-1": func(r *request) {
			digest := sha1.Sum(r.text()) //nolint:gosec // a signature that must be refused
			r.auth.Signature = mustSign(t, digest[:], crypto.SHA1)
		},
		"hash SHA-512": func(r *request) {
			digest := sha512.Sum512(r.text())
			r.auth.Signature = mustSign(t, digest[:], crypto.SHA512)
		},
		"PKCS #1 without the hash's name": func(r *request) {
			digest := sha256.Sum256(r.text())
			r.auth.Signature = mustSign(t, digest[:], crypto.Hash(0))
		},
		"PSS padding": func(r *request) {
			digest := sha256.Sum256(r.text())
			r.auth.Signature = mustSign(t, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
		},
		"an answer's text": func(r *request) {
			signature, err := signing.Sign(exampleSigner(t, "merchant"), signing.RSA2, signing.AnswerText(r.auth.Timestamp, r.auth.Nonce, 200, r.body))
			if err != nil {
				t.Fatal(err)
			}
			r.auth.Signature = signature
		},
	}
	for name, change := range spoil {
		r := signedRequest(t, goldenTime.Unix())
		change(r)
		_, err := r.authenticate(a)
		refusal, ok := errors.AsType[*signing.AuthError](err)
		if !ok || refusal.Code != signing.CodeSignatureInvalid {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		want := r.text()
		if string(refusal.Text) != string(want) {
			t.Errorf("%s: text %q, want %q", name, refusal.Text, want)
		}
		if !strings.Contains(refusal.ProblemDetail(), strings.ToValidUTF8(string(want), "\uFFFD")) {
			t.Errorf("%s: the detail lacks the text: %q", name, refusal.ProblemDetail())
		}
		if strings.Contains(err.Error(), "8888") {
			t.Errorf("%s: the error shows the body: %v", name, err)
		}
	}
}

func TestAuthenticate_HostileHeaders(t *testing.T) {
	a, keys := newAuthenticator(t)
	for _, v := range headerVectors() {
		r := signedRequest(t, goldenTime.Unix())
		r.headers = v.values
		if r.headers == nil {
			r.headers = []string{}
		}
		_, err := r.authenticate(a)
		want := signing.CodeSignatureInvalid
		if v.missing {
			want = signing.CodeSignatureMissing
		}
		if refusal, ok := errors.AsType[*signing.AuthError](err); !ok || refusal.Code != want {
			t.Errorf("%s: error %v, want %s", v.name, err, want)
		}
	}
	if keys.asked != 0 {
		t.Errorf("the keys were asked %d times for headers that cannot be read", keys.asked)
	}
}

func TestAuthenticate_TimestampBeforeKey(t *testing.T) {
	a, keys := newAuthenticator(t)
	for _, unix := range []int64{0, goldenTime.Unix() - 301, goldenTime.Unix() + 301, goldenTime.Unix() * 1000, 1<<63 - 1} {
		r := signedRequest(t, unix)
		r.auth.Serial = "unknown"
		_, err := r.authenticate(a)
		if refusal, ok := errors.AsType[*signing.AuthError](err); !ok || refusal.Code != signing.CodeTimestampOutOfRange {
			t.Errorf("timestamp %d: error %v", unix, err)
		}
	}
	if keys.asked != 0 {
		t.Errorf("the keys were asked %d times", keys.asked)
	}
}

func TestAuthenticate_KeyUnknown(t *testing.T) {
	a, _ := newAuthenticator(t)
	spoil := map[string]func(r *request){
		"unknown merchant":        func(r *request) { r.auth.MerchantID = "mer_2" },
		"merchant in upper case":  func(r *request) { r.auth.MerchantID = "MER_1" },
		"unknown serial":          func(r *request) { r.auth.Serial = "S2" },
		"serial in lower case":    func(r *request) { r.auth.Serial = strings.ToLower(r.auth.Serial) },
		"and a wrong signature":   func(r *request) { r.auth.Serial, r.auth.Signature = "S2", []byte("x") },
		"both swapped":            func(r *request) { r.auth.MerchantID, r.auth.Serial = r.auth.Serial, r.auth.MerchantID },
		"serial with hostile SQL": func(r *request) { r.auth.Serial = "'OR'1'='1" },
	}
	for name, change := range spoil {
		r := signedRequest(t, goldenTime.Unix())
		change(r)
		_, err := r.authenticate(a)
		refusal, ok := errors.AsType[*signing.AuthError](err)
		if !ok || refusal.Code != signing.CodeKeyUnknown || refusal.Text != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAuthenticate_KeySourceFails(t *testing.T) {
	a, keys := newAuthenticator(t)
	keys.err = errors.New("database is gone")
	_, err := signedRequest(t, goldenTime.Unix()).authenticate(a)
	if _, refused := errors.AsType[*signing.AuthError](err); refused || !errors.Is(err, keys.err) {
		t.Errorf("error %v", err)
	}
}

// A stored key of another kind, or a weak one, must never let anybody in, and
// must not look like the caller's fault.
func TestAuthenticate_StoredKeyUnfit(t *testing.T) {
	a, keys := newAuthenticator(t)
	ed := exampleSigner(t, "platform-ed25519")
	for name, signer := range map[string]crypto.Signer{"Ed25519": ed, "RSA-1024": weakRSA(t)} {
		keys.key = signer.Public()
		r := signedRequest(t, goldenTime.Unix())
		r.auth.Signature = rawSign(t, signer, r.text())
		_, err := r.authenticate(a)
		if _, refused := errors.AsType[*signing.AuthError](err); refused || err == nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
