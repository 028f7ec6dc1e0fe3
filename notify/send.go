package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/paymux/paymux/signing"
)

const (
	userAgent = "paymux-webhooks/1"
	// maxAnswerRead is how much of an answer is read, so that its connection can
	// be used again; maxAnswerKept is how much of it is logged; in bytes.
	maxAnswerRead   = 16 << 10
	maxAnswerKept   = 512
	maxAnswerHeader = 16 << 10
	maxErrorKept    = 256
	// answerPatience is how long an answer's body is waited for after its
	// status: a body that drips must not hold a sender.
	answerPatience  = 500 * time.Millisecond
	idleConnections = 256
)

// answer is what an endpoint said; status 0: nothing.
type answer struct {
	status     int
	retryAfter string
}

func (a answer) delivered() bool { return a.status >= 200 && a.status < 300 }
func (a answer) gone() bool      { return a.status == http.StatusGone }

// newTransport makes connections that the guard allows, directly: a proxy of
// the environment would connect for us wherever it is told to.
func newTransport(cfg OutboundConfig, g *guard) *http.Transport {
	dialer := &net.Dialer{Timeout: cfg.Timeout, Control: g.control}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    cfg.Timeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           idleConnections,
		MaxIdleConnsPerHost:    cfg.PerEndpoint,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxAnswerHeader,
	}
}

// try sends the event once and says how it went.
func (o *Outbound) try(ctx context.Context, c Claim, secrets [][]byte) (Delivery, answer) {
	d := Delivery{At: o.Now()}
	a, snippet, err := o.post(ctx, c, secrets, d.At)
	d.Duration = max(0, o.Now().Sub(d.At))
	d.HTTPStatus = a.status
	d.Response = printable(snippet, maxAnswerKept)
	switch {
	case err != nil:
		d.Error = o.explain(err)
	case a.delivered():
	case a.status >= 300 && a.status < 400:
		d.Error = fmt.Sprintf("the endpoint answered %d: redirects are not followed; name the final address as notify_url", a.status)
	default:
		d.Error = fmt.Sprintf("the endpoint answered %d", a.status)
	}
	return d, a
}

func (o *Outbound) post(ctx context.Context, c Claim, secrets [][]byte, at time.Time) (answer, []byte, error) {
	u, err := o.guard.checkURL(c.NotifyURL)
	if err != nil {
		return answer{}, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(c.Body))
	if err != nil {
		return answer{}, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	signing.SetWebhookHeaders(req.Header, secrets, c.EventID, at, c.Body)
	res, err := o.client.Do(req)
	if err != nil {
		return answer{}, nil, err
	}
	// The status decides; an answer's body is for people only.
	defer time.AfterFunc(answerPatience, cancel).Stop()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswerRead))
	_ = res.Body.Close()
	return answer{status: res.StatusCode, retryAfter: res.Header.Get("Retry-After")}, body, nil
}

// explain says for the merchant why there was no answer, without the URL, our
// own addresses and our resolver's.
func (o *Outbound) explain(err error) string {
	var (
		dns      *net.DNSError
		notTrust *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		timeout  interface{ Timeout() bool }
		errno    syscall.Errno
	)
	switch {
	case errors.Is(err, ErrRefusedAddress):
		return refusal(err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the host's name does not resolve"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %s", o.cfg.Timeout)
	case errors.As(err, &dns):
		return "the host's name could not be looked up"
	case errors.As(err, &notTrust):
		return printable([]byte("TLS: "+notTrust.Err.Error()), maxErrorKept)
	case errors.As(err, &record):
		return "TLS: the endpoint does not speak TLS"
	case errors.As(err, &alert):
		return printable([]byte("TLS: "+alert.Error()), maxErrorKept)
	case errors.As(err, &errno):
		return "connection failed: " + errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the endpoint closed the connection without an answer"
	default:
		return "the endpoint's answer could not be read"
	}
}

// refusal is the guard's text alone, without the dialler's around it.
func refusal(err error) string {
	text := err.Error()
	if i := strings.Index(text, ErrRefusedAddress.Error()); i >= 0 {
		text = text[i:]
	}
	return printable([]byte(text), maxErrorKept)
}

// printable makes text for logs and pages of bytes that somebody else chose:
// valid UTF-8 without control characters, at most so many bytes.
func printable(b []byte, most int) string {
	b = b[:min(len(b), most)]
	for len(b) > 0 {
		if r, n := utf8.DecodeLastRune(b); r != utf8.RuneError || n != 1 {
			break
		}
		b = b[:len(b)-1]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, string(b))
}
