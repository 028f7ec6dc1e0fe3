package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	clientTimeout       = 30 * time.Second
	defaultMaxAnswer    = 64 << 20 // statements and bills are the largest answers
	clientNonceBytes    = 24       // 32 characters of base64url
	contentTypeOfBodies = "application/json"
)

// Client calls the API as a merchant: it signs each request and verifies each
// answer. Its fields are set once, before use; it is then safe for concurrent
// use. It never follows redirects, as the signature covers the target.
type Client struct {
	BaseURL      string // "https://host[:port]"
	MerchantID   string
	Serial       string        // of the merchant's key; empty: derived from Key
	Key          crypto.Signer // RSA
	PlatformKeys map[string]crypto.PublicKey

	HTTP           *http.Client     // nil: one with a limit of 30 s
	Now            func() time.Time // nil: time.Now
	Rand           io.Reader        // nil: crypto/rand; makes nonces
	MaxAnswerBytes int64            // 0: 64 MiB
}

// Answer is what the API answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Signed tells whether the platform's signature held. It is false only
	// for refusals that come before a request's signature held, see
	// [Client.Do]: they say nothing certain of any order.
	Signed bool
}

// UnverifiedError says that an answer must not be trusted. It carries the
// answer for diagnosis; whether the request had an effect is unknown.
type UnverifiedError struct {
	Answer *Answer
	Err    error
}

// Error names the HTTP status and the reason, not the body.
func (e *UnverifiedError) Error() string {
	return fmt.Sprintf("verify the answer with status %d: %v", e.Answer.Status, e.Err)
}

// Unwrap is the reason, one of [VerifyAnswer]'s errors.
func (e *UnverifiedError) Unwrap() error { return e.Err }

// Do sends a signed request. Target is path and query, already escaped as it
// is to be sent ("/v1/payments?limit=2"); body is nil where there is none.
//
// An answer whose signature holds is returned, whatever its status. Without a
// signature only statuses that can arise before the platform knows the caller
// are returned, with Signed false: 401, 413, 431 and 5xx. Everything else,
// also an answer whose signature is wrong, is an [*UnverifiedError].
func (c *Client) Do(ctx context.Context, method, target string, body []byte) (*Answer, error) {
	req, nonce, err := c.newRequest(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("prepare %s %s: %w", method, pathOf(target), err)
	}
	answer, err := c.send(req)
	if err != nil {
		return nil, fmt.Errorf("call %s %s: %w", method, pathOf(target), err)
	}
	check := AnswerCheck{Keys: c.PlatformKeys, Nonce: nonce, Now: c.now()}
	err = VerifyAnswer(check, answer.Status, answer.Header, answer.Body)
	switch {
	case err == nil:
		answer.Signed = true
		return answer, nil
	case errors.Is(err, ErrAnswerUnsigned) && mayBeUnsigned(answer.Status):
		return answer, nil
	default:
		return nil, &UnverifiedError{Answer: answer, Err: err}
	}
}

// mayBeUnsigned lists the statuses of refusals from before the signature held,
// by the gateway or by a proxy in front of it.
func mayBeUnsigned(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return true
	default:
		return status >= http.StatusInternalServerError
	}
}

func (c *Client) newRequest(ctx context.Context, method, target string, body []byte) (*http.Request, string, error) {
	address, err := url.Parse(strings.TrimSuffix(c.BaseURL, "/") + target)
	if err != nil || address.Host == "" {
		return nil, "", errors.New("base URL and target must make an http URL")
	}
	if !strings.HasPrefix(target, "/") || !strings.HasSuffix(address.RequestURI(), target) {
		return nil, "", errors.New("the target must begin with / and be escaped as it is to be sent")
	}
	nonce, err := c.newNonce()
	if err != nil {
		return nil, "", err
	}
	if c.Key == nil {
		return nil, "", errors.New("the client has no private key")
	}
	now := c.now().Unix()
	auth := Authorization{
		MerchantID: c.MerchantID,
		Serial:     c.Serial,
		Timestamp:  strconv.FormatInt(now, 10),
		Nonce:      nonce,
		UnixTime:   now,
	}
	if auth.Serial == "" {
		auth.Serial = Serial(c.Key.Public())
	}
	auth.Signature, err = Sign(c.Key, RSA2, RequestText(method, address.RequestURI(), auth.Timestamp, nonce, body))
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, method, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Authorization", FormatAuthorization(auth))
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentTypeOfBodies)
	}
	return req, nonce, nil
}

func (c *Client) send(req *http.Request) (*Answer, error) {
	caller := http.Client{Timeout: clientTimeout}
	if c.HTTP != nil {
		caller = *c.HTTP
	}
	caller.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := caller.Do(req)
	if err != nil {
		// A url.Error repeats the query, which may hold a payer's data.
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err
		}
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // the body was read or is given up
	limit := c.MaxAnswerBytes
	if limit == 0 {
		limit = defaultMaxAnswer
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: content}, nil
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now() //nolint:forbidigo // the documented default of an injected clock
}

func (c *Client) newNonce() (string, error) {
	random := c.Rand
	if random == nil {
		random = rand.Reader
	}
	var raw [clientNonceBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("make nonce: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// pathOf leaves the query out of errors: it may hold a payer's data.
func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}
