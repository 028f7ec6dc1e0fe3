package app

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/httpapi"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/internal/worker"
	"github.com/paymux/paymux/notify"
	"github.com/paymux/paymux/router"
	"github.com/paymux/paymux/signing"
	"github.com/paymux/paymux/store"
)

// Gateway is a server with its background loops.
type Gateway struct {
	in       *Installation
	listener net.Listener
	server   *http.Server
	core     *payment.Service
	inbound  *notify.Inbound
	outbound *notify.Outbound
	attempts *worker.Loop[payment.Claim]
	refunds  *worker.Loop[payment.Claim]
	state    store.State
	rules    *ruleBook
	// books is reconciliation, for the API and the console too.
	books      *reconcile.Service
	reconciler *reconciler
	// console is nil where it is switched off.
	console *console.Console
}

// NewGateway wires a gateway on a listener. publicURL is where channels call back.
func NewGateway(ctx context.Context, in *Installation, listener net.Listener, publicURL string) (*Gateway, error) {
	if err := in.Merchants.EnsurePlatformKeys(ctx); err != nil {
		return nil, err
	}
	// Read now: a database that is gone at the first request must not keep
	// answers from being signed.
	if _, err := in.Merchants.KeyRing(ctx); err != nil {
		return nil, err
	}
	g := &Gateway{in: in, listener: listener}
	m := newMetrics()
	g.state = openState(in.Config.Redis, in.Now, in.Logger)
	owner := ownerName()
	g.rules = newRuleBook(in.DB, in.Logger, in.Now)
	if err := g.rules.refresh(ctx); err != nil {
		return nil, err
	}
	m.registry.MustRegister(newRoutingMetrics(in.Guards, g.rules))
	g.core = payment.New(coreConfig(in.Config), payment.Deps{
		Store: in.DB, Accounts: in.Accounts, Router: router.New(in.Accounts, in.Guards, router.WithLoads(in.Guards), router.WithRules(g.rules)),
		NotifyURL: func(channel, accountID string) string { return publicURL + "/notify/" + channel + "/" + accountID },
		ReturnURL: publicURL + "/return",
		Now:       in.Now, NewID: NewID, Owner: owner, Logger: in.Logger, Wake: g.wake, Observe: m.channelCall,
	})
	g.outbound = notify.NewOutbound(outboundConfig(in.Config.Webhooks), notify.OutboundDeps{
		Queue: in.DB, Secrets: in.Merchants, Owner: owner, Now: in.Now, Random: random, Logger: in.Logger, Observe: m.delivery,
	})
	g.inbound = notify.NewInbound(inboundConfig(in.Config), notify.InboundDeps{
		Accounts: in.Accounts, Applier: g.core, Samples: in.DB, Now: in.Now, NewID: NewID, Logger: in.Logger, Observe: m.notification,
	})
	g.loops(owner)
	g.books = in.reconciliation(g.core, owner, g.wake)
	g.reconciler = newReconciler(in, g.books, m)
	if err := g.openConsole(publicURL); err != nil {
		return nil, err
	}
	api, err := g.api(m)
	if err != nil {
		return nil, err
	}
	g.server = httpapi.NewHTTPServer(listening(in.Config.Server), api, in.Logger)
	return g, nil
}

// loops makes the background loops over the core's claims.
func (g *Gateway) loops(owner string) {
	w := g.in.Config.Workers
	cfg := worker.Config{Poll: w.Poll, Concurrency: w.Concurrency}
	g.attempts = worker.NewLoop("attempts", cfg, g.in.Logger, func(ctx context.Context, limit int) ([]payment.Claim, error) {
		return g.in.DB.ClaimAttempts(ctx, owner, g.in.Now(), w.Lease, limit)
	}, g.core.ResolveAttempt)
	g.refunds = worker.NewLoop("refunds", cfg, g.in.Logger, func(ctx context.Context, limit int) ([]payment.Claim, error) {
		return g.in.DB.ClaimRefunds(ctx, owner, g.in.Now(), w.Lease, limit)
	}, g.core.ResolveRefund)
}

