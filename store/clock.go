package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

const mysqlClock = `SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)`

// clockMillis is the database's clock, by which leases are measured, in Unix
// milliseconds. SQLite's is the process's.
func (db *DB) clockMillis(ctx context.Context, q sqlx.ExtContext) (int64, error) {
	if db.cfg.Driver == SQLite {
		return db.now().UnixMilli(), nil
	}
	var ms int64
	if err := sqlx.GetContext(ctx, q, &ms, mysqlClock); err != nil {
		return 0, fmt.Errorf("ask for the database's clock: %w", err)
	}
	return ms, nil
}

// ClockSkew is how far the database's clock is ahead of the process's, to about
// half of the time that the question took.
func (db *DB) ClockSkew(ctx context.Context) (time.Duration, error) {
	var ms int64
	before := db.now()
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		ms, err = db.clockMillis(ctx, q)
		return err
	})
	if err != nil {
		return 0, err
	}
	if db.cfg.Driver == SQLite {
		return 0, nil
	}
	after := db.now()
	return time.UnixMilli(ms).Sub(before.Add(after.Sub(before) / 2)), nil
}
