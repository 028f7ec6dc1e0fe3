package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

type statementRow struct {
	Version    int    `db:"version"`
	CSVDigest  string `db:"csv_digest"`
	CSVSize    int64  `db:"csv_size"`
	XLSXDigest string `db:"xlsx_digest"`
	XLSXSize   int64  `db:"xlsx_size"`
	Rows       int64  `db:"row_count"`
	RowsDigest string `db:"rows_digest"`
	CreatedAt  int64  `db:"created_at"`
}

// StatementsOf implements [reconcile.Statements].
func (db *DB) StatementsOf(ctx context.Context, merchantID string, day channels.Day) ([]reconcile.StoredStatement, error) {
	var rows []statementRow
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `SELECT version, csv_digest, csv_size, xlsx_digest, xlsx_size, row_count, rows_digest, created_at
			FROM statements WHERE merchant_id = ? AND day = ? ORDER BY version DESC`, merchantID, day.String())
	})
	if err != nil {
		return nil, fmt.Errorf("list statements: %w", err)
	}
	list := make([]reconcile.StoredStatement, len(rows))
	for i, r := range rows {
		list[i] = reconcile.StoredStatement{RowsDigest: r.RowsDigest, Statement: reconcile.Statement{
			MerchantID: merchantID, Day: day, Version: r.Version, CSVDigest: r.CSVDigest, CSVSize: r.CSVSize,
			XLSXDigest: r.XLSXDigest, XLSXSize: r.XLSXSize, Rows: r.Rows, CreatedAt: fromMillis(r.CreatedAt),
		}}
	}
	return list, nil
}

// SaveStatement implements [reconcile.Statements].
func (db *DB) SaveStatement(ctx context.Context, s reconcile.StoredStatement, e *payment.Event, read []reconcile.DayState) error {
	err := db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, `INSERT INTO statements
			(merchant_id, day, version, csv_digest, csv_size, xlsx_digest, xlsx_size, row_count, rows_digest, created_at) VALUES (`+placeholders(10)+`)`,
			s.MerchantID, s.Day.String(), s.Version, s.CSVDigest, s.CSVSize, s.XLSXDigest, s.XLSXSize, s.Rows, s.RowsDigest, millis(s.CreatedAt))
		if err != nil {
			return err
		}
		if e != nil {
			if err := tx.InsertEvent(ctx, e); err != nil {
				return err
			}
		}
		return tx.clearStatementDue(ctx, read)
	})
	if err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	return nil
}

// ClearStatementDue implements [reconcile.Statements].
func (db *DB) ClearStatementDue(ctx context.Context, read []reconcile.DayState) error {
	err := db.write(ctx, func(tx *Tx) error { return tx.clearStatementDue(ctx, read) })
	if err != nil {
		return fmt.Errorf("keep that a statement holds: %w", err)
	}
	return nil
}

// clearStatementDue leaves the mark of a day on which a lease began or ended, or
// that was marked again, since it was read: the statement may not have that
// run's result, or what a person explained.
func (tx *Tx) clearStatementDue(ctx context.Context, read []reconcile.DayState) error {
	for _, d := range read {
		if d.StatementDue == 0 {
			continue
		}
		_, err := tx.q.ExecContext(ctx, `UPDATE reconcile_days SET statement_due = 0 WHERE account_id = ? AND day = ? AND fence = ? AND lease_owner = ?
			AND statement_due = ?`, d.AccountID, d.Day.String(), d.Fence, d.Owner, d.StatementDue)
		if err != nil {
			return err
		}
	}
	return nil
}
