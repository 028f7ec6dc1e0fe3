package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// statusSending is a pending event that is leased. It exists in the database
// only: outside such an event is pending.
const statusSending = "sending"

const eventColumns = `id, merchant_id, type, payment_id, refund_id, sequence, body, notify_url, endpoint, created_at,
	status, reason, attempts, step, early, next_at, delivered_at, last_error, fence, resends_asked, resends_done`

// eventRow is a row of events.
type eventRow struct {
	ID           string         `db:"id"`
	MerchantID   string         `db:"merchant_id"`
	Type         string         `db:"type"`
	PaymentID    sql.NullString `db:"payment_id"`
	RefundID     sql.NullString `db:"refund_id"`
	Sequence     sql.NullInt64  `db:"sequence"`
	Body         []byte         `db:"body"`
	NotifyURL    string         `db:"notify_url"`
	Endpoint     string         `db:"endpoint"`
	CreatedAt    int64          `db:"created_at"`
	Status       string         `db:"status"`
	Reason       string         `db:"reason"`
	Attempts     int            `db:"attempts"`
	Step         int            `db:"step"`
	Early        bool           `db:"early"`
	NextAt       int64          `db:"next_at"`
	DeliveredAt  sql.NullInt64  `db:"delivered_at"`
	LastError    string         `db:"last_error"`
	Fence        int64          `db:"fence"`
	ResendsAsked int64          `db:"resends_asked"`
	ResendsDone  int64          `db:"resends_done"`
}

func (r *eventRow) event() *notify.Event {
	e := &notify.Event{
		Event: payment.Event{
			ID: r.ID, MerchantID: r.MerchantID, Type: payment.EventType(r.Type),
			PaymentID: r.PaymentID.String, RefundID: r.RefundID.String, Sequence: r.Sequence.Int64,
			Body: r.Body, NotifyURL: r.NotifyURL, CreatedAt: time.UnixMilli(r.CreatedAt).UTC(),
		},
		Status: notify.Status(r.Status), Attempts: r.Attempts, LastError: r.LastError, Reason: r.Reason,
	}
	if r.Status == statusSending {
		e.Status = notify.StatusPending
	}
	if e.Status == notify.StatusPending {
		e.NextAt = time.UnixMilli(r.NextAt).UTC()
	}
	if r.DeliveredAt.Valid {
		e.DeliveredAt = time.UnixMilli(r.DeliveredAt.Int64).UTC()
	}
	return e
}

// insertEvent writes an event in the transaction of the state that it tells of.
// One for a disabled endpoint is written dead, one without an address is only
// listed.
func insertEvent(ctx context.Context, q sqlx.ExtContext, e *payment.Event) error {
	endpoint := notify.EndpointOf(e.MerchantID, e.NotifyURL)
	status := notify.StatusPending
	if endpoint == "" {
		status = notify.StatusNoEndpoint
	}
	at := e.CreatedAt.UnixMilli()
	_, err := q.ExecContext(ctx, `
		INSERT INTO events (id, merchant_id, type, payment_id, refund_id, sequence, body, notify_url, endpoint, created_at, next_at, status, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
			CASE WHEN EXISTS (SELECT 1 FROM disabled_endpoints d WHERE d.endpoint = ?) THEN ? ELSE ? END,
			CASE WHEN EXISTS (SELECT 1 FROM disabled_endpoints d WHERE d.endpoint = ?) THEN ? ELSE '' END)`,
		e.ID, e.MerchantID, string(e.Type), nullString(e.PaymentID), nullString(e.RefundID), sql.NullInt64{Int64: e.Sequence, Valid: e.Sequence != 0},
		e.Body, e.NotifyURL, string(endpoint), at, at,
		string(endpoint), string(notify.StatusDead), string(status),
		string(endpoint), notify.ReasonEndpointDisabled)
	if err != nil {
		return fmt.Errorf("insert event: %w", err)
	}
	return nil
}

func nullString(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
