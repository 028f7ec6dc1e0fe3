package torture

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// hastyPace keeps a case short: what a dead process held is free after the lease.
const hastyPace = `
payments:
  default_expiry: 2m
  barcode_expiry: 30s
  call_timeout: 600ms
  call_margin: 300ms
  late_margin: 1s
  unknown_ladder: [200ms, 400ms, 800ms]
  pending_ladder: [600ms]
  barcode_ladder: [400ms]
  refund_ladder: [200ms, 400ms, 800ms]
  late_ladder: [500ms, 1s, 2s]
webhooks: {allow_loopback: true, timeout: 600ms, lease: 1500ms, poll: 200ms}
workers: {poll: 100ms, lease: 2500ms}
breaker: {open_for: 300ms, taken_out_for: 500ms}
`

// Limits of a case.
const (
	hitFor     = 20 * time.Second // until the step is reached
	nudgeAfter = 20 * time.Second // until merchants help; what a dead process held is taken over before
	settleLook = 200 * time.Millisecond
	hitLook    = 10 * time.Millisecond
)

// lane is an installation on which cases are tried one after the other.
type lane struct {
	*scene
	file string // the failpoint's
	// known are the anomalies that earlier cases left.
	known map[string]bool
	// patience bounds how long merchants repeat themselves, and how long it may
	// take until the books are right.
	patience time.Duration
}

// RunCases tries the cases, several at a time: each world is an installation of
// its own, on which one case follows the other. The worlds' binary must look at
// failpoints. An error says that the cases could not be tried.
//
// patience bounds how long merchants repeat themselves, and how long the books may
// take to come right. A barcode that never arrived is certain when its limit of
// half a minute has passed.
func RunCases(ctx context.Context, worlds []World, cases []Case, seed uint64, patience time.Duration, say func(string, ...any)) ([]CaseResult, error) {
	queue := make(chan Case, len(cases))
	for _, c := range cases {
		queue <- c
	}
	close(queue)
	results := make([][]CaseResult, len(worlds))
	errs := make([]error, len(worlds))
	var all sync.WaitGroup
	for i, world := range worlds {
		all.Go(func() { results[i], errs[i] = runLane(ctx, world, queue, seed, patience, say) })
	}
	all.Wait()
	return slices.Concat(results...), errors.Join(errs...)
}

func runLane(
	ctx context.Context, world World, queue <-chan Case, seed uint64, patience time.Duration, say func(string, ...any),
) ([]CaseResult, error) {
	file := filepath.Join(world.Dir, "failpoint")
	s := &scene{world: world, pace: hastyPace, env: []string{"FAILPOINTS_FILE=" + file}}
	s.opts = Options{Seed: seed}.withDefaults()
	defer s.close()
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("torture: bring the installation up: %w", err)
	}
	l := &lane{scene: s, file: file, known: map[string]bool{}, patience: patience}
	var results []CaseResult
	for c := range queue {
		r, err := l.try(ctx, c)
		if err != nil {
			return results, fmt.Errorf("torture: %s: %w; logs: %s", c, err, world.Dir)
		}
		results = append(results, r)
		if r.Failed() {
			say("FAILED %s (died %t, %.1f s): %v", c, r.Died, r.Took.Seconds(), r.Anomalies)
		} else {
			say("ok %s (%.1f s)", c, r.Took.Seconds())
		}
	}
	if slices.ContainsFunc(results, func(r CaseResult) bool { return len(r.Anomalies) > 0 }) {
		return results, nil // they would never come right
	}
	// What waited for its limit must come right too.
	s.opts.Drain = 3 * time.Minute
	books, verdict, err := s.drain(ctx)
	if err != nil {
		return results, err
	}
	if fresh := l.fresh(verdict.Anomalies); len(fresh) > 0 && len(results) > 0 {
		last := &results[len(results)-1]
		last.Anomalies = append(last.Anomalies, fresh...)
		for _, a := range fresh {
			last.History += books.history(a.Order)
		}
	}
	return results, nil
}

// try makes one case: it tells its story with the failpoint armed, brings back
// who died, and waits until the books are right.
func (l *lane) try(ctx context.Context, c Case) (CaseResult, error) {
	began := now()
	d := &drive{lane: l, c: c, number: len(l.shoppers)}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	watch.Go(func() { l.revive(watching) })
	err := stories[c.Step].tell(ctx, d)
	r := CaseResult{Case: c}
	tired := errors.Is(err, errPatience)
	if tired {
		err = nil
		r.History = d.tell(ctx)
	}
	r.Died = err == nil && d.awaitHit(ctx)
	_ = os.Remove(l.file)
	_ = os.Remove(l.file + ".hit")
	err = errors.Join(err, l.sim.calm(ctx))
	if err == nil {
		err = l.settle(ctx, &r)
	}
	stop()
	watch.Wait()
	if tired {
		r.Anomalies = append(r.Anomalies, Anomaly{UnknownLeft, "", "a merchant waited in vain"})
	}
	for _, g := range l.gateways {
		err = errors.Join(err, g.up(ctx))
	}
	r.Took = now().Sub(began)
	return r, err
}

