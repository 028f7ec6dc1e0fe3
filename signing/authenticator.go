package signing

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Times of request authentication (contract, section 2).
const (
	// TimestampTolerance is how far a request's timestamp may be from the
	// server's clock, either way, inclusive.
	TimestampTolerance = 300 * time.Second
	// NonceSkew is how long after its timestamp's window a nonce is still
	// remembered, for the skew between replicas.
	NonceSkew = 60 * time.Second
)

// Codes of [AuthError], as the API shows them.
const (
	CodeSignatureMissing    = "signature_missing"
	CodeSignatureInvalid    = "signature_invalid"
	CodeTimestampOutOfRange = "timestamp_out_of_range"
	CodeKeyUnknown          = "key_unknown"
)

// ErrKeyUnknown is what a [KeySource] answers for an unknown merchant, an
// unknown serial and a revoked one alike.
var ErrKeyUnknown = errors.New("no live key of that merchant has that serial")

// Merchant is what authentication learns of the caller.
type Merchant struct {
	ID              string
	Disabled        bool // the caller of Authenticate refuses it, after the nonce
	AnswerAlgorithm Algorithm
}

// KeySource finds the key that verifies a request: one look-up by merchant and
// serial. It answers [ErrKeyUnknown] for everything that is not a live key; any
// other error means that it could not look. A revoked key must stop at once, so
// an implementation that caches has to learn of revocations on every replica.
type KeySource interface {
	VerificationKey(ctx context.Context, merchantID, serial string) (crypto.PublicKey, Merchant, error)
}

// AuthError says why a request was not authenticated; the answer is 401.
type AuthError struct {
	Code   string // one of the Code constants
	Detail string // a sentence for the caller; no values of the request
	Text   []byte // what the server verified, when the signature did not fit
}

// Error is code and detail, without the text: it may hold personal data and
// stays out of logs.
func (e *AuthError) Error() string { return "authenticate request: " + e.Code + ": " + e.Detail }

// ProblemDetail is the detail of the problem document: the sentence and, when
// the signature did not fit, the text that the server verified, so that the
// caller can compare. Bytes that are not UTF-8 appear as U+FFFD.
func (e *AuthError) ProblemDetail() string {
	if e.Text == nil {
		return e.Detail
	}
	return e.Detail + "\n" + strings.ToValidUTF8(string(e.Text), "\uFFFD")
}

// Identity is an authenticated request's sender.
type Identity struct {
	Merchant      Merchant
	Authorization Authorization
	// NonceExpires is until when the nonce must be remembered: timestamp +
	// 300 s + 60 s, UTC.
	NonceExpires time.Time
}

// Authenticator checks requests. Its fields are set once, before use; it is
// then safe for concurrent use.
type Authenticator struct {
	Keys KeySource
	Now  func() time.Time
}

// Authenticate checks, in this order, the header, the timestamp, the key and
// the signature over the raw bytes. The body's size comes before; the nonce,
// the merchant's state and routing are the caller's next steps.
//
// A refusal is an [*AuthError]. Another error is the KeySource's own failure,
// wrapped: nothing is said of the request, the answer is 503. An unknown key
// costs a verification too, so that time does not tell merchants apart.
func (a *Authenticator) Authenticate(ctx context.Context, method, target string, authorization []string, body []byte) (Identity, error) {
	auth, err := ParseAuthorization(authorization)
	if err != nil {
		return Identity{}, headerError(err)
	}
	if distance := a.Now().Unix() - auth.UnixTime; distance > toleranceSeconds || distance < -toleranceSeconds {
		return Identity{}, &AuthError{
			Code:   CodeTimestampOutOfRange,
			Detail: "the timestamp is more than 300 s away from the server's clock; set the caller's clock and sign again",
		}
	}
	pub, merchant, err := a.Keys.VerificationKey(ctx, auth.MerchantID, auth.Serial)
	unknown := errors.Is(err, ErrKeyUnknown)
	if err != nil && !unknown {
		return Identity{}, fmt.Errorf("look up the verification key: %w", err)
	}
	text := RequestText(method, target, auth.Timestamp, auth.Nonce, body)
	if unknown {
		_ = Verify(placeholderKey(), text, auth.Signature)
		return Identity{}, &AuthError{
			Code:   CodeKeyUnknown,
			Detail: "no live key has this merchant_id and serial; check both, and whether the key was revoked",
		}
	}
	// The scheme is RSA: a key of another kind would swap the algorithm.
	rsaKey, ok := pub.(*rsa.PublicKey)
	if !ok {
		return Identity{}, fmt.Errorf("verify request: %w: the stored key is %T, the scheme needs RSA", ErrKeyKind, pub)
	}
	switch err := Verify(rsaKey, text, auth.Signature); {
	case errors.Is(err, ErrSignature):
		return Identity{}, &AuthError{
			Code:   CodeSignatureInvalid,
			Detail: "the signature does not fit the key and the text; the server verified:",
			Text:   text,
		}
	case err != nil:
		return Identity{}, fmt.Errorf("verify request: %w", err)
	}
	return Identity{
		Merchant:      merchant,
		Authorization: auth,
		NonceExpires:  time.Unix(auth.UnixTime, 0).Add(TimestampTolerance + NonceSkew).UTC(),
	}, nil
}

const toleranceSeconds = int64(TimestampTolerance / time.Second)

func headerError(err error) error {
	if bad, ok := errors.AsType[*InvalidError](err); ok {
		return &AuthError{Code: CodeSignatureInvalid, Detail: "the Authorization header cannot be read: " + bad.Reason}
	}
	return &AuthError{Code: CodeSignatureMissing, Detail: "send an Authorization header of the scheme " + Scheme}
}

// placeholderKey is an RSA-2048 public key to which nobody holds the private
// half: 2^2048 - 1 is no product of two known secret primes, and nothing that
// it verifies is ever accepted. It only costs the same time.
func placeholderKey() *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), MinRSABits)
	return &rsa.PublicKey{N: n.Sub(n, big.NewInt(1)), E: minRSAExponent}
}
