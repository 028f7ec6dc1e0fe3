package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// sharedRest is how long a failed shared state is left alone before one call
// tries it again, so that a Redis that does not answer costs its timeout once
// and not on every request.
const sharedRest = time.Second

// Fallback is shared state with the process's own memory behind it. When the
// shared one fails, limits are counted in each process, and a key that was
// added through another replica may be added once more here: a lost Redis may
// let a read be repeated, never a write, whose nonces are in the database.
type Fallback struct {
	shared State
	local  *Memory
	now    func() time.Time
	// restUntil is in Unix nanoseconds; 0 while the shared one answers.
	restUntil atomic.Int64
	failure   atomic.Pointer[error]
}

// NewFallback puts local memory behind a shared state.
func NewFallback(shared State, local *Memory, now func() time.Time) *Fallback {
	return &Fallback{shared: shared, local: local, now: now}
}

// AddOnce implements [State]. What this process added it remembers itself too:
// a Redis that came back empty does not make it forget.
func (f *Fallback) AddOnce(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	first, localErr := f.local.AddOnce(ctx, key, ttl)
	if localErr == nil && !first {
		return false, nil
	}
	sharedFirst, err := ask(f, ctx, func() (bool, error) { return f.shared.AddOnce(ctx, key, ttl) })
	if err == nil {
		return sharedFirst, nil
	}
	if localErr != nil {
		return false, errors.Join(err, localErr)
	}
	return true, nil
}

// Allow implements [State].
func (f *Fallback) Allow(ctx context.Context, key string, rate Rate, n int) (bool, time.Duration, error) {
	if _, err := rate.interval(n); err != nil {
		return false, 0, err
	}
	type answer struct {
		ok    bool
		after time.Duration
	}
	shared, err := ask(f, ctx, func() (answer, error) {
		ok, after, err := f.shared.Allow(ctx, key, rate, n)
		return answer{ok, after}, err
	})
	if err == nil {
		return shared.ok, shared.after, nil
	}
	return f.local.Allow(ctx, key, rate, n)
}

// Ping asks the shared state.
func (f *Fallback) Ping(ctx context.Context) error {
	_, err := tried(f, ctx, func() (struct{}, error) { return struct{}{}, f.shared.Ping(ctx) })
	return err
}

// Degraded is why the shared state is not used now; nil when it is.
func (f *Fallback) Degraded() error {
	if err := f.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Close implements [State].
func (f *Fallback) Close() error { return errors.Join(f.shared.Close(), f.local.Close()) }

// ask asks the shared state unless it rests.
func ask[T any](f *Fallback, ctx context.Context, call func() (T, error)) (T, error) {
	rest := f.restUntil.Load()
	if rest != 0 {
		now := f.now()
		// One caller tries; the others go on without.
		if now.UnixNano() < rest || !f.restUntil.CompareAndSwap(rest, now.Add(sharedRest).UnixNano()) {
			var none T
			return none, errors.Join(errShared, f.Degraded())
		}
	}
	return tried(f, ctx, call)
}

// tried notes how a call of the shared state went.
func tried[T any](f *Fallback, ctx context.Context, call func() (T, error)) (T, error) {
	value, err := call()
	switch {
	case err == nil:
		f.restUntil.Store(0)
		f.failure.Store(nil)
	case ctx.Err() == nil: // else the caller gave up, not the server
		f.failure.Store(&err)
		f.restUntil.Store(f.now().Add(sharedRest).UnixNano())
	}
	return value, err
}

var errShared = errors.New("the shared state did not answer a moment ago")
