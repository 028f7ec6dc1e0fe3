package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// reconciliationColumns are in the order of reconciliationValues; newest and
// the counts are written apart.
var reconciliationColumns = []string{
	"account_id", "day", "version", "merchant_id", "channel", "status", "matched", "carried",
	"currency", "ours_payments", "ours_refunds", "ours_payment_minor", "ours_refund_minor", "ours_fee_minor",
	"theirs_payments", "theirs_refunds", "theirs_payment_minor", "theirs_refund_minor", "theirs_fee_minor",
	"bills", "failure", "result_digest", "created_at", "updated_at", "finished_at",
	"newest", "open_count", "repaired_count", "resolved_count",
}

var (
	insertReconciliation = insertInto("reconciliations", append(reconciliationColumns[:len(reconciliationColumns):len(reconciliationColumns)], "id"))
	updateReconciliation = `UPDATE reconciliations SET ` + assignments(reconciliationColumns) + ` WHERE id = ?`
	selectReconciliation = `SELECT id, ` + strings.Join(reconciliationColumns, ", ") + ` FROM reconciliations WHERE `
)

const maxFailure = 1000

type reconciliationRow struct {
	ID                 string        `db:"id"`
	AccountID          string        `db:"account_id"`
	Day                string        `db:"day"`
	Version            int           `db:"version"`
	MerchantID         string        `db:"merchant_id"`
	Channel            string        `db:"channel"`
	Status             string        `db:"status"`
	Matched            int64         `db:"matched"`
	Carried            int64         `db:"carried"`
	Currency           string        `db:"currency"`
	OursPayments       int64         `db:"ours_payments"`
	OursRefunds        int64         `db:"ours_refunds"`
	OursPaymentMinor   int64         `db:"ours_payment_minor"`
	OursRefundMinor    int64         `db:"ours_refund_minor"`
	OursFeeMinor       int64         `db:"ours_fee_minor"`
	TheirsPayments     int64         `db:"theirs_payments"`
	TheirsRefunds      int64         `db:"theirs_refunds"`
	TheirsPaymentMinor int64         `db:"theirs_payment_minor"`
	TheirsRefundMinor  int64         `db:"theirs_refund_minor"`
	TheirsFeeMinor     int64         `db:"theirs_fee_minor"`
	Bills              string        `db:"bills"`
	Failure            string        `db:"failure"`
	ResultDigest       string        `db:"result_digest"`
	CreatedAt          int64         `db:"created_at"`
	UpdatedAt          int64         `db:"updated_at"`
	FinishedAt         sql.NullInt64 `db:"finished_at"`
	Newest             bool          `db:"newest"`
	Open               int64         `db:"open_count"`
	Repaired           int64         `db:"repaired_count"`
	Resolved           int64         `db:"resolved_count"`
}

func reconciliationValues(r reconcile.Reconciliation) ([]any, error) {
	bills, err := json.Marshal(r.Bills)
	if err != nil {
		return nil, err
	}
	o, t := r.Totals.Ours, r.Totals.Theirs
	return []any{
		r.AccountID, r.Day.String(), r.Version, r.MerchantID, r.Channel, string(r.Status), r.Matched, r.Carried,
		string(r.Totals.Currency), o.Payments, o.Refunds, o.PaymentMinor, o.RefundMinor, o.FeeMinor,
		t.Payments, t.Refunds, t.PaymentMinor, t.RefundMinor, t.FeeMinor,
		string(bills), r.Failure.Stored(maxFailure), r.ResultDigest, millis(r.CreatedAt), millis(r.UpdatedAt), nullMillis(r.FinishedAt),
		true, r.Open, r.Repaired, r.Resolved,
	}, nil
}

