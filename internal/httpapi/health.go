package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// Check is something that must hold for the gateway to serve.
type Check struct {
	// Name is a word for the answer: "database", "redis", "clock".
	Name string
	// Optional: reported, but the gateway serves without it.
	Optional bool
	// Probe tells what is wrong; nil: nothing. The text goes to the log only.
	Probe func(ctx context.Context) error
}

// CheckResult is what /readyz says of a check.
type CheckResult struct {
	Name string `json:"name"`
	// Status is ok, failed or degraded (failed, but served without).
	Status string `json:"status"`
}

// ClockCheck fails while the clock is more than tolerance off the database's.
func ClockCheck(now func() time.Time, database func(ctx context.Context) (time.Time, error), tolerance time.Duration) Check {
	return Check{Name: "clock", Probe: func(ctx context.Context) error {
		before := now()
		theirs, err := database(ctx)
		if err != nil {
			return fmt.Errorf("ask for the database's time: %w", err)
		}
		after := now()
		// The database read its clock somewhere in between.
		if theirs.Before(before.Add(-tolerance)) || theirs.After(after.Add(tolerance)) {
			return fmt.Errorf("this clock is %s off the database's, at most %s is fine; set it with NTP",
				after.Sub(theirs).Round(time.Second), tolerance)
		}
		return nil
	}}
}

// readiness runs the checks. Whoever asks while they run, or shortly after,
// gets the same result: the page is open to everybody and must not load the
// database.
type readiness struct {
	checks  []Check
	timeout time.Duration
	now     func() time.Time
	logger  *slog.Logger

	mu      sync.Mutex
	at      time.Time
	results []CheckResult
	ready   bool
}

const readinessLives = 500 * time.Millisecond

func (c *readiness) look(ctx context.Context) (results []CheckResult, ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := c.now().Sub(c.at); !c.at.IsZero() && age >= 0 && age < readinessLives {
		return c.results, c.ready
	}
	// The result is for whoever waits too, so no one caller ends it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	defer cancel()
	faults := make([]error, len(c.checks))
	var wg sync.WaitGroup
	for i, check := range c.checks {
		wg.Go(func() { faults[i] = probe(ctx, check) })
	}
	wg.Wait()
	c.results, c.ready = make([]CheckResult, len(c.checks)), true
	for i, check := range c.checks {
		result := CheckResult{Name: check.Name, Status: "ok"}
		if err := faults[i]; err != nil {
			result.Status = "degraded"
			if !check.Optional {
				result.Status, c.ready = "failed", false
			}
			c.logger.LogAttrs(ctx, slog.LevelWarn, "readiness check failed",
				slog.String("check", check.Name), slog.Bool("optional", check.Optional), slog.Any("error", err))
		}
		c.results[i] = result
	}
	c.at = c.now()
	return c.results, c.ready
}

// probe bounds a check that does not look at its context, and takes a panic as
// a fault.
func probe(ctx context.Context, check Check) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				done <- fmt.Errorf("check %s panicked: %v", check.Name, cause)
			}
		}()
		done <- check.Probe(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.New("no answer in time")
	}
}

// healthStatus is the answer of /healthz and, with checks, of /readyz.
type healthStatus struct {
	Status string        `json:"status"`
	Checks []CheckResult `json:"checks,omitempty"`
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, healthStatus{Status: "ok"})
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	results, ready := s.ready.look(r.Context())
	if !ready {
		s.WriteError(w, r, &refusal{
			code: payment.CodeTemporarilyUnable, detail: "the gateway is not ready; its log says why", checks: results,
		})
		return
	}
	WriteJSON(w, http.StatusOK, healthStatus{Status: "ready", Checks: results})
}
