package payment

import (
	"context"
	"log/slog"
	"time"

	"github.com/paymux/paymux/channels"
)

// Config holds the core's limits. Every duration must be positive.
type Config struct {
	// DefaultExpiry and BarcodeExpiry are an order's limit where the request
	// sets none; MinExpiry and MaxExpiry bound what a request may set.
	DefaultExpiry, BarcodeExpiry, MinExpiry, MaxExpiry time.Duration
	// CallTimeout is the hard deadline of one call to a channel.
	CallTimeout time.Duration
	// CallMargin is added to deadlines before anybody else acts: it covers the
	// difference between the replicas' clocks and bytes still on their way.
	CallMargin time.Duration
	// LateMargin is how long after its limit an order that was not confirmed
	// closed is still watched.
	LateMargin time.Duration
	// MaxAttempts bounds the accounts tried for one payment.
	MaxAttempts int
	// The ladders: how long after the last look the next one is due; the last
	// step repeats.
	UnknownLadder, PendingLadder, BarcodeLadder, RefundLadder, LateLadder []time.Duration
}

// Deps are what the core needs from outside.
type Deps struct {
	Store    Store
	Accounts Accounts
	Router   Router
	// NotifyURL is where a channel posts its callbacks for an account.
	NotifyURL func(channel, accountID string) string
	// ReturnURL is the gateway's own page for payers who come back.
	ReturnURL string
	Now       func() time.Time
	// NewID makes 26 letters and digits, ordered by time.
	NewID func() string
	// Owner names this process in attempts and leases.
	Owner  string
	Logger *slog.Logger
	// Wake is called after a commit that left work for the background loops
	// (deliveries, refunds to send); it must not block.
	Wake func()
	// Observe is told of every channel call's end, for metrics.
	Observe func(channel string, op channels.Operation, outcome string, took time.Duration)
}

// Service is the core's use cases.
type Service struct {
	cfg Config
	Deps
}

// New makes the core.
func New(cfg Config, deps Deps) *Service {
	return &Service{cfg: cfg, Deps: deps}
}

// Result is a payment with its attempts, oldest first.
type Result struct {
	Payment  *Payment
	Attempts []*Attempt
	// Replayed: the request repeated an earlier one and started nothing.
	Replayed bool
}

// RefundResult is a refund.
type RefundResult struct {
	Refund   *Refund
	Replayed bool
}

// Loaded attaches the attempts of a page of payments.
func (s *Service) Loaded(ctx context.Context, ps []*Payment) ([]Result, error) {
	ids := make([]string, len(ps))
	for i, p := range ps {
		ids[i] = p.ID
	}
	attempts, err := s.Store.AttemptsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]Result, len(ps))
	for i, p := range ps {
		out[i] = Result{Payment: p, Attempts: attempts[p.ID]}
	}
	return out, nil
}
