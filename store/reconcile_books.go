package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

var _ reconcile.Store = (*DB)(nil)

// The times at which money moved by our books.
const (
	paidAt      = "a.paid_at"
	succeededAt = "r.succeeded_at"
	submittedAt = "r.submitted_at"
)

// refundClock is the column of the time of refunds: some channels' bills go by
// the time at which they were sent.
func refundClock(bySent bool) string {
	if bySent {
		return submittedAt
	}
	return succeededAt
}

const (
	// A day has very many attempts, and each column of a row costs a driver about
	// as much as the row: they come as one text. The channel's number is last, as
	// it alone may have any characters.
	attemptMovement = `SELECT CONCAT_WS(' ', a.id, a.status, a.amount_minor, a.currency, COALESCE(a.paid_at, ''), a.channel_trade_no)
		FROM attempts a WHERE a.account_id = ? AND `
	// The sum of what was refunded before is a look into an index of one payment.
	refundedBefore = `(SELECT COALESCE(SUM(b.amount_minor), 0) FROM refunds b WHERE b.payment_id = r.payment_id AND b.attempt_id = r.attempt_id
		AND b.status <> 'failed' AND b.submitted_at IS NOT NULL AND (b.submitted_at < r.submitted_at OR (b.submitted_at = r.submitted_at AND b.id < r.id)))`
)

func refundMovement(clock string) string {
	return `SELECT r.id, r.channel_refund_no, r.status, r.amount_minor, r.currency, ` + clock + `, r.attempt_id, a.amount_minor, ` +
		refundedBefore + `, COALESCE(r.auto_key, '') LIKE 'reversal:%'
		FROM refunds r JOIN attempts a ON a.id = r.attempt_id WHERE r.account_id = ? AND `
}

func attemptMovements(ctx context.Context, q sqlx.ExtContext, limit int, query string, args ...any) ([]reconcile.Movement, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	list := make([]reconcile.Movement, 0, limit)
	var text string
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		m, err := attemptOfText(text)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, rows.Err()
}

// attemptOfText reads the text of an attempt's row that attemptMovement makes.
func attemptOfText(text string) (reconcile.Movement, error) {
	var parts [5]string
	rest := text
	for i := range parts {
		parts[i], rest, _ = strings.Cut(rest, " ")
	}
	m := reconcile.Movement{ID: parts[0], AttemptID: parts[0], Status: parts[1], Number: rest}
	minor, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return m, fmt.Errorf("%s: read its amount: %w", m.ID, err)
	}
	m.OrderMinor = minor
	if m.Amount, err = money.New(minor, money.Currency(parts[3])); err != nil {
		return m, fmt.Errorf("%s: %w", m.ID, err)
	}
	if parts[4] == "" {
		return m, nil
	}
	at, err := strconv.ParseInt(parts[4], 10, 64)
	if err != nil {
		return m, fmt.Errorf("%s: read when it was paid: %w", m.ID, err)
	}
	m.At = fromMillis(at)
	return m, nil
}

func refundMovements(ctx context.Context, q sqlx.ExtContext, limit int, query string, args ...any) ([]reconcile.Movement, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	list := make([]reconcile.Movement, 0, limit)
	for rows.Next() {
		var (
			m        = reconcile.Movement{Refund: true}
			minor    int64
			currency string
			at       sql.NullInt64
		)
		if err := rows.Scan(&m.ID, &m.Number, &m.Status, &minor, &currency, &at, &m.AttemptID, &m.OrderMinor, &m.BeforeMinor, &m.Own); err != nil {
			return nil, err
		}
		if m.Amount, err = money.New(minor, money.Currency(currency)); err != nil {
			return nil, fmt.Errorf("%s: %w", m.ID, err)
		}
		m.At = fromNullMillis(at)
		list = append(list, m)
	}
	return list, rows.Err()
}

// window adds the terms of a page of what happened from from on and before to.
// It begins the page at its place, so that an index is read from there.
func window(where *conditions, clock, id string, from, to time.Time, after reconcile.Place) {
	if after.At.After(from) {
		from = after.At
	}
	where.add(clock+" >= ?", millis(from))
	where.add(clock+" < ?", millis(to))
	if !after.At.IsZero() {
		where.add("("+clock+" > ? OR "+id+" > ?)", millis(after.At), after.ID)
	}
}

