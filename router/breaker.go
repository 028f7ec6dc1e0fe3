package router

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/paymux/paymux/channels"
)

// breaker is the circuit breaker of one account's one kind of operation, with a
// count of its moves.
type breaker struct {
	*gobreaker.TwoStepCircuitBreaker[any]
	op channels.Operation

	mu    sync.Mutex
	moves map[Move]int64
	last  time.Time
}

// Move is a breaker's move from one state to another.
type Move struct{ From, To State }

// BreakerReport is how a breaker stands.
type BreakerReport struct {
	Operation channels.Operation
	State     State
	// Moves counts the moves since the process began.
	Moves []MoveCount
	// ChangedAt is the last move's time; zero: none yet.
	ChangedAt time.Time
}

// MoveCount is how often a breaker made a move.
type MoveCount struct {
	Move
	Count int64
}

func (g *Guards) newBreaker(accountID string, a *guard, op channels.Operation) *breaker {
	b := &breaker{op: op, moves: map[Move]int64{}}
	b.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:         accountID + "/" + string(op),
		MaxRequests:  g.settings.Probes,
		Timeout:      g.settings.OpenFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= g.settings.Failures },
		IsSuccessful: healthy,
		IsExcluded:   silent,
		OnStateChange: func(_ string, was, is gobreaker.State) {
			now := g.settings.Now()
			from, to := states[was], states[is]
			b.moved(Move{from, to}, now)
			if op == channels.OpPay {
				a.warmth.cooled(now)
			}
			if g.settings.OnChange != nil {
				g.settings.OnChange(accountID, a.name(), op, from, to)
			}
		},
	})
	return b
}

// healthy tells whether an outcome speaks for the channel: a refusal does.
func healthy(err error) bool {
	return err == nil || channels.OutcomeOf(err) == channels.Declined
}

// silent tells whether an outcome says nothing of the channel's health: it
// answered, but our key, certificate or permission is wrong. The account is
// taken out for that.
func silent(err error) bool {
	return err != nil && channels.OutcomeOf(err) == channels.Misconfigured
}

func (b *breaker) moved(m Move, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moves[m]++
	b.last = at
}

func (b *breaker) state() gobreaker.State { return b.State() }

// probing tells whether a half-open breaker lets nothing more through for now.
func (b *breaker) probing(probes uint32) bool {
	if b.State() != gobreaker.StateHalfOpen {
		return false
	}
	c := b.Counts()
	return c.Requests-c.TotalExclusions >= probes
}

func (b *breaker) report() BreakerReport {
	out := BreakerReport{Operation: b.op, State: states[b.State()]}
	b.mu.Lock()
	defer b.mu.Unlock()
	out.ChangedAt = b.last
	for m, n := range b.moves {
		out.Moves = append(out.Moves, MoveCount{m, n})
	}
	slices.SortFunc(out.Moves, func(x, y MoveCount) int {
		return strings.Compare(string(x.From)+string(x.To), string(y.From)+string(y.To))
	})
	return out
}

// question is how an account's one kind of question is bounded.
type question struct {
	// mute counts questions in a row that the channel gave no answer to.
	mute streak
	// trickle is the places while it is mute.
	trickle chan struct{}
}

// streak counts failures in a row.
type streak struct {
	mu sync.Mutex
	n  uint32
}

func (s *streak) add(failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !failed {
		s.n = 0
		return
	}
	if s.n < 1<<31 {
		s.n++
	}
}

func (s *streak) reached(limit uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n >= limit
}
