package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/payment"
)

type claimRow struct {
	ID        string `db:"id"`
	PaymentID string `db:"payment_id"`
	Fence     int64  `db:"fence"`
}

// ClaimAttempts implements [payment.Store].
func (db *DB) ClaimAttempts(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]payment.Claim, error) {
	claims, err := db.claim(ctx, "attempts", owner, now, lease, limit)
	if err != nil {
		return nil, fmt.Errorf("claim attempts: %w", err)
	}
	return claims, nil
}

// ClaimRefunds implements [payment.Store].
func (db *DB) ClaimRefunds(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]payment.Claim, error) {
	claims, err := db.claim(ctx, "refunds", owner, now, lease, limit)
	if err != nil {
		return nil, fmt.Errorf("claim refunds: %w", err)
	}
	return claims, nil
}

// claim leases rows of a table whose next_check_at has come and that nobody
// holds by the database's clock.
func (db *DB) claim(ctx context.Context, table, owner string, now time.Time, lease time.Duration, limit int) ([]payment.Claim, error) {
	if limit <= 0 {
		return nil, nil
	}
	// Most looks find nothing: they shall not cost a transaction.
	due, err := db.anyDue(ctx, table, now)
	if err != nil || !due {
		return nil, err
	}
	var rows []claimRow
	failpoint.Before(failpoint.LeaseClaim)
	err = db.write(ctx, func(tx *Tx) error {
		rows = nil
		clock, err := db.clockMillis(ctx, tx.q)
		if err != nil {
			return err
		}
		err = sqlx.SelectContext(ctx, tx.q, &rows, `SELECT id, payment_id, fence FROM `+table+`
			WHERE next_check_at <= ? AND lease_until <= ? ORDER BY next_check_at, id LIMIT ? `+db.dialect.forUpdateSkip,
			millis(now), clock, limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		ids := make([]any, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		ids = padded(ids, any(""))
		_, err = tx.q.ExecContext(ctx, `UPDATE `+table+` SET lease_owner = ?, lease_until = ?, fence = fence + 1
			WHERE id IN (`+placeholders(len(ids))+`)`, append([]any{owner, clock + lease.Milliseconds()}, ids...)...)
		return err
	})
	failpoint.After(failpoint.LeaseClaim)
	if err != nil {
		return nil, err
	}
	claims := make([]payment.Claim, len(rows))
	for i, r := range rows {
		claims[i] = payment.Claim{ID: r.ID, PaymentID: r.PaymentID, Fence: r.Fence + 1}
	}
	return claims, nil
}

func (db *DB) anyDue(ctx context.Context, table string, now time.Time) (bool, error) {
	var due bool
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		return sqlx.GetContext(ctx, q, &due, `SELECT EXISTS (SELECT 1 FROM `+table+` WHERE next_check_at <= ?)`, millis(now))
	})
	return due, err
}