// movementQuery reads a page of one kind of movements.
type movementQuery struct {
	head, clock, id, statuses string
	read                      func(ctx context.Context, q sqlx.ExtContext, limit int, query string, args ...any) ([]reconcile.Movement, error)
}

func (db *DB) movementPage(ctx context.Context, f movementQuery, accountID string, from, to time.Time, after reconcile.Place, limit int) (list []reconcile.Movement, err error) {
	var where conditions
	window(&where, f.clock, f.id, from, to, after)
	where.add(f.statuses)
	args := append([]any{accountID}, where.args...)
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		list, err = f.read(ctx, q, limit, f.head+where.String()+` ORDER BY `+f.clock+`, `+f.id+` LIMIT ?`, append(args, limit)...)
		return err
	})
	return list, err
}

// PaidAttempts implements [reconcile.Books].
func (db *DB) PaidAttempts(ctx context.Context, accountID string, from, to time.Time, after reconcile.Place, limit int) ([]reconcile.Movement, error) {
	list, err := db.movementPage(ctx, movementQuery{attemptMovement, paidAt, "a.id", "a.status IN ('succeeded', 'reversed')", attemptMovements}, accountID, from, to, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list paid attempts: %w", err)
	}
	return list, nil
}

// DoneRefunds implements [reconcile.Books].
func (db *DB) DoneRefunds(ctx context.Context, accountID string, bySent bool, from, to time.Time, after reconcile.Place, limit int) ([]reconcile.Movement, error) {
	clock := refundClock(bySent)
	list, err := db.movementPage(ctx, movementQuery{refundMovement(clock), clock, "r.id", "r.status = 'succeeded'", refundMovements}, accountID, from, to, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list refunds: %w", err)
	}
	return list, nil
}

// DoubtfulRefunds implements [reconcile.Books].
func (db *DB) DoubtfulRefunds(ctx context.Context, accountID string, from, to time.Time, after reconcile.Place, limit int) ([]reconcile.Movement, error) {
	list, err := db.movementPage(ctx, movementQuery{refundMovement(submittedAt), submittedAt, "r.id", "r.status = 'processing'", refundMovements}, accountID, from, to, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list refunds in doubt: %w", err)
	}
	return list, nil
}

// MovementsByID implements [reconcile.Books].
func (db *DB) MovementsByID(ctx context.Context, accountID string, bySent bool, attempts, refunds []string) (list []reconcile.Movement, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		list = nil
		for _, part := range []struct {
			movementQuery
			ids []string
		}{
			{movementQuery{head: attemptMovement, id: "a.id", read: attemptMovements}, attempts},
			{movementQuery{head: refundMovement(refundClock(bySent)), id: "r.id", read: refundMovements}, refunds},
		} {
			if len(part.ids) == 0 {
				continue
			}
			args := padded(anys(part.ids), any(""))
			found, err := part.read(ctx, q, len(part.ids), part.head+part.id+` IN (`+placeholders(len(args))+`)`, append([]any{accountID}, args...)...)
			if err != nil {
				return err
			}
			list = append(list, found...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read attempts and refunds by number: %w", err)
	}
	return list, nil
}

// ReturnsOf implements [reconcile.Books].
func (db *DB) ReturnsOf(ctx context.Context, accountID string, bySent bool, attempts []string) (list []reconcile.Movement, err error) {
	if len(attempts) == 0 {
		return nil, nil
	}
	keys := make([]any, len(attempts))
	for i, id := range attempts {
		keys[i] = "reversal:" + id
	}
	keys = padded(keys, any(""))
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		list, err = refundMovements(ctx, q, len(attempts), refundMovement(refundClock(bySent))+`r.auto_key IN (`+placeholders(len(keys))+`)`, append([]any{accountID}, keys...)...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read returns: %w", err)
	}
	return list, nil
}

// Describe implements [reconcile.Books].
func (db *DB) Describe(ctx context.Context, attempts, refunds []string) (map[string]reconcile.Description, error) {
	found := make(map[string]reconcile.Description, len(attempts)+len(refunds))
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		for _, part := range []struct {
			query string
			ids   []string
		}{
			{`SELECT a.id, a.payment_id, a.id, '', p.merchant_order_no, a.channel_trade_no, ''
				FROM attempts a JOIN payments p ON p.id = a.payment_id WHERE a.id IN (`, attempts},
			{`SELECT r.id, r.payment_id, r.attempt_id, r.id, p.merchant_order_no, a.channel_trade_no, r.channel_refund_no
				FROM refunds r JOIN payments p ON p.id = r.payment_id JOIN attempts a ON a.id = r.attempt_id WHERE r.id IN (`, refunds},
		} {
			if len(part.ids) == 0 {
				continue
			}
			args := padded(anys(part.ids), any(""))
			if err := describe(ctx, q, part.query+placeholders(len(args))+`)`, args, found); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the numbers of payments: %w", err)
	}
	return found, nil
}

func describe(ctx context.Context, q sqlx.ExtContext, query string, args []any, into map[string]reconcile.Description) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			id string
			d  reconcile.Description
		)
		if err := rows.Scan(&id, &d.PaymentID, &d.AttemptID, &d.RefundID, &d.MerchantOrderNo, &d.ChannelTradeNo, &d.ChannelRefundNo); err != nil {
			return err
		}
		into[id] = d
	}
	return rows.Err()
}

