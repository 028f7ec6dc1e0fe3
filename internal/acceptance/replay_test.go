package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
)

// sentRequest is a signed request as it went over the wire.
type sentRequest struct {
	method, url string
	header      http.Header
	body        []byte
	status      int
}

// recorder keeps the last request that it carries.
type recorder struct{ last *sentRequest }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.last = &sentRequest{method: req.Method, url: req.URL.String(), header: req.Header.Clone(), body: body}
	copied := req.Clone(req.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	return http.DefaultTransport.RoundTrip(copied)
}

// capture makes a signed request and keeps its bytes.
func (m *merchant) capture(method, target string, in any) *sentRequest {
	m.t.Helper()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			m.t.Fatal(err)
		}
	}
	rec := &recorder{}
	client := *m.client
	client.HTTP = &http.Client{Transport: rec, Timeout: patience}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := client.Do(ctx, method, target, body)
	if err != nil {
		m.t.Fatal(err)
	}
	rec.last.status = answer.Status
	return rec.last
}

// again sends the same bytes once more and gives the status.
func (s *sentRequest) again(t *testing.T) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, s.method, s.url, bytes.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = s.header.Clone()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestInvariant_9_ReplaysAreRefusedRetriesAreWelcome(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	m := p.merchant()
	sent := []*sentRequest{
		m.capture(http.MethodPost, "/v1/payments", m.order("replay", "barcode", 900)),
		m.capture(http.MethodPost, "/v1/payments", object{"merchant_order_no": "bad order"}),
		m.capture(http.MethodPost, "/v1/payments/none/close", object{}),
		m.capture(http.MethodGet, "/v1/payments?limit=1", nil),
		m.capture(http.MethodGet, "/v1/no-such-path", nil),
	}
	check := func(when string) {
		for _, s := range sent {
			if status := s.again(t); status != http.StatusUnauthorized {
				t.Errorf("%s: %s %s was replayed and answered %d", when, s.method, s.url, status)
			}
		}
	}
	check("at once")
	p.kill()
	p = serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	check("after kill -9")
	// The webhook address is part of what is compared, and a new client has another.
	order := m.order("replay", "barcode", 900)
	status, o, err := p.merchant().try(http.MethodPost, "/v1/payments", order)
	if err != nil || status != http.StatusOK || o.text("status") != "succeeded" {
		t.Errorf("the same order, signed anew, was answered %d: %v %v", status, o, err)
	}
}