func (r reconciliationRow) reconciliation() (reconcile.Reconciliation, error) {
	day, err := channels.ParseDay(r.Day)
	if err != nil {
		return reconcile.Reconciliation{}, fmt.Errorf("reconciliation %s: %w", r.ID, err)
	}
	status, err := oneOf(r.Status, reconcile.StatusPending, reconcile.StatusBalanced, reconcile.StatusDifferences, reconcile.StatusFailed)
	if err != nil {
		return reconcile.Reconciliation{}, fmt.Errorf("reconciliation %s: %w", r.ID, err)
	}
	out := reconcile.Reconciliation{
		ID: r.ID, Day: day, MerchantID: r.MerchantID, Channel: r.Channel, AccountID: r.AccountID, Version: r.Version, Status: status,
		Matched: r.Matched, Carried: r.Carried, Open: r.Open, Repaired: r.Repaired, Resolved: r.Resolved,
		Totals: reconcile.Totals{
			Currency: money.Currency(r.Currency),
			Ours:     reconcile.Side{Payments: r.OursPayments, Refunds: r.OursRefunds, PaymentMinor: r.OursPaymentMinor, RefundMinor: r.OursRefundMinor, FeeMinor: r.OursFeeMinor},
			Theirs:   reconcile.Side{Payments: r.TheirsPayments, Refunds: r.TheirsRefunds, PaymentMinor: r.TheirsPaymentMinor, RefundMinor: r.TheirsRefundMinor, FeeMinor: r.TheirsFeeMinor},
		},
		Failure: reconcile.ParseMessage(r.Failure), ResultDigest: r.ResultDigest,
		CreatedAt: fromMillis(r.CreatedAt), UpdatedAt: fromMillis(r.UpdatedAt), FinishedAt: fromNullMillis(r.FinishedAt),
	}
	if err := json.Unmarshal([]byte(r.Bills), &out.Bills); err != nil {
		return reconcile.Reconciliation{}, fmt.Errorf("reconciliation %s: read its bills: %w", r.ID, err)
	}
	return out, nil
}

func getReconciliation(ctx context.Context, q sqlx.ExtContext, where string, args ...any) (reconcile.Reconciliation, error) {
	var row reconciliationRow
	if err := sqlx.GetContext(ctx, q, &row, selectReconciliation+where, args...); err != nil {
		return reconcile.Reconciliation{}, fmt.Errorf("read reconciliation: %w", orNotFound(err))
	}
	return row.reconciliation()
}

// Newest implements [reconcile.Results].
func (db *DB) Newest(ctx context.Context, key reconcile.DayKey) (r reconcile.Reconciliation, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		r, err = getReconciliation(ctx, q, `account_id = ? AND day = ? ORDER BY version DESC LIMIT 1`, key.AccountID, key.Day.String())
		return err
	})
	return r, err
}

// ReconciliationByID implements [reconcile.Results].
func (db *DB) ReconciliationByID(ctx context.Context, merchantID, id string) (r reconcile.Reconciliation, err error) {
	var where conditions
	where.add("id = ?", id)
	where.equal("merchant_id", merchantID)
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		r, err = getReconciliation(ctx, q, where.String(), where.args...)
		return err
	})
	return r, err
}

// days asks for a day, or a range of days.
func (c *conditions) days(column string, day, from, to channels.Day) {
	c.equal(column, dayColumn(day))
	if !from.IsZero() {
		c.add(column+" >= ?", from.String())
	}
	if !to.IsZero() {
		c.add(column+" <= ?", to.String())
	}
}

// ListReconciliations implements [reconcile.Results].
func (db *DB) ListReconciliations(ctx context.Context, f reconcile.ListFilter) ([]reconcile.Reconciliation, error) {
	var where conditions
	where.add("1 = 1")
	where.equal("merchant_id", f.MerchantID)
	where.equal("account_id", f.AccountID)
	where.equal("channel", f.Channel)
	where.equal("status", string(f.Status))
	where.days("day", f.Day, f.From, f.To)
	if !f.AllVersions {
		where.add("newest = 1")
	}
	if a := f.After; a != nil {
		day := a.Day.String()
		where.add("day <= ?", day)
		where.add("(day < ? OR account_id > ? OR (account_id = ? AND version < ?))", day, a.AccountID, a.AccountID, a.Version)
	}
	var rows []reconciliationRow
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, selectReconciliation+where.String()+` ORDER BY day DESC, account_id, version DESC LIMIT ?`, append(where.args, f.Limit)...)
	})
	if err != nil {
		return nil, fmt.Errorf("list reconciliations: %w", err)
	}
	return convert(rows, reconciliationRow.reconciliation)
}

