package router

import (
	"cmp"
	"slices"
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
	// Probes is how many calls a half-open breaker lets through; it closes when
	// all of them were good and opens again with the first that was not.
	Probes uint32
	// TakenOutFor is how long an account rests whose key, certificate or
	// permission the channel refused.
	TakenOutFor time.Duration
	// MaxConcurrent bounds the calls under way at one account that move money;
	// as many again may ask and close.
	MaxConcurrent int
	// SlowStart is how long an account that was idle or ill takes to become warm,
	// Idle is after how long without calls that pay it counts as idle.
	SlowStart, Idle time.Duration
	// Recent is how old a call may be to count for success rate and latency.
	Recent time.Duration
	Now    func() time.Time
	// OnChange is told of a breaker's move, for logs. It is called while the
	// breaker is locked and must not ask for its state.
	OnChange func(accountID, channel string, op channels.Operation, from, to State)
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
	mu       sync.RWMutex
	accounts map[string]*guard
}

// NewGuards makes the guards; accounts get theirs when they are first seen.
func NewGuards(s Settings) *Guards {
	s.SlowStart = cmp.Or(s.SlowStart, 30*time.Second)
	s.Idle = cmp.Or(s.Idle, time.Minute)
	s.Recent = cmp.Or(s.Recent, 10*time.Minute)
	return &Guards{settings: s, accounts: map[string]*guard{}}
}

// guard is one account's.
type guard struct {
	pay, refund *breaker
	moving      chan struct{}
	asking      chan struct{}
	questions   map[channels.Operation]*question // not changed once made
	figures     figures
	warmth      warmth

	mu       sync.Mutex
	channel  string // "" until it is opened
	takenOut time.Time
}

func (g *Guards) of(accountID string) *guard {
	g.mu.RLock()
	a, ok := g.accounts[accountID]
	g.mu.RUnlock()
	if ok {
		return a
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if a, ok := g.accounts[accountID]; ok {
		return a
	}
	a = &guard{
		moving: make(chan struct{}, g.settings.MaxConcurrent),
		asking: make(chan struct{}, g.settings.MaxConcurrent), questions: map[channels.Operation]*question{},
	}
	for _, op := range []channels.Operation{channels.OpQuery, channels.OpClose, channels.OpReverse, channels.OpRefundQuery} {
		a.questions[op] = &question{trickle: make(chan struct{}, max(1, g.settings.Probes))}
	}
	a.pay = g.newBreaker(accountID, a, channels.OpPay)
	a.refund = g.newBreaker(accountID, a, channels.OpRefund)
	g.accounts[accountID] = a
	return a
}

func (a *guard) name() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.channel
}

// rest takes the account out until a time; it is warmed up again afterwards.
func (a *guard) rest(until time.Time) {
	a.mu.Lock()
	a.takenOut = until
	a.mu.Unlock()
	a.warmth.cooled(until)
}

func (a *guard) resting(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return now.Before(a.takenOut)
}

// Available tells whether a payment may be tried at the account now.
func (g *Guards) Available(accountID string) (string, bool) {
	a := g.of(accountID)
	switch {
	case a.resting(g.settings.Now()):
		return "the channel refused the account's key, certificate or permission; it rests until it is tried again", false
	case a.pay.state() == gobreaker.StateOpen:
		return "its breaker is open after repeated failures", false
	case a.pay.probing(g.settings.Probes):
		return "its breaker is half open and its probes are under way", false
	case len(a.moving) == cap(a.moving):
		return "as many calls as allowed are under way", false
	default:
		return "", true
	}
}

// Load implements [Loads].
func (g *Guards) Load(accountID string) Load {
	a := g.of(accountID)
	now := g.settings.Now()
	return Load{
		InFlight: len(a.moving), SuccessRate: a.figures.smoothed(now.Add(-g.settings.Recent)),
		Warmth: a.warmth.at(now, g.settings.Idle, g.settings.SlowStart),
	}
}

// Report is an account's health of late.
type Report struct {
	AccountID string
	// Channel is empty for an account that this process has not opened yet.
	Channel string
	// Breakers is one for each kind of operation that has one: pay, refund.
	Breakers []BreakerReport
	// SuccessRate is over the last calls that pay, 0 to 1; -1 before the first.
	SuccessRate float64
	// Latency is the median of the last calls that pay.
	Latency time.Duration
	// InFlight is the number of calls under way that move money.
	InFlight int
	// Asking is the number of calls under way that ask or close.
	Asking   int
	TakenOut bool
}

// Breaker gives the state of the breaker of one kind of operation.
func (r Report) Breaker(op channels.Operation) State {
	for _, b := range r.Breakers {
		if b.Operation == op {
			return b.State
		}
	}
	return BreakerClosed
}

// Report gives an account's health of late.
func (g *Guards) Report(accountID string) Report {
	a := g.of(accountID)
	now := g.settings.Now()
	recent := now.Add(-g.settings.Recent)
	return Report{
		AccountID: accountID, Channel: a.name(), Breakers: []BreakerReport{a.pay.report(), a.refund.report()},
		SuccessRate: a.figures.rate(recent), Latency: a.figures.latency(recent),
		InFlight: len(a.moving), Asking: len(a.asking), TakenOut: a.resting(now),
	}
}

// Reports gives the health of every account that was seen, by id.
func (g *Guards) Reports() []Report {
	g.mu.RLock()
	ids := make([]string, 0, len(g.accounts))
	for id := range g.accounts {
		ids = append(ids, id)
	}
	g.mu.RUnlock()
	slices.Sort(ids)
	out := make([]Report, len(ids))
	for i, id := range ids {
		out[i] = g.Report(id)
	}
	return out
}
