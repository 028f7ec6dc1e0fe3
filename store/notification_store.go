package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/notify"
)

// KeepRejected is notify.Samples'.
func (db *DB) KeepRejected(ctx context.Context, samples []notify.Rejected, keep int) error {
	return db.write(ctx, func(tx *Tx) error { return keepRejected(ctx, tx.q, db.sealer, samples, keep) })
}

// ListNotifications is notify.Inspection's.
func (db *DB) ListNotifications(ctx context.Context, f notify.NotificationFilter) ([]notify.KeptNotification, error) {
	var list []notify.KeptNotification
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		list, err = listNotifications(ctx, q, f)
		return err
	})
	return list, err
}

// NotificationByID is notify.Inspection's.
func (db *DB) NotificationByID(ctx context.Context, id string) (notify.KeptNotification, error) {
	var n notify.KeptNotification
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		n, err = notificationByID(ctx, q, db.sealer, id)
		return err
	})
	return n, err
}

// ListRejected is notify.Inspection's.
func (db *DB) ListRejected(ctx context.Context, accountID string, limit int) ([]notify.Rejected, error) {
	var list []notify.Rejected
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		list, err = listRejected(ctx, q, db.sealer, accountID, limit)
		return err
	})
	return list, err
}
