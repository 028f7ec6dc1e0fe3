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

// attemptColumns are written by inserts and updates alike, in the order of
// attemptValues.
var attemptColumns = []string{
	"payment_id", "merchant_id", "channel", "account_id", "scene", "amount_minor", "currency", "status", "counted",
	"channel_trade_no", "failure", "decision", "owner", "deadline", "submitted_at", "expires_at", "late_until",
	"next_check_at", "checks", "created_at", "paid_at", "updated_at",
}

var (
	insertAttempt = insertInto("attempts", append(attemptColumns[:len(attemptColumns):len(attemptColumns)], "id"))
	// An update ends the lease: it says when the attempt is looked at next.
	updateAttempt = `UPDATE attempts SET ` + assignments(attemptColumns) + `, lease_owner = '', lease_until = 0 WHERE id = ?`
	selectAttempt = `SELECT id, ` + strings.Join(attemptColumns, ", ") + ` FROM attempts WHERE `
)

// attemptRow is a row of attempts, without its lease.
type attemptRow struct {
	ID             string         `db:"id"`
	PaymentID      string         `db:"payment_id"`
	MerchantID     string         `db:"merchant_id"`
	Channel        string         `db:"channel"`
	AccountID      string         `db:"account_id"`
	Scene          string         `db:"scene"`
	AmountMinor    int64          `db:"amount_minor"`
	Currency       string         `db:"currency"`
	Status         string         `db:"status"`
	Counted        bool           `db:"counted"`
	ChannelTradeNo string         `db:"channel_trade_no"`
	Failure        sql.NullString `db:"failure"`
	Decision       sql.NullString `db:"decision"`
	Owner          string         `db:"owner"`
	Deadline       sql.NullInt64  `db:"deadline"`
	SubmittedAt    sql.NullInt64  `db:"submitted_at"`
	ExpiresAt      sql.NullInt64  `db:"expires_at"`
	LateUntil      sql.NullInt64  `db:"late_until"`
	NextCheckAt    sql.NullInt64  `db:"next_check_at"`
	Checks         int            `db:"checks"`
	CreatedAt      int64          `db:"created_at"`
	PaidAt         sql.NullInt64  `db:"paid_at"`
	UpdatedAt      sql.NullInt64  `db:"updated_at"`
}

func attemptValues(a *payment.Attempt) ([]any, error) {
	failure, err := jsonColumn(a.Failure)
	if err != nil {
		return nil, err
	}
	decision, err := jsonColumn(&a.Decision)
	if err != nil {
		return nil, err
	}
	return []any{
		a.PaymentID, a.MerchantID, a.Channel, a.AccountID, string(a.Scene), a.Amount.Minor(), string(a.Amount.Currency()), string(a.Status), a.Counted,
		a.ChannelTradeNo, failure, decision, a.Owner, nullMillis(a.Deadline), nullMillis(a.SubmittedAt), nullMillis(a.ExpiresAt), nullMillis(a.LateUntil),
		nullMillis(a.NextCheckAt), a.Checks, millis(a.CreatedAt), nullMillis(a.PaidAt), nullMillis(a.UpdatedAt),
	}, nil
}

func (r *attemptRow) attempt() (*payment.Attempt, error) {
	a := &payment.Attempt{
		ID: r.ID, PaymentID: r.PaymentID, MerchantID: r.MerchantID, Channel: r.Channel, AccountID: r.AccountID,
		Counted: r.Counted, ChannelTradeNo: r.ChannelTradeNo, Owner: r.Owner, Checks: r.Checks,
		Deadline: fromNullMillis(r.Deadline), SubmittedAt: fromNullMillis(r.SubmittedAt), ExpiresAt: fromNullMillis(r.ExpiresAt),
		LateUntil: fromNullMillis(r.LateUntil), NextCheckAt: fromNullMillis(r.NextCheckAt),
		CreatedAt: fromMillis(r.CreatedAt), PaidAt: fromNullMillis(r.PaidAt), UpdatedAt: fromNullMillis(r.UpdatedAt),
	}
	var errs [5]error
	a.Failure, errs[0] = fromJSON[payment.Failure](r.Failure)
	decision, err := fromJSON[channels.Decision](r.Decision)
	errs[1] = err
	if decision != nil {
		a.Decision = *decision
	}
	a.Amount, errs[2] = money.New(r.AmountMinor, money.Currency(r.Currency))
	a.Scene, errs[3] = oneOf(r.Scene, channels.Scenes()...)
	a.Status, errs[4] = oneOf(r.Status, payment.AttemptDispatched, payment.AttemptUnknown, payment.AttemptPending, payment.AttemptSucceeded,
		payment.AttemptDeclined, payment.AttemptNotProcessed, payment.AttemptClosed, payment.AttemptReversed)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("attempt %s: %w", r.ID, err)
	}
	return a, nil
}

