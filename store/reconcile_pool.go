package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

// Pool implements [reconcile.Results].
func (db *DB) Pool(ctx context.Context, accountID string, days ...channels.Day) ([]reconcile.PoolRow, error) {
	var rows []struct {
		SubjectID string `db:"subject_id"`
		Refund    bool   `db:"refund"`
		Home      string `db:"home_day"`
		Bill      string `db:"bill_day"`
	}
	names := make([]any, len(days))
	for i, d := range days {
		names[i] = d.String()
	}
	list := placeholders(len(names))
	args := append(append([]any{accountID}, names...), accountID)
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `SELECT subject_id, refund, home_day, bill_day FROM reconcile_pool WHERE account_id = ? AND home_day IN (`+list+`)
			UNION SELECT subject_id, refund, home_day, bill_day FROM reconcile_pool WHERE account_id = ? AND bill_day IN (`+list+`) ORDER BY subject_id`,
			append(args, names...)...)
	})
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
