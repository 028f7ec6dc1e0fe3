package notify

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// refusedAddresses must never be connected to, however they are written.
var refusedAddresses = []string{
	// "This host", loopback, private, shared, link-local (cloud metadata).
	"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255",
	"172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255",
	"100.64.0.1", "100.100.100.200", "100.127.255.255", "169.254.169.254", "169.254.0.1",
	// Protocol assignments, documentation, benchmarking, relays.
	"192.0.0.1", "192.0.0.170", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255",
	"192.88.99.1", "192.175.48.1",
	// Multicast, reserved, broadcast.
	"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
	// IPv6: unspecified, loopback, mapped, compatible, NAT64, local NAT64.
	"[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]",
	"[64:ff9b::7f00:1]", "[64:ff9b::8.8.8.8]", "[64:ff9b:1::1]",
	// Unique local, link-local, site-local, multicast, 6to4, Teredo, ORCHID,
	// discard, documentation, segment routing.
	"[fc00::1]", "[fd00::1]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25lo]", "[fec0::1]", "[ff02::1]",
	"[2002:7f00:1::]", "[2001::1]", "[2001:10::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]",
}

// Spellings of 127.0.0.1 and others that some resolver takes for an address.
var refusedSpellings = []string{
	"2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "0x0",
	"127.0.0.1.", "0x7f.1.", "1.0x", "example.1", "256.256.256.256", "127.0.0.01",
}

