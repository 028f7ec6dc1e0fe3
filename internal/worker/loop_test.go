package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymux/paymux/internal/worker"
)

// backlog hands out numbers once each.
type backlog struct {
	mu   sync.Mutex
	left []int
}

func (b *backlog) claim(_ context.Context, limit int) ([]int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(limit, len(b.left))
	out := b.left[:n:n]
	b.left = b.left[n:]
	return out, nil
}

func TestLoopHandlesABacklogWithinItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{}
		for i := range 1000 {
			b.left = append(b.left, i)
		}
		var now, most, done atomic.Int64
		loop := worker.NewLoop("test", worker.Config{Poll: time.Hour, Concurrency: 7}, slog.New(slog.DiscardHandler), b.claim,
			func(context.Context, int) error {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Millisecond)
				now.Add(-1)
				done.Add(1)
				return nil
			})
		ctx, cancel := context.WithCancel(context.Background())
		finished := make(chan struct{})
		go func() { loop.Run(ctx); close(finished) }()
		time.Sleep(time.Minute)
		if done.Load() != 1000 {
			t.Errorf("%d of 1000 items were handled before the next poll", done.Load())
		}
		if most.Load() > 7 {
			t.Errorf("%d items at a time, want at most 7", most.Load())
		}
		cancel()
		<-finished
	})
}

func TestLoopSurvivesFailuresAndPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rounds atomic.Int64
		loop := worker.NewLoop("test", worker.Config{Poll: time.Second, Concurrency: 2}, slog.New(slog.DiscardHandler),
			func(context.Context, int) ([]int, error) {
				switch rounds.Add(1) {
				case 1:
					return nil, errors.New("database is down")
				default:
					return []int{1}, nil
				}
			},
			func(context.Context, int) error {
				if rounds.Load() == 2 {
					panic("boom")
				}
				return errors.New("failed")
			})
		ctx, cancel := context.WithCancel(context.Background())
		finished := make(chan struct{})
		go func() { loop.Run(ctx); close(finished) }()
		time.Sleep(10 * time.Second)
		if rounds.Load() < 5 {
			t.Errorf("only %d rounds after failures", rounds.Load())
		}
		cancel()
		<-finished
	})
}

func TestLoopFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{left: []int{1}}
		var done atomic.Bool
		loop := worker.NewLoop("test", worker.Config{Poll: time.Hour, Concurrency: 1}, slog.New(slog.DiscardHandler), b.claim,
			func(ctx context.Context, _ int) error {
				time.Sleep(5 * time.Second)
				done.Store(ctx.Err() == nil)
				return nil
			})
		ctx, cancel := context.WithCancel(context.Background())
		finished := make(chan struct{})
		go func() { loop.Run(ctx); close(finished) }()
		time.Sleep(time.Second)
		cancel()
		<-finished
		if !done.Load() {
			t.Error("the loop ended before its work did, or cut it off")
		}
	})
}
