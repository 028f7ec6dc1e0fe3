package router

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/paymux/paymux/channels"
)

// Settings are the bounds that guards keep.
type Settings struct {
	// Failures in a row open a breaker.
	Failures uint32
	// OpenFor is how long an open breaker waits before it lets probes through.
	OpenFor time.Duration
	// Probes is how many calls a half-open breaker lets through at once.
	Probes uint32
	// TakenOutFor is how long an account rests whose key, certificate or
	// permission the channel refused.
	TakenOutFor time.Duration
	// MaxConcurrent bounds the calls under way at one account that move money;
	// as many again may ask and close.
	MaxConcurrent int
	Now           func() time.Time
	// OnChange is told of a breaker's move, for logs and metrics.
	OnChange func(accountID string, op channels.Operation, from, to State)
}

// State is a breaker's state as the public API names it.
type State string

// The states of a breaker.
const (
	BreakerClosed   State = "closed"
	BreakerHalfOpen State = "half_open"
	BreakerOpen     State = "open"
)

var states = map[gobreaker.State]State{
	gobreaker.StateClosed:   BreakerClosed,
	gobreaker.StateHalfOpen: BreakerHalfOpen,
	gobreaker.StateOpen:     BreakerOpen,
}

// Guards keeps the breakers, bounds and figures of all accounts.
type Guards struct {
	settings Settings
	mu       sync.Mutex
	accounts map[string]*guard
}

// NewGuards makes the guards; accounts get theirs when they are first seen.
func NewGuards(s Settings) *Guards {
	return &Guards{settings: s, accounts: map[string]*guard{}}
}

type guard struct {
	pay, refund *gobreaker.TwoStepCircuitBreaker[any]
	moving      chan struct{}
	asking      chan struct{}
	figures     figures

	mu       sync.Mutex
	takenOut time.Time
}

func (g *Guards) of(accountID string) *guard {
	g.mu.Lock()
	defer g.mu.Unlock()
	a, ok := g.accounts[accountID]
	if !ok {
		a = &guard{
			pay:    g.breaker(accountID, channels.OpPay),
			refund: g.breaker(accountID, channels.OpRefund),
			moving: make(chan struct{}, g.settings.MaxConcurrent),
			asking: make(chan struct{}, g.settings.MaxConcurrent),
		}
		g.accounts[accountID] = a
	}
	return a
}

func (g *Guards) breaker(accountID string, op channels.Operation) *gobreaker.TwoStepCircuitBreaker[any] {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:         accountID + "/" + string(op),
		MaxRequests:  g.settings.Probes,
		Timeout:      g.settings.OpenFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= g.settings.Failures },
		IsSuccessful: healthy,
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if g.settings.OnChange != nil {
				g.settings.OnChange(accountID, op, states[from], states[to])
			}
		},
	})
}

// healthy tells whether an outcome speaks for the channel: a refusal does.
func healthy(err error) bool {
	return err == nil || channels.OutcomeOf(err) == channels.Declined
}

// Available tells whether a payment may be tried at the account now.
func (g *Guards) Available(accountID string) (string, bool) {
	a := g.of(accountID)
	switch {
	case a.resting(g.settings.Now()):
		return "the channel refused the account's key, certificate or permission; it rests until it is tried again", false
	case a.pay.State() == gobreaker.StateOpen:
		return "its breaker is open after repeated failures", false
	case len(a.moving) == cap(a.moving):
		return "as many calls as allowed are under way", false
	default:
		return "", true
	}
}

func (a *guard) resting(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return now.Before(a.takenOut)
}

// Report is an account's health of late.
type Report struct {
	Breaker       State
	RefundBreaker State
	// SuccessRate is over the last calls that pay, 0 to 1; -1 before the first.
	SuccessRate float64
	// Latency is the median of the last calls that pay.
	Latency time.Duration
	// InFlight is the number of calls under way that move money.
	InFlight int
	TakenOut bool
}

// Report gives an account's health of late.
func (g *Guards) Report(accountID string) Report {
	a := g.of(accountID)
	rate, latency := a.figures.read()
	return Report{
		Breaker: states[a.pay.State()], RefundBreaker: states[a.refund.State()],
		SuccessRate: rate, Latency: latency, InFlight: len(a.moving), TakenOut: a.resting(g.settings.Now()),
	}
}