// wake makes the loops look for what a commit has just left to do.
func (g *Gateway) wake() {
	g.outbound.Wake()
	g.attempts.Wake()
	g.refunds.Wake()
}

func (g *Gateway) api(m *metrics) (*httpapi.Server, error) {
	in := g.in
	cfg := httpapi.DefaultConfig()
	cfg.MaxBodyBytes = in.Config.Server.MaxBodyBytes
	// The work for a request ends before its connection does.
	cfg.WriteTimeout = in.Config.Server.WriteTimeout * 3 / 4
	cfg.MaxClockSkew = in.Config.Database.MaxClockSkew
	desk := &notify.Desk{Events: in.DB, Now: in.Now, Wake: g.outbound.Wake, DefaultURL: func(ctx context.Context, merchantID string) (string, error) {
		profile, err := in.Merchants.Profile(ctx, merchantID)
		return profile.NotifyURL, err
	}}
	return httpapi.New(cfg, httpapi.Deps{
		Auth:      &signing.Authenticator{Keys: in.Merchants, Now: in.Now},
		Ring:      g.ring,
		Nonces:    nonces{db: in.DB, state: g.state, shared: in.Config.Redis.Addr != "", now: in.Now},
		Limiter:   limiter{state: g.state, rate: store.Rate{PerSecond: in.Config.Limits.RequestsPerSecond, Burst: in.Config.Limits.Burst}},
		Merchants: merchants{in.Merchants}, Payments: g.core, Refunds: g.core, Events: events{desk},
		Channels: channelStates{accounts: in.Accounts, guards: in.Guards}, Reconciliations: g.books, Statements: g.books,
		Notify: func(channel, accountID string, w http.ResponseWriter, r *http.Request) {
			g.inbound.Serve(w, r, channel, accountID)
		},
		Checks: g.checks(), Metrics: m.registry, Logger: in.Logger, Now: in.Now, NewID: NewID, Mounts: g.mounts(),
	})
}

// ring gives the live platform keys; they were read when the gateway was made,
// and the ones of before serve on when the database cannot be asked.
func (g *Gateway) ring() *signing.KeyRing {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ring, err := g.in.Merchants.KeyRing(ctx)
	if err != nil {
		g.in.Logger.Error("the platform keys cannot be read", "error", err)
	}
	return ring
}

func (g *Gateway) checks() []httpapi.Check {
	db := g.in.DB
	return []httpapi.Check{
		{Name: "database", Probe: db.Ping},
		{Name: "schema", Probe: db.CheckSchema},
		{Name: "clock", Probe: func(ctx context.Context) error {
			skew, err := db.ClockSkew(ctx)
			if most := g.in.Config.Database.MaxClockSkew; err == nil && (skew > most || skew < -most) {
				err = fmt.Errorf("this clock is %s off the database's, more than %s", skew.Round(time.Millisecond), most)
			}
			return err
		}},
		{Name: "redis", Optional: true, Probe: g.state.Ping},
	}
}

// URL is the address that the gateway listens on.
func (g *Gateway) URL() string { return "http://" + g.listener.Addr().String() }

