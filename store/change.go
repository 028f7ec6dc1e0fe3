package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/payment"
)

// The bounds of texts for people, in bytes.
const (
	maxChangeDetail      = 4000
	maxDiscrepancyDetail = 4000
)

const changeColumns = `payment_id, attempt_id, refund_id, kind, from_status, to_status, cause, detail, at`

type changeRow struct {
	PaymentID string `db:"payment_id"`
	AttemptID string `db:"attempt_id"`
	RefundID  string `db:"refund_id"`
	Kind      string `db:"kind"`
	From      string `db:"from_status"`
	To        string `db:"to_status"`
	Cause     string `db:"cause"`
	Detail    string `db:"detail"`
	At        int64  `db:"at"`
}

// InsertChange implements [payment.Tx].
func (tx *Tx) InsertChange(ctx context.Context, c payment.Change) error {
	_, err := tx.q.ExecContext(ctx, `INSERT INTO changes (`+changeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.PaymentID, c.AttemptID, c.RefundID, c.Kind, c.From, c.To, c.Cause, people(c.Detail, maxChangeDetail), millis(c.At))
	if err != nil {
		return fmt.Errorf("insert change: %w", err)
	}
	return nil
}

// HistoryOf implements [payment.Reader].
func (db *DB) HistoryOf(ctx context.Context, paymentID string) ([]payment.Change, error) {
	var rows []changeRow
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		return sqlx.SelectContext(ctx, q, &rows, `SELECT `+changeColumns+` FROM changes WHERE payment_id = ? ORDER BY number`, paymentID)
	})
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	history := make([]payment.Change, len(rows))
	for i, r := range rows {
		history[i] = payment.Change{
			PaymentID: r.PaymentID, AttemptID: r.AttemptID, RefundID: r.RefundID, Kind: r.Kind,
			From: r.From, To: r.To, Cause: r.Cause, Detail: r.Detail, At: fromMillis(r.At),
		}
	}
	return history, nil
}

// RecordDiscrepancy implements [payment.Tx].
func (tx *Tx) RecordDiscrepancy(ctx context.Context, d payment.Discrepancy) error {
	subject := d.AttemptID
	if d.RefundID != "" {
		subject = d.RefundID
	}
	oursMinor, oursCurrency := amountColumns(d.Ours)
	theirsMinor, theirsCurrency := amountColumns(d.Theirs)
	_, err := tx.q.ExecContext(ctx, `INSERT INTO discrepancies
		(kind, subject_id, merchant_id, payment_id, attempt_id, refund_id, account_id,
			ours_minor, ours_currency, theirs_minor, theirs_currency, detail, at) VALUES (`+placeholders(13)+`)`,
		string(d.Kind), subject, d.MerchantID, d.PaymentID, d.AttemptID, d.RefundID, d.AccountID,
		oursMinor, oursCurrency, theirsMinor, theirsCurrency, people(d.Detail, maxDiscrepancyDetail), millis(d.At))
	if err != nil && !errors.Is(err, payment.ErrDuplicate) {
		return fmt.Errorf("record discrepancy: %w", err)
	}
	return nil
}
