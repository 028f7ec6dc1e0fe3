package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

const (
	oldEvents        = `SELECT id FROM events WHERE merchant_id = ? AND status = ? AND created_at < ? ORDER BY created_at, id LIMIT ? `
	oldNotifications = `SELECT id FROM notifications WHERE account_id = ? AND verdict = ? AND received_at < ? ORDER BY received_at LIMIT ? `
)

// PurgeEvents removes up to limit delivered events of a merchant that are older
// than before, with their deliveries, and tells how many. Events that were not
// delivered stay: somebody may want to send them again.
func (db *DB) PurgeEvents(ctx context.Context, merchantID string, before time.Time, limit int) (int, error) {
	n, err := db.purge(ctx, oldEvents, []any{merchantID, string(notify.StatusDelivered), millis(before), limit},
		`DELETE FROM deliveries WHERE event_id IN `, `DELETE FROM events WHERE id IN `)
	if err != nil {
		return 0, fmt.Errorf("purge events: %w", err)
	}
	return n, nil
}

// PurgeNotifications removes up to limit callbacks of an account that are older
// than before, and tells how many. Quarantined ones stay for a person.
func (db *DB) PurgeNotifications(ctx context.Context, accountID string, before time.Time, limit int) (int, error) {
	total := 0
	for _, verdict := range []payment.Verdict{payment.VerdictApplied, payment.VerdictIgnored} {
		n, err := db.purge(ctx, oldNotifications, []any{accountID, string(verdict), millis(before), limit - total},
			`DELETE FROM notifications WHERE id IN `)
		if err != nil {
			return total, fmt.Errorf("purge notifications: %w", err)
		}
		total += n
	}
	return total, nil
}

// purge deletes what a query selects, in one transaction. Rows that somebody
// else works on are left for another time.
func (db *DB) purge(ctx context.Context, query string, args []any, deletes ...string) (int, error) {
	var ids []any
	err := db.write(ctx, func(tx *Tx) error {
		ids = nil
		var found []string
		if err := sqlx.SelectContext(ctx, tx.q, &found, query+db.dialect.forUpdateSkip, args...); err != nil || len(found) == 0 {
			return err
		}
		ids = anys(found)
		filled := padded(ids, any(""))
		for _, statement := range deletes {
			if _, err := tx.q.ExecContext(ctx, statement+`(`+placeholders(len(filled))+`)`, filled...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(ids), nil
}
