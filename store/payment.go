package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
)

// paymentColumns are written by inserts and updates alike, in the order of
// paymentRow.values. The id, the reservation and the version have ways of
// their own.
var paymentColumns = []string{
	"merchant_id", "merchant_order_no", "amount_minor", "currency", "subject", "scene", "pinned_channel", "payer_id", "client_ip",
	"return_url", "notify_url", "customer_id", "region", "metadata", "late_policy", "request_hash",
	"status", "channel", "account_id", "channel_trade_no", "current_attempt_id", "counted_attempt_id",
	"action", "action_expires_at", "failure", "close_requested",
	"paid_minor", "refunded_minor", "fee_minor", "sequence", "created_at", "expires_at", "paid_at", "closed_at", "late_until",
}

var (
	insertPayment = insertInto("payments", append(paymentColumns[:len(paymentColumns):len(paymentColumns)], "id", "reserved_minor", "version"))
	updatePayment = `UPDATE payments SET ` + assignments(paymentColumns) + `, version = version + 1 WHERE id = ? AND version = ?`
	selectPayment = `SELECT id, reserved_minor, version, ` + strings.Join(paymentColumns, ", ") + ` FROM payments WHERE `
)

// paymentRow is a row of payments.
type paymentRow struct {
	ID               string         `db:"id"`
	MerchantID       string         `db:"merchant_id"`
	MerchantOrderNo  string         `db:"merchant_order_no"`
	AmountMinor      int64          `db:"amount_minor"`
	Currency         string         `db:"currency"`
	Subject          string         `db:"subject"`
	Scene            string         `db:"scene"`
	PinnedChannel    string         `db:"pinned_channel"`
	PayerID          []byte         `db:"payer_id"`
	ClientIP         []byte         `db:"client_ip"`
	ReturnURL        string         `db:"return_url"`
	NotifyURL        string         `db:"notify_url"`
	CustomerID       string         `db:"customer_id"`
	Region           string         `db:"region"`
	Metadata         sql.NullString `db:"metadata"`
	LatePolicy       string         `db:"late_policy"`
	RequestHash      string         `db:"request_hash"`
	Status           string         `db:"status"`
	Channel          string         `db:"channel"`
	AccountID        string         `db:"account_id"`
	ChannelTradeNo   string         `db:"channel_trade_no"`
	CurrentAttemptID string         `db:"current_attempt_id"`
	CountedAttemptID string         `db:"counted_attempt_id"`
	Action           sql.NullString `db:"action"`
	ActionExpiresAt  sql.NullInt64  `db:"action_expires_at"`
	Failure          sql.NullString `db:"failure"`
	CloseRequested   bool           `db:"close_requested"`
	PaidMinor        int64          `db:"paid_minor"`
	ReservedMinor    int64          `db:"reserved_minor"`
	RefundedMinor    int64          `db:"refunded_minor"`
	FeeMinor         int64          `db:"fee_minor"`
	Sequence         int64          `db:"sequence"`
	Version          int64          `db:"version"`
	CreatedAt        int64          `db:"created_at"`
	ExpiresAt        sql.NullInt64  `db:"expires_at"`
	PaidAt           sql.NullInt64  `db:"paid_at"`
	ClosedAt         sql.NullInt64  `db:"closed_at"`
	LateUntil        sql.NullInt64  `db:"late_until"`
}

// PayerPlace and ClientIPPlace are what the sealed columns of payments are
// bound to; the key is the payment's id.
func PayerPlace(paymentID string) []byte { return []byte("payment/" + paymentID + "/payer_id") }

// ClientIPPlace is PayerPlace for client_ip.
func ClientIPPlace(paymentID string) []byte { return []byte("payment/" + paymentID + "/client_ip") }