// CountDiscrepancies implements [reconcile.Results].
func (db *DB) CountDiscrepancies(ctx context.Context, reconciliationID string) (open, repaired, resolved int64, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		open, repaired, resolved, err = countFound(ctx, q, reconciliationID, "")
		return err
	})
	if err != nil {
		err = fmt.Errorf("count discrepancies: %w", err)
	}
	return open, repaired, resolved, err
}

// countFound counts what a version found by status; lock keeps others from
// changing it meanwhile.
func countFound(ctx context.Context, q sqlx.ExtContext, reconciliationID, lock string) (open, repaired, resolved int64, err error) {
	rows, err := q.QueryContext(ctx, `SELECT d.status FROM reconcile_discrepancies d JOIN reconcile_found f ON f.discrepancy_id = d.id
		WHERE f.reconciliation_id = ? `+lock, reconciliationID)
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var status string
		if err := rows.Scan(&status); err != nil {
			return 0, 0, 0, err
		}
		switch reconcile.DiscrepancyStatus(status) {
		case reconcile.Repaired:
			repaired++
		case reconcile.Resolved:
			resolved++
		case reconcile.Open:
			open++
		default:
			open++ // what this version does not know is not done
		}
	}
	return open, repaired, resolved, rows.Err()
}

// Finish implements [reconcile.Results].
func (db *DB) Finish(ctx context.Context, o reconcile.Outcome) error {
	err := db.write(ctx, func(tx *Tx) error {
		o := o // of each try its own
		if err := tx.lockNeighbours(ctx, o.Lease.DayKey); err != nil {
			return err
		}
		due, err := tx.checkFence(ctx, o.Lease)
		if err != nil {
			return err
		}
		if booked := dueAgain(o.Reconciliation.UpdatedAt); !due.Equal(o.Lease.DueAt) && (o.NextTry.IsZero() || booked.Before(o.NextTry)) {
			o.NextTry = booked
		}
		overtaken, err := tx.overtaken(ctx, o)
		if err != nil {
			return err
		}
		if overtaken {
			o.NextTry = o.Reconciliation.UpdatedAt
		}
		if err := tx.saveReconciliation(ctx, o.Reconciliation); err != nil {
			return err
		}
		if err := tx.settleDiscrepancies(ctx, o.Lease.AccountID, slices.Concat(o.Gone, o.Settled)); err != nil {
			return err
		}
		if err := tx.savePool(ctx, o); err != nil {
			return err
		}
		if err := tx.wake(ctx, o); err != nil {
			return err
		}
		return tx.finishDay(ctx, o)
	})
	if err != nil {
		return fmt.Errorf("write the result of %s of account %s: %w", o.Lease.Day, o.Lease.AccountID, err)
	}
	return nil
}

// settleDiscrepancies marks open discrepancies as settled by themselves, and
// lets the results that they count for follow, each counted once.
func (tx *Tx) settleDiscrepancies(ctx context.Context, accountID string, list []reconcile.Gone) error {
	results := map[string]time.Time{}
	for _, g := range list {
		id, err := tx.settleDiscrepancy(ctx, accountID, g)
		if err != nil {
			return err
		}
		if id != "" {
			results[id] = g.At
		}
	}
	for _, id := range slices.Sorted(maps.Keys(results)) {
		if err := tx.recount(ctx, id, millis(results[id])); err != nil {
			return err
		}
	}
	return nil
}