// Guard puts an account's breakers and bounds before its channel.
func (g *Guards) Guard(accountID string, ch channels.Channel) channels.Channel {
	guarded := &guardedChannel{Channel: ch, guards: g, account: g.of(accountID)}
	if r, ok := ch.(channels.Reverser); ok {
		return &guardedReverser{guardedChannel: guarded, reverser: r}
	}
	return guarded
}

type guardedChannel struct {
	channels.Channel
	guards  *Guards
	account *guard
}

type guardedReverser struct {
	*guardedChannel
	reverser channels.Reverser
}

// Unwrap gives the channel behind the guard, for questions that no breaker
// minds, such as the ends of its certificates.
func (c *guardedChannel) Unwrap() channels.Channel { return c.Channel }

var errFull = errors.New("as many calls as allowed are under way at this account")

// refused is the error of a call that was not made.
func (c *guardedChannel) refused(op channels.Operation, err error) error {
	return &channels.Error{Outcome: channels.NotProcessed, Channel: c.Name(), Op: op, Err: err}
}

func (c *guardedChannel) Pay(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	if c.Capabilities().Scenes[req.Attempt.Scene].LocalOnly {
		return c.Channel.Pay(ctx, req)
	}
	return moving(c, c.account.pay, channels.OpPay, func() (channels.PayResult, error) {
		start := c.guards.settings.Now()
		res, err := c.Channel.Pay(ctx, req)
		c.account.figures.add(healthy(err), c.guards.settings.Now().Sub(start))
		return res, err
	})
}

func (c *guardedChannel) Refund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	return moving(c, c.account.refund, channels.OpRefund, func() (channels.RefundState, error) { return c.Channel.Refund(ctx, req) })
}

func (c *guardedChannel) QueryPayment(ctx context.Context, ref channels.AttemptRef) (channels.PaymentState, error) {
	return asking(ctx, c, channels.OpQuery, func() (channels.PaymentState, error) { return c.Channel.QueryPayment(ctx, ref) })
}

func (c *guardedChannel) ClosePayment(ctx context.Context, ref channels.AttemptRef) (channels.CloseResult, error) {
	return asking(ctx, c, channels.OpClose, func() (channels.CloseResult, error) { return c.Channel.ClosePayment(ctx, ref) })
}

func (c *guardedChannel) QueryRefund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	return asking(ctx, c, channels.OpRefundQuery, func() (channels.RefundState, error) { return c.Channel.QueryRefund(ctx, req) })
}

// ReversePayment passes like a close: it is never stopped by a breaker.
func (c *guardedReverser) ReversePayment(ctx context.Context, ref channels.AttemptRef) (channels.ReverseResult, error) {
	return asking(ctx, c.guardedChannel, channels.OpReverse, func() (channels.ReverseResult, error) {
		return c.reverser.ReversePayment(ctx, ref)
	})
}

// ParseNotification goes round the guard: whoever posts a callback must not be
// able to move a breaker.
func (c *guardedChannel) ParseNotification(header http.Header, body []byte) (channels.Notification, error) {
	return c.Channel.ParseNotification(header, body)
}

// moving runs a call that moves money behind its breaker and bound.
func moving[T any](c *guardedChannel, breaker *gobreaker.TwoStepCircuitBreaker[any], op channels.Operation, call func() (T, error)) (T, error) {
	var none T
	select {
	case c.account.moving <- struct{}{}:
		defer func() { <-c.account.moving }()
	default:
		return none, c.refused(op, errFull)
	}
	done, err := breaker.Allow()
	if err != nil {
		return none, c.refused(op, err)
	}
	// A call that panics must not leave a half-open breaker waiting for it.
	reported := false
	defer func() {
		if !reported {
			done(errFull)
		}
	}()
	res, err := call()
	reported = true
	done(err)
	if err != nil && channels.OutcomeOf(err) == channels.Misconfigured {
		c.account.mu.Lock()
		c.account.takenOut = c.guards.settings.Now().Add(c.guards.settings.TakenOutFor)
		c.account.mu.Unlock()
	}
	return res, err
}

// asking runs a call that asks or closes: bounded by waiting for a place, never
// stopped by a breaker.
func asking[T any](ctx context.Context, c *guardedChannel, op channels.Operation, call func() (T, error)) (T, error) {
	var none T
	select {
	case c.account.asking <- struct{}{}:
		defer func() { <-c.account.asking }()
	case <-ctx.Done():
		return none, c.refused(op, ctx.Err())
	}
	return call()
}
