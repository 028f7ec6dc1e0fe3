package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// simulators is the control side of the sandbox.
type simulators struct {
	url    string
	client *http.Client
}

const controlLimit = 20 * time.Second

// call makes a control call; the status is 0 where no answer came.
func (s *simulators) call(ctx context.Context, method, path string, in, out any) (int, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, controlLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if res.StatusCode/100 != 2 {
		return res.StatusCode, fmt.Errorf("the sandbox answered %s %s with %d: %s", method, path, res.StatusCode, body)
	}
	if out == nil {
		return res.StatusCode, nil
	}
	return res.StatusCode, json.Unmarshal(body, out)
}

// act does what a payer does with what the merchant was given.
func (s *simulators) act(ctx context.Context, action json.RawMessage, result string) (int, error) {
	return s.call(ctx, http.MethodPost, "/_control/pay", map[string]any{"action": action, "result": result}, nil)
}

// typePassword lets the payer of a barcode that asks for a password pay.
func (s *simulators) typePassword(ctx context.Context, attempt string) (int, error) {
	return s.call(ctx, http.MethodPost, "/_control/trades/"+attempt+"/pay", map[string]any{}, nil)
}

func (s *simulators) trades(ctx context.Context) ([]Trade, error) {
	var page struct {
		Data []Trade `json:"data"`
	}
	_, err := s.call(ctx, http.MethodGet, "/_control/trades", map[string]any{}, &page)
	return page.Data, err
}

// calm ends all faults and lets callbacks go their normal way.
func (s *simulators) calm(ctx context.Context) error {
	if _, err := s.call(ctx, http.MethodDelete, "/_control/faults", map[string]any{}, nil); err != nil {
		return err
	}
	_, err := s.call(ctx, http.MethodPost, "/_control/notifications", map[string]any{}, nil)
	return err
}
