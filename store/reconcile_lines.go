package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

const paymentLine = `SELECT 'payment', a.paid_at, p.merchant_order_no, '', a.payment_id, a.id, a.channel, a.account_id, a.channel_trade_no,
		p.subject, p.scene, a.status, a.amount_minor, a.currency, a.amount_minor, 0
	FROM attempts a JOIN payments p ON p.id = a.payment_id WHERE a.account_id = ? AND `

func refundLine(clock string) string {
	return `SELECT 'refund', ` + clock + `, p.merchant_order_no, COALESCE(r.merchant_refund_no, ''), r.payment_id, r.id, r.channel, r.account_id, r.channel_refund_no,
			p.subject, p.scene, r.status, -r.amount_minor, r.currency, a.amount_minor, ` + refundedBefore + `
		FROM refunds r JOIN payments p ON p.id = r.payment_id JOIN attempts a ON a.id = r.attempt_id WHERE r.account_id = ? AND `
}

// StatementPage implements [reconcile.Books].
func (db *DB) StatementPage(ctx context.Context, f reconcile.StatementQuery) (list []reconcile.StatementLine, err error) {
	head, clock, id, status := paymentLine, paidAt, "a.id", "a.status IN ('succeeded', 'reversed')"
	if f.Refunds {
		clock = refundClock(f.BySent)
		head, id, status = refundLine(clock), "r.id", "r.status = 'succeeded'"
	}
	var where conditions
	window(&where, clock, id, f.From, f.To, f.After)
	where.add(status)
	args := append([]any{f.AccountID}, where.args...)
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		list, err = statementLines(ctx, q, head+where.String()+` ORDER BY `+clock+`, `+id+` LIMIT ?`, append(args, f.Limit)...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list rows of a statement: %w", err)
	}
	return list, nil
}

// StatementByID implements [reconcile.Books].
func (db *DB) StatementByID(ctx context.Context, accountID string, bySent bool, attempts, refunds []string) (list []reconcile.StatementLine, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		list = nil
		for _, part := range []struct {
			head, id, moved string
			ids             []string
		}{
			{paymentLine, "a.id", "a.paid_at IS NOT NULL AND a.status IN ('succeeded', 'reversed')", attempts},
			{refundLine(refundClock(bySent)), "r.id", refundClock(bySent) + " IS NOT NULL AND r.status = 'succeeded'", refunds},
		} {
			if len(part.ids) == 0 {
				continue
			}
			args := padded(anys(part.ids), any(""))
			found, err := statementLines(ctx, q, part.head+part.moved+` AND `+part.id+` IN (`+placeholders(len(args))+`)`,
				append([]any{accountID}, args...)...)
			if err != nil {
				return err
			}
			list = append(list, found...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of a statement by number: %w", err)
	}
	return list, nil
}

func statementLines(ctx context.Context, q sqlx.ExtContext, query string, args ...any) ([]reconcile.StatementLine, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []reconcile.StatementLine
	for rows.Next() {
		var (
			l              reconcile.StatementLine
			kind, currency string
			at             sql.NullInt64
		)
		if err := rows.Scan(&kind, &at, &l.MerchantOrderNo, &l.MerchantRefundNo, &l.PaymentID, &l.Number, &l.Channel, &l.AccountID,
			&l.ChannelNumber, &l.Subject, &l.Scene, &l.Status, &l.AmountMinor, &currency, &l.OrderMinor, &l.BeforeMinor); err != nil {
			return nil, err
		}
		l.Type, l.Currency, l.At = reconcile.StatementRowType(kind), money.Currency(currency), fromNullMillis(at)
		list = append(list, l)
	}
	return list, rows.Err()
}
