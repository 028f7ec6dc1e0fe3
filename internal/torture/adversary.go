package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Line is a connection that can be cut, such as a proxy before a server.
type Line interface {
	Cut()
	Restore()
}

// adversary breaks what can break until its context ends. Each of its hands has
// a random source of its own from the seed.
type adversary struct {
	seed     uint64
	sim      *simulators
	hook     *receiver
	gateways []*gateway
	channels []string
	lines    map[string]Line
	kills    int
	duration time.Duration

	mu      sync.Mutex
	figures map[string]int
	broken  []error // what the adversary needed and didn't get
}

func (a *adversary) count(figure string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.figures[figure]++
}

func (a *adversary) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken = append(a.broken, err)
}

// hands keep the streams of random numbers apart.
const (
	handKills = 1 << 40 << iota
	handFaults
	handCallbacks
	handHook
	handLines
)

func (a *adversary) random(hand uint64) *rand.Rand {
	return rand.New(rand.NewPCG(a.seed, hand)) //nolint:gosec // a plan, no secret
}

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)))
}

// rage works all hands until everybody was killed who was to be and the
// merchants have done, or ctx ends.
func (a *adversary) rage(ctx context.Context, done <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() {
		a.killing(ctx)
		<-done
		cancel()
	})
	for i, channel := range a.channels {
		rng := a.random(handFaults + uint64(i))
		all.Go(func() { a.faulting(ctx, rng, channel) })
	}
	all.Go(func() { a.misleading(ctx) })
	all.Go(func() { a.deafening(ctx) })
	hand := uint64(handLines)
	for _, name := range []string{"database", "redis"} {
		if line := a.lines[name]; line != nil {
			rng := a.random(hand)
			hand <<= 1
			all.Go(func() { a.cutting(ctx, rng, name, line) })
		}
	}
	all.Wait()
}

// killing spreads the kills over the time, at random moments.
func (a *adversary) killing(ctx context.Context) {
	rng := a.random(handKills)
	moments := make([]time.Duration, a.kills)
	for i := range moments {
		// One somewhere in each slice, so that any length of run has its share.
		slice := a.duration / time.Duration(a.kills)
		moments[i] = time.Duration(i)*slice + between(rng, 0, slice)
	}
	began := now()
	for _, at := range moments {
		g, down := a.gateways[rng.IntN(len(a.gateways))], between(rng, 0, 400*time.Millisecond)
		if !pause(ctx, began.Add(at).Sub(now())) {
			return
		}
		if g.kill() {
			a.count("kills")
		}
		pause(ctx, down)
		a.restart(ctx, g)
	}
}

// restart tries for as long as the run lasts: a gateway refuses to start while
// its database is cut off.
func (a *adversary) restart(ctx context.Context, g *gateway) {
	for {
		err := g.up(ctx)
		if err == nil {
			a.count("restarts")
			return
		}
		a.count("starts refused while the database was cut off")
		if !pause(ctx, 100*time.Millisecond) {
			return
		}
	}
}

// fault is a fault in the words of the sandbox's control call.
type fault struct {
	kind   string
	effect string
	// operations are those that can show it, by how often it is tried.
	operations []choice[string]
}

func faults() []fault {
	calls := []choice[string]{{5, "pay"}, {4, "query"}, {1, "close"}, {1, "cancel"}, {3, "refund"}, {2, "refund_query"}}
	return []fault{
		{kind: "hang_before", operations: calls},
		{kind: "hang_after", operations: calls},
		{kind: "reset_after", operations: calls},
		{kind: "http_500", operations: calls},
		{kind: "http_500", effect: "after", operations: calls},
		{kind: "html_502", operations: calls},
		{kind: "html_502", effect: "after", operations: calls},
		{kind: "system_error", operations: calls},
		{kind: "system_error", effect: "after", operations: calls},
		{kind: "bad_signature", operations: calls},
		{kind: "unsigned", operations: calls},
		{kind: "stale", operations: calls},
		{kind: "wrong_id", operations: calls},
		{kind: "wrong_amount", operations: calls},
		{kind: "rate_limited", operations: calls},
		{kind: "slow", operations: calls},
		{kind: "decline", operations: []choice[string]{{2, "pay"}, {1, "refund"}}},
		{kind: "refuse_connection"},
	}
}

