package store

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Exec runs a statement in a transaction of its own.
func (db *DB) Exec(ctx context.Context, query string, args ...any) error {
	return db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, query, args...)
		return err
	})
}

// Int reads one number.
func (db *DB) Int(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error { return sqlx.GetContext(ctx, q, &n, query, args...) })
	return n, err
}

// Exec runs a statement in the transaction.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := tx.q.ExecContext(ctx, query, args...)
	return err
}

// Write is write.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error { return db.write(ctx, fn) }

// Queued counts the jobs that wait for SQLite's writer.
func (db *DB) Queued() int { return len(db.writer.(*sqliteWriter).queue) }

// JudgeVersion is judgeVersion.
func JudgeVersion(version string) (collation string, err error) {
	s, err := judgeVersion(version)
	return s.binaryCollation, err
}
