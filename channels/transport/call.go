package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/paymux/paymux/channels"
)

// ErrAnswerTooLarge is the cause when an answer passes its cap.
var ErrAnswerTooLarge = errors.New("answer is larger than the limit")

// Request is one call.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	// MaxAnswer is the largest body of the answer, in bytes; zero is the
	// client's limit.
	MaxAnswer int64
}

// Answer is a complete answer, whatever its status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Error is a call without a complete answer. Its text holds no URL.
type Error struct {
	// Outcome is NotProcessed with proof, else Unknown.
	Outcome channels.Outcome
	Err     error
}

// Error says what failed and whether anything can have left.
func (e *Error) Error() string {
	if e.Outcome == channels.NotProcessed {
		return "nothing was sent: " + e.Err.Error()
	}
	return "sent without a complete answer: " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// OutcomeOf is the outcome of a call that gave no answer. An error that is none
// of Do's proves nothing: it is Unknown.
func OutcomeOf(err error) channels.Outcome {
	var e *Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return channels.Unknown
}

// Do sends the request and reads the whole answer. Errors are *Error.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.limits.Total)
		defer cancel()
	}
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if r.Header.Get(name) != "" {
			return Answer{}, notProcessed(fmt.Errorf("header %s would let the request be replayed", name))
		}
	}
	answer, stale, err := c.once(ctx, r)
	if stale && ctx.Err() == nil {
		// A pooled connection died before it took a byte; the others of the
		// pool may have died with it. One fresh try.
		c.rt.CloseIdleConnections()
		answer, _, err = c.once(ctx, r)
	}
	return answer, err
}

// once makes one try and reads the whole answer; see open.
func (c *Client) once(ctx context.Context, r Request) (_ Answer, stale bool, _ error) {
	resp, stale, err := c.open(ctx, r)
	if err != nil {
		return Answer{}, stale, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := c.readAll(resp, r.MaxAnswer)
	return answer, false, err
}

// readAll reads an answer into memory; a limit of zero is the client's.
func (c *Client) readAll(resp *http.Response, limit int64) (Answer, error) {
	if limit <= 0 {
		limit = c.limits.Answer
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = ErrAnswerTooLarge
	}
	if err != nil {
		return Answer{Status: resp.StatusCode}, &Error{Outcome: channels.Unknown, Err: err}
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: content}, nil
}

// open makes one try and gives the answer with its body unread, which the
// caller closes. stale tells that a pooled connection was dead and proven to
// have taken nothing.
func (c *Client) open(ctx context.Context, r Request) (_ *http.Response, stale bool, _ error) {
	var body io.Reader
	if len(r.Body) > 0 {
		body = bytes.NewReader(r.Body)
	}
	var conn atomic.Pointer[provenConn]
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if pc, ok := info.Conn.(*provenConn); ok {
				pc.begin(info.Reused)
				conn.Store(pc)
			}
		},
	})
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, body)
	if err != nil {
		return nil, false, notProcessed(errors.New("the address of the channel cannot be used"))
	}
	req.GetBody = nil
	for name, values := range r.Header {
		req.Header[name] = values
	}
	resp, err := c.rt.RoundTrip(req)
	if err == nil {
		return resp, false, nil
	}
	pc := conn.Load()
	switch {
	case pc == nil:
		return nil, false, notProcessed(err)
	case pc.seal():
		return nil, pc.reused.Load(), notProcessed(err)
	default:
		return nil, false, &Error{Outcome: channels.Unknown, Err: err}
	}
}

func notProcessed(err error) *Error {
	return &Error{Outcome: channels.NotProcessed, Err: err}
}
