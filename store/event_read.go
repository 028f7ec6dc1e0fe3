package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// conditions collects the terms of a WHERE clause.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

func (c *conditions) String() string { return strings.Join(c.terms, " AND ") }

// before adds the place in a list that is ordered by time and id, newest first.
func (c *conditions) before(column string, at time.Time, id string) {
	if at.IsZero() {
		return
	}
	ms := at.UnixMilli()
	c.add("("+column+" < ? OR "+column+" = ? AND id < ?)", ms, ms, id)
}

func listEvents(ctx context.Context, q sqlx.ExtContext, f notify.EventFilter) ([]*notify.Event, error) {
	var where conditions
	where.add("merchant_id = ?", f.MerchantID)
	if f.Type != "" {
		where.add("type = ?", string(f.Type))
	}
	if f.PaymentID != "" {
		where.add("payment_id = ?", f.PaymentID)
	}
	switch f.Status {
	case "":
	case notify.StatusPending:
		where.add("status IN ('pending', 'sending')")
	case notify.StatusDelivered, notify.StatusDead, notify.StatusNoEndpoint:
		where.add("status = ?", string(f.Status))
	}
	if !f.CreatedFrom.IsZero() {
		where.add("created_at >= ?", f.CreatedFrom.UnixMilli())
	}
	if !f.CreatedTo.IsZero() {
		where.add("created_at < ?", f.CreatedTo.UnixMilli())
	}
	where.before("created_at", f.BeforeTime, f.BeforeID)
	var rows []eventRow
	err := sqlx.SelectContext(ctx, q, &rows, `SELECT `+eventColumns+` FROM events WHERE `+where.String()+` ORDER BY created_at DESC, id DESC LIMIT ?`,
		append(where.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	events := make([]*notify.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].event()
	}
	return events, addDeliveries(ctx, q, events)
}

func eventByID(ctx context.Context, q sqlx.ExtContext, merchantID, id string) (*notify.Event, error) {
	var row eventRow
	err := sqlx.GetContext(ctx, q, &row, `SELECT `+eventColumns+` FROM events WHERE id = ? AND merchant_id = ?`, id, merchantID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, payment.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("read event: %w", err)
	}
	e := row.event()
	return e, addDeliveries(ctx, q, []*notify.Event{e})
}

type deliveryRow struct {
	EventID    string `db:"event_id"`
	Number     int    `db:"number"`
	At         int64  `db:"at"`
	DurationMS int64  `db:"duration_ms"`
	HTTPStatus int    `db:"http_status"`
	Error      string `db:"error"`
	Response   string `db:"response"`
}

// addDeliveries reads the latest tries of each event.
func addDeliveries(ctx context.Context, q sqlx.ExtContext, events []*notify.Event) error {
	byID := make(map[string]*notify.Event, len(events))
	var ids []string
	for _, e := range events {
		if e.Attempts > 0 {
			byID[e.ID] = e
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	query, args, err := sqlx.In(`
		SELECT d.event_id, d.number, d.at, d.duration_ms, d.http_status, d.error, d.response
		FROM deliveries d JOIN events e ON e.id = d.event_id
		WHERE d.event_id IN (?) AND d.number > e.attempts - ? ORDER BY d.event_id, d.number`, padded(ids, ""), notify.MaxDeliveriesShown)
	if err != nil {
		return err
	}
	var rows []deliveryRow
	if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
		return fmt.Errorf("read deliveries: %w", err)
	}
	for _, r := range rows {
		e := byID[r.EventID]
		e.Deliveries = append(e.Deliveries, notify.Delivery{
			Number: r.Number, At: time.UnixMilli(r.At).UTC(), Duration: time.Duration(r.DurationMS) * time.Millisecond,
			HTTPStatus: r.HTTPStatus, Error: r.Error, Response: r.Response,
		})
	}
	return nil
}

// resendEvent makes an event due at now. One that is being sent is due again
// when that try ends; see recordDelivery.
func resendEvent(ctx context.Context, q sqlx.ExtContext, d dialect, merchantID, id, defaultURL string, now time.Time) error {
	var row eventRow
	err := sqlx.GetContext(ctx, q, &row, `SELECT status, notify_url FROM events WHERE id = ? AND merchant_id = ? `+d.forUpdate, id, merchantID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return payment.ErrNotFound
	case err != nil:
		return fmt.Errorf("read event to resend: %w", err)
	}
	if row.Status == statusSending {
		_, err = q.ExecContext(ctx, `UPDATE events SET resends_asked = resends_asked + 1 WHERE id = ?`, id)
		return err
	}
	if row.NotifyURL == "" {
		row.NotifyURL = defaultURL
	}
	if row.NotifyURL == "" {
		return nil
	}
	_, err = q.ExecContext(ctx, `
		UPDATE events SET status = 'pending', reason = '', step = 0, early = 0, next_at = ?, resends_asked = resends_asked + 1,
			notify_url = ?, endpoint = ? WHERE id = ?`,
		now.UnixMilli(), row.NotifyURL, string(notify.EndpointOf(merchantID, row.NotifyURL)), id)
	if err != nil {
		return fmt.Errorf("resend event: %w", err)
	}
	return nil
}

func enableEndpoint(ctx context.Context, q sqlx.ExtContext, endpoint notify.Endpoint) error {
	if _, err := q.ExecContext(ctx, `DELETE FROM disabled_endpoints WHERE endpoint = ?`, string(endpoint)); err != nil {
		return fmt.Errorf("enable endpoint: %w", err)
	}
	return nil
}