// Run serves until ctx ends, finishes what is in flight and stops the loops.
func (g *Gateway) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var loops sync.WaitGroup
	loops.Go(func() { g.attempts.Run(background) })
	loops.Go(func() { g.refunds.Run(background) })
	loops.Go(func() { g.purge(background) })
	loops.Go(func() { g.retain(background) })
	loops.Go(func() { g.reconciler.run(background) })
	loops.Go(func() { g.refreshKeys(background) })
	loops.Go(func() { g.rules.follow(background, g.in.Config.Routing.Reload) })
	loops.Go(func() { g.logged("webhooks", g.outbound.Run(background)) })
	loops.Go(func() { g.logged("callback samples", g.inbound.RunSamples(background)) })
	served := make(chan error, 1)
	go func() { served <- g.server.Serve(g.listener) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.in.Config.Server.ShutdownTimeout)
		defer cancel()
		if err = g.server.Shutdown(end); err != nil {
			err = fmt.Errorf("requests were still in flight after %s: %w", g.in.Config.Server.ShutdownTimeout, err)
		}
	}
	stop()
	if g.console != nil {
		g.console.Close()
	}
	loops.Wait()
	g.logged("shared state", g.state.Close())
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (g *Gateway) logged(loop string, err error) {
	if err != nil {
		g.in.Logger.Error("a background loop ended", "loop", loop, "error", err)
	}
}

// How often and how many nonces are removed whose time is over.
const (
	purgeEvery = 10 * time.Second
	purgeBatch = 2000
)

func (g *Gateway) purge(ctx context.Context) {
	ticker := time.NewTicker(purgeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for {
			n, err := g.in.DB.PurgeNonces(ctx, g.in.Now(), purgeBatch)
			if err != nil && ctx.Err() == nil {
				g.in.Logger.Warn("old nonces could not be removed; trying again", "error", err)
			}
			if err != nil || n < purgeBatch {
				break
			}
		}
	}
}

// ownerName names this process in leases and attempts.
func ownerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	host, _, _ = strings.Cut(host, ".")
	if len(host) > 24 {
		host = host[:24]
	}
	return host + "/" + NewID()
}

// random gives numbers in [0,1).
func random() float64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
}

func coreConfig(c config.Config) payment.Config {
	p := c.Payments
	return payment.Config{
		DefaultExpiry: p.DefaultExpiry, BarcodeExpiry: p.BarcodeExpiry, MinExpiry: config.MinExpiry, MaxExpiry: config.MaxExpiry,
		CallTimeout: p.CallTimeout, CallMargin: p.CallMargin, LateMargin: p.LateMargin, MaxAttempts: p.MaxAttempts,
		UnknownLadder: p.UnknownLadder, PendingLadder: p.PendingLadder, BarcodeLadder: p.BarcodeLadder,
		RefundLadder: p.RefundLadder, LateLadder: p.LateLadder,
	}
}

func outboundConfig(w config.Webhooks) notify.OutboundConfig {
	return notify.OutboundConfig{
		AllowLoopback: w.AllowLoopback, Ports: w.Ports, Timeout: w.Timeout, Lease: w.Lease, Poll: w.Poll, Gap: w.Gap,
		Senders: w.Senders, PerMerchant: w.PerMerchant, PerEndpoint: w.PerEndpoint,
		SlowAfter: w.SlowAfter, SlowTries: w.SlowTries, SlowMerchantTries: w.SlowMerchantTries,
		PerSlowMerchant: w.PerSlowMerchant, SlowSenders: w.SlowSenders, EndpointsPerLook: w.EndpointsPerLook,
	}
}

func inboundConfig(c config.Config) notify.InboundConfig {
	return notify.InboundConfig{
		MaxBody: c.Server.MaxBodyBytes, ApplyTimeout: c.Callbacks.ApplyTimeout,
		SamplesKept: c.Callbacks.SamplesKept, SampleBody: c.Callbacks.SampleBytes, SampleQueue: c.Callbacks.SampleQueue,
		SampleBatch: c.Callbacks.SampleBatch, SampleEvery: c.Callbacks.SampleEvery,
	}
}

func listening(s config.Server) httpapi.Listening {
	return httpapi.Listening{
		ReadHeaderTimeout: s.ReadHeaderTimeout, ReadTimeout: s.ReadTimeout, WriteTimeout: s.WriteTimeout,
		IdleTimeout: s.IdleTimeout, MaxHeaderBytes: s.MaxHeaderBytes,
	}
}