// InsertAttempt implements [payment.Tx].
func (tx *Tx) InsertAttempt(ctx context.Context, a *payment.Attempt) error {
	values, err := attemptValues(a)
	if err != nil {
		return fmt.Errorf("insert attempt: %w", err)
	}
	if _, err := tx.q.ExecContext(ctx, insertAttempt, append(values, a.ID)...); err != nil {
		return fmt.Errorf("insert attempt: %w", err)
	}
	return nil
}

// UpdateAttempt implements [payment.Tx]; it ends the attempt's lease.
func (tx *Tx) UpdateAttempt(ctx context.Context, a *payment.Attempt) error {
	values, err := attemptValues(a)
	if err != nil {
		return fmt.Errorf("update attempt: %w", err)
	}
	// A question answered as before is no news of an earlier day.
	known := false
	if ofEarlierDay(a.PaidAt, a.UpdatedAt) {
		err := sqlx.GetContext(ctx, tx.q, &known, `SELECT EXISTS (SELECT 1 FROM attempts WHERE id = ? AND status = ? AND paid_at = ?)`,
			a.ID, string(a.Status), millis(a.PaidAt))
		if err != nil {
			return fmt.Errorf("update attempt: %w", err)
		}
	}
	n, err := affected(tx.q.ExecContext(ctx, updateAttempt, append(values, a.ID)...))
	if err != nil {
		return fmt.Errorf("update attempt: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("update attempt %s: %w", a.ID, payment.ErrNotFound)
	}
	if known {
		return nil
	}
	if err := tx.bookedLate(ctx, a.AccountID, a.PaidAt, a.UpdatedAt); err != nil {
		return fmt.Errorf("update attempt %s: have its day reconciled again: %w", a.ID, err)
	}
	return nil
}

// Attempt implements [payment.Tx].
func (tx *Tx) Attempt(ctx context.Context, id string) (*payment.Attempt, error) {
	return getAttempt(ctx, tx.q, id)
}

// Attempts implements [payment.Tx].
func (tx *Tx) Attempts(ctx context.Context, paymentID string) ([]*payment.Attempt, error) {
	return selectAttempts(ctx, tx.q, `payment_id = ? ORDER BY created_at, id`, paymentID)
}

// AttemptByID implements [payment.Reader].
func (db *DB) AttemptByID(ctx context.Context, id string) (a *payment.Attempt, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		a, err = getAttempt(ctx, q, id)
		return err
	})
	return a, err
}

// AttemptsOf implements [payment.Reader].
func (db *DB) AttemptsOf(ctx context.Context, paymentIDs ...string) (map[string][]*payment.Attempt, error) {
	byPayment := make(map[string][]*payment.Attempt, len(paymentIDs))
	if len(paymentIDs) == 0 {
		return byPayment, nil
	}
	args := padded(anys(paymentIDs), any(""))
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		list, err := selectAttempts(ctx, q, `payment_id IN (`+placeholders(len(args))+`) ORDER BY created_at, id`, args...)
		for _, a := range list {
			byPayment[a.PaymentID] = append(byPayment[a.PaymentID], a)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return byPayment, nil
}

func getAttempt(ctx context.Context, q sqlx.ExtContext, id string) (*payment.Attempt, error) {
	var row attemptRow
	if err := sqlx.GetContext(ctx, q, &row, selectAttempt+`id = ?`, id); err != nil {
		return nil, fmt.Errorf("read attempt: %w", orNotFound(err))
	}
	return row.attempt()
}

func selectAttempts(ctx context.Context, q sqlx.ExtContext, where string, args ...any) ([]*payment.Attempt, error) {
	var rows []attemptRow
	if err := sqlx.SelectContext(ctx, q, &rows, selectAttempt+where, args...); err != nil {
		return nil, fmt.Errorf("read attempts: %w", err)
	}
	list := make([]*payment.Attempt, len(rows))
	for i := range rows {
		a, err := rows[i].attempt()
		if err != nil {
			return nil, err
		}
		list[i] = a
	}
	return list, nil
}