// coreFindings tells with each discrepancy of the core what settled it: the
// gateway's own refund, a further try of it by an operator, or that the payment
// was accepted. No two refunds of the whole can succeed, so that a further try
// needs not be followed from try to try.
const coreFindings = `SELECT d.kind, d.merchant_id, d.payment_id, d.attempt_id, d.refund_id, d.account_id,
		d.ours_minor, d.ours_currency, d.theirs_minor, d.theirs_currency, d.detail, d.at,
		CASE
			WHEN r.status = 'succeeded' THEN r.id
			WHEN d.kind = 'late_success' AND p.status = 'succeeded' AND p.counted_attempt_id = d.attempt_id THEN 'accepted'
			WHEN r.status = 'failed' THEN COALESCE((SELECT MAX(n.id) FROM refunds n WHERE n.payment_id = r.payment_id AND n.attempt_id = r.attempt_id
				AND n.auto_key LIKE 'retry:%' AND n.status = 'succeeded' AND n.amount_minor = r.amount_minor), '')
			ELSE ''
		END
	FROM discrepancies d
	JOIN payments p ON p.id = d.payment_id
	LEFT JOIN refunds r ON r.auto_key = CASE d.kind WHEN 'late_success' THEN CONCAT('late:', d.attempt_id)
		WHEN 'duplicate_payment' THEN CONCAT('duplicate:', d.attempt_id) ELSE '' END
	WHERE d.account_id = ? AND d.at >= ? AND d.at < ? ORDER BY d.at, d.subject_id, d.kind LIMIT ?`

// CoreFindings implements [reconcile.Books].
func (db *DB) CoreFindings(ctx context.Context, accountID string, from, to time.Time, limit int) ([]reconcile.CoreFinding, error) {
	var list []reconcile.CoreFinding
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		rows, err := q.QueryContext(ctx, coreFindings, accountID, millis(from), millis(to), limit)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			f, err := scanCoreFinding(rows)
			if err != nil {
				return err
			}
			list = append(list, f)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list the core's discrepancies: %w", err)
	}
	return list, nil
}

func scanCoreFinding(rows *sql.Rows) (reconcile.CoreFinding, error) {
	var (
		f                             reconcile.CoreFinding
		kind, settled                 string
		oursMinor, theirsMinor        sql.NullInt64
		oursCurrency, theirsCurrency  sql.NullString
		at                            int64
		errOurs, errTheirs, errScaned error
	)
	errScaned = rows.Scan(&kind, &f.MerchantID, &f.PaymentID, &f.AttemptID, &f.RefundID, &f.AccountID,
		&oursMinor, &oursCurrency, &theirsMinor, &theirsCurrency, &f.Detail, &at, &settled)
	if errScaned != nil {
		return f, errScaned
	}
	f.Kind, f.At = payment.DiscrepancyKind(kind), fromMillis(at)
	if oursMinor.Valid {
		f.Ours, errOurs = money.New(oursMinor.Int64, money.Currency(oursCurrency.String))
	}
	if theirsMinor.Valid {
		f.Theirs, errTheirs = money.New(theirsMinor.Int64, money.Currency(theirsCurrency.String))
	}
	switch settled {
	case "":
	case "accepted":
		f.Accepted = true
	default:
		f.RefundedBy = settled
	}
	return f, errors.Join(errOurs, errTheirs)
}
