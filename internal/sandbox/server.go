package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/sandbox/alipaysim"
	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/callbacks"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/listen"
	"github.com/paymux/paymux/internal/sandbox/sim"
	"github.com/paymux/paymux/internal/sandbox/unionpaysim"
	"github.com/paymux/paymux/internal/sandbox/wechatpaysim"
)

const (
	ownListener     = "sandbox"
	sweepEvery      = 200 * time.Millisecond // how soon after its limit an open trade is closed
	sweepers        = 64                     // trades looked at together, which share the books' writes
	shutdownTimeout = 10 * time.Second
)

// Credentials is what merchants have to configure for their accounts at the simulated channels.
type Credentials = sim.Credentials

// Server is a running sandbox.
type Server struct {
	opts     Options
	books    *books.Store
	faults   *faults.Table
	queue    *callbacks.Queue
	calendar *calendar
	own      *listen.Gate
	channels []*channel
	url      string

	stopping  chan struct{}
	stopOnce  sync.Once
	closeOnce sync.Once
	opening   sync.Mutex // opens one account at a time
	moving    sync.Mutex // moves the listeners as one set of faults wants it
}

// channel is a simulator with its own listener.
type channel struct {
	sim.Simulator
	gate *listen.Gate
}

// newSimulator makes a channel's simulator.
type newSimulator func(sim.Env) (sim.Simulator, error)

// simulators is the list of the channels; another one is one more line.
func simulators() []struct {
	name string
	make newSimulator
} {
	return []struct {
		name string
		make newSimulator
	}{
		{alipaysim.Channel, func(e sim.Env) (sim.Simulator, error) { return alipaysim.New(e) }},
		{wechatpaysim.Channel, func(e sim.Env) (sim.Simulator, error) { return wechatpaysim.New(e) }},
		{unionpaysim.Channel, func(e sim.Env) (sim.Simulator, error) { return unionpaysim.New(e) }},
	}
}

// New opens the books, takes the ports and makes each channel's first account. The listeners take connections from now
// on and serve them once Run is called; a Server that is never run must be closed.
func New(opts Options) (*Server, error) {
	s := &Server{opts: opts.withDefaults(), stopping: make(chan struct{})}
	if err := s.open(); err != nil {
		s.Close()
		return nil, fmt.Errorf("open the sandbox: %w", err)
	}
	return s, nil
}

