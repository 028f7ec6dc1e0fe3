package storetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/store"
)

// RunState is the conformance suite of the short-lived shared state. pass lets
// time pass, of the state's own clock.
func RunState(t *testing.T, s store.State, pass func(d time.Duration)) {
	t.Run("AddOnce", func(t *testing.T) { runAddOnce(t, s, pass) })
	t.Run("AddOnce/Concurrent", func(t *testing.T) {
		var first atomic.Int64
		atOnce(crowd, func(int) {
			ok, err := s.AddOnce(t.Context(), "race", time.Minute)
			if err != nil {
				t.Errorf("add once: %v", err)
			}
			if ok {
				first.Add(1)
			}
		})
		if first.Load() != 1 {
			t.Errorf("%d of %d callers were first", first.Load(), crowd)
		}
	})
	t.Run("Allow", func(t *testing.T) { runAllow(t, s, pass) })
	t.Run("Allow/Concurrent", func(t *testing.T) {
		var granted atomic.Int64
		// One in ten seconds: what the crowd gets is the burst.
		atOnce(crowd, func(int) {
			ok, after, err := s.Allow(t.Context(), "race", store.Rate{PerSecond: 1, Burst: 10}, 1)
			if err != nil || ok != (after == 0) {
				t.Errorf("allow: %v, %v, %v", ok, after, err)
			}
			if ok {
				granted.Add(1)
			}
		})
		if granted.Load() != 10 {
			t.Errorf("%d granted of a burst of 10", granted.Load())
		}
	})
	t.Run("Refused", func(t *testing.T) { runRefused(t, s) })
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
}

func runAddOnce(t *testing.T, s store.State, pass func(d time.Duration)) {
	add := func(key string, ttl time.Duration, want bool) {
		t.Helper()
		first, err := s.AddOnce(t.Context(), key, ttl)
		if err != nil || first != want {
			t.Errorf("add %q: first %v, %v; want %v", key, first, err, want)
		}
	}
	const short = 100 * time.Millisecond
	add("key", time.Minute, true)
	add("key", time.Minute, false)
	add("KEY", time.Minute, true)
	add("key ", time.Minute, true)
	add(Hostile, time.Minute, true)
	add(Hostile, time.Minute, false)
	add("", time.Minute, true)
	add("short", short, true)
	add("short", time.Minute, false) // and does not live longer for it
	pass(short + 50*time.Millisecond)
	add("short", short, true)
	add("key", time.Minute, false)
}

func runAllow(t *testing.T, s store.State, pass func(d time.Duration)) {
	rate := store.Rate{PerSecond: 5, Burst: 3}
	take := func(key string, n int, want bool) time.Duration {
		t.Helper()
		ok, after, err := s.Allow(t.Context(), key, rate, n)
		if err != nil || ok != want || ok == (after > 0) {
			t.Errorf("take %d of %q: %v, after %v, %v; want %v", n, key, ok, after, err, want)
		}
		return after
	}
	take("a", 1, true)
	take("a", 2, true)
	if after := take("a", 1, false); after > 200*time.Millisecond {
		t.Errorf("one of five a second is due after %v", after)
	}
	after := take("a", 3, false)
	if after <= 400*time.Millisecond || after > 600*time.Millisecond {
		t.Errorf("three of five a second are due after %v", after)
	}
	take("b", 3, true)
	// What was refused was not taken.
	pass(after + 20*time.Millisecond)
	take("a", 3, true)
	take("a", 1, false)
}

func runRefused(t *testing.T, s store.State) {
	for what, c := range map[string]struct {
		rate store.Rate
		n    int
	}{
		"more than the burst": {store.Rate{PerSecond: 10, Burst: 3}, 4},
		"nothing":             {store.Rate{PerSecond: 10, Burst: 3}, 0},
		"no rate":             {store.Rate{Burst: 3}, 1},
		"no burst":            {store.Rate{PerSecond: 3}, 1},
		"too fast":            {store.Rate{PerSecond: 1e7, Burst: 1e7}, 1},
	} {
		if ok, _, err := s.Allow(t.Context(), "refused", c.rate, c.n); ok || err == nil {
			t.Errorf("%s: %v, %v", what, ok, err)
		}
	}
	if first, err := s.AddOnce(t.Context(), "refused", 0); first || err == nil {
		t.Errorf("a key without a time: %v, %v", first, err)
	}
}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes one that shows [Start].
func NewClock() *Clock { return &Clock{now: Start()} }

// Now is the time shown.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass moves the clock on.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// BrokenState fails whenever Err is not nil; State answers else.
type BrokenState struct {
	store.State
	mu    sync.Mutex
	err   error
	Calls atomic.Int64
}

// Break lets every call fail with err; nil mends it.
func (b *BrokenState) Break(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *BrokenState) called() error {
	b.Calls.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// AddOnce implements [store.State].
func (b *BrokenState) AddOnce(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if err := b.called(); err != nil {
		return false, err
	}
	return b.State.AddOnce(ctx, key, ttl)
}

// Allow implements [store.State].
func (b *BrokenState) Allow(ctx context.Context, key string, rate store.Rate, n int) (bool, time.Duration, error) {
	if err := b.called(); err != nil {
		return false, 0, err
	}
	return b.State.Allow(ctx, key, rate, n)
}

// Ping implements [store.State].
func (b *BrokenState) Ping(ctx context.Context) error {
	if err := b.called(); err != nil {
		return err
	}
	return b.State.Ping(ctx)
}
