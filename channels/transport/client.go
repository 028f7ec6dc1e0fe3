package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Limits bound the calls of one account. A zero field takes its default.
type Limits struct {
	// Dial bounds name resolution and the TCP handshake; default 3 s.
	Dial time.Duration
	// TLS bounds the TLS handshake; default 5 s.
	TLS time.Duration
	// Header bounds the wait for the answer's header after the request was
	// written; default 15 s.
	Header time.Duration
	// Total bounds a whole call whose context has no deadline; default 20 s.
	Total time.Duration
	// IdleConns is how many connections are kept for later calls; default 64.
	IdleConns int
	// Conns is how many connections there are at most; default 256. A call
	// that finds none waits, and is not processed when its time ends first.
	Conns int
	// Idle is how long an unused connection is kept; default 30 s, below what
	// gateways commonly keep, so that few calls meet a connection just dying.
	Idle time.Duration
	// Answer is the largest body, in bytes; default 1 MiB.
	Answer int64
	// Download bounds a whole download whose context has no deadline; default
	// 30 min. Stall bounds the wait for any further bytes of one; default 1 min.
	Download, Stall time.Duration
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Dial, 3 * time.Second},
		{&l.TLS, 5 * time.Second},
		{&l.Header, 15 * time.Second},
		{&l.Total, 20 * time.Second},
		{&l.Idle, 30 * time.Second},
		{&l.Download, 30 * time.Minute},
		{&l.Stall, time.Minute},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if l.IdleConns <= 0 {
		l.IdleConns = 64
	}
	if l.Conns <= 0 {
		l.Conns = 256
	}
	if l.Answer <= 0 {
		l.Answer = 1 << 20
	}
	return l
}

// Client calls one channel for one account. It is safe for concurrent use.
type Client struct {
	limits Limits
	rt     *http.Transport
}

// New makes a client with a pool of its own. Nil roots are the system's.
func New(limits Limits, roots *x509.CertPool) *Client {
	limits = limits.withDefaults()
	dialer := &net.Dialer{Timeout: limits.Dial, KeepAlive: 30 * time.Second}
	d := &dialers{dialer: dialer, handshake: limits.TLS, roots: roots}
	return &Client{
		limits: limits,
		rt: &http.Transport{
			Proxy:                  nil,
			DialContext:            d.plain,
			DialTLSContext:         d.secure,
			MaxIdleConns:           limits.IdleConns,
			MaxIdleConnsPerHost:    limits.IdleConns,
			MaxConnsPerHost:        limits.Conns,
			IdleConnTimeout:        limits.Idle,
			ResponseHeaderTimeout:  limits.Header,
			MaxResponseHeaderBytes: 64 << 10,
			// An answer that unpacks itself would evade the cap, and what a
			// signature covers is what was sent.
			DisableCompression: true,
		},
	}
}

// Close drops the pooled connections that no call is using.
func (c *Client) Close() { c.rt.CloseIdleConnections() }

type dialers struct {
	dialer    *net.Dialer
	handshake time.Duration
	roots     *x509.CertPool
}

func (d *dialers) plain(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return prove(conn, conn), nil
}

func (d *dialers) secure(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	raw, err := d.dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, &tls.Config{
		ServerName: host,
		RootCAs:    d.roots,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
	})
	ctx, cancel := context.WithTimeout(ctx, d.handshake)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return prove(conn, raw), nil
}

// prove wraps conn, whose bytes go through raw.
func prove(conn, raw net.Conn) *provenConn {
	socket, _ := raw.(syscall.Conn)
	return &provenConn{Conn: conn, socket: socket}
}