// paymentValues gives the values of paymentColumns.
func paymentValues(box Sealer, p *payment.Payment) ([]any, error) {
	payer, err := seal(box, p.PayerID, PayerPlace(p.ID))
	if err != nil {
		return nil, err
	}
	ip, err := seal(box, p.ClientIP, ClientIPPlace(p.ID))
	if err != nil {
		return nil, err
	}
	var metadata sql.NullString
	if len(p.Metadata) > 0 {
		if metadata, err = jsonColumn(&p.Metadata); err != nil {
			return nil, err
		}
	}
	action, err := jsonColumn(p.Action)
	if err != nil {
		return nil, err
	}
	failure, err := jsonColumn(p.Failure)
	if err != nil {
		return nil, err
	}
	return []any{
		p.MerchantID, p.MerchantOrderNo, p.Amount.Minor(), string(p.Amount.Currency()), p.Subject, string(p.Scene), p.PinnedChannel, payer, ip,
		p.ReturnURL, p.NotifyURL, p.CustomerID, p.Region, metadata, string(p.LatePolicy), p.RequestHash,
		string(p.Status), p.Channel, p.AccountID, p.ChannelTradeNo, p.CurrentAttemptID, p.CountedAttemptID,
		action, nullMillis(p.ActionExpiresAt), failure, p.CloseRequested,
		p.PaidMinor, p.RefundedMinor, p.FeeMinor, p.Sequence, millis(p.CreatedAt), nullMillis(p.ExpiresAt), nullMillis(p.PaidAt),
		nullMillis(p.ClosedAt), nullMillis(p.LateUntil),
	}, nil
}

// payment refuses what this binary does not know, naming the row.
func (r *paymentRow) payment(box Sealer) (*payment.Payment, error) {
	p, err := r.decode(box)
	if err != nil {
		return nil, fmt.Errorf("payment %s: %w", r.ID, err)
	}
	return p, nil
}

func (r *paymentRow) decode(box Sealer) (*payment.Payment, error) {
	p := &payment.Payment{
		ID: r.ID, MerchantID: r.MerchantID, MerchantOrderNo: r.MerchantOrderNo, Subject: r.Subject, PinnedChannel: r.PinnedChannel,
		ReturnURL: r.ReturnURL, NotifyURL: r.NotifyURL, CustomerID: r.CustomerID, Region: r.Region, RequestHash: r.RequestHash,
		Channel: r.Channel, AccountID: r.AccountID, ChannelTradeNo: r.ChannelTradeNo,
		CurrentAttemptID: r.CurrentAttemptID, CountedAttemptID: r.CountedAttemptID, CloseRequested: r.CloseRequested,
		PaidMinor: r.PaidMinor, ReservedMinor: r.ReservedMinor, RefundedMinor: r.RefundedMinor, FeeMinor: r.FeeMinor,
		Sequence: r.Sequence, Version: r.Version,
		CreatedAt: fromMillis(r.CreatedAt), ExpiresAt: fromNullMillis(r.ExpiresAt), PaidAt: fromNullMillis(r.PaidAt),
		ClosedAt: fromNullMillis(r.ClosedAt), LateUntil: fromNullMillis(r.LateUntil), ActionExpiresAt: fromNullMillis(r.ActionExpiresAt),
	}
	metadata, err := fromJSON[map[string]string](r.Metadata)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	if metadata != nil {
		p.Metadata = *metadata
	}
	var errs [8]error
	p.Action, errs[0] = fromJSON[channels.Action](r.Action)
	p.Failure, errs[1] = fromJSON[payment.Failure](r.Failure)
	p.PayerID, errs[2] = unseal(box, r.PayerID, PayerPlace(r.ID))
	p.ClientIP, errs[3] = unseal(box, r.ClientIP, ClientIPPlace(r.ID))
	p.Amount, errs[4] = money.New(r.AmountMinor, money.Currency(r.Currency))
	p.Status, errs[5] = oneOf(r.Status, payment.Processing, payment.Pending, payment.Succeeded, payment.Failed, payment.Closed, payment.Unsent)
	p.Scene, errs[6] = oneOf(r.Scene, channels.Scenes()...)
	p.LatePolicy, errs[7] = oneOf(r.LatePolicy, payment.LateRefund, payment.LateAccept)
	return p, errors.Join(errs[:]...)
}

// InsertPayment implements [payment.Tx].
func (tx *Tx) InsertPayment(ctx context.Context, p *payment.Payment) error {
	values, err := paymentValues(tx.db.sealer, p)
	if err != nil {
		return fmt.Errorf("insert payment: %w", err)
	}
	if _, err := tx.q.ExecContext(ctx, insertPayment, append(values, p.ID, p.ReservedMinor, p.Version)...); err != nil {
		return fmt.Errorf("insert payment: %w", err)
	}
	return nil
}

