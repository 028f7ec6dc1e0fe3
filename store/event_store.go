package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

var (
	_ notify.Queue      = (*DB)(nil)
	_ notify.Events     = (*DB)(nil)
	_ notify.Samples    = (*DB)(nil)
	_ notify.Inspection = (*DB)(nil)
)

// InsertEvent is payment.Tx's. An event for a disabled endpoint is written
// dead, one without an address is only listed.
func (tx *Tx) InsertEvent(ctx context.Context, e *payment.Event) error {
	return insertEvent(ctx, tx.q, e)
}

// RecordNotification is payment.Tx's.
func (tx *Tx) RecordNotification(ctx context.Context, n payment.NotificationRecord) error {
	return recordNotification(ctx, tx.q, tx.db.dialect, tx.db.sealer, n)
}

// DueEndpoints is notify.Queue's.
func (db *DB) DueEndpoints(ctx context.Context, now time.Time, after notify.Endpoint, limit int) ([]notify.Due, error) {
	var due []notify.Due
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		due, err = dueEndpoints(ctx, q, db.dialect, db.clock(), now, after, limit)
		return err
	})
	return due, err
}

// ClaimDeliveries is notify.Queue's. Where nothing is due it does not write.
func (db *DB) ClaimDeliveries(ctx context.Context, owner string, now time.Time, lease time.Duration, wants []notify.Want) ([]notify.Claim, error) {
	var ids []string
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		ids, err = dueEvents(ctx, q, db.clock(), now, wants)
		return err
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var claims []notify.Claim
	err = db.write(ctx, func(tx *Tx) (err error) {
		claims, err = leaseEvents(ctx, tx.q, db.dialect, db.clock(), owner, now, lease, wants, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// RecordDelivery is notify.Queue's.
func (db *DB) RecordDelivery(ctx context.Context, c notify.Claim, d notify.Delivery, next notify.Next) error {
	var lost bool
	err := db.write(ctx, func(tx *Tx) (err error) {
		lost, err = recordDelivery(ctx, tx.q, db.dialect, c, d, next)
		return err
	})
	if err == nil && lost {
		return notify.ErrLeaseLost
	}
	return err
}

// ReleaseDeliveries is notify.Queue's.
func (db *DB) ReleaseDeliveries(ctx context.Context, claims []notify.Claim, at time.Time) error {
	return db.write(ctx, func(tx *Tx) error { return releaseDeliveries(ctx, tx.q, claims, at) })
}

// BuryQueued is notify.Queue's.
func (db *DB) BuryQueued(ctx context.Context, endpoint notify.Endpoint, limit int) (int, error) {
	var n int
	err := db.write(ctx, func(tx *Tx) (err error) {
		n, err = buryQueued(ctx, tx.q, endpoint, limit)
		return err
	})
	return n, err
}

// ListEvents is notify.Events'.
func (db *DB) ListEvents(ctx context.Context, f notify.EventFilter) ([]*notify.Event, error) {
	var events []*notify.Event
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		events, err = listEvents(ctx, q, f)
		return err
	})
	return events, err
}

// EventByID is notify.Events'.
func (db *DB) EventByID(ctx context.Context, merchantID, id string) (*notify.Event, error) {
	var e *notify.Event
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		e, err = eventByID(ctx, q, merchantID, id)
		return err
	})
	return e, err
}

// ResendEvent is notify.Events'.
func (db *DB) ResendEvent(ctx context.Context, merchantID, id, defaultURL string, now time.Time) error {
	return db.write(ctx, func(tx *Tx) error {
		return resendEvent(ctx, tx.q, db.dialect, merchantID, id, defaultURL, now)
	})
}

// EnableEndpoint is notify.Events'.
func (db *DB) EnableEndpoint(ctx context.Context, endpoint notify.Endpoint) error {
	return db.write(ctx, func(tx *Tx) error { return enableEndpoint(ctx, tx.q, endpoint) })
}
