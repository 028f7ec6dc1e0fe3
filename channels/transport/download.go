package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/paymux/paymux/channels"
)

// ErrStalled is the cause when a download brings no further bytes for too long.
var ErrStalled = errors.New("the download brings nothing more")

// Download sends a request without a body and copies the answer's to w as it
// comes, MaxAnswer bytes of it at most (zero is the client's limit). An answer other than 200 is not copied
// but given back like one of Do's; else the answer's Body is nil. Errors are
// *Error, but for one of w's, which is given back as it is; what w was given
// before an error is worthless.
func (c *Client) Download(ctx context.Context, r Request, w io.Writer) (Answer, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.limits.Download)
		defer cancel()
	}
	if r.MaxAnswer <= 0 {
		r.MaxAnswer = c.limits.Answer
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	resp, stale, err := c.open(ctx, r)
	if stale && ctx.Err() == nil {
		c.rt.CloseIdleConnections()
		resp, _, err = c.open(ctx, r)
	}
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	// From here on the wait is for bytes that do not come.
	watch := time.AfterFunc(c.limits.Stall, func() { stop(ErrStalled) })
	defer watch.Stop()
	resp.Body = &watched{ReadCloser: resp.Body, read: func() { watch.Reset(c.limits.Stall) }}
	if resp.StatusCode != http.StatusOK {
		return c.readAll(resp, 0)
	}
	answer := Answer{Status: resp.StatusCode, Header: resp.Header}
	sink := &sink{w: w}
	n, err := io.Copy(sink, io.LimitReader(resp.Body, r.MaxAnswer+1))
	switch {
	case sink.err != nil:
		return answer, sink.err
	case errors.Is(context.Cause(ctx), ErrStalled):
		return answer, &Error{Outcome: channels.Unknown, Err: ErrStalled}
	case err != nil:
		return answer, &Error{Outcome: channels.Unknown, Err: err}
	case n > r.MaxAnswer:
		return answer, &Error{Outcome: channels.Unknown, Err: ErrAnswerTooLarge}
	}
	return answer, nil
}

// watched tells of every read that brought something.
type watched struct {
	io.ReadCloser
	read func()
}

// Read reads on and tells.
func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.read()
	}
	return n, err
}

// sink keeps apart what the writer could not do from what the network could
// not.
type sink struct {
	w   io.Writer
	err error
}

// Write writes on.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		s.err = err
	}
	return n, err
}
