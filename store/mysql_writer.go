package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/payment"
)

const (
	firstRetryWait = 10 * time.Millisecond
	lastRetryWait  = 250 * time.Millisecond
)

// mysqlWriter gives each function a transaction of its own and is the one place
// where a transaction that the server gave up is run again.
type mysqlWriter struct {
	pool   *sqlx.DB
	tries  int
	sleep  func(ctx context.Context, d time.Duration) error
	jitter func(limit time.Duration) time.Duration
}

func (w *mysqlWriter) transact(ctx context.Context, fn func(q sqlx.ExtContext) error) error {
	wait := firstRetryWait
	for try := 1; ; try++ {
		err := w.once(ctx, fn)
		if !mysqlGaveUp(err) {
			return err
		}
		if try == w.tries {
			return fmt.Errorf("transaction was given up %d times: %w", try, err)
		}
		if stopped := w.sleep(ctx, w.jitter(wait)); stopped != nil {
			return fmt.Errorf("wait to run a transaction again: %w", errors.Join(err, stopped))
		}
		wait = min(2*wait, lastRetryWait)
	}
}

func (w *mysqlWriter) once(ctx context.Context, fn func(q sqlx.ExtContext) error) error {
	tx, err := w.pool.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	// After a commit this does nothing; after anything else the connection is
	// dropped when it cannot roll back.
	defer func() { _ = tx.Rollback() }()
	s := &session{on: tx}
	if err := s.run(fn); err != nil {
		return err
	}
	failpoint.Before(failpoint.StoreCommit)
	err = tx.Commit()
	failpoint.After(failpoint.StoreCommit)
	if err != nil {
		if mysqlGaveUp(err) {
			return fmt.Errorf("commit: %w", err)
		}
		return fmt.Errorf("%w: commit: %w", payment.ErrUnavailable, err)
	}
	return nil
}

// close has nothing to wait for: the pool, which is the database's, waits for
// its transactions.
func (w *mysqlWriter) close() error { return nil }
