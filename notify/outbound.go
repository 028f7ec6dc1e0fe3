package notify

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/failpoint"
)

// Results of a try, as Observe is told them.
const (
	ResultDelivered = "delivered"
	ResultRetry     = "retry"
	ResultDead      = "dead"
	ResultGone      = "gone"
	// ResultUnsent: our own fault; nothing was sent and no try is counted.
	ResultUnsent = "unsent"
)

// OutboundDeps are what [Outbound] needs from outside.
type OutboundDeps struct {
	Queue   Queue
	Secrets Secrets
	// Owner names this process in leases.
	Owner string
	Now   func() time.Time
	// Random gives numbers in [0,1) for the jitter; it is called from several
	// goroutines at once.
	Random func() float64
	Logger *slog.Logger
	// Observe is told of every try; it must not block. Optional.
	Observe func(result string, took time.Duration)
}

// Outbound sends the merchants' webhooks. Any number of processes may run one
// on the same database.
type Outbound struct {
	cfg OutboundConfig
	OutboundDeps
	guard  *guard
	client *http.Client
	wake   chan struct{}
	tries  sync.WaitGroup

	mu    sync.Mutex
	lanes *lanes
	// full: due events were left because no sender was free, so the next one
	// that becomes free looks for work at once.
	full bool
	// after is where the next look begins.
	after Endpoint
}

// NewOutbound makes the sender; Run starts it.
func NewOutbound(cfg OutboundConfig, deps OutboundDeps) *Outbound {
	g := newGuard(cfg.AllowLoopback, cfg.Ports)
	return newOutbound(cfg, deps, g, newTransport(cfg, g))
}

func newOutbound(cfg OutboundConfig, deps OutboundDeps, g *guard, transport http.RoundTripper) *Outbound {
	if deps.Observe == nil {
		deps.Observe = func(string, time.Duration) {}
	}
	return &Outbound{
		cfg: cfg, OutboundDeps: deps, guard: g, wake: make(chan struct{}, 1), lanes: newLanes(cfg),
		client: &http.Client{
			Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
	}
}

// Wake makes the loop look for due events at once; it never blocks.
func (o *Outbound) Wake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Run sends what is due until ctx ends, then waits for what is under way, which
// takes no longer than the timeout of a try and of writing it down.
func (o *Outbound) Run(ctx context.Context) error {
	defer o.client.CloseIdleConnections()
	defer o.tries.Wait()
	poll := time.NewTimer(0)
	defer poll.Stop()
	gap := time.NewTimer(0)
	defer gap.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-gap.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.wake:
		case <-poll.C:
		}
		began := o.Now()
		if err := o.look(ctx); err != nil && ctx.Err() == nil {
			o.Logger.ErrorContext(ctx, "look for due webhooks failed; it is tried again", "error", err)
		}
		poll.Reset(o.cfg.Poll)
		// Looking takes at most half of the time, however long it takes.
		gap.Reset(max(o.cfg.Gap, o.Now().Sub(began)))
	}
}

// look claims due events for which senders are free and starts to send them.
func (o *Outbound) look(ctx context.Context) error {
	o.mu.Lock()
	o.full = false
	after := o.after
	o.mu.Unlock()
	due, err := o.Queue.DueEndpoints(ctx, o.Now(), after, o.cfg.EndpointsPerLook)
	if err != nil {
		return err
	}
	grants := o.plan(due)
	if len(grants) == 0 {
		return nil
	}
	wants := make([]Want, len(grants))
	for i, g := range grants {
		wants[i] = g.Want
	}
	started := o.Now()
	failpoint.Before(failpoint.OutboxClaim)
	claims, err := o.Queue.ClaimDeliveries(ctx, o.Owner, started, o.cfg.Lease, wants)
	failpoint.After(failpoint.OutboxClaim)
	if err != nil {
		o.settle(grants, nil)
		return err
	}
	byEndpoint := o.settle(grants, claims)
	sendBefore := started.Add(o.cfg.Lease - o.cfg.Timeout)
	if ctx.Err() != nil || o.Now().After(sendBefore) {
		return o.handBack(ctx, claims, byEndpoint)
	}
	for _, c := range claims {
		g := byEndpoint[c.Endpoint]
		o.tries.Go(func() { o.deliver(context.WithoutCancel(ctx), c, g, sendBefore) })
	}
	return nil
}

// plan takes room for the endpoints of one look and moves the look's beginning
// on: past these where there may be more, else back to the first.
func (o *Outbound) plan(due []Due) []grant {
	o.mu.Lock()
	defer o.mu.Unlock()
	more := len(due) >= o.cfg.EndpointsPerLook
	if more || o.after != "" {
		o.Wake()
	}
	o.after = ""
	if more {
		o.after = due[len(due)-1].Endpoint
	}
	grants, full := o.lanes.plan(due)
	o.full = o.full || full
	return grants
}

// settle gives back the room that no claim uses. An endpoint that gave all that
// was asked for may have more.
func (o *Outbound) settle(grants []grant, claims []Claim) map[Endpoint]grant {
	used := make(map[Endpoint]int, len(grants))
	for _, c := range claims {
		used[c.Endpoint]++
	}
	byEndpoint := make(map[Endpoint]grant, len(grants))
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range grants {
		byEndpoint[g.Endpoint] = g
		n := used[g.Endpoint]
		o.lanes.giveBack(g, g.Most-n)
		if n == g.Most {
			o.full = true
		}
	}
	return byEndpoint
}

// handBack releases claims that this process will not send: it is to stop, or
// the claiming took so long that the lease might end during a try.
func (o *Outbound) handBack(ctx context.Context, claims []Claim, grants map[Endpoint]grant) error {
	o.mu.Lock()
	for _, c := range claims {
		o.lanes.giveBack(grants[c.Endpoint], 1)
	}
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.cfg.Timeout)
	defer cancel()
	return o.Queue.ReleaseDeliveries(ctx, claims, o.Now())
}

// done frees a sender.
func (o *Outbound) done(g grant) {
	o.mu.Lock()
	o.lanes.giveBack(g, 1)
	full := o.full
	o.mu.Unlock()
	if full {
		o.Wake()
	}
}
