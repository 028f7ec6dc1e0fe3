package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/payment"
)

// searches find the payments that a number names, each by an index. An order
// or refund number of a merchant who is not named is looked for merchant by
// merchant, as the unique keys begin with the merchant.
var searches = []struct{ one, all string }{
	{one: `id = ?`},
	{one: `id IN (SELECT payment_id FROM attempts WHERE id = ?)`},
	{one: `id IN (SELECT payment_id FROM refunds WHERE id = ?)`},
	{one: `id IN (SELECT payment_id FROM attempts WHERE channel_trade_no = ? AND channel_trade_no <> '')`},
	{one: `id IN (SELECT payment_id FROM refunds WHERE channel_refund_no = ? AND channel_refund_no <> '')`},
	{one: `merchant_order_no = ?`, all: `merchant_id IN (SELECT id FROM merchants) AND merchant_order_no = ?`},
	{
		one: `id IN (SELECT payment_id FROM refunds WHERE merchant_refund_no = ? AND merchant_id = ?)`,
		all: `id IN (SELECT payment_id FROM refunds WHERE merchant_id IN (SELECT id FROM merchants) AND merchant_refund_no = ?)`,
	},
}

// SearchPayments is console.Payments'.
func (db *DB) SearchPayments(ctx context.Context, merchantID, number string, limit int) ([]*payment.Payment, error) {
	var list []*payment.Payment
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		for _, s := range searches {
			where, args := s.one, []any{number}
			switch {
			case merchantID == "" && s.all != "":
				where = s.all
			case merchantID != "" && s.all != "" && s.one != `merchant_order_no = ?`:
				args = append(args, merchantID)
			}
			if merchantID != "" {
				where, args = where+` AND merchant_id = ?`, append(args, merchantID)
			}
			found, err := db.searchPayments(ctx, q, where, append(args, limit))
			if err != nil {
				return err
			}
			// A number names one kind of thing; the first kind that has it is meant.
			if len(found) > 0 {
				list = found
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("search payments: %w", err)
	}
	return list, nil
}

func (db *DB) searchPayments(ctx context.Context, q sqlx.ExtContext, where string, args []any) ([]*payment.Payment, error) {
	var rows []paymentRow
	err := sqlx.SelectContext(ctx, q, &rows, selectPayment+where+` ORDER BY created_at DESC, id DESC LIMIT ?`, args...)
	if err != nil {
		return nil, err
	}
	list := make([]*payment.Payment, 0, len(rows))
	for i := range rows {
		p, err := rows[i].payment(db.sealer)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}
