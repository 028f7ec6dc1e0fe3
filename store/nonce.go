package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// useNonce inserts a request's nonce. One whose time is over may be there still
// and is taken over.
func (tx *Tx) useNonce(ctx context.Context, c *payment.NonceClaim) error {
	expires := c.Expires.UnixMilli()
	_, err := tx.q.ExecContext(ctx, `INSERT INTO nonces (merchant_id, nonce, expires_at) VALUES (?, ?, ?)`,
		c.MerchantID, c.Nonce, expires)
	if err == nil {
		return nil
	}
	if !errors.Is(err, payment.ErrDuplicate) {
		return fmt.Errorf("insert nonce: %w", err)
	}
	result, err := tx.q.ExecContext(ctx, `UPDATE nonces SET expires_at = ? WHERE merchant_id = ? AND nonce = ? AND expires_at < ?`,
		expires, c.MerchantID, c.Nonce, tx.db.now().UnixMilli())
	if err != nil {
		return fmt.Errorf("take over nonce: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("take over nonce: %w", err)
	}
	if n == 0 {
		return payment.ErrNonceReused
	}
	return nil
}

// CommitNonce commits the nonce of a request that led to no transaction; it
// does nothing when the claim is committed. [payment.ErrNonceReused] when
// another request used it.
func (db *DB) CommitNonce(ctx context.Context, c *payment.NonceClaim) error {
	if c.Committed() {
		return nil
	}
	return db.write(payment.WithNonce(ctx, c), func(*Tx) error { return nil })
}

// PurgeNonces removes at most limit nonces that expired before now and tells
// how many.
func (db *DB) PurgeNonces(ctx context.Context, now time.Time, limit int) (int, error) {
	var removed int64
	err := db.write(ctx, func(tx *Tx) error {
		result, err := tx.q.ExecContext(ctx, db.dialect.purgeNonces, now.UnixMilli(), limit)
		if err != nil {
			return fmt.Errorf("purge nonces: %w", err)
		}
		removed, err = result.RowsAffected()
		return err
	})
	return int(removed), err
}
