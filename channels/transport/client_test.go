package transport_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/transport"
)

func post(url, body string) transport.Request {
	return transport.Request{Method: http.MethodPost, URL: url, Body: []byte(body)}
}

func outcome(t *testing.T, err error) channels.Outcome {
	t.Helper()
	var e *transport.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T (%v), want *transport.Error", err, err)
	}
	return e.Outcome
}

func TestRefusedDialIsNotProcessed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	c := transport.New(transport.Limits{}, nil)
	_, err = c.Do(t.Context(), post("http://"+addr, "x"))
	if got := outcome(t, err); got != channels.NotProcessed {
		t.Errorf("outcome %v, want not processed: %v", got, err)
	}
}

func TestFailedTLSHandshakeIsNotProcessed(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	c := transport.New(transport.Limits{}, nil) // does not know the server's root
	_, err := c.Do(t.Context(), post(srv.URL, "x"))
	if got := outcome(t, err); got != channels.NotProcessed {
		t.Errorf("outcome %v, want not processed: %v", got, err)
	}
}

func TestTLSWithKnownRootWorks(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}))
	defer srv.Close()
	roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c := transport.New(transport.Limits{}, roots)
	for range 2 { // the second one on the pooled connection
		a, err := c.Do(t.Context(), post(srv.URL, "hello"))
		if err != nil || string(a.Body) != "hello" {
			t.Fatalf("answer %q, error %v", a.Body, err)
		}
	}
}

func TestCancelledBeforeTheFirstByteIsNotProcessed(t *testing.T) {
	var seen atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := transport.New(transport.Limits{}, nil).Do(ctx, post(srv.URL, "x"))
	if got := outcome(t, err); got != channels.NotProcessed {
		t.Errorf("outcome %v, want not processed: %v", got, err)
	}
	if seen.Load() != 0 {
		t.Error("the server saw a request that was called not processed")
	}
}

func TestCancelledAfterTheFirstByteIsUnknown(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		cancel()
		<-release
	}))
	defer srv.Close()
	defer close(release)
	_, err := transport.New(transport.Limits{}, nil).Do(ctx, post(srv.URL, "x"))
	if got := outcome(t, err); got != channels.Unknown {
		t.Errorf("outcome %v, want unknown: %v", got, err)
	}
}

// rawServer reads whole requests and hands each to answer, which says what to
// write back; an empty text closes the connection without an answer.
func rawServer(t *testing.T, answer func(n int32) string) (url string, seen *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	seen = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					text := answer(seen.Add(1))
					if text == "" {
						return
					}
					if _, err := io.WriteString(conn, text); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), seen
}

func TestStaleConnectionNeverSendsAWriteTwice(t *testing.T) {
	// The first request is answered and its connection pooled. The second
	// request is read on that connection, which then dies without an answer:
	// exactly what makes net/http replay a request by itself.
	url, seen := rawServer(t, func(n int32) string {
		if n == 1 {
			return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		}
		return ""
	})
	c := transport.New(transport.Limits{}, nil)
	if _, err := c.Do(t.Context(), post(url, "first")); err != nil {
		t.Fatal(err)
	}
	_, err := c.Do(t.Context(), post(url, "second"))
	if got := outcome(t, err); got != channels.Unknown {
		t.Errorf("outcome %v, want unknown: %v", got, err)
	}
	if n := seen.Load(); n != 2 {
		t.Errorf("the server saw %d requests, want 2", n)
	}
}

// TestDeadPooledConnectionsAreNotUsed: the channel goes away between two calls.
// The very next call must know that nothing was sent, without waiting until
// the pool has noticed; and once the channel is back, the call just works.
func TestDeadPooledConnectionsAreNotUsed(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for range 20 {
			echo := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
			srv, roots := httptest.NewServer(echo), (*x509.CertPool)(nil)
			if secure {
				srv.Close()
				srv = httptest.NewTLSServer(echo)
				roots = srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			}
			c := transport.New(transport.Limits{}, roots)
			if _, err := c.Do(t.Context(), post(srv.URL, "x")); err != nil {
				t.Fatal(err)
			}
			srv.CloseClientConnections()
			if _, err := c.Do(t.Context(), post(srv.URL, "x")); err != nil {
				t.Fatalf("the channel is there, its connections are gone (TLS %v): %v", secure, err)
			}
			srv.Close()
			_, err := c.Do(t.Context(), post(srv.URL, "x"))
			if got := outcome(t, err); got != channels.NotProcessed {
				t.Fatalf("outcome %v, want not processed (TLS %v): %v", got, secure, err)
			}
			c.Close()
		}
	}
}

func TestReplayHeaderIsRefused(t *testing.T) {
	r := post("http://127.0.0.1:1", "x")
	r.Header = http.Header{"Idempotency-Key": {"k"}}
	_, err := transport.New(transport.Limits{}, nil).Do(t.Context(), r)
	if err == nil || !strings.Contains(err.Error(), "Idempotency-Key") {
		t.Errorf("error %v, want a refusal of the header", err)
	}
}

func TestBrokenAnswersAreUnknown(t *testing.T) {
	for name, text := range map[string]string{
		"cut short": "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\nhalf",
		"no http":   "garbage\r\n\r\n",
		"too large": "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n" + strings.Repeat("x", 65),
		"headers":   "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			first := true
			url, seen := rawServer(t, func(int32) string {
				if first {
					first = false
					return text
				}
				return ""
			})
			if name == "cut short" {
				url, seen = rawServerClosing(t, text)
			}
			c := transport.New(transport.Limits{Answer: 64}, nil)
			_, err := c.Do(t.Context(), post(url, "x"))
			if got := outcome(t, err); got != channels.Unknown {
				t.Errorf("outcome %v, want unknown: %v", got, err)
			}
			if n := seen.Load(); n != 1 {
				t.Errorf("the server saw %d requests, want 1", n)
			}
		})
	}
}

// rawServerClosing answers each connection's first request and closes it.
func rawServerClosing(t *testing.T, text string) (url string, seen *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	seen = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				seen.Add(1)
				_, _ = io.WriteString(conn, text)
			}
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String(), seen
}

func TestRedirectIsAnAnswer(t *testing.T) {
	var followed atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed.Store(true)
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	a, err := transport.New(transport.Limits{}, nil).Do(t.Context(), post(srv.URL, "x"))
	if err != nil || a.Status != http.StatusTemporaryRedirect {
		t.Fatalf("status %d, error %v", a.Status, err)
	}
	if followed.Load() {
		t.Error("the redirect was followed")
	}
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	// A proxy is never used for loopback addresses, so the name must be one
	// that cannot be found: the failure must be about it, not about port 1.
	_, err := transport.New(transport.Limits{}, nil).Do(t.Context(), post("http://gateway.invalid/", "x"))
	if err == nil || strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("error %v, want a failure to resolve the channel's own name", err)
	}
}

func TestOutcomeOf(t *testing.T) {
	unsent := &transport.Error{Outcome: channels.NotProcessed, Err: io.EOF}
	for _, tt := range []struct {
		err  error
		want channels.Outcome
	}{
		{unsent, channels.NotProcessed},
		{fmt.Errorf("pay: %w", unsent), channels.NotProcessed},
		{&transport.Error{Outcome: channels.Unknown, Err: io.EOF}, channels.Unknown},
		{io.EOF, channels.Unknown},
	} {
		if got := transport.OutcomeOf(tt.err); got != tt.want {
			t.Errorf("%v: outcome %v, want %v", tt.err, got, tt.want)
		}
	}
}
