package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// State is short-lived state that replicas share: what may be lost without
// harm to money. Keys are the caller's; AddOnce and Allow each have their own.
type State interface {
	// AddOnce remembers the key for ttl and tells whether it was not remembered
	// before.
	AddOnce(ctx context.Context, key string, ttl time.Duration) (first bool, err error)
	// Allow takes n from what rate grants the key. When there is not enough it
	// takes nothing and tells after which time there will be.
	Allow(ctx context.Context, key string, rate Rate, n int) (ok bool, retryAfter time.Duration, err error)
	// Ping asks whether the state is shared as it should be.
	Ping(ctx context.Context) error
	Close() error
}

// Rate grants PerSecond in the long run (1 to 100,000) and Burst at once (at
// least 1).
type Rate struct {
	PerSecond int
	Burst     int
}

const maxRatePerSecond = 100_000

// ErrStateFull says that the process's memory for shared state is used up.
var ErrStateFull = errors.New("the memory for short-lived state is full")

// interval is the time for which one unit is paid, in whole microseconds: the
// unit in which Lua still counts Unix times exactly.
func (r Rate) interval(n int) (micros int64, err error) {
	if r.PerSecond < 1 || r.PerSecond > maxRatePerSecond || r.Burst < 1 {
		return 0, fmt.Errorf("rate of %d per second with a burst of %d is out of range", r.PerSecond, r.Burst)
	}
	if n < 1 || n > r.Burst {
		return 0, fmt.Errorf("%d at once can never be granted by a burst of %d", n, r.Burst)
	}
	return int64(time.Second/time.Microsecond) / int64(r.PerSecond), nil
}
