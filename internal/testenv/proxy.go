package testenv

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

const proxyDialTimeout = 5 * time.Second

// TCPProxy passes connections on to a target until it is cut. Its methods may
// be called from any goroutine.
type TCPProxy struct {
	t      testing.TB
	target string
	addr   string

	mu       sync.Mutex
	listener net.Listener // nil while cut
	live     map[net.Conn]struct{}
	running  sync.WaitGroup
}

// Proxy starts a proxy in front of a host and port. It ends with the test.
func Proxy(t testing.TB, target string) *TCPProxy {
	t.Helper()
	p := &TCPProxy{t: t, target: target, addr: "127.0.0.1:0", live: map[net.Conn]struct{}{}}
	p.Restore()
	t.Cleanup(func() {
		p.Cut()
		p.running.Wait()
	})
	return p
}

// Addr returns the proxy's host and port, which never change.
func (p *TCPProxy) Addr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

// Cut resets every live connection and refuses new ones.
func (p *TCPProxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for conn := range p.live {
		reset(conn)
	}
}

// Restore takes connections again. It does nothing when the proxy isn't cut.
func (p *TCPProxy) Restore() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", p.addr)
	if err != nil {
		p.t.Fatalf("testenv: proxy: %v", err)
	}
	p.listener, p.addr = listener, listener.Addr().String()
	p.running.Go(func() { p.accept(listener) })
}

func (p *TCPProxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.pass(listener, client) })
	}
}

func (p *TCPProxy) pass(listener net.Listener, client net.Conn) {
	dialer := net.Dialer{Timeout: proxyDialTimeout}
	server, err := dialer.DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	if !p.keep(listener, client, server) {
		reset(client)
		reset(server)
		return
	}
	defer p.forget(client, server)
	var both sync.WaitGroup
	both.Go(func() { copyHalf(server, client) })
	both.Go(func() { copyHalf(client, server) })
	both.Wait()
}

// keep notes the connections as live, unless the proxy was cut meanwhile.
func (p *TCPProxy) keep(listener net.Listener, conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != listener {
		return false
	}
	for _, conn := range conns {
		p.live[conn] = struct{}{}
	}
	return true
}

func (p *TCPProxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		delete(p.live, conn)
		_ = conn.Close()
	}
}

// copyHalf passes one direction on. An orderly end is passed on as such; a
// broken one breaks the other side too.
func copyHalf(dst, src net.Conn) {
	_, err := io.Copy(dst, src)
	if err == nil {
		if half, ok := dst.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		return
	}
	if !errors.Is(err, net.ErrClosed) {
		reset(src)
	}
	reset(dst)
}

// reset closes a connection so that the peer sees a reset, not an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