// settleDiscrepancy marks a discrepancy that is open and gives the result that
// it counts for; none where it is not open.
func (tx *Tx) settleDiscrepancy(ctx context.Context, accountID string, g reconcile.Gone) (reconciliationID string, err error) {
	where, args := `id = ?`, []any{g.ID}
	if g.ID == "" {
		where, args = `account_id = ? AND subject_id = ? AND kind = ?`, []any{accountID, g.SubjectID, string(g.Kind)}
	}
	var row struct {
		ID               string `db:"id"`
		ReconciliationID string `db:"reconciliation_id"`
	}
	err = sqlx.GetContext(ctx, tx.q, &row, `SELECT id, reconciliation_id FROM reconcile_discrepancies WHERE `+where+` AND status = 'open' `+tx.db.dialect.forUpdate, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	_, err = tx.q.ExecContext(ctx, `UPDATE reconcile_discrepancies SET status = 'repaired', evidence = ?, proposed_by = '', resolution = '',
		updated_at = ?, resolved_at = ?, version = version + 1 WHERE id = ?`, g.Evidence.Stored(maxEvidence), millis(g.At), millis(g.At), row.ID)
	if err != nil {
		return "", err
	}
	return row.ReconciliationID, err
}

// recount lets the newest version's counts and status follow its discrepancies;
// an older one stays as it was.
func (tx *Tx) recount(ctx context.Context, reconciliationID string, at int64) error {
	open, repaired, resolved, err := countFound(ctx, tx.q, reconciliationID, tx.db.dialect.forUpdate)
	if err != nil {
		return err
	}
	_, err = tx.q.ExecContext(ctx, `UPDATE reconciliations SET open_count = ?, repaired_count = ?, resolved_count = ?, updated_at = ?,
		status = CASE WHEN status NOT IN ('balanced', 'differences') THEN status WHEN ? > 0 THEN 'differences' ELSE 'balanced' END WHERE id = ? AND newest = 1`,
		open, repaired, resolved, at, open, reconciliationID)
	return err
}

func (tx *Tx) saveReconciliation(ctx context.Context, r reconcile.Reconciliation) error {
	if r.ID == "" {
		return nil
	}
	var err error
	if r.Open, r.Repaired, r.Resolved, err = countFound(ctx, tx.q, r.ID, tx.db.dialect.forUpdate); err != nil {
		return err
	}
	if r.Status == reconcile.StatusBalanced || r.Status == reconcile.StatusDifferences {
		r.Status = reconcile.StatusBalanced
		if r.Open > 0 {
			r.Status = reconcile.StatusDifferences
		}
	}
	if err := tx.retire(ctx, r); err != nil {
		return err
	}
	values, err := reconciliationValues(r)
	if err != nil {
		return err
	}
	var known bool
	if err := sqlx.GetContext(ctx, tx.q, &known, `SELECT EXISTS (SELECT 1 FROM reconciliations WHERE id = ?)`, r.ID); err != nil {
		return err
	}
	statement := insertReconciliation
	if known {
		statement = updateReconciliation
	}
	_, err = tx.q.ExecContext(ctx, statement, append(values, r.ID)...)
	return err
}

// retire makes the version before a new one an old one, with its discrepancies
// as they stand now.
func (tx *Tx) retire(ctx context.Context, next reconcile.Reconciliation) error {
	var former []string
	err := sqlx.SelectContext(ctx, tx.q, &former, `SELECT id FROM reconciliations WHERE account_id = ? AND day = ? AND id <> ? AND newest = 1`,
		next.AccountID, next.Day.String(), next.ID)
	if err != nil {
		return err
	}
	for _, id := range former {
		if err := tx.keepFormer(ctx, id, ""); err != nil {
			return err
		}
		if _, err := tx.q.ExecContext(ctx, `UPDATE reconciliations SET newest = 0 WHERE id = ?`, id); err != nil {
			return err
		}
	}
	return nil
}

// keepFormer keeps how a version's differences stand, or one of them, where it
// is not kept yet.
func (tx *Tx) keepFormer(ctx context.Context, reconciliationID, discrepancyID string) error {
	var where conditions
	where.add("f.reconciliation_id = ?", reconciliationID)
	where.equal("f.discrepancy_id", discrepancyID)
	_, err := tx.q.ExecContext(ctx, tx.db.dialect.insertIgnore+` INTO reconcile_former (reconciliation_id, discrepancy_id, `+strings.Join(formerColumns, ", ")+`)
		SELECT f.reconciliation_id, d.id, d.`+strings.Join(formerColumns, ", d.")+`
		FROM reconcile_found f JOIN reconcile_discrepancies d ON d.id = f.discrepancy_id WHERE `+where.String(), where.args...)
	return err
}

// wake makes other days of the account due again.
func (tx *Tx) wake(ctx context.Context, o reconcile.Outcome) error {
	for _, w := range o.Wake {
		_, err := tx.q.ExecContext(ctx, `UPDATE reconcile_days SET next_try_at = ? WHERE account_id = ? AND day = ? AND finished_at IS NOT NULL
			AND (waiting = 1 OR ? = 0) AND (next_try_at IS NULL OR next_try_at > ?)`, millis(w.At), o.Lease.AccountID, w.Day.String(), w.OnlyWaiting, millis(w.At))
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) finishDay(ctx context.Context, o reconcile.Outcome) error {
	finished := nullMillis(o.Reconciliation.UpdatedAt)
	finished.Valid = finished.Valid && o.Finished
	_, err := tx.q.ExecContext(ctx, `UPDATE reconcile_days SET lease_owner = '', lease_until = 0, next_try_at = ?, tries = ?, late_at = ?,
		finished_at = COALESCE(?, finished_at), waiting = CASE WHEN ? THEN ? ELSE waiting END, planned = CASE WHEN ? THEN 1 ELSE planned END,
		statement_due = statement_due + CASE WHEN ? THEN 1 ELSE 0 END WHERE account_id = ? AND day = ?`,
		nullMillis(o.NextTry), o.Tries, nullMillis(o.LateAt), finished, o.Finished, o.Waiting, o.Planned, o.StatementDue,
		o.Lease.AccountID, o.Lease.Day.String())
	return err
}

// SummariesOf implements [reconcile.Results].
func (db *DB) SummariesOf(ctx context.Context, merchantID string, from, to channels.Day) ([]reconcile.AccountSummary, error) {
	var where conditions
	where.add("newest = 1")
	where.equal("merchant_id", merchantID)
	where.days("day", channels.Day{}, from, to)
	var rows []struct {
		reconciliationRow
		Days  int    `db:"days"`
		Worst string `db:"worst"`
	}
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `SELECT merchant_id, account_id, channel, currency, COUNT(*) AS days, SUM(open_count) AS open_count,
			SUM(ours_payments) AS ours_payments, SUM(ours_refunds) AS ours_refunds, SUM(ours_payment_minor) AS ours_payment_minor,
			SUM(ours_refund_minor) AS ours_refund_minor, SUM(ours_fee_minor) AS ours_fee_minor,
			SUM(theirs_payments) AS theirs_payments, SUM(theirs_refunds) AS theirs_refunds, SUM(theirs_payment_minor) AS theirs_payment_minor,
			SUM(theirs_refund_minor) AS theirs_refund_minor, SUM(theirs_fee_minor) AS theirs_fee_minor,
			MAX(CASE status WHEN 'failed' THEN '3failed' WHEN 'pending' THEN '2pending' WHEN 'differences' THEN '1differences' ELSE '0balanced' END) AS worst
			FROM reconciliations WHERE `+where.String()+` GROUP BY merchant_id, account_id, channel, currency ORDER BY merchant_id, account_id, currency`, where.args...)
	})
	if err != nil {
		return nil, fmt.Errorf("add up reconciliations: %w", err)
	}
	list := make([]reconcile.AccountSummary, len(rows))
	for i, r := range rows {
		list[i] = reconcile.AccountSummary{
			MerchantID: r.MerchantID, AccountID: r.AccountID, Channel: r.Channel, Currency: money.Currency(r.Currency),
			Ours:   reconcile.Side{Payments: r.OursPayments, Refunds: r.OursRefunds, PaymentMinor: r.OursPaymentMinor, RefundMinor: r.OursRefundMinor, FeeMinor: r.OursFeeMinor},
			Theirs: reconcile.Side{Payments: r.TheirsPayments, Refunds: r.TheirsRefunds, PaymentMinor: r.TheirsPaymentMinor, RefundMinor: r.TheirsRefundMinor, FeeMinor: r.TheirsFeeMinor},
			Status: reconcile.Status(r.Worst[1:]), Days: r.Days, Open: r.Open,
		}
	}
	return list, nil
}
