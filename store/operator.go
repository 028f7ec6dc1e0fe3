package store

import (
	"context"

	"github.com/jmoiron/sqlx"

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
