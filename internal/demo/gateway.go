package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/paymux/paymux/signing"
)

// Resources as far as the demo reads them.
type (
	payment struct {
		ID              string          `json:"id"`
		MerchantOrderNo string          `json:"merchant_order_no"`
		Amount          int64           `json:"amount"`
		Status          string          `json:"status"`
		Channel         string          `json:"channel"`
		ChannelTradeNo  string          `json:"channel_trade_no"`
		RefundedAmount  int64           `json:"refunded_amount"`
		Action          json.RawMessage `json:"action"`
		Failure         json.RawMessage `json:"failure"`
		Attempts        []struct {
			ID     string `json:"id"`
			Status string `json:"status"`
		} `json:"attempts"`
	}
	refund struct {
		ID     string `json:"id"`
		Amount int64  `json:"amount"`
		Status string `json:"status"`
	}
	channel struct {
		Channel string   `json:"channel"`
		Enabled bool     `json:"enabled"`
		Scenes  []string `json:"scenes"`
	}
	trade struct {
		Status    string `json:"status"`
		Amount    int64  `json:"amount"`
		TimesPaid int    `json:"times_paid"`
		Refunds   []struct {
			Amount int64  `json:"amount"`
			Status string `json:"status"`
		} `json:"refunds"`
	}
	problem struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
)

// call makes a signed request and reads the answer into out when its status is
// one of those wanted.
func (d *demo) call(ctx context.Context, method, target string, in, out any, want ...int) (*signing.Answer, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	answer, err := d.client.Do(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, target, err)
	}
	for _, status := range want {
		if answer.Status != status {
			continue
		}
		if out == nil {
			return answer, nil
		}
		if err := json.Unmarshal(answer.Body, out); err != nil {
			return nil, fmt.Errorf("%s %s: read the answer: %w", method, target, err)
		}
		return answer, nil
	}
	return nil, fmt.Errorf("%s %s: answered %d, want %v: %s", method, target, answer.Status, want, bytes.TrimSpace(answer.Body))
}

// refused makes a request that must be refused with a code.
func (d *demo) refused(ctx context.Context, method, target string, in any, status int, code string) error {
	var p problem
	if _, err := d.call(ctx, method, target, in, &p, status); err != nil {
		return err
	}
	if p.Code != code {
		return fmt.Errorf("%s %s: refused with %q, want %q", method, target, p.Code, code)
	}
	return nil
}

// control makes a control call of the sandbox.
func (d *demo) control(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(d.target.Sandbox, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", path, err)
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("sandbox %s: answered %d: %s", path, res.StatusCode, bytes.TrimSpace(text))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("sandbox %s: read the answer: %w", path, err)
	}
	return nil
}

// eventually reads until ok says that what was read is as wanted.
func eventually(ctx context.Context, read func() error, ok func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := read(); err != nil {
			return err
		}
		if ok() {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
