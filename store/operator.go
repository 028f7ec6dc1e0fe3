package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
)

// FindPayment implements [payment.Reader].
func (db *DB) FindPayment(ctx context.Context, id string) (p *payment.Payment, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		p, err = getPayment(ctx, q, db.sealer, `id = ?`, id)
		return err
	})
	return p, err
}

// FindRefund implements [payment.Reader].
func (db *DB) FindRefund(ctx context.Context, id string) (r *payment.Refund, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		r, err = getRefund(ctx, q, `id = ?`, id)
		return err
	})
	return r, err
}

// EventOwner gives the merchant of an event; [payment.ErrNotFound].
func (db *DB) EventOwner(ctx context.Context, id string) (merchantID string, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		return orNotFound(sqlx.GetContext(ctx, q, &merchantID, `SELECT merchant_id FROM events WHERE id = ?`, id))
	})
	if err != nil {
		return "", fmt.Errorf("read event: %w", err)
	}
	return merchantID, nil
}

// ResendEventBy is ResendEvent with who did it, in one transaction.
func (db *DB) ResendEventBy(ctx context.Context, merchantID, id, defaultURL string, now time.Time, by audit.Entry) error {
	return db.write(ctx, func(tx *Tx) error {
		if err := resendEvent(ctx, tx.q, db.dialect, merchantID, id, defaultURL, now); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, by)
	})
}
