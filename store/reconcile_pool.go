package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

// Pool implements [reconcile.Results].
func (db *DB) Pool(ctx context.Context, accountID string, days ...channels.Day) (pool []reconcile.PoolRow, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		pool, err = poolOf(ctx, q, accountID, days...)
		return err
	})
	return pool, err
}

// PoolOf implements [reconcile.Results].
func (db *DB) PoolOf(ctx context.Context, accountID string, subjects []string) (pool []reconcile.PoolRow, err error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	args := []any{accountID}
	for _, s := range subjects {
		args = append(args, s)
	}
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		pool, err = selectPool(ctx, q, `SELECT subject_id, refund, home_day, bill_day FROM reconcile_pool
			WHERE account_id = ? AND subject_id IN (`+placeholders(len(subjects))+`) ORDER BY subject_id`, args...)
		return err
	})
	return pool, err
}

// Neighbours implements [reconcile.Results].
func (db *DB) Neighbours(ctx context.Context, key reconcile.DayKey) (n reconcile.Neighbours, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		n, err = neighbours(ctx, q, key)
		return err
	})
	return n, err
}

func neighbours(ctx context.Context, q sqlx.ExtContext, key reconcile.DayKey) (n reconcile.Neighbours, err error) {
	before := key.Day.Add(-1)
	err = sqlx.GetContext(ctx, q, &n.BeforeFinished, `SELECT EXISTS (SELECT 1 FROM reconcile_days WHERE account_id = ? AND day = ? AND finished_at IS NOT NULL)`,
		key.AccountID, before.String())
	if err != nil {
		return n, fmt.Errorf("read the day before: %w", err)
	}
	n.Pool, err = poolOf(ctx, q, key.AccountID, before, key.Day)
	return n, err
}

// lockNeighbours makes the ends of runs of neighbouring days wait for each
// other. All take the rows in the same order.
func (tx *Tx) lockNeighbours(ctx context.Context, key reconcile.DayKey) error {
	var locked []string
	return sqlx.SelectContext(ctx, tx.q, &locked, `SELECT day FROM reconcile_days WHERE account_id = ? AND day IN (?, ?, ?) ORDER BY day `+tx.db.dialect.forUpdate,
		key.AccountID, key.Day.Add(-1).String(), key.Day.String(), key.Day.Next().String())
}

// overtaken tells whether a neighbouring day ended since a run read what it
// built on.
func (tx *Tx) overtaken(ctx context.Context, o reconcile.Outcome) (bool, error) {
	if !o.Finished {
		return false, nil
	}
	now, err := neighbours(ctx, tx.q, o.Lease.DayKey)
	if err != nil {
		return false, err
	}
	return now.BeforeFinished != o.Seen.BeforeFinished || !slices.Equal(now.Pool, o.Seen.Pool), nil
}

func poolOf(ctx context.Context, q sqlx.ExtContext, accountID string, days ...channels.Day) ([]reconcile.PoolRow, error) {
	names := make([]any, len(days))
	for i, d := range days {
		names[i] = d.String()
	}
	list := placeholders(len(names))
	args := append(append([]any{accountID}, names...), accountID)
	return selectPool(ctx, q, `SELECT subject_id, refund, home_day, bill_day FROM reconcile_pool WHERE account_id = ? AND home_day IN (`+list+`)
			UNION SELECT subject_id, refund, home_day, bill_day FROM reconcile_pool WHERE account_id = ? AND bill_day IN (`+list+`) ORDER BY subject_id`,
		append(args, names...)...)
}

func selectPool(ctx context.Context, q sqlx.ExtContext, query string, args ...any) ([]reconcile.PoolRow, error) {
	var rows []struct {
		SubjectID string `db:"subject_id"`
		Refund    bool   `db:"refund"`
		Home      string `db:"home_day"`
		Bill      string `db:"bill_day"`
	}
	err := sqlx.SelectContext(ctx, q, &rows, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the pool between days: %w", err)
	}
	pool := make([]reconcile.PoolRow, len(rows))
	for i, r := range rows {
		var errs [2]error
		pool[i] = reconcile.PoolRow{SubjectID: r.SubjectID, Refund: r.Refund}
		pool[i].Home, errs[0] = fromDayColumn(r.Home)
		pool[i].Bill, errs[1] = fromDayColumn(r.Bill)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
	}
	return pool, nil
}

// savePool puts what a day leaves in the pool in the place of what it left
// before. A row that the next day's bill has already decided stays decided.
func (tx *Tx) savePool(ctx context.Context, o reconcile.Outcome) error {
	if !o.Finished {
		return nil
	}
	day := o.Lease.Day.String()
	_, err := tx.q.ExecContext(ctx, `DELETE FROM reconcile_pool WHERE account_id = ? AND (bill_day = ? OR (home_day = ? AND bill_day = ''))`,
		o.Lease.AccountID, day, day)
	if err != nil {
		return err
	}
	for _, p := range o.Pool {
		_, err := tx.q.ExecContext(ctx, `DELETE FROM reconcile_pool WHERE account_id = ? AND subject_id = ?`, o.Lease.AccountID, p.SubjectID)
		if err != nil {
			return err
		}
		_, err = tx.q.ExecContext(ctx, `INSERT INTO reconcile_pool (account_id, subject_id, refund, home_day, bill_day) VALUES (?, ?, ?, ?, ?)`,
			o.Lease.AccountID, p.SubjectID, p.Refund, p.Home.String(), dayColumn(p.Bill))
		if err != nil {
			return err
		}
	}
	return nil
}
