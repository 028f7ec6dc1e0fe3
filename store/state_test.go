package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

func TestState_Memory(t *testing.T) {
	clock := storetest.NewClock()
	storetest.RunState(t, store.NewMemory(clock.Now, 0), clock.Pass)
}

func TestState_Redis(t *testing.T) {
	storetest.RunState(t, openRedis(t), time.Sleep)
}

// The fallback is a State as good as the one it falls back to.
func TestState_Fallback(t *testing.T) {
	t.Run("Redis answers", func(t *testing.T) {
		storetest.RunState(t, store.NewFallback(openRedis(t), store.NewMemory(time.Now, 0), time.Now), time.Sleep)
	})
	t.Run("Redis is gone", func(t *testing.T) {
		clock := storetest.NewClock()
		memory := store.NewMemory(clock.Now, 0)
		broken := &storetest.BrokenState{State: memory}
		broken.Break(errors.New("gone"))
		f := store.NewFallback(broken, memory, clock.Now)
		t.Cleanup(func() { broken.Break(nil) })
		storetest.RunState(t, pingless{f}, clock.Pass)
	})
}

// pingless leaves out the one answer that a fallback gives otherwise.
type pingless struct{ store.State }

func (pingless) Ping(context.Context) error { return nil }

func openRedis(t *testing.T) *store.Redis {
	t.Helper()
	addr, db := testenv.Redis(t)
	r := store.NewRedis(store.RedisConfig{Addr: addr, DB: db, Timeout: 5 * time.Second})
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestMemory_IsBounded(t *testing.T) {
	clock := storetest.NewClock()
	const limit = 6400
	m := store.NewMemory(clock.Now, limit)
	full := 0
	for i := range 10 * limit {
		first, err := m.AddOnce(t.Context(), fmt.Sprint(i), time.Minute)
		switch {
		case errors.Is(err, store.ErrStateFull):
			full++
		case err != nil || !first:
			t.Fatalf("key %d: %v, %v", i, first, err)
		}
	}
	if m.Len() > limit || full == 0 {
		t.Errorf("%d keys where %d is the limit, %d refused", m.Len(), limit, full)
	}
	if first, err := m.AddOnce(t.Context(), "0", time.Minute); first || err != nil {
		t.Errorf("a full memory has forgotten a key: %v, %v", first, err)
	}
	// What has expired makes room, and is removed by use alone.
	clock.Pass(2 * time.Minute)
	for i := range 10 * limit {
		if _, _, err := m.Allow(t.Context(), fmt.Sprint(i%(limit/2)), store.Rate{PerSecond: 1000, Burst: 1000}, 1); err != nil {
			t.Fatal(err)
		}
	}
	// A part of the memory that no key falls into keeps what it had.
	if m.Len() > limit/2+limit/8 {
		t.Errorf("%d keys are left, %d are live", m.Len(), limit/2)
	}
}

func TestFallback_LostRedis(t *testing.T) {
	clock := storetest.NewClock()
	gone := errors.New("gone")
	ctx := t.Context()
	shared := store.NewMemory(clock.Now, 0)
	broken := &storetest.BrokenState{State: shared}
	f := store.NewFallback(broken, store.NewMemory(clock.Now, 0), clock.Now)
	add := func(key string, want bool) {
		t.Helper()
		if first, err := f.AddOnce(ctx, key, time.Minute); err != nil || first != want {
			t.Errorf("add %q: %v, %v; want %v", key, first, err, want)
		}
	}
	if _, err := shared.AddOnce(ctx, "another replica's", time.Minute); err != nil {
		t.Fatal(err)
	}
	add("another replica's", false)
	add("ours", true)
	broken.Break(gone)
	add("ours", false) // remembered here too
	add("new", true)
	add("new", false)
	if !errors.Is(f.Degraded(), gone) {
		t.Errorf("degraded: %v", f.Degraded())
	}
	if err := f.Ping(ctx); !errors.Is(err, gone) {
		t.Errorf("ping: %v", err)
	}
	// While it rests nobody waits for it.
	calls := broken.Calls.Load()
	for i := range 50 {
		add(fmt.Sprint(i), true)
	}
	if n := broken.Calls.Load() - calls; n != 0 {
		t.Errorf("%d calls to a state that has just failed", n)
	}
	broken.Break(nil)
	clock.Pass(1001 * time.Millisecond)
	add("after", true)
	if f.Degraded() != nil {
		t.Errorf("degraded after it answered: %v", f.Degraded())
	}
	if first, err := shared.AddOnce(ctx, "after", time.Minute); err != nil || first {
		t.Errorf("what was added after the return is not shared: %v, %v", first, err)
	}
	// A caller who gives up says nothing of the shared state.
	left, leave := context.WithCancel(ctx)
	leave()
	broken.Break(left.Err())
	if _, err := f.AddOnce(left, "left", time.Minute); err != nil {
		t.Error(err)
	}
	if f.Degraded() != nil {
		t.Errorf("degraded by a caller who left: %v", f.Degraded())
	}
}

// A Redis that takes connections and never answers fails quickly.
func TestRedis_SilentServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's listener
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	r := store.NewRedis(store.RedisConfig{Addr: listener.Addr().String(), Timeout: 50 * time.Millisecond})
	defer func() { _ = r.Close() }()
	begin := time.Now()
	if _, err := r.AddOnce(t.Context(), "k", time.Minute); err == nil {
		t.Error("a silent server added a key")
	}
	if _, _, err := r.Allow(t.Context(), "k", store.Rate{PerSecond: 1, Burst: 1}, 1); err == nil {
		t.Error("a silent server allowed something")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("two calls took %v", took)
	}
}

// A Redis that dies and comes back empty is used again without any help.
func TestRedis_Restart(t *testing.T) {
	server := testenv.StartRedis(t)
	r := store.NewRedis(store.RedisConfig{Addr: server.Addr(), Timeout: 2 * time.Second})
	t.Cleanup(func() { _ = r.Close() })
	f := store.NewFallback(r, store.NewMemory(time.Now, 0), func() time.Time { return time.Now() })
	if first, err := f.AddOnce(t.Context(), "before", time.Minute); !first || err != nil {
		t.Fatalf("%v, %v", first, err)
	}
	server.Kill()
	if first, err := f.AddOnce(t.Context(), "while", time.Minute); !first || err != nil {
		t.Errorf("without redis: %v, %v", first, err)
	}
	if f.Degraded() == nil || f.Ping(t.Context()) == nil {
		t.Error("a killed redis is not reported")
	}
	server.Start()
	if err := f.Ping(t.Context()); err != nil || f.Degraded() != nil {
		t.Errorf("after the restart: %v, %v", err, f.Degraded())
	}
	for _, key := range []string{"before", "while"} {
		if first, err := f.AddOnce(t.Context(), key, time.Minute); first || err != nil {
			t.Errorf("%q after an empty redis came back: %v, %v", key, first, err)
		}
	}
}