// settle waits until the books are right.
func (l *lane) settle(ctx context.Context, r *CaseResult) error {
	began := now()
	deadline := began.Add(l.patience)
	for {
		// Right after its death a lone gateway can't be asked.
		b, err := l.read(ctx)
		late := now().After(deadline)
		if err == nil {
			r.Anomalies = l.fresh(Check(b).Anomalies)
		}
		switch {
		case err != nil && late:
			return err
		case err == nil && (late || len(r.Anomalies) == 0):
			for _, a := range r.Anomalies {
				l.known[a.String()] = true
				r.History += b.history(a.Order)
			}
			return nil
		case err == nil && now().After(began.Add(nudgeAfter)):
			l.nudge(ctx, b)
		}
		if !pause(ctx, settleLook) {
			return ctx.Err()
		}
	}
}

// fresh are the anomalies that no earlier case left.
func (l *lane) fresh(found []Anomaly) []Anomaly {
	return slices.DeleteFunc(found, func(a Anomaly) bool { return l.known[a.String()] })
}

// revive starts a lone gateway again when it died. Of two the other carries on
// alone until the case is over.
func (l *lane) revive(ctx context.Context) {
	for pause(ctx, hitLook) {
		if len(l.gateways) == 1 && l.gateways[0].dead() {
			_ = l.gateways[0].up(ctx)
		}
	}
}

// drive is a case under way.
type drive struct {
	*lane
	c      Case
	number int
	policy LatePolicy
}

// arm lets a process die at the case's step when it is passed for the nth time.
func (d *drive) arm(nth int) error {
	if d.c.Step == "" {
		return nil // nobody is to die
	}
	return d.spec(fmt.Sprintf("%s:%s=kill@%d#%d", d.c.Step, d.c.Side, nth, d.number))
}

// spec puts a failpoint's spec into its place at once.
func (d *drive) spec(text string) error {
	_ = os.Remove(d.file + ".hit")
	if err := os.WriteFile(d.file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(d.file+".new", d.file)
}

// hit reports whether the failpoint was reached.
func (d *drive) hit() bool {
	_, err := os.Stat(d.file + ".hit")
	return err == nil
}

// awaitHit waits until the step was reached, which is not long after its
// story where a worker comes to it.
func (d *drive) awaitHit(ctx context.Context) bool {
	deadline := now().Add(hitFor)
	for {
		if d.hit() {
			return true
		}
		if now().After(deadline) || !pause(ctx, hitLook) {
			return false
		}
	}
}

// strike lets the outcome strike the next call of an operation. What an
// operation can't be declined is refused as too much at a time.
func (d *drive) strike(ctx context.Context, channel, operation string) error {
	kind := map[Outcome]string{Declined: "rate_limited", TimedOutDone: "hang_after", TimedOutIdle: "hang_before"}[d.c.Outcome]
	if d.c.Outcome == Declined && (operation == "pay" || operation == "refund") {
		kind = "decline"
	}
	if kind == "" {
		return nil
	}
	return d.fault(ctx, channel, operation, kind)
}

// fault sets a fault that strikes once.
func (d *drive) fault(ctx context.Context, channel, operation, kind string) error {
	_, err := d.sim.call(ctx, http.MethodPost, "/_control/faults",
		map[string]any{"channel": channel, "operation": operation, "kind": kind, "count": 1}, nil)
	return err
}

// tell is what is known of the case's last order.
func (d *drive) tell(ctx context.Context) string {
	b, err := d.read(ctx)
	if err != nil || d.number == len(d.shoppers) {
		return fmt.Sprintf("  nothing can be told: %v\n", err)
	}
	return b.history(d.shoppers[len(d.shoppers)-1].order.No)
}

// mute keeps callbacks back until the case is over.
func (d *drive) mute(ctx context.Context) error {
	_, err := d.sim.call(ctx, http.MethodPost, "/_control/notifications", map[string]any{"drop_rate": 1}, nil)
	return err
}

// one picks by the case and the seed.
func (d *drive) one(of ...string) string { return of[(d.number+int(d.opts.Seed%7))%len(of)] }
