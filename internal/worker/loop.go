package worker

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Config bounds a loop.
type Config struct {
	// Poll is how long a loop waits when nothing is due.
	Poll time.Duration
	// Concurrency is how many items are handled at a time. No more than that are
	// ever claimed, so that no lease runs out while its item waits.
	Concurrency int
}

// Loop claims items and handles them.
type Loop[T any] struct {
	name   string
	cfg    Config
	claim  func(ctx context.Context, limit int) ([]T, error)
	handle func(ctx context.Context, item T) error
	logger *slog.Logger
	wake   chan struct{}
}

// NewLoop makes a loop. claim leases up to limit due items; handle ends an
// item's lease by what it writes.
func NewLoop[T any](name string, cfg Config, logger *slog.Logger,
	claim func(ctx context.Context, limit int) ([]T, error), handle func(ctx context.Context, item T) error,
) *Loop[T] {
	return &Loop[T]{name: name, cfg: cfg, claim: claim, handle: handle, logger: logger, wake: make(chan struct{}, 1)}
}

// Wake makes the loop look for work at once; it never blocks.
func (l *Loop[T]) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends and returns when everything under way is done.
func (l *Loop[T]) Run(ctx context.Context) {
	slots := make(chan struct{}, l.cfg.Concurrency)
	var underWay sync.WaitGroup
	defer underWay.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-timer.C:
		}
		if l.round(ctx, slots, &underWay) {
			l.Wake()
		}
		timer.Reset(l.cfg.Poll)
	}
}

// round claims for the free slots; it tells whether there may be more to claim.
func (l *Loop[T]) round(ctx context.Context, slots chan struct{}, underWay *sync.WaitGroup) bool {
	free := cap(slots) - len(slots)
	if free == 0 {
		return false
	}
	items, err := l.claim(ctx, free)
	if err != nil {
		if ctx.Err() == nil {
			l.logger.ErrorContext(ctx, "background work cannot be claimed; trying again", "loop", l.name, "error", err)
		}
		return false
	}
	for _, item := range items {
		slots <- struct{}{}
		underWay.Go(func() {
			defer func() {
				<-slots
				if len(items) == free {
					// The loop stood still for want of a slot.
					l.Wake()
				}
			}()
			l.one(ctx, item)
		})
	}
	return len(items) == free && len(slots) < cap(slots)
}

// one handles an item; a panic is logged and leaves the item to its lease.
func (l *Loop[T]) one(ctx context.Context, item T) {
	defer func() {
		if p := recover(); p != nil {
			l.logger.ErrorContext(ctx, "background work panicked", "loop", l.name, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	// What was begun is finished when the process stops: its calls have
	// deadlines of their own.
	if err := l.handle(context.WithoutCancel(ctx), item); err != nil {
		l.logger.ErrorContext(ctx, "background work failed; it is tried again when its lease has run out", "loop", l.name, "error", err)
	}
}
