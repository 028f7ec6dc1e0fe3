package callbacks

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/books"
)

// Answer is what a merchant answered to a callback; HTTPStatus 0: nothing came.
type Answer struct {
	HTTPStatus int    `json:"http_status"`
	Body       string `json:"body"`
	Error      string `json:"error,omitempty"`
}

// SendNow sends the callback of a trade's latest event at once and answers what came back; the try is stored, and what
// the control API wants to go wrong with callbacks does not touch it. Errors: those of the simulator's LastEvent.
func (q *Queue) SendNow(ctx context.Context, t *books.Trade) (Answer, error) {
	s := q.sims[t.Channel]
	cb, err := s.LastEvent(t)
	if err != nil {
		return Answer{}, err
	}
	at := q.opts.Now()
	status, body, err := q.send(ctx, t, cb, false)
	answer := Answer{HTTPStatus: status, Body: string(body)}
	if err != nil {
		answer.Error = err.Error()
	}
	cb.ID = "" // it isn't the queue's
	try := books.Notification{At: at, HTTPStatus: status, Acknowledged: err == nil && s.Acknowledged(status, body)}
	if err := q.record(cb, []books.Notification{try}, false); err != nil {
		return Answer{}, err
	}
	return answer, nil
}

func (q *Queue) send(ctx context.Context, t *books.Trade, cb books.Callback, forged bool) (int, []byte, error) {
	message, err := q.sims[t.Channel].Message(ctx, t, cb, forged)
	if err != nil {
		return 0, nil, fmt.Errorf("write the callback: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cb.URL, bytes.NewReader(message.Body))
	if err != nil {
		return 0, nil, fmt.Errorf("address the callback: %w", err)
	}
	req.Header = message.Header
	resp, err := q.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("send the callback: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return resp.StatusCode, body, fmt.Errorf("read the answer to the callback: %w", err)
	}
	return resp.StatusCode, body, nil
}
