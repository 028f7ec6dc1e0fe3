package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"
)

// maxStatements bounds the prepared statements that are kept. Texts that vary
// (lists of ids) would fill the cache otherwise; what finds no place is
// prepared for one use.
const maxStatements = 200

// questionMarks says how arguments are bound: as they are, to "?". Both drivers
// do it so.
type questionMarks struct{}

func (questionMarks) DriverName() string { return "sqlite3" }

func (questionMarks) Rebind(query string) string { return query }

func (questionMarks) BindNamed(query string, arg any) (string, []any, error) {
	return sqlx.BindNamed(sqlx.QUESTION, query, arg)
}

type preparer interface {
	sqlx.QueryerContext
	sqlx.ExecerContext
	PreparexContext(ctx context.Context, query string) (*sqlx.Stmt, error)
}

// statements runs queries through prepared statements that it keeps.
type statements struct {
	questionMarks
	on     preparer
	mu     sync.RWMutex
	cached map[string]*sqlx.Stmt
}

func newStatements(on preparer) *statements {
	return &statements{on: on, cached: make(map[string]*sqlx.Stmt)}
}

// prepared gives nil where there is no room, or where preparing fails: then the
// query itself says why.
func (s *statements) prepared(ctx context.Context, query string) *sqlx.Stmt {
	s.mu.RLock()
	stmt, full := s.cached[query], len(s.cached) >= maxStatements
	s.mu.RUnlock()
	if stmt != nil || full {
		return stmt
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.cached[query]; stmt != nil {
		return stmt
	}
	// The statement outlives the call that needed it first.
	stmt, err := s.on.PreparexContext(context.WithoutCancel(ctx), query) //nolint:sqlclosecheck // close does
	if err != nil {
		return nil
	}
	s.cached[query] = stmt
	return stmt
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := s.prepared(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return s.on.ExecContext(ctx, query, args...)
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := s.prepared(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return s.on.QueryContext(ctx, query, args...)
}

func (s *statements) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	if stmt := s.prepared(ctx, query); stmt != nil { //nolint:sqlclosecheck // a cached one; close does
		return stmt.QueryxContext(ctx, args...)
	}
	return s.on.QueryxContext(ctx, query, args...)
}

func (s *statements) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	if stmt := s.prepared(ctx, query); stmt != nil { //nolint:sqlclosecheck // a cached one; close does
		return stmt.QueryRowxContext(ctx, args...)
	}
	return s.on.QueryRowxContext(ctx, query, args...)
}

// close forgets the statements; they are released with their connection too.
func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stmt := range s.cached {
		_ = stmt.Close()
	}
	clear(s.cached)
}

// errSessionOver: the transaction has ended, or an error may have ended it.
// The databases undo a whole transaction by themselves after some errors (a
// deadlock, a full disk); whatever is said after that would be committed at
// once, statement by statement.
var errSessionOver = errors.New("the transaction is over, or a statement of it failed before")

// session is a transaction as its function sees it: after an error other than
// a taken unique key it runs nothing more.
type session struct {
	questionMarks
	on sqlx.ExtContext
	// detached: the caller's context ends no statement, because the connection
	// is shared by the jobs of a batch.
	detached bool
	over     error
}

func (s *session) context(ctx context.Context) context.Context {
	if s.detached {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// note keeps the first error that may have ended the transaction.
func (s *session) note(err error) error {
	if err == nil {
		return nil
	}
	if duplicate := takenKey(err); duplicate != nil {
		return duplicate
	}
	if s.over == nil && !errors.Is(err, sql.ErrNoRows) {
		s.over = fmt.Errorf("%w: %w", errSessionOver, err)
	}
	return err
}

// run runs the transaction's function. One that passed over an error that may
// have ended the transaction has failed too.
func (s *session) run(fn func(q sqlx.ExtContext) error) error {
	defer func() { s.over = errSessionOver }()
	return cmp.Or(fn(s), s.over)
}

func (s *session) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s.over != nil {
		return nil, s.over
	}
	result, err := s.on.ExecContext(s.context(ctx), query, args...)
	return result, s.note(err)
}

func (s *session) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s.over != nil {
		return nil, s.over
	}
	rows, err := s.on.QueryContext(s.context(ctx), query, args...)
	return rows, s.note(err)
}

func (s *session) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	if s.over != nil {
		return nil, s.over
	}
	rows, err := s.on.QueryxContext(s.context(ctx), query, args...)
	return rows, s.note(err)
}

func (s *session) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	if s.over != nil {
		// A row cannot be made with an error of ours, but with a context's.
		ended, end := context.WithCancel(ctx)
		end()
		return s.on.QueryRowxContext(ended, query, args...)
	}
	row := s.on.QueryRowxContext(s.context(ctx), query, args...)
	_ = s.note(row.Err())
	return row
}