// A guarded client makes no connection to any of them. The dialler's Control
// runs before connect, so reaching it with one of these addresses is no
// connection either.
func TestGuardMakesNoConnection(t *testing.T) {
	// Something listens on loopback, so that a hole would be seen as an answer.
	var connections atomic.Int64
	listener := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { connections.Add(1) }))
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, host := range append(append([]string(nil), refusedAddresses...), refusedSpellings...) {
		urls = append(urls, "http://"+host+":"+port+"/", "https://"+host+"/")
	}
	urls = append(urls,
		"http://shop.example@127.0.0.1:"+port+"/", "http://user:password@shop.example/", "http://127.0.0.1:"+port+"@shop.example/",
		"ftp://shop.example/", "file:///etc/passwd", "http:shop.example", "http:///path", "//shop.example/", "gopher://127.0.0.1/",
		"http://shop.example:0/", "http://shop.example:65536/", "http://[::1", "http://shop.example\r\nHost: x/", "", strings.Repeat("http://a", 400))
	if len(refusedAddresses)+len(refusedSpellings) < 40 {
		t.Fatal("too few vectors")
	}
	o := NewOutbound(DefaultOutboundConfig(), OutboundDeps{Now: time.Now, Secrets: testSecrets, Logger: slog.New(slog.DiscardHandler)})
	for _, raw := range urls {
		d, a := o.try(t.Context(), Claim{EventID: "e", NotifyURL: raw, Body: []byte("{}")}, testSecrets)
		if a.status != 0 || !strings.HasPrefix(d.Error, ErrRefusedAddress.Error()) {
			t.Errorf("%q: status %d, error %q; want a refusal", raw, a.status, d.Error)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestGuardTakesPublicAddresses(t *testing.T) {
	g := newGuard(false, nil)
	for _, address := range []string{"8.8.8.8:443", "1.1.1.1:80", "223.5.5.5:8443", "[2400:3200::1]:443", "[2606:4700::1111]:443"} {
		network := "tcp4"
		if strings.HasPrefix(address, "[") {
			network = "tcp6"
		}
		if err := g.control(network, address, nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, raw := range []string{
		"https://shop.example/hook?a=b#c", "http://SHOP.example:8080/", "https://8.8.8.8/", "https://[2400:3200::1]:8443/x", "https://支付.example/", "https://0xff.example/",
	} {
		if _, err := g.checkURL(raw); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestGuardPorts(t *testing.T) {
	g := newGuard(false, []uint16{443})
	if err := g.control("tcp4", "8.8.8.8:443", nil); err != nil {
		t.Error(err)
	}
	if err := g.control("tcp4", "8.8.8.8:8443", nil); !errors.Is(err, ErrRefusedAddress) {
		t.Errorf("port 8443: %v", err)
	}
}

func TestAllowLoopbackAllowsNothingElse(t *testing.T) {
	g := newGuard(true, nil)
	loopback := map[string]bool{"127.0.0.1": true, "127.255.255.254": true, "[::1]": true}
	for _, host := range refusedAddresses {
		host = strings.ReplaceAll(host, "%25", "%")
		network := "tcp4"
		if strings.HasPrefix(host, "[") {
			network = "tcp6"
		}
		err := g.control(network, host+":443", nil)
		if loopback[host] != (err == nil) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := g.control("unix", "/run/x.sock", nil); err == nil {
		t.Error("a unix socket was allowed")
	}
}

// A name that resolves to a public address when it is checked and to loopback
// when it is dialled: the guard sees the address that is dialled.
func TestGuardRebinding(t *testing.T) {
	var connections atomic.Int64
	listener := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { connections.Add(1) }))
	defer listener.Close()
	cfg := DefaultOutboundConfig()
	g := newGuard(false, nil)
	transport := newTransport(cfg, g)
	guarded := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return guarded(ctx, network, listener.Listener.Addr().String()) // what the second look-up gave
	}
	o := newOutbound(cfg, OutboundDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}, g, transport)
	d, _ := o.try(t.Context(), Claim{EventID: "e", NotifyURL: "http://rebinding.example/"}, testSecrets)
	if want := "address is refused: 127.0.0.1 is not globally routable"; d.Error != want || connections.Load() != 0 {
		t.Errorf("error %q after %d connections, want %q after none", d.Error, connections.Load(), want)
	}
}

// What the environment and the endpoint say must not send us elsewhere.
func TestNoProxyNoRedirectBoundedAnswer(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	t.Setenv("HTTP_PROXY", other.URL)
	t.Setenv("http_proxy", other.URL)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/endless":
			w.WriteHeader(http.StatusOK)
			for range 1000 {
				if _, err := io.WriteString(w, strings.Repeat("\x00\x1b[31m长", 1000)); err != nil {
					return
				}
			}
		}
	}))
	defer endless.Close()
	cfg := DefaultOutboundConfig()
	cfg.AllowLoopback = true
	o := NewOutbound(cfg, OutboundDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if d, a := o.try(t.Context(), Claim{EventID: "e", NotifyURL: endless.URL + "/redirect"}, testSecrets); a.status != 307 || a.delivered() {
		t.Errorf("redirect: %+v", d)
	}
	d, a := o.try(t.Context(), Claim{EventID: "e", NotifyURL: endless.URL + "/endless"}, testSecrets)
	if !a.delivered() || len(d.Response) > maxAnswerKept || strings.ContainsAny(d.Response, "\x00\x1b") {
		t.Errorf("endless answer: %d bytes kept, %q", len(d.Response), d.Error)
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// The status counts at once, however long the body takes.
func TestDrippingAnswer(t *testing.T) {
	release := make(chan struct{})
	drip := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	defer drip.Close()
	defer close(release)
	cfg := DefaultOutboundConfig()
	cfg.AllowLoopback, cfg.Timeout = true, time.Hour
	o := NewOutbound(cfg, OutboundDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	d, a := o.try(t.Context(), Claim{EventID: "e", NotifyURL: drip.URL}, testSecrets)
	if !a.delivered() || d.Error != "" || d.Response != "begun" {
		t.Errorf("%+v", d)
	}
}

func TestUntrustedCertificateIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request got through") }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	cfg := DefaultOutboundConfig()
	cfg.AllowLoopback = true
	o := NewOutbound(cfg, OutboundDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	d, a := o.try(t.Context(), Claim{EventID: "e", NotifyURL: server.URL}, testSecrets)
	if a.status != 0 || !strings.HasPrefix(d.Error, "TLS: ") {
		t.Errorf("%+v", d)
	}
	server.Close()
	d, _ = o.try(t.Context(), Claim{EventID: "e", NotifyURL: server.URL}, testSecrets)
	if d.Error != "connection failed: connection refused" {
		t.Errorf("nobody listens: %q", d.Error)
	}
}

func FuzzURLGuard(f *testing.F) {
	for _, host := range append(append([]string(nil), refusedAddresses...), refusedSpellings...) {
		f.Add("http://" + host + ":80/")
	}
	f.Add("https://shop.example/hook?a=b")
	f.Add("http://a@b/")
	g := newGuard(false, nil)
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := g.checkURL(raw)
		if err != nil {
			if !errors.Is(err, ErrRefusedAddress) {
				t.Errorf("error %v", err)
			}
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(raw) > maxURLBytes {
			t.Errorf("%q passed as %v", raw, u)
		}
		// Whatever passed and is an address must be judged by the dialler too.
		if ip := net.ParseIP(u.Hostname()); ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsMulticast()) {
			network, address := "tcp6", net.JoinHostPort(ip.String(), "443")
			if ip.To4() != nil {
				network = "tcp4"
			}
			if g.control(network, address, nil) == nil {
				t.Errorf("%q passed both checks", raw)
			}
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "15", "86400", "99999999999999999999", "-1", "1.5", "Fri, 21 Nov 2026 04:00:00 GMT", "Friday, 21-Nov-26 04:00:00 GMT", " 7 ", "7s", "٣"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 21, 3, 59, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		d := retryAfter(s, now)
		if d > maxRetryAfter || d < 0 && d != -1 {
			t.Errorf("%q: %v", s, d)
		}
		for step := range len(ladder) {
			wait, _, ok := Position{Step: step}.after(d, 0.999)
			if !ok || wait < minRetryAfter || wait > maxRetryAfter+maxJitter {
				t.Errorf("%q at step %d: %v", s, step, wait)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"": -1, "soon": -1, "-5": -1, "1.5": -1, "0": 0, "30": 30 * time.Second, " 30 ": 30 * time.Second,
		"21600": 6 * time.Hour, "21601": 6 * time.Hour, "99999999999999999999": 6 * time.Hour,
		"Sat, 21 Nov 2026 04:01:30 GMT": 90 * time.Second, "Sat, 21 Nov 2026 03:00:00 GMT": 0,
		"Sun, 22 Nov 2026 04:00:00 GMT": 6 * time.Hour,
	} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}
