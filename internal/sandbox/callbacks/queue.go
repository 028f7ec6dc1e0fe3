package callbacks

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// The queue's bounds.
const (
	workers     = 64
	sendTimeout = 5 * time.Second
	maxAnswer   = 64 << 10 // bytes read of a merchant's answer
	maxIdleWait = time.Second
)

// Options are what a Queue needs.
type Options struct {
	Books  *books.Store
	Now    func() time.Time
	Random func() float64 // in [0,1)
	Logger *slog.Logger
	Scale  float64 // of the channels' retry schedules; 1 = real
}

// Queue sends callbacks.
type Queue struct {
	opts    Options
	client  *http.Client
	manners manners
	sims    map[string]sim.Simulator
	wake    chan struct{}

	mu   sync.Mutex
	jobs schedule
}

// New makes a queue; Attach the simulators and Load before Run.
func New(opts Options) *Queue {
	transport := &http.Transport{ // no proxy from the environment: callbacks go where the merchant said
		MaxIdleConnsPerHost: workers, IdleConnTimeout: 30 * time.Second,
		ResponseHeaderTimeout: sendTimeout, MaxResponseHeaderBytes: maxAnswer,
	}
	return &Queue{
		opts: opts,
		wake: make(chan struct{}, 1),
		sims: make(map[string]sim.Simulator),
		client: &http.Client{
			Transport: transport, Timeout: sendTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Attach names the simulator that writes a channel's callbacks.
func (q *Queue) Attach(s sim.Simulator) { q.sims[s.Channel()] = s }

// SetManner says how a channel's callbacks are sent from now on.
func (q *Queue) SetManner(channel string, m Manner) { q.manners.set(channel, m) }

// Manner answers how a channel's callbacks are sent.
func (q *Queue) Manner(channel string) Manner { return q.manners.of(channel) }

// Enqueue takes a callback that is durable in the books.
func (q *Queue) Enqueue(cb books.Callback) {
	m := q.manners.of(cb.Trade.Channel)
	delay := time.Duration(m.DelayMS) * time.Millisecond
	if m.Shuffle {
		delay += time.Duration(q.opts.Random() * float64(shuffleWithin))
	}
	q.add(cb, cb.NextAt.Add(delay))
}

func (q *Queue) add(cb books.Callback, at time.Time) {
	q.mu.Lock()
	q.jobs.add(job{at, cb})
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Load takes over what an earlier run left in the books; call it once, before anything is enqueued.
func (q *Queue) Load() {
	for _, cb := range q.opts.Books.Callbacks() {
		q.add(cb, cb.NextAt)
	}
}

// Run sends what is queued, until ctx ends; it returns when no send is under way.
func (q *Queue) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, workers)
	for ctx.Err() == nil {
		cb, wait := q.due()
		if wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-q.wake:
			case <-ctx.Done():
			}
			timer.Stop()
			continue
		}
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		running.Go(func() {
			defer func() { <-free }()
			q.deliver(ctx, cb)
		})
	}
}

// due takes the next callback whose time has come, or says how long to wait. The wait is bounded, so that an injected
// clock that was moved is noticed.
func (q *Queue) due() (books.Callback, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.jobs) == 0 {
		return books.Callback{}, maxIdleWait
	}
	if wait := q.jobs[0].at.Sub(q.opts.Now()); wait > 0 {
		return books.Callback{}, min(wait, maxIdleWait)
	}
	return q.jobs.next().cb, 0
}

// deliver makes one try, with its copies, and stores what came of it.
func (q *Queue) deliver(ctx context.Context, cb books.Callback) {
	log := q.opts.Logger.With("channel", cb.Trade.Channel, "out_trade_no", cb.Trade.OutTradeNo, "event", cb.Event)
	trade, err := q.opts.Books.Trade(cb.Trade)
	if err != nil {
		log.Error("callback without a trade", "error", err)
		return
	}
	magic := faults.MagicOf(trade.Amount)
	if magic == faults.MagicLostCallback {
		q.finish(log, cb, nil)
		return
	}
	manner := q.manners.of(cb.Trade.Channel)
	copies := 1 + manner.Duplicate
	if magic == faults.MagicTwice {
		copies++
	}
	if manner.Forge {
		q.forge(ctx, log, &trade, cb)
	}
	tries := make([]books.Notification, copies)
	var sending sync.WaitGroup
	for i := range copies {
		lost := manner.DropRate > 0 && q.opts.Random() < manner.DropRate
		sending.Go(func() { tries[i] = q.try(ctx, log, &trade, cb, lost) })
	}
	sending.Wait()
	if ctx.Err() != nil {
		return // stopping: the callback stays in the books and is sent after the next start
	}
	q.finish(log, cb, tries)
}

func (q *Queue) try(ctx context.Context, log *slog.Logger, t *books.Trade, cb books.Callback, lost bool) books.Notification {
	at := q.opts.Now()
	if lost {
		return books.Notification{At: at}
	}
	status, body, err := q.send(ctx, t, cb, false)
	if err != nil {
		log.Info("callback not delivered", "error", err)
	}
	return books.Notification{At: at, HTTPStatus: status, Acknowledged: err == nil && q.sims[t.Channel].Acknowledged(status, body)}
}

func (q *Queue) forge(ctx context.Context, log *slog.Logger, t *books.Trade, cb books.Callback) {
	status, _, err := q.send(ctx, t, cb, true)
	log.Info("forged callback sent", "http_status", status, "error", err)
}

// finish stores the tries, and the next one if the callback isn't acknowledged and the schedule goes on.
func (q *Queue) finish(log *slog.Logger, cb books.Callback, tries []books.Notification) {
	acknowledged := len(tries) == 0
	for _, n := range tries {
		acknowledged = acknowledged || n.Acknowledged
	}
	ladder := q.sims[cb.Trade.Channel].RetrySchedule()
	again := !acknowledged && cb.Tries < len(ladder)
	if again {
		cb.NextAt = q.opts.Now().Add(time.Duration(float64(ladder[cb.Tries]) * q.opts.Scale))
		cb.Tries++
	}
	if err := q.record(cb, tries, again); err != nil {
		log.Error("store a callback's outcome", "error", err)
		return
	}
	if again {
		q.add(cb, cb.NextAt)
	}
}

func (q *Queue) record(cb books.Callback, tries []books.Notification, again bool) error {
	return q.opts.Books.Change(func(tx *books.Tx) error {
		if again {
			tx.SaveCallback(cb)
		} else if cb.ID != "" {
			tx.DropCallback(cb.ID)
		}
		if len(tries) == 0 {
			return nil
		}
		t, ok := tx.Trade(cb.Trade)
		if !ok {
			return fmt.Errorf("trade %s: %w", cb.Trade.OutTradeNo, books.ErrNotFound)
		}
		t.Notifications = append(t.Notifications, tries...)
		tx.SaveTrade(t)
		return nil
	})
}
