package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
)

// refundColumns are written by inserts and updates alike, in the order of
// refundValues.
var refundColumns = []string{
	"payment_id", "attempt_id", "merchant_id", "channel", "account_id", "merchant_refund_no", "auto_key", "initiator",
	"amount_minor", "currency", "reason", "notify_url", "request_hash", "status", "channel_refund_no", "failure", "reserved",
	"owner", "deadline", "submitted_at", "next_check_at", "checks", "version", "created_at", "succeeded_at", "updated_at",
}

var (
	insertRefund = insertInto("refunds", append(refundColumns[:len(refundColumns):len(refundColumns)], "id"))
	// An update ends the lease: it says when the refund is looked at next.
	updateRefund = `UPDATE refunds SET ` + assignments(refundColumns) + `, lease_owner = '', lease_until = 0 WHERE id = ?`
	selectRefund = `SELECT id, ` + strings.Join(refundColumns, ", ") + ` FROM refunds WHERE `
)

// refundRow is a row of refunds, without its lease.
type refundRow struct {
	ID               string         `db:"id"`
	PaymentID        string         `db:"payment_id"`
	AttemptID        string         `db:"attempt_id"`
	MerchantID       string         `db:"merchant_id"`
	Channel          string         `db:"channel"`
	AccountID        string         `db:"account_id"`
	MerchantRefundNo sql.NullString `db:"merchant_refund_no"`
	AutoKey          sql.NullString `db:"auto_key"`
	Initiator        string         `db:"initiator"`
	AmountMinor      int64          `db:"amount_minor"`
	Currency         string         `db:"currency"`
	Reason           string         `db:"reason"`
	NotifyURL        string         `db:"notify_url"`
	RequestHash      string         `db:"request_hash"`
	Status           string         `db:"status"`
	ChannelRefundNo  string         `db:"channel_refund_no"`
	Failure          sql.NullString `db:"failure"`
	Reserved         bool           `db:"reserved"`
	Owner            string         `db:"owner"`
	Deadline         sql.NullInt64  `db:"deadline"`
	SubmittedAt      sql.NullInt64  `db:"submitted_at"`
	NextCheckAt      sql.NullInt64  `db:"next_check_at"`
	Checks           int            `db:"checks"`
	Version          int64          `db:"version"`
	CreatedAt        int64          `db:"created_at"`
	SucceededAt      sql.NullInt64  `db:"succeeded_at"`
	UpdatedAt        sql.NullInt64  `db:"updated_at"`
}

func refundValues(r *payment.Refund) ([]any, error) {
	failure, err := jsonColumn(r.Failure)
	if err != nil {
		return nil, err
	}
	return []any{
		r.PaymentID, r.AttemptID, r.MerchantID, r.Channel, r.AccountID, nullString(r.MerchantRefundNo), nullString(r.AutoKey), string(r.Initiator),
		r.Amount.Minor(), string(r.Amount.Currency()), r.Reason, r.NotifyURL, r.RequestHash, string(r.Status), r.ChannelRefundNo, failure, r.Reserved,
		r.Owner, nullMillis(r.Deadline), nullMillis(r.SubmittedAt), nullMillis(r.NextCheckAt), r.Checks, r.Version,
		millis(r.CreatedAt), nullMillis(r.SucceededAt), nullMillis(r.UpdatedAt),
	}, nil
}

func (r *refundRow) refund() (*payment.Refund, error) {
	refund := &payment.Refund{
		ID: r.ID, PaymentID: r.PaymentID, AttemptID: r.AttemptID, MerchantID: r.MerchantID, Channel: r.Channel, AccountID: r.AccountID,
		MerchantRefundNo: r.MerchantRefundNo.String, AutoKey: r.AutoKey.String, Reason: r.Reason, NotifyURL: r.NotifyURL, RequestHash: r.RequestHash,
		ChannelRefundNo: r.ChannelRefundNo, Reserved: r.Reserved, Owner: r.Owner, Checks: r.Checks, Version: r.Version,
		Deadline: fromNullMillis(r.Deadline), SubmittedAt: fromNullMillis(r.SubmittedAt), NextCheckAt: fromNullMillis(r.NextCheckAt),
		CreatedAt: fromMillis(r.CreatedAt), SucceededAt: fromNullMillis(r.SucceededAt), UpdatedAt: fromNullMillis(r.UpdatedAt),
	}
	var errs [4]error
	refund.Failure, errs[0] = fromJSON[payment.Failure](r.Failure)
	refund.Amount, errs[1] = money.New(r.AmountMinor, money.Currency(r.Currency))
	refund.Initiator, errs[2] = oneOf(r.Initiator, payment.ByMerchant, payment.ByGateway, payment.ByOperator)
	refund.Status, errs[3] = oneOf(r.Status, payment.RefundPending, payment.RefundProcessing, payment.RefundSucceeded, payment.RefundFailed)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("refund %s: %w", r.ID, err)
	}
	return refund, nil
}

