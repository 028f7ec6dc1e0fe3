package sandbox_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

// running is a sandbox under test.
type running struct {
	t      testing.TB
	server *sandbox.Server
	stop   func()
}

// start runs a sandbox on opts; a folder and free ports are chosen where opts name none.
func start(t testing.TB, opts sandbox.Options) *running {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	if opts.NotifyScale == 0 {
		opts.NotifyScale = 1.0 / 24000 // the first retry after 10 ms
	}
	server, err := sandbox.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("run: %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("the sandbox does not stop")
			}
		})
	}
	t.Cleanup(stop)
	return &running{t, server, stop}
}

// control makes a control call and decodes the answer into out, unless it is nil.
func (s *running) control(method, path string, body, out any) int {
	s.t.Helper()
	var in io.Reader
	if text, ok := body.(string); ok {
		in = bytes.NewReader([]byte(text))
	} else if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL()+"/_control/"+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
	if resp.StatusCode >= 300 {
		s.t.Logf("%s %s: %d %s", method, path, resp.StatusCode, raw)
	}
	return resp.StatusCode
}

// must is control for calls that have to work.
func (s *running) must(method, path string, body, out any) {
	s.t.Helper()
	if status := s.control(method, path, body, out); status/100 != 2 {
		s.t.Fatalf("%s %s answered %d", method, path, status)
	}
}

// fault sets a fault of the alipay channel.
func (s *running) fault(f map[string]any) {
	s.t.Helper()
	f["channel"] = "alipay"
	s.must(http.MethodPost, "faults", f, nil)
}

type trade struct {
	Channel        string
	Account        string
	OutTradeNo     string  `json:"out_trade_no"`
	ChannelTradeNo *string `json:"channel_trade_no"`
	Amount         int64
	Currency       string
	Status         string
	TimesPaid      int     `json:"times_paid"`
	PaidAt         *string `json:"paid_at"`
	ClosedAt       *string `json:"closed_at"`
	Refunds        []struct {
		OutRefundNo string `json:"out_refund_no"`
		Amount      int64
		Status      string
	}
	Notifications []struct {
		At           string
		HTTPStatus   int `json:"http_status"`
		Acknowledged bool
	}
}

func (s *running) trade(number string) trade {
	s.t.Helper()
	var tr trade
	s.must(http.MethodGet, "trades/"+number, nil, &tr)
	return tr
}

func (s *running) expectStatus(number, status string) trade {
	s.t.Helper()
	tr := s.trade(number)
	if tr.Status != status {
		s.t.Fatalf("trade %s is %s in the books, want %s", number, tr.Status, status)
	}
	return tr
}

// settledSum waits until all refunds of a trade have succeeded, and answers their sum.
func (s *running) settledSum(t *testing.T, number string) int64 {
	t.Helper()
	var sum int64
	eventually(t, "all refunds settle", func() bool {
		sum = 0
		for _, r := range s.trade(number).Refunds {
			if r.Status != "succeeded" {
				return false
			}
			sum += r.Amount
		}
		return true
	})
	return sum
}

// newClient is the HTTP client of a merchant's server.
func newClient(t testing.TB) *http.Client {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: 20 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// rsaKeys reads a merchant's private key and its channel's public one.
func rsaKeys(t testing.TB, private, public string) (*rsa.PrivateKey, *rsa.PublicKey) {
	t.Helper()
	own, err := x509.ParsePKCS8PrivateKey(der(t, private))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := x509.ParsePKIXPublicKey(der(t, public))
	if err != nil {
		t.Fatal(err)
	}
	return own.(*rsa.PrivateKey), theirs.(*rsa.PublicKey)
}

// eventually waits until holds does; what it waits for happens on the server's own clock.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never happened: %s", what)
}

// merchant receives callbacks.
type merchant struct {
	*httptest.Server
	got chan received
	mu  sync.Mutex
	say func(n int) (int, string) // answer to the n-th callback, from 0
	n   int
}

type received struct {
	form   url.Values
	raw    string
	header http.Header
}

func newMerchant(t *testing.T) *merchant {
	t.Helper()
	m := &merchant{got: make(chan received, 1000), say: func(int) (int, string) { return 200, "success" }}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(raw))
		m.mu.Lock()
		status, body := m.say(m.n)
		m.n++
		m.mu.Unlock()
		m.got <- received{form, string(raw), r.Header}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *merchant) next(t *testing.T) received {
	t.Helper()
	select {
	case r := <-m.got:
		return r
	case <-time.After(10 * time.Second):
		t.Fatal("no callback came")
		return received{}
	}
}