// LockPayment implements [payment.Tx].
func (tx *Tx) LockPayment(ctx context.Context, id string) (*payment.Payment, error) {
	return getPayment(ctx, tx.q, tx.db.sealer, `id = ? `+tx.db.dialect.forUpdate, id)
}

// UpdatePayment implements [payment.Tx].
func (tx *Tx) UpdatePayment(ctx context.Context, p *payment.Payment) error {
	values, err := paymentValues(tx.db.sealer, p)
	if err != nil {
		return fmt.Errorf("update payment: %w", err)
	}
	n, err := affected(tx.q.ExecContext(ctx, updatePayment, append(values, p.ID, p.Version)...))
	if err != nil {
		return fmt.Errorf("update payment: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("update payment %s: %w", p.ID, payment.ErrStale)
	}
	p.Version++
	return nil
}

// Reserve implements [payment.Tx].
func (tx *Tx) Reserve(ctx context.Context, paymentID string, minor int64) (bool, error) {
	if minor <= 0 {
		return false, fmt.Errorf("reserve %d: not a positive amount", minor)
	}
	n, err := affected(tx.q.ExecContext(ctx,
		`UPDATE payments SET reserved_minor = reserved_minor + ? WHERE id = ? AND reserved_minor + ? <= paid_minor`, minor, paymentID, minor))
	if err != nil {
		return false, fmt.Errorf("reserve: %w", err)
	}
	return n == 1, nil
}

// Release implements [payment.Tx].
func (tx *Tx) Release(ctx context.Context, paymentID string, minor int64) error {
	if minor <= 0 {
		return fmt.Errorf("release %d: not a positive amount", minor)
	}
	n, err := affected(tx.q.ExecContext(ctx,
		`UPDATE payments SET reserved_minor = reserved_minor - ? WHERE id = ? AND reserved_minor >= ?`, minor, paymentID, minor))
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("release %d of payment %s: more than is reserved", minor, paymentID)
	}
	return nil
}

// PaymentByID implements [payment.Reader].
func (db *DB) PaymentByID(ctx context.Context, merchantID, id string) (p *payment.Payment, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		p, err = getPayment(ctx, q, db.sealer, `id = ? AND merchant_id = ?`, id, merchantID)
		return err
	})
	return p, err
}

// PaymentByOrderNo implements [payment.Reader].
func (db *DB) PaymentByOrderNo(ctx context.Context, merchantID, orderNo string) (p *payment.Payment, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		p, err = getPayment(ctx, q, db.sealer, `merchant_id = ? AND merchant_order_no = ?`, merchantID, orderNo)
		return err
	})
	return p, err
}

// ListPayments implements [payment.Reader].
func (db *DB) ListPayments(ctx context.Context, f payment.PaymentFilter) ([]*payment.Payment, error) {
	var where conditions
	where.add("merchant_id = ?", f.MerchantID)
	where.add("status <> ?", string(payment.Unsent))
	where.equal("merchant_order_no", f.MerchantOrderNo)
	where.equal("status", string(f.Status))
	where.equal("channel", f.Channel)
	where.equal("customer_id", f.CustomerID)
	if !f.CreatedFrom.IsZero() {
		where.add("created_at >= ?", millis(f.CreatedFrom))
	}
	if !f.CreatedTo.IsZero() {
		where.add("created_at < ?", millis(f.CreatedTo))
	}
	where.after("created_at", f.BeforeTime, f.BeforeID)
	var list []*payment.Payment
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []paymentRow
		err := sqlx.SelectContext(ctx, q, &rows, selectPayment+where.String()+` ORDER BY created_at DESC, id DESC LIMIT ?`, append(where.args, f.Limit)...)
		if err != nil {
			return err
		}
		list = make([]*payment.Payment, len(rows))
		for i := range rows {
			if list[i], err = rows[i].payment(db.sealer); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list payments: %w", err)
	}
	return list, nil
}

func getPayment(ctx context.Context, q sqlx.ExtContext, box Sealer, where string, args ...any) (*payment.Payment, error) {
	var row paymentRow
	if err := sqlx.GetContext(ctx, q, &row, selectPayment+where, args...); err != nil {
		return nil, fmt.Errorf("read payment: %w", orNotFound(err))
	}
	return row.payment(box)
}