// InsertRefund implements [payment.Tx].
func (tx *Tx) InsertRefund(ctx context.Context, r *payment.Refund) error {
	values, err := refundValues(r)
	if err != nil {
		return fmt.Errorf("insert refund: %w", err)
	}
	if _, err := tx.q.ExecContext(ctx, insertRefund, append(values, r.ID)...); err != nil {
		return fmt.Errorf("insert refund: %w", err)
	}
	return tx.refundBooked(ctx, r)
}

// refundBooked has the days of a refund that ended reconciled again: bills list
// refunds by the time at which they were sent, or succeeded.
func (tx *Tx) refundBooked(ctx context.Context, r *payment.Refund) error {
	if r.Status != payment.RefundSucceeded && r.Status != payment.RefundFailed {
		return nil
	}
	for _, at := range []time.Time{r.SubmittedAt, r.SucceededAt} {
		if err := tx.bookedLate(ctx, r.AccountID, at, r.UpdatedAt); err != nil {
			return fmt.Errorf("have the day of refund %s reconciled again: %w", r.ID, err)
		}
	}
	return nil
}

// UpdateRefund implements [payment.Tx]; it ends the refund's lease.
func (tx *Tx) UpdateRefund(ctx context.Context, r *payment.Refund) error {
	values, err := refundValues(r)
	if err != nil {
		return fmt.Errorf("update refund: %w", err)
	}
	// As in UpdateAttempt.
	known := false
	if ofEarlierDay(r.SubmittedAt, r.UpdatedAt) {
		err := sqlx.GetContext(ctx, tx.q, &known, `SELECT EXISTS (SELECT 1 FROM refunds WHERE id = ? AND status = ?)`, r.ID, string(r.Status))
		if err != nil {
			return fmt.Errorf("update refund: %w", err)
		}
	}
	n, err := affected(tx.q.ExecContext(ctx, updateRefund, append(values, r.ID)...))
	if err != nil {
		return fmt.Errorf("update refund: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("update refund %s: %w", r.ID, payment.ErrNotFound)
	}
	if known {
		return nil
	}
	return tx.refundBooked(ctx, r)
}

// Refund implements [payment.Tx].
func (tx *Tx) Refund(ctx context.Context, id string) (*payment.Refund, error) {
	return getRefund(ctx, tx.q, `id = ?`, id)
}

// Refunds implements [payment.Tx].
func (tx *Tx) Refunds(ctx context.Context, paymentID string) ([]*payment.Refund, error) {
	return selectRefunds(ctx, tx.q, `payment_id = ? ORDER BY created_at, id`, paymentID)
}

// RefundByID implements [payment.Reader].
func (db *DB) RefundByID(ctx context.Context, merchantID, id string) (r *payment.Refund, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		r, err = getRefund(ctx, q, `id = ? AND merchant_id = ?`, id, merchantID)
		return err
	})
	return r, err
}

// RefundByNo implements [payment.Reader].
func (db *DB) RefundByNo(ctx context.Context, merchantID, refundNo string) (r *payment.Refund, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		r, err = getRefund(ctx, q, `merchant_id = ? AND merchant_refund_no = ?`, merchantID, refundNo)
		return err
	})
	return r, err
}

// ListRefunds implements [payment.Reader].
func (db *DB) ListRefunds(ctx context.Context, f payment.RefundFilter) (list []*payment.Refund, err error) {
	var where conditions
	where.add("merchant_id = ?", f.MerchantID)
	where.equal("merchant_refund_no", f.MerchantRefundNo)
	where.equal("payment_id", f.PaymentID)
	where.equal("status", string(f.Status))
	where.after("created_at", f.BeforeTime, f.BeforeID)
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		list, err = selectRefunds(ctx, q, where.String()+` ORDER BY created_at DESC, id DESC LIMIT ?`, append(where.args, f.Limit)...)
		return err
	})
	return list, err
}

func getRefund(ctx context.Context, q sqlx.ExtContext, where string, args ...any) (*payment.Refund, error) {
	var row refundRow
	if err := sqlx.GetContext(ctx, q, &row, selectRefund+where, args...); err != nil {
		return nil, fmt.Errorf("read refund: %w", orNotFound(err))
	}
	return row.refund()
}

func selectRefunds(ctx context.Context, q sqlx.ExtContext, where string, args ...any) ([]*payment.Refund, error) {
	var rows []refundRow
	if err := sqlx.SelectContext(ctx, q, &rows, selectRefund+where, args...); err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	list := make([]*payment.Refund, len(rows))
	for i := range rows {
		r, err := rows[i].refund()
		if err != nil {
			return nil, err
		}
		list[i] = r
	}
	return list, nil
}