// faulting sets one fault after the other at a channel, each for a short span.
func (a *adversary) faulting(ctx context.Context, rng *rand.Rand, channel string) {
	kinds := faults()
	for {
		f := kinds[rng.IntN(len(kinds))]
		body := map[string]any{"channel": channel, "kind": f.kind}
		count := 1 + rng.IntN(4)
		if len(f.operations) > 0 {
			body["operation"], body["count"] = weighted(rng, f.operations), count
		}
		if f.effect != "" {
			body["effect"] = f.effect
		}
		span, gap := between(rng, 300*time.Millisecond, 1500*time.Millisecond), between(rng, 0, 300*time.Millisecond)
		var set postedFault
		status, err := a.sim.call(ctx, http.MethodPost, "/_control/faults", body, &set)
		switch {
		case err == nil:
			pause(ctx, span)
			a.lift(ctx, set, count, f.kind+after(f.effect), channel)
		case status != http.StatusBadRequest && ctx.Err() == nil: // 400: the operation can't show it there
			a.fail(fmt.Errorf("set a fault: %w", err))
		}
		if !pause(ctx, gap) {
			return
		}
	}
}

// postedFault is a fault as the sandbox lists it; count is what is left of it.
type postedFault struct {
	ID    int  `json:"id"`
	Count *int `json:"count"`
}

// lift ends a channel's fault and counts the calls that it struck. A closed
// listener sees no calls: it counts once.
func (a *adversary) lift(ctx context.Context, set postedFault, count int, name, channel string) {
	var left struct {
		Data []postedFault `json:"data"`
	}
	_, err := a.sim.call(ctx, http.MethodGet, "/_control/faults", map[string]any{}, &left)
	_, _ = a.sim.call(ctx, http.MethodDelete, "/_control/faults?channel="+channel, map[string]any{}, nil)
	if err != nil {
		return // the run ends
	}
	if set.Count == nil {
		count = 1
	}
	for _, f := range left.Data {
		if f.ID == set.ID && f.Count != nil {
			count -= *f.Count
		}
	}
	for range count {
		a.count("struck by " + name)
	}
}

func after(effect string) string {
	if effect == "" {
		return ""
	}
	return " " + effect
}

// misleading changes the manner of callbacks.
func (a *adversary) misleading(ctx context.Context) {
	rng := a.random(handCallbacks)
	manners := []struct {
		name string
		body map[string]any
	}{
		{"callbacks as usual", map[string]any{}},
		{"callbacks dropped", map[string]any{"drop_rate": 1}},
		{"callbacks dropped by halves", map[string]any{"drop_rate": 0.5}},
		{"callbacks duplicated", map[string]any{"duplicate": 4}},
		{"callbacks delayed", map[string]any{"delay_ms": 1500}},
		{"callbacks shuffled", map[string]any{"shuffle": true, "duplicate": 1}},
		{"callbacks forged", map[string]any{"forge": true}},
	}
	for {
		m := manners[rng.IntN(len(manners))]
		if _, err := a.sim.call(ctx, http.MethodPost, "/_control/notifications", m.body, nil); err == nil {
			a.count("spell of " + m.name)
		} else if ctx.Err() == nil {
			a.fail(fmt.Errorf("change the manner of callbacks: %w", err))
		}
		if !pause(ctx, between(rng, 500*time.Millisecond, 2*time.Second)) {
			return
		}
	}
}

// deafening lets the receiver of webhooks fail.
func (a *adversary) deafening(ctx context.Context) {
	rng := a.random(handHook)
	moods := []mood{moodWell, moodFails, moodHangs, moodDead}
	for {
		m := moods[rng.IntN(len(moods))]
		if err := a.hook.set(m); err != nil {
			a.fail(fmt.Errorf("bring the receiver of webhooks back: %w", err))
		}
		a.count("spell of receiver " + string(m))
		if !pause(ctx, between(rng, 500*time.Millisecond, 2*time.Second)) {
			return
		}
	}
}

// cutting cuts a line for moments.
func (a *adversary) cutting(ctx context.Context, rng *rand.Rand, name string, line Line) {
	for pause(ctx, between(rng, 2*time.Second, 8*time.Second)) {
		line.Cut()
		a.count("cut " + name)
		pause(ctx, between(rng, 500*time.Millisecond, 3*time.Second))
		line.Restore()
	}
}
