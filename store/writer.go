package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/payment"
)

var (
	errClosed = fmt.Errorf("%w: it is being closed", payment.ErrUnavailable)
	// errUnfinished: the job's function ended by a panic.
	errUnfinished = errors.New("the transaction's function did not return")
)

// sqliteWriter is the only one in this process that writes to the file. It
// lends its connection to one job after the other, each in a savepoint, and
// commits many of them at once: a commit costs a flush to disk, however much
// is in it.
//
// A job's function runs in its caller's goroutine, so a panic is the caller's
// own, and nothing of the caller's is touched after it has left.
type sqliteWriter struct {
	db    *sqlx.DB
	queue chan *job
	limit int
	// polls is how often the lock of the file is asked for.
	polls int

	closing   chan struct{}
	stopped   chan struct{}
	closeOnce sync.Once

	conn *sqlx.Conn
	stmt *statements
}

// job is one transaction of one caller.
type job struct {
	// taken is set by the writer when the job begins, or by its caller when it
	// leaves before.
	taken atomic.Bool
	// turn lends the connection, ran gives it back, done tells of the commit.
	turn chan *session
	ran  chan error
	done chan error
}

func openSQLiteWriter(ctx context.Context, path string, cfg Config) (*sqliteWriter, error) {
	db, err := sqlx.Open("sqlite", sqliteDSN(path, writerPoll,
		// What a savepoint may have to undo is kept in memory, not in a file.
		"temp_store(MEMORY)", "cache_size(-16000)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	w := &sqliteWriter{
		db: db, queue: make(chan *job, cfg.QueueLimit), limit: cfg.BatchLimit,
		polls:   max(1, int(cfg.LockWait/writerPoll)),
		closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	for range w.polls {
		// The first connection makes the file a WAL, which needs it alone.
		if err = w.connect(ctx); err == nil || !isBusy(err) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	go w.work()
	return w, nil
}

func (w *sqliteWriter) connect(ctx context.Context) error {
	conn, err := w.db.Connx(ctx)
	if err != nil {
		return err
	}
	w.conn, w.stmt = conn, newStatements(conn)
	return nil
}

func (w *sqliteWriter) transact(ctx context.Context, fn func(q sqlx.ExtContext) error) error {
	j := &job{turn: make(chan *session, 1), ran: make(chan error, 1), done: make(chan error, 1)}
	if err := w.enqueue(ctx, j); err != nil {
		return err
	}
	tx, err := w.await(ctx, j)
	if err != nil {
		return err
	}
	own := j.run(tx, fn)
	// What the function saw may be another job's and not committed yet: even a
	// refusal ("already exists") is true only after the commit.
	select {
	case err := <-j.done:
		return cmp.Or(err, own)
	case <-ctx.Done():
	}
	select {
	case err := <-j.done:
		return cmp.Or(err, own)
	default:
		return fmt.Errorf("%w: the caller left during the commit: %w", payment.ErrUnavailable, context.Cause(ctx))
	}
}

func (w *sqliteWriter) enqueue(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-w.closing:
		return errClosed
	default:
	}
	select {
	case w.queue <- j:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a place in the database's queue: %w", ctx.Err())
	case <-w.closing:
		return errClosed
	}
}

// await waits for the job's turn. A job whose caller goes before is never run.
func (w *sqliteWriter) await(ctx context.Context, j *job) (*session, error) {
	var left error
	select {
	case tx := <-j.turn:
		return tx, nil
	case err := <-j.done:
		return nil, err
	case <-ctx.Done():
		left = fmt.Errorf("wait for the database's writer: %w", ctx.Err())
	case <-w.stopped:
		left = errClosed
	}
	if j.taken.CompareAndSwap(false, true) {
		return nil, left
	}
	select {
	case tx := <-j.turn:
		return tx, nil
	case err := <-j.done:
		return nil, err
	}
}

// run runs the function and gives the connection back, also when the function
// panics.
func (j *job) run(tx *session, fn func(q sqlx.ExtContext) error) error {
	err := errUnfinished
	defer func() { j.ran <- err }()
	err = tx.run(fn)
	return err
}

func (w *sqliteWriter) close() error {
	w.closeOnce.Do(func() { close(w.closing) })
	<-w.stopped
	return w.db.Close()
}

// work serves batches until the writer is closed.
func (w *sqliteWriter) work() {
	defer close(w.stopped)
	defer func() {
		w.stmt.close()
		_ = w.conn.Close()
	}()
	for {
		select {
		case j := <-w.queue:
			if j.taken.CompareAndSwap(false, true) {
				w.batch(j)
			}
		case <-w.closing:
			return
		}
	}
}

// batch runs the job and those that come while it works, and commits them.
func (w *sqliteWriter) batch(first *job) {
	if err := w.begin(); err != nil {
		first.done <- fmt.Errorf("%w: begin: %w", payment.ErrUnavailable, err)
		return
	}
	served := []*job{first}
	err := w.lend(first)
	for err == nil && len(served) < w.limit {
		j := w.next()
		if j == nil {
			break
		}
		served = append(served, j)
		err = w.lend(j)
	}
	if err == nil {
		failpoint.Before(failpoint.StoreCommit)
		err = w.say("COMMIT")
		failpoint.After(failpoint.StoreCommit)
	}
	if err != nil {
		w.undo()
		err = fmt.Errorf("%w: commit: %w", payment.ErrUnavailable, err)
	}
	for _, j := range served {
		j.done <- err
	}
}

// next takes the next waiting job, nil when there is none.
func (w *sqliteWriter) next() *job {
	for {
		select {
		case j := <-w.queue:
			if j.taken.CompareAndSwap(false, true) {
				return j
			}
		default:
			return nil
		}
	}
}

// lend gives a job its turn and takes back the work of one that failed. An
// error is the whole batch's.
func (w *sqliteWriter) lend(j *job) error {
	if err := w.say("SAVEPOINT job"); err != nil {
		return err
	}
	j.turn <- &session{on: w.stmt, detached: true}
	if err := <-j.ran; err != nil {
		if err := w.say("ROLLBACK TO job"); err != nil {
			return err
		}
		return w.say("RELEASE job")
	}
	return w.say("RELEASE job")
}

// begin takes the lock of the file, which another process may hold for a while.
func (w *sqliteWriter) begin() error {
	var err error
	for range w.polls {
		if err = w.say("BEGIN IMMEDIATE"); err == nil || !isBusy(err) {
			return err
		}
	}
	return fmt.Errorf("another process keeps the database locked: %w", err)
}

// undo takes back what is left of a failed batch. A connection on which that
// fails too is replaced.
func (w *sqliteWriter) undo() {
	if err := w.say("ROLLBACK"); err == nil || noTransaction(err) {
		return
	}
	w.stmt.close()
	_ = dropConn(w.conn)
	// Where this fails, the closed connection answers every job with an error.
	_ = w.connect(context.Background())
}

func (w *sqliteWriter) say(statement string) error {
	_, err := w.stmt.ExecContext(context.Background(), statement)
	return err
}
