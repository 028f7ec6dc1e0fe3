package store

import (
	"context"
	"strings"

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

// Plan is how SQLite would answer a query.
func (db *DB) Plan(ctx context.Context, query string) (string, error) {
	var steps []struct {
		ID      int    `db:"id"`
		Parent  int    `db:"parent"`
		NotUsed int    `db:"notused"`
		Detail  string `db:"detail"`
	}
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		return sqlx.SelectContext(ctx, q, &steps, "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	})
	text := ""
	for _, s := range steps {
		text += s.Detail + "\n"
	}
	return text, err
}

// SelectOrders reads a page of a merchant's orders.
const SelectOrders = selectOrders

// GrowingQueries lists the core's queries with every kind of filter.
func GrowingQueries() []string {
	const page = ` AND created_at <= ? AND (created_at < ? OR id < ?) ORDER BY created_at DESC, id DESC LIMIT 10`
	queries := []string{
		selectPayment + `id = ?`,
		selectPayment + `id = ? AND merchant_id = ?`,
		selectPayment + `merchant_id = ? AND merchant_order_no = ?`,
		selectAttempt + `payment_id = ? ORDER BY created_at, id`,
		selectRefund + `payment_id = ? ORDER BY created_at, id`,
		selectRefund + `merchant_id = ? AND merchant_refund_no = ?`,
		`SELECT ` + changeColumns + ` FROM changes WHERE payment_id = ? ORDER BY number`,
		sqliteDialect().purgeNonces,
		oldEvents,
		oldNotifications,
	}
	for _, filter := range []string{``, `merchant_id = ? AND `, `actor = ? AND `, `action = ? AND `, `subject = ? AND `} {
		queries = append(queries, `SELECT `+auditColumns+` FROM audit WHERE 1 = 1 AND `+filter+`at <= ? AND (at < ? OR id < ?) ORDER BY at DESC, id DESC LIMIT ?`)
	}
	for _, filter := range []string{``, ` AND status = ?`, ` AND channel = ?`, ` AND customer_id = ?`, ` AND created_at >= ?`, ` AND created_at < ?`} {
		queries = append(queries, selectPayment+`merchant_id = ? AND status <> 'unsent'`+filter+page)
	}
	for _, filter := range []string{``, ` AND status = ?`, ` AND payment_id = ?`} {
		queries = append(queries, selectRefund+`merchant_id = ?`+filter+page)
	}
	for _, table := range []string{"attempts", "refunds"} {
		queries = append(queries,
			`SELECT id, payment_id, fence FROM `+table+` WHERE next_check_at <= ? AND lease_until <= ? ORDER BY next_check_at, id LIMIT ?`,
			`SELECT EXISTS (SELECT 1 FROM `+table+` WHERE next_check_at <= ?)`)
	}
	return queries
}
