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
)

// Gate serves a handler at an address and can refuse connections for a while.
type Gate struct {
	address string
	handler http.Handler
	log     *slog.Logger
	refused atomic.Bool

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
		Handler: http.HandlerFunc(g.serveHTTP), ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
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

// Refuse closes the listener, so that connections are refused; calls under way are finished. The port stays ours where
// the system allows it.
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
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = server.Shutdown(over) // closes what is idle at once, and does not wait
	g.running.Go(func() { drain(server) })
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
