package listen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of the served connections.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 64 << 10
	drainTimeout      = 5 * time.Second
	noticeWait        = 50 * time.Millisecond  // for callers to notice that their idle connections are gone
	closeWait         = 100 * time.Millisecond // for calls that have just been answered to leave their connections idle
)

// Gate serves a handler at an address and can refuse connections for a while.
type Gate struct {
	address string
	handler http.Handler
	log     *slog.Logger
	refused atomic.Bool
	unused  newConns

	mu       sync.Mutex // guards what follows and orders Refuse, Accept, Serve and Shutdown
	listener net.Listener
	server   *http.Server
	held     func() // gives the reserved port up
	serving  bool
	stopped  bool
	running  sync.WaitGroup
}

// NewGate takes over a listener; nothing is served before Serve.
func NewGate(listener net.Listener, handler http.Handler, log *slog.Logger) *Gate {
	return &Gate{address: listener.Addr().String(), handler: handler, log: log, listener: listener}
}

// newConns are connections over which nothing has come yet: a server that shuts down lets them be for a while.
type newConns struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func (n *newConns) watch(conn net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if state != http.StateNew {
		delete(n.conns, conn)
		return
	}
	if n.conns == nil {
		n.conns = make(map[net.Conn]struct{})
	}
	n.conns[conn] = struct{}{}
}

func (n *newConns) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for conn := range n.conns {
		_ = conn.Close()
	}
}

// Address is host:port.
func (g *Gate) Address() string { return g.address }

// Serve begins to serve.
func (g *Gate) Serve() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serving = true
	g.start()
}

func (g *Gate) start() {
	if !g.serving || g.stopped || g.listener == nil || g.server != nil {
		return
	}
	server := &http.Server{
		ConnState: g.unused.watch,
		Handler:   http.HandlerFunc(g.serveHTTP), ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	listener := g.listener
	g.server = server
	g.running.Go(func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			g.log.Error("serve", "address", g.address, "error", err)
		}
	})
}

// serveHTTP turns away what comes over a connection that was open before the gate closed.
func (g *Gate) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if g.refused.Load() {
		panic(http.ErrAbortHandler)
	}
	g.handler.ServeHTTP(w, r)
}

// Refuse closes the listener, so that connections are refused; calls under way are finished. It returns when callers
// have had time to see their idle connections closed: one that writes to such a connection couldn't tell that nothing
// was done. The port stays ours where the system allows it.
func (g *Gate) Refuse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped || g.refused.Swap(true) {
		return
	}
	server := g.server
	g.server = nil
	_ = g.listener.Close()
	g.listener = nil
	release, err := reserve(g.address)
	if err != nil {
		g.log.Warn("the refusing listener's port is not reserved", "address", g.address, "error", err)
	}
	g.held = release
	if server == nil {
		return
	}
	g.unused.close()
	soon, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	if server.Shutdown(soon) != nil {
		g.running.Go(func() { drain(server) })
	}
	time.Sleep(noticeWait)
}

func drain(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}

// Accept opens the listener again.
func (g *Gate) Accept() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped || !g.refused.Load() {
		return nil
	}
	if g.held != nil {
		g.held()
		g.held = nil
	}
	listener, err := listen(g.address, g.address)
	if err != nil {
		return fmt.Errorf("open the channel's listener again: %w", err)
	}
	g.listener = listener
	g.refused.Store(false)
	g.start()
	return nil
}

// Shutdown finishes the calls under way and ends, at the latest when ctx does.
func (g *Gate) Shutdown(ctx context.Context) {
	g.mu.Lock()
	g.stopped = true
	server, listener := g.server, g.listener
	g.server, g.listener = nil, nil
	if g.held != nil {
		g.held()
		g.held = nil
	}
	g.mu.Unlock()
	if listener != nil {
		_ = listener.Close()
	}
	if server != nil && server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
	g.running.Wait()
}
