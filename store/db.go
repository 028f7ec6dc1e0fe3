package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/payment"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	cfg     Config
	dialect dialect
	// server is known of MySQL only.
	server mysqlServer
	// pool reads; on MySQL it writes too.
	pool   *sqlx.DB
	reader sqlx.ExtContext
	writer transactor
	now    func() time.Time
	sealer Sealer
}

// transactor runs a function in one transaction.
type transactor interface {
	// transact returns nil when fn's work is committed. Any other error means
	// that it is not, but for payment.ErrUnavailable: then nobody knows.
	transact(ctx context.Context, fn func(q sqlx.ExtContext) error) error
	close() error
}

var _ payment.Store = (*DB)(nil)

// Open opens a database and checks that it keeps what it is told to keep; it
// neither makes nor checks the schema: see [DB.Migrate] and [DB.CheckSchema].
func Open(ctx context.Context, cfg Config) (*DB, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, now: cfg.Now, sealer: cfg.Sealer}
	if cfg.Driver == MySQL {
		err = db.openMySQL(ctx)
	} else {
		err = db.openSQLite(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s database: %w", cfg.Driver, err)
	}
	return db, nil
}

// Close waits for the transactions under way and closes the database. What
// still waits for its turn fails with [payment.ErrUnavailable].
func (db *DB) Close() error {
	return errors.Join(db.writer.close(), db.pool.Close())
}

// Driver tells which database it is: [SQLite] or [MySQL].
func (db *DB) Driver() string { return db.cfg.Driver }

// Ping asks whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return db.read(ctx, func(q sqlx.ExtContext) error {
		var one int
		return sqlx.GetContext(ctx, q, &one, db.dialect.ping)
	})
}

// InTx is the core's unit of work; see [payment.Store].
//
// A job that ctx ends before its turn is not run. Once it runs it is finished,
// on SQLite whatever ctx says. A panic of fn undoes its work and goes on in the
// caller. fn must be short and must not begin a further transaction: SQLite's
// one writer waits for it.
func (db *DB) InTx(ctx context.Context, fn func(payment.Tx) error) error {
	return db.write(ctx, func(tx *Tx) error { return fn(tx) })
}

// write runs fn in one transaction, the nonce of ctx first.
func (db *DB) write(ctx context.Context, fn func(tx *Tx) error) error {
	claim := payment.NonceFrom(ctx)
	err := db.writer.transact(ctx, func(q sqlx.ExtContext) error {
		tx := &Tx{db: db, q: q}
		if claim != nil {
			if err := tx.useNonce(ctx, claim); err != nil {
				return err
			}
		}
		return fn(tx)
	})
	if err != nil {
		return explain(err)
	}
	if claim != nil {
		claim.MarkCommitted()
	}
	return nil
}

// read runs fn on committed state.
func (db *DB) read(_ context.Context, fn func(q sqlx.ExtContext) error) error {
	return explain(fn(db.reader))
}

// Tx is one transaction; see [payment.Tx]. It must not be used after the
// function that got it has returned.
type Tx struct {
	db *DB
	q  sqlx.ExtContext
}

var _ payment.Tx = (*Tx)(nil)
