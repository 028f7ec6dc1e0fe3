package signing

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Headers of answers.
const (
	HeaderTimestamp     = "Paymux-Timestamp" // Unix seconds
	HeaderNonce         = "Paymux-Nonce"     // the request's own, repeated
	HeaderSerial        = "Paymux-Serial"
	HeaderSignature     = "Paymux-Signature" // standard base64
	HeaderRequestID     = "Paymux-Request-Id"
	HeaderContentSHA256 = "Paymux-Content-SHA256" // files: lower-case hex
)

// AnswerSignature is the values of the four headers of a signed answer.
type AnswerSignature struct {
	Timestamp string
	Nonce     string
	Serial    string
	Signature string
}

// SignAnswer signs an answer with a platform key. Nonce is the request's own;
// for a file, body is [FileBody] of its content and the caller sends
// [HeaderContentSHA256] too.
func SignAnswer(key PlatformKey, now time.Time, nonce string, status int, body []byte) (AnswerSignature, error) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signature, err := Sign(key.Signer, key.Algorithm, AnswerText(timestamp, nonce, status, body))
	if err != nil {
		return AnswerSignature{}, fmt.Errorf("sign answer: %w", err)
	}
	return AnswerSignature{
		Timestamp: timestamp,
		Nonce:     nonce,
		Serial:    key.Serial,
		Signature: base64.StdEncoding.EncodeToString(signature),
	}, nil
}

// SetHeaders writes the four headers.
func (s AnswerSignature) SetHeaders(h http.Header) {
	h.Set(HeaderTimestamp, s.Timestamp)
	h.Set(HeaderNonce, s.Nonce)
	h.Set(HeaderSerial, s.Serial)
	h.Set(HeaderSignature, s.Signature)
}

// SignAnswerWithAll signs an answer once with each key and writes the headers:
// serial and signature are repeated in pairs. The list of platform keys is
// served so: whoever holds one of the keys can trust the others.
func SignAnswerWithAll(h http.Header, keys []PlatformKey, now time.Time, nonce string, status int, body []byte) error {
	signatures := make([]AnswerSignature, 0, len(keys))
	for _, key := range keys {
		s, err := SignAnswer(key, now, nonce, status, body)
		if err != nil {
			return err
		}
		signatures = append(signatures, s)
	}
	for i, s := range signatures {
		if i == 0 {
			s.SetHeaders(h)
			continue
		}
		h.Add(HeaderSerial, s.Serial)
		h.Add(HeaderSignature, s.Signature)
	}
	return nil
}

// Errors of [VerifyAnswer] besides [ErrSignature]; test them with [errors.Is].
var (
	// ErrAnswerUnsigned says that an answer carries no signature at all.
	ErrAnswerUnsigned = errors.New("the answer is not signed")
	// ErrAnswerMalformed says that an answer's headers cannot be read or
	// belong to another request, another time or another content.
	ErrAnswerMalformed = errors.New("the answer's signature headers do not fit")
	// ErrPlatformKeyUnknown says that no trusted key has the answer's serial.
	ErrPlatformKeyUnknown = errors.New("no trusted platform key has the answer's serial; fetch the platform keys again")
)

// AnswerCheck is what an answer is held against.
type AnswerCheck struct {
	Keys  map[string]crypto.PublicKey // trusted platform keys by serial
	Nonce string                      // the request's own; empty where it had none
	Now   time.Time                   // the caller's clock
}

// VerifyAnswer checks an answer's signature over its raw bytes, that it
// repeats the request's nonce, and that it was made within 300 s of the
// caller's clock. Where several keys signed, every trusted one must fit and
// at least one must be trusted.
func VerifyAnswer(check AnswerCheck, status int, header http.Header, body []byte) error {
	serials, signatures := header.Values(HeaderSerial), header.Values(HeaderSignature)
	if len(signatures) == 0 && len(serials) == 0 {
		return ErrAnswerUnsigned
	}
	if len(serials) != len(signatures) {
		return fmt.Errorf("%w: %d serials but %d signatures", ErrAnswerMalformed, len(serials), len(signatures))
	}
	timestamp, err := checkAnswerHeaders(check, header)
	if err != nil {
		return err
	}
	content, err := signedContent(header, body)
	if err != nil {
		return err
	}
	text := AnswerText(timestamp, check.Nonce, status, content)
	trusted := 0
	for i, serial := range serials {
		pub, ok := check.Keys[serial]
		if !ok {
			continue
		}
		signature, err := base64.StdEncoding.Strict().DecodeString(signatures[i])
		if err != nil {
			return fmt.Errorf("%w: the signature is not standard base64", ErrAnswerMalformed)
		}
		if err := Verify(pub, text, signature); err != nil {
			return fmt.Errorf("verify answer with key %s: %w", serial, err)
		}
		trusted++
	}
	if trusted == 0 {
		return ErrPlatformKeyUnknown
	}
	return nil
}

func checkAnswerHeaders(check AnswerCheck, header http.Header) (timestamp string, err error) {
	timestamps, nonces := header.Values(HeaderTimestamp), header.Values(HeaderNonce)
	if len(timestamps) != 1 || len(nonces) > 1 {
		return "", fmt.Errorf("%w: timestamp and nonce must stand once", ErrAnswerMalformed)
	}
	if header.Get(HeaderNonce) != check.Nonce {
		return "", fmt.Errorf("%w: the nonce is not the request's", ErrAnswerMalformed)
	}
	unix, err := strconv.ParseInt(timestamps[0], 10, 64)
	if err != nil || unix < 0 {
		return "", fmt.Errorf("%w: the timestamp is not Unix seconds", ErrAnswerMalformed)
	}
	if distance := check.Now.Unix() - unix; distance > toleranceSeconds || distance < -toleranceSeconds {
		return "", fmt.Errorf("%w: it was made more than 300 s away from this clock", ErrAnswerMalformed)
	}
	return timestamps[0], nil
}

// signedContent is the body line of the signed text: the body itself or, for a
// file, its hash after comparing it with the body.
func signedContent(header http.Header, body []byte) ([]byte, error) {
	hashes := header.Values(HeaderContentSHA256)
	if len(hashes) == 0 {
		return body, nil
	}
	sum := FileBody(body)
	if len(hashes) != 1 || hashes[0] != string(sum) {
		return nil, fmt.Errorf("%w: %s is not the content's", ErrAnswerMalformed, HeaderContentSHA256)
	}
	return sum, nil
}
