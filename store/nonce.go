package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

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
	// Looked at before it is changed: of many who come with one nonce, all would
	// wait for each other to change it.
	var until int64
	err = sqlx.GetContext(ctx, tx.q, &until, `SELECT expires_at FROM nonces WHERE merchant_id = ? AND nonce = ?`, c.MerchantID, c.Nonce)
	now := tx.db.now().UnixMilli()
	switch {
	case errors.Is(err, sql.ErrNoRows): // purged meanwhile
		return tx.useNonce(ctx, c)
	case err != nil:
		return fmt.Errorf("read nonce: %w", err)
	case until >= now:
		return payment.ErrNonceReused
	}
	n, err := affected(tx.q.ExecContext(ctx, `UPDATE nonces SET expires_at = ? WHERE merchant_id = ? AND nonce = ? AND expires_at < ?`,
		expires, c.MerchantID, c.Nonce, now))
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
		n, err := affected(tx.q.ExecContext(ctx, db.dialect.purgeNonces, now.UnixMilli(), limit))
		if err != nil {
			return fmt.Errorf("purge nonces: %w", err)
		}
		removed = n
		return nil
	})
	return int(removed), err
}
