package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/router"
)

// ordersPage is how many orders are read at once: no cursor stays open while
// they are looked at.
const ordersPage = 1000

const selectOrders = `SELECT id, merchant_id, merchant_order_no, amount_minor, currency, scene, pinned_channel, region, metadata,
	channel, account_id, paid_minor, created_at FROM payments
	WHERE merchant_id = ? AND created_at >= ? AND created_at < ? AND (created_at > ? OR id > ?) AND status <> ?
	ORDER BY created_at, id LIMIT ?`

type orderRow struct {
	ID              string         `db:"id"`
	MerchantID      string         `db:"merchant_id"`
	MerchantOrderNo string         `db:"merchant_order_no"`
	AmountMinor     int64          `db:"amount_minor"`
	Currency        string         `db:"currency"`
	Scene           string         `db:"scene"`
	PinnedChannel   string         `db:"pinned_channel"`
	Region          string         `db:"region"`
	Metadata        sql.NullString `db:"metadata"`
	Channel         string         `db:"channel"`
	AccountID       string         `db:"account_id"`
	PaidMinor       int64          `db:"paid_minor"`
	CreatedAt       int64          `db:"created_at"`
}

func (r *orderRow) order() (router.PastOrder, error) {
	o := router.PastOrder{
		Request: channels.RouteRequest{
			MerchantID: r.MerchantID, Scene: channels.Scene(r.Scene), Channel: r.PinnedChannel, Region: r.Region,
			Sticky: r.MerchantOrderNo, At: fromMillis(r.CreatedAt),
		},
		AccountID: r.AccountID, Channel: r.Channel, PaidMinor: r.PaidMinor,
	}
	var err error
	if o.Request.Amount, err = money.New(r.AmountMinor, money.Currency(r.Currency)); err != nil {
		return o, fmt.Errorf("payment %s: %w", r.ID, err)
	}
	metadata, err := fromJSON[map[string]string](r.Metadata)
	if err != nil {
		return o, fmt.Errorf("payment %s: metadata: %w", r.ID, err)
	}
	if metadata != nil {
		o.Request.Metadata = *metadata
	}
	return o, nil
}

// EachOrder gives a merchant's payments that were made from a time on and
// before another, oldest first, one after the other, until each fails; those
// that no account took (unsent) are left out. Payments made meanwhile may be
// among them or not.
func (db *DB) EachOrder(ctx context.Context, merchantID string, from, to time.Time, each func(router.PastOrder) error) error {
	since, after := millis(from), ""
	for {
		var rows []orderRow
		err := db.read(ctx, func(q sqlx.ExtContext) error {
			return sqlx.SelectContext(ctx, q, &rows, selectOrders, merchantID, since, millis(to), since, after, string(payment.Unsent), ordersPage)
		})
		if err != nil {
			return fmt.Errorf("read orders of merchant %q: %w", merchantID, err)
		}
		for i := range rows {
			o, err := rows[i].order()
			if err != nil {
				return fmt.Errorf("read orders of merchant %q: %w", merchantID, err)
			}
			if err := each(o); err != nil {
				return err
			}
		}
		if len(rows) < ordersPage {
			return nil
		}
		last := rows[len(rows)-1]
		since, after = last.CreatedAt, last.ID
	}
}
