package channeltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

// Sandbox speaks to a running sandbox's control API about one channel.
type Sandbox struct {
	// URL is the sandbox's address, without a slash at the end.
	URL string
	// Channel is the channel's name.
	Channel string
}

// Fault is something to go wrong; see the control API.
type Fault struct {
	Operation string
	Kind      string
	// Count is how many calls it strikes; zero: until it is cleared.
	Count   int
	DelayMS int
	// Effect is "before" or "after" for the kinds that leave the choice.
	Effect string
}

// Trade is what the simulator's books say of an order.
type Trade struct {
	OutTradeNo     string `json:"out_trade_no"`
	ChannelTradeNo string `json:"channel_trade_no"`
	Amount         int64  `json:"amount"`
	Currency       string `json:"currency"`
	Status         string `json:"status"`
	TimesPaid      int    `json:"times_paid"`
	Refunds        []struct {
		OutRefundNo string `json:"out_refund_no"`
		Amount      int64  `json:"amount"`
		Status      string `json:"status"`
	} `json:"refunds"`
}

// Refunded is the sum of the refunds that succeeded or still may.
func (tr Trade) Refunded() int64 {
	var sum int64
	for _, r := range tr.Refunds {
		if r.Status != "failed" {
			sum += r.Amount
		}
	}
	return sum
}

// Credentials is the channel's part of what the sandbox hands out.
func (s *Sandbox) Credentials(t testing.TB) json.RawMessage {
	t.Helper()
	var all map[string]json.RawMessage
	s.must(t, http.MethodGet, "/_control/credentials", nil, &all)
	if len(all[s.Channel]) == 0 {
		t.Fatalf("the sandbox has no credentials for %s", s.Channel)
	}
	return all[s.Channel]
}

// SetFault makes something go wrong; a kind that the operation cannot show
// skips the test.
func (s *Sandbox) SetFault(t testing.TB, f Fault) {
	t.Helper()
	body := map[string]any{"channel": s.Channel, "operation": f.Operation, "kind": f.Kind}
	if f.Count > 0 {
		body["count"] = f.Count
	}
	if f.DelayMS > 0 {
		body["delay_ms"] = f.DelayMS
	}
	if f.Effect != "" {
		body["effect"] = f.Effect
	}
	switch status, answer := s.call(t, http.MethodPost, "/_control/faults", body); {
	case status == http.StatusBadRequest:
		t.Skipf("%s cannot show %s at %s: %s", f.Operation, f.Kind, s.Channel, answer)
	case status/100 != 2:
		t.Fatalf("set fault %+v: HTTP status %d: %s", f, status, answer)
	}
	t.Cleanup(func() { s.ClearFaults(t) })
}

// ClearFaults ends every fault.
func (s *Sandbox) ClearFaults(t testing.TB) {
	t.Helper()
	s.must(t, http.MethodDelete, "/_control/faults", nil, nil)
}

// Callbacks says how callbacks are sent until the test ends.
func (s *Sandbox) Callbacks(t testing.TB, manner map[string]any) {
	t.Helper()
	manner["channel"] = s.Channel
	s.must(t, http.MethodPost, "/_control/notifications", manner, nil)
	t.Cleanup(func() {
		s.must(t, http.MethodPost, "/_control/notifications", map[string]any{"channel": s.Channel}, nil)
	})
}

// Payer acts as the payer with what the merchant was given; result is "pay" or
// "cancel". It answers the HTTP status.
func (s *Sandbox) Payer(t testing.TB, a *channels.Action, result string) int {
	t.Helper()
	status, _ := s.call(t, http.MethodPost, "/_control/pay", map[string]any{"action": a, "result": result})
	return status
}

// PayTrade pays a trade that the simulator knows. It answers the HTTP status.
func (s *Sandbox) PayTrade(t testing.TB, id string) int {
	t.Helper()
	status, _ := s.call(t, http.MethodPost, "/_control/trades/"+url.PathEscape(id)+"/pay", map[string]any{})
	return status
}

// NotifyAgain has the latest callback of a trade sent again.
func (s *Sandbox) NotifyAgain(t testing.TB, id string) {
	t.Helper()
	s.must(t, http.MethodPost, "/_control/trades/"+url.PathEscape(id)+"/notify", map[string]any{}, nil)
}

// Trade looks an order up in the books; false where they have none.
func (s *Sandbox) Trade(t testing.TB, id string) (Trade, bool) {
	t.Helper()
	status, answer := s.call(t, http.MethodGet, "/_control/trades/"+url.PathEscape(id), nil)
	if status == http.StatusNotFound {
		return Trade{}, false
	}
	var tr Trade
	if err := json.Unmarshal(answer, &tr); err != nil || status != http.StatusOK {
		t.Fatalf("books of %s: HTTP status %d, %v: %s", id, status, err, answer)
	}
	return tr, true
}

func (s *Sandbox) must(t testing.TB, method, path string, in, out any) {
	t.Helper()
	status, answer := s.call(t, method, path, in)
	if status/100 != 2 {
		t.Fatalf("%s %s: HTTP status %d: %s", method, path, status, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

func (s *Sandbox) call(t testing.TB, method, path string, in any) (int, []byte) {
	t.Helper()
	status, answer, err := s.send(method, path, in)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, answer
}

// send may be called from any goroutine.
func (s *Sandbox) send(method, path string, in any) (int, []byte, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return 0, nil, fmt.Errorf("write control call: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	// Not the test's context: clearing up comes after it has ended.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	if err != nil {
		return 0, nil, fmt.Errorf("make control call: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("call sandbox: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("read sandbox's answer: %w", err)
	}
	return resp.StatusCode, answer, nil
}