func (s *Server) open() error {
	ports, err := listen.OpenPorts(s.opts.Dir)
	if err != nil {
		return err
	}
	s.books, err = books.Open(s.opts.Dir, func(cb books.Callback) { s.queue.Enqueue(cb) })
	if err != nil {
		return err
	}
	s.faults = faults.NewTable(s.opts.Random)
	s.queue = callbacks.New(callbacks.Options{
		Books: s.books, Now: s.opts.Now, Random: s.opts.Random, Logger: s.opts.Logger, Scale: s.opts.NotifyScale,
	})
	if s.calendar, err = openCalendar(s.books, s.opts.Now); err != nil {
		return err
	}
	listener, err := ports.Listen(ownListener, s.opts.Listen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	s.own = listen.NewGate(listener, mux, s.opts.Logger)
	if s.url = strings.TrimSuffix(s.opts.PublicURL, "/"); s.url == "" {
		s.url = "http://" + s.own.Address()
	}
	for _, c := range simulators() {
		if err := s.openChannel(ports, c.name, c.make); err != nil {
			return err
		}
	}
	s.routes(mux)
	s.queue.Load()
	return nil
}

func (s *Server) openChannel(ports *listen.Ports, name string, makeSimulator newSimulator) error {
	address := s.opts.ChannelListen[name]
	if address == "" {
		host, _, err := net.SplitHostPort(s.own.Address())
		if err != nil {
			return fmt.Errorf("address of %s: %w", name, err)
		}
		address = net.JoinHostPort(host, "0")
	}
	listener, err := ports.Listen(name, address)
	if err != nil {
		return err
	}
	simulator, err := makeSimulator(sim.Env{
		Books: s.books, Faults: s.faults, Now: s.opts.Now, Logger: s.opts.Logger,
		PayerBase: s.url + "/" + name, ChannelBase: "http://" + listener.Addr().String(),
		Calendar: s.calendar.Now, Tampered: func(date string) ([]sim.Tamper, error) { return s.tampered(name, date) },
		Stopping: s.stopping, HangLimit: s.opts.HangLimit,
	})
	if err != nil {
		_ = listener.Close()
		return fmt.Errorf("make the %s simulator: %w", name, err)
	}
	s.channels = append(s.channels, &channel{simulator, listen.NewGate(listener, simulator.Handler(), s.opts.Logger)})
	s.queue.Attach(simulator)
	if len(s.books.Accounts(name)) == 0 {
		if _, err := simulator.OpenAccount(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// Run serves until ctx ends, then finishes what is under way, stores it and closes the books.
func (s *Server) Run(ctx context.Context) error {
	var background sync.WaitGroup
	background.Go(func() { s.queue.Run(ctx) })
	background.Go(func() { s.sweep(ctx) })
	s.own.Serve()
	for _, c := range s.channels {
		c.gate.Serve()
	}
	<-ctx.Done()
	s.stopGates()
	background.Wait()
	return s.closeBooks()
}

// Close gives up what New took; it is for a Server that was never run, and does nothing after Run.
func (s *Server) Close() {
	s.stopGates()
	if err := s.closeBooks(); err != nil {
		s.opts.Logger.Error("give the sandbox up", "error", err)
	}
}

func (s *Server) closeBooks() error {
	var err error
	s.closeOnce.Do(func() {
		if s.books != nil {
			err = s.books.Close()
		}
	})
	if err != nil {
		return fmt.Errorf("close the sandbox's books: %w", err)
	}
	return nil
}

func (s *Server) stopGates() {
	s.stopOnce.Do(func() { close(s.stopping) }) // calls that hang let go
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if s.own != nil {
		s.own.Shutdown(ctx)
	}
	for _, c := range s.channels {
		c.gate.Shutdown(ctx)
	}
}

// sweep has the simulators look at trades whose limit has come, or which they want to see again.
func (s *Server) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.sweepOnce(ctx)
		}
	}
}

func (s *Server) sweepOnce(ctx context.Context) {
	var all sync.WaitGroup
	free := make(chan struct{}, sweepers)
	for _, key := range s.books.Due(s.opts.Now()) {
		c, ok := s.channel(key.Channel)
		if !ok {
			continue // books of a channel that this program doesn't simulate
		}
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			if err := c.Expire(ctx, key); err != nil {
				s.opts.Logger.Error("do what time brings for a trade", "channel", key.Channel, "out_trade_no", key.OutTradeNo, "error", err)
			}
		})
	}
	all.Wait()
}

func (s *Server) channel(name string) (*channel, bool) {
	for _, c := range s.channels {
		if c.Channel() == name {
			return c, true
		}
	}
	return nil, false
}

// URL is the sandbox's own address, without a slash at the end.
func (s *Server) URL() string { return s.url }

// Credentials answers each channel's first account, which is there from the first start.
func (s *Server) Credentials() Credentials {
	var all Credentials
	for _, c := range s.channels {
		accounts := s.books.Accounts(c.Channel())
		if len(accounts) == 0 {
			continue
		}
		one, err := c.Credentials(accounts[0].ID)
		if err != nil {
			s.opts.Logger.Error("read credentials", "channel", c.Channel(), "error", err)
			continue
		}
		all.Merge(one)
	}
	return all
}

// ErrUnknownChannel says that a channel isn't simulated.
var ErrUnknownChannel = errors.New("the sandbox does not simulate this channel")

// AddAccount opens another account at a channel, durably, with an identity and keys of its own. An empty name opens one
// at every channel. Errors: ErrUnknownChannel.
func (s *Server) AddAccount(ctx context.Context, channelName string) (Credentials, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	var added Credentials
	known := false
	for _, c := range s.channels {
		if channelName != "" && c.Channel() != channelName {
			continue
		}
		known = true
		id, err := c.OpenAccount(ctx)
		if err != nil {
			return Credentials{}, fmt.Errorf("add an account: %w", err)
		}
		one, err := c.Credentials(id)
		if err != nil {
			return Credentials{}, fmt.Errorf("add an account: %w", err)
		}
		added.Merge(one)
	}
	if !known {
		return Credentials{}, fmt.Errorf("add an account at %q: %w", channelName, ErrUnknownChannel)
	}
	return added, nil
}

// Account answers what the merchant of one account has to configure. Errors: ErrUnknownChannel, books.ErrNotFound.
func (s *Server) Account(channelName, id string) (Credentials, error) {
	c, ok := s.channel(channelName)
	if !ok {
		return Credentials{}, fmt.Errorf("account at %q: %w", channelName, ErrUnknownChannel)
	}
	return c.Credentials(id)
}
