package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/notify"
)

// recordDelivery logs a try and, where the lease still holds, moves the event.
// lost tells that it does not.
func recordDelivery(ctx context.Context, q sqlx.ExtContext, d dialect, c notify.Claim, try notify.Delivery, next notify.Next) (lost bool, err error) {
	var row eventRow
	err = sqlx.GetContext(ctx, q, &row, `
		SELECT status, attempts, fence, next_at, delivered_at, resends_asked FROM events WHERE id = ? `+d.forUpdate, c.EventID)
	if err != nil {
		return false, fmt.Errorf("read event to record: %w", err)
	}
	_, err = q.ExecContext(ctx, `INSERT INTO deliveries (event_id, number, at, duration_ms, http_status, error, response) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		c.EventID, row.Attempts+1, try.At.UnixMilli(), try.Duration.Milliseconds(), try.HTTPStatus, try.Error, try.Response)
	if err != nil {
		return false, fmt.Errorf("log delivery: %w", err)
	}
	if row.Status != statusSending || row.Fence != c.Fence {
		_, err = q.ExecContext(ctx, `UPDATE events SET attempts = attempts + 1 WHERE id = ?`, c.EventID)
		if err != nil {
			return false, fmt.Errorf("count delivery: %w", err)
		}
		return true, nil
	}
	end := try.At.Add(try.Duration)
	delivered := row.DeliveredAt
	if next.Status == notify.StatusDelivered {
		delivered = sql.NullInt64{Int64: end.UnixMilli(), Valid: true}
	}
	nextAt := row.NextAt
	if next.Status == notify.StatusPending {
		nextAt = next.At.UnixMilli()
	}
	status, reason, position := next.Status, next.Reason, next.Position
	if row.ResendsAsked > c.Resends {
		// Asked for during the try, so it is owed another one.
		status, reason, position, nextAt = notify.StatusPending, "", notify.Position{}, end.UnixMilli()
	}
	_, err = q.ExecContext(ctx, `
		UPDATE events SET status = ?, reason = ?, attempts = attempts + 1, step = ?, early = ?, next_at = ?, delivered_at = ?,
			last_error = ?, lease_owner = '', lease_until = 0, resends_done = ? WHERE id = ?`,
		string(status), reason, position.Step, position.Early, nextAt, delivered, try.Error, c.Resends, c.EventID)
	if err != nil {
		return false, fmt.Errorf("move event: %w", err)
	}
	if next.DisableEndpoint {
		return false, disableEndpoint(ctx, q, d, c, end)
	}
	return false, nil
}

func disableEndpoint(ctx context.Context, q sqlx.ExtContext, d dialect, c notify.Claim, at time.Time) error {
	_, err := q.ExecContext(ctx, d.insertIgnore+` INTO disabled_endpoints (endpoint, merchant_id, notify_url, disabled_at) VALUES (?, ?, ?, ?)`,
		string(c.Endpoint), c.MerchantID, c.NotifyURL, at.UnixMilli())
	if err != nil {
		return fmt.Errorf("disable endpoint: %w", err)
	}
	return nil
}

// releaseDeliveries gives unsent claims back.
func releaseDeliveries(ctx context.Context, q sqlx.ExtContext, claims []notify.Claim, at time.Time) error {
	for _, c := range claims {
		_, err := q.ExecContext(ctx, `
			UPDATE events SET status = 'pending', lease_owner = '', lease_until = 0, next_at = ? WHERE id = ? AND fence = ? AND status = 'sending'`,
			at.UnixMilli(), c.EventID, c.Fence)
		if err != nil {
			return fmt.Errorf("release event: %w", err)
		}
	}
	return nil
}
