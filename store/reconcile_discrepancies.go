package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// The widest texts of a discrepancy, in bytes.
const (
	maxEvidence   = 2000
	maxFound      = 1000
	maxResolution = 16_000
)

var discrepancyColumns = []string{
	"account_id", "subject_id", "kind", "reconciliation_id", "day", "merchant_id", "channel", "status", "ours", "theirs",
	"detail", "evidence", "assignee", "proposed_by", "approved_by", "resolution", "found_at", "updated_at", "resolved_at", "version",
}

var (
	insertDiscrepancy = insertInto("reconcile_discrepancies", append(discrepancyColumns[:len(discrepancyColumns):len(discrepancyColumns)], "id"))
	updateDiscrepancy = `UPDATE reconcile_discrepancies SET ` + assignments(discrepancyColumns) + ` WHERE id = ? AND version = ?`
	selectDiscrepancy = `SELECT d.id, d.` + strings.Join(discrepancyColumns, ", d.") + ` FROM reconcile_discrepancies d `
)

// formerColumns are what an old version shows as it was.
var formerColumns = []string{"status", "ours", "theirs", "detail", "evidence", "proposed_by", "approved_by", "resolution", "resolved_at"}

// selectFound reads what a version found: as it stood when another version
// followed, else as it stands.
func selectFound() string {
	s := selectDiscrepancy
	for _, c := range formerColumns {
		s = strings.Replace(s, ", d."+c, ", "+formerly(c)+" AS "+c, 1)
	}
	return s + `JOIN reconcile_found f ON f.discrepancy_id = d.id
		LEFT JOIN reconcile_former k ON k.reconciliation_id = f.reconciliation_id AND k.discrepancy_id = f.discrepancy_id `
}

// formerly is a column of formerColumns as selectFound reads it.
func formerly(column string) string {
	return "CASE WHEN k.status IS NULL THEN d." + column + " ELSE k." + column + " END"
}

type discrepancyRow struct {
	ID               string         `db:"id"`
	AccountID        string         `db:"account_id"`
	SubjectID        string         `db:"subject_id"`
	Kind             string         `db:"kind"`
	ReconciliationID string         `db:"reconciliation_id"`
	Day              string         `db:"day"`
	MerchantID       string         `db:"merchant_id"`
	Channel          string         `db:"channel"`
	Status           string         `db:"status"`
	Ours             sql.NullString `db:"ours"`
	Theirs           sql.NullString `db:"theirs"`
	Detail           string         `db:"detail"`
	Evidence         string         `db:"evidence"`
	Assignee         string         `db:"assignee"`
	ProposedBy       string         `db:"proposed_by"`
	ApprovedBy       string         `db:"approved_by"`
	Resolution       string         `db:"resolution"`
	FoundAt          int64          `db:"found_at"`
	UpdatedAt        int64          `db:"updated_at"`
	ResolvedAt       sql.NullInt64  `db:"resolved_at"`
	Version          int64          `db:"version"`
}

// entryColumn is a side of a discrepancy as it is stored.
type entryColumn struct {
	reconcile.Entry
	AmountMinor int64          `json:"amount_minor"`
	Currency    money.Currency `json:"currency"`
	FeeMinor    int64          `json:"fee_minor"`
	At          int64          `json:"at,omitempty"`
}

func entryText(e *reconcile.Entry) (sql.NullString, error) {
	if e == nil {
		return sql.NullString{}, nil
	}
	c := entryColumn{Entry: *e, AmountMinor: e.Amount.Minor(), Currency: e.Amount.Currency(), FeeMinor: e.FeeMinor}
	if !e.At.IsZero() {
		c.At = millis(e.At)
	}
	text, err := json.Marshal(c)
	return sql.NullString{String: string(text), Valid: true}, err
}

func entryOf(text sql.NullString) (*reconcile.Entry, error) {
	if !text.Valid {
		return nil, nil //nolint:nilnil // a side that has nothing
	}
	var c entryColumn
	if err := json.Unmarshal([]byte(text.String), &c); err != nil {
		return nil, err
	}
	e := c.Entry
	e.FeeMinor = c.FeeMinor
	if c.At != 0 {
		e.At = fromMillis(c.At)
	}
	if c.Currency == "" {
		return &e, nil
	}
	var err error
	e.Amount, err = money.New(c.AmountMinor, c.Currency)
	return &e, err
}

func discrepancyValues(d *reconcile.Discrepancy) ([]any, error) {
	ours, err := entryText(d.Ours)
	if err != nil {
		return nil, err
	}
	theirs, err := entryText(d.Theirs)
	if err != nil {
		return nil, err
	}
	return []any{
		d.AccountID, d.SubjectID, string(d.Kind), d.ReconciliationID, d.Day.String(), d.MerchantID, d.Channel, string(d.Status), ours, theirs,
		d.Detail.Stored(maxFound), d.Evidence.Stored(maxEvidence), d.Assignee, d.ProposedBy, d.ApprovedBy, people(d.Resolution, maxResolution),
		millis(d.FoundAt), millis(d.UpdatedAt), nullMillis(d.ResolvedAt), d.Version,
	}, nil
}

func (r discrepancyRow) discrepancy() (reconcile.Discrepancy, error) {
	d := reconcile.Discrepancy{
		ID: r.ID, ReconciliationID: r.ReconciliationID, MerchantID: r.MerchantID, Channel: r.Channel, AccountID: r.AccountID, SubjectID: r.SubjectID,
		Kind: reconcile.Kind(r.Kind), Detail: reconcile.ParseMessage(r.Detail), Evidence: reconcile.ParseMessage(r.Evidence), Assignee: r.Assignee, ProposedBy: r.ProposedBy, ApprovedBy: r.ApprovedBy,
		Resolution: r.Resolution, FoundAt: fromMillis(r.FoundAt), UpdatedAt: fromMillis(r.UpdatedAt), ResolvedAt: fromNullMillis(r.ResolvedAt), Version: r.Version,
	}
	var errs [4]error
	d.Day, errs[0] = channels.ParseDay(r.Day)
	d.Status, errs[1] = oneOf(r.Status, reconcile.Open, reconcile.Repaired, reconcile.Resolved)
	d.Ours, errs[2] = entryOf(r.Ours)
	d.Theirs, errs[3] = entryOf(r.Theirs)
	if err := errors.Join(errs[:]...); err != nil {
		return d, fmt.Errorf("discrepancy %s: %w", r.ID, err)
	}
	return d, nil
}

// SaveDiscrepancies implements [reconcile.Results].
func (db *DB) SaveDiscrepancies(ctx context.Context, l reconcile.DayLease, reconciliationID string, list []reconcile.Discrepancy) error {
	err := db.write(ctx, func(tx *Tx) error {
		if _, err := tx.checkFence(ctx, l); err != nil {
			return err
		}
		for i := range list {
			id, err := tx.saveDiscrepancy(ctx, list[i], reconciliationID)
			if err != nil {
				return err
			}
			_, err = tx.q.ExecContext(ctx, db.dialect.insertIgnore+` INTO reconcile_found (reconciliation_id, discrepancy_id) VALUES (?, ?)`, reconciliationID, id)
			if err != nil {
				return err
			}
			// A run that died had begun another version after this one.
			_, err = tx.q.ExecContext(ctx, `DELETE FROM reconcile_former WHERE reconciliation_id = ? AND discrepancy_id = ?`, reconciliationID, id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write discrepancies: %w", err)
	}
	return nil
}

func (tx *Tx) saveDiscrepancy(ctx context.Context, d reconcile.Discrepancy, reconciliationID string) (id string, err error) {
	var row discrepancyRow
	err = sqlx.GetContext(ctx, tx.q, &row, selectDiscrepancy+`WHERE d.account_id = ? AND d.subject_id = ? AND d.kind = ? `+tx.db.dialect.forUpdate,
		d.AccountID, d.SubjectID, string(d.Kind))
	if errors.Is(err, sql.ErrNoRows) {
		d.ReconciliationID, d.Version = reconciliationID, 1
		values, err := discrepancyValues(&d)
		if err != nil {
			return "", err
		}
		_, err = tx.q.ExecContext(ctx, insertDiscrepancy, append(values, d.ID)...)
		return d.ID, err
	}
	if err != nil {
		return "", err
	}
	known, err := row.discrepancy()
	if err != nil {
		return "", err
	}
	next, err := foundAgain(known, d)
	if err != nil {
		return "", err
	}
	if known.ReconciliationID != reconciliationID {
		if err := tx.keepFormer(ctx, known.ReconciliationID, known.ID); err != nil {
			return "", err
		}
	}
	next.ReconciliationID = reconciliationID
	values, err := discrepancyValues(&next)
	if err != nil {
		return "", err
	}
	_, err = tx.q.ExecContext(ctx, updateDiscrepancy, append(values, known.ID, known.Version)...)
	return known.ID, err
}

// foundAgain keeps what people did about a discrepancy that a run found again.
// One that a person explained is open again when what it is about has changed.
func foundAgain(known, found reconcile.Discrepancy) (reconcile.Discrepancy, error) {
	same, err := sameSides(known, found)
	if err != nil {
		return known, err
	}
	if same && (known.Status == found.Status || known.Status == reconcile.Resolved) {
		known.Day = found.Day
		return known, nil
	}
	next := known
	next.Day, next.Status, next.Ours, next.Theirs, next.Detail, next.Evidence = found.Day, found.Status, found.Ours, found.Theirs, found.Detail, found.Evidence
	next.UpdatedAt, next.ResolvedAt, next.Version = found.UpdatedAt, found.ResolvedAt, known.Version+1
	if !same || found.Status == reconcile.Repaired {
		next.ProposedBy, next.ApprovedBy, next.Resolution = "", "", ""
	}
	return next, nil
}

func sameSides(a, b reconcile.Discrepancy) (bool, error) {
	var texts [4]sql.NullString
	for i, e := range []*reconcile.Entry{a.Ours, a.Theirs, b.Ours, b.Theirs} {
		var err error
		if e != nil {
			// What is said of a state may change; numbers and amounts make it another one.
			// What was found before there were types has none, and is the same all the same.
			numbers := *e
			numbers.Status, numbers.Type = "", ""
			e = &numbers
		}
		if texts[i], err = entryText(e); err != nil {
			return false, err
		}
	}
	return texts[0] == texts[2] && texts[1] == texts[3], nil
}

// ListDiscrepancies implements [reconcile.Results].
func (db *DB) ListDiscrepancies(ctx context.Context, f reconcile.DiscrepancyFilter) ([]reconcile.Discrepancy, error) {
	var where conditions
	head, status, proposedBy := selectDiscrepancy, "d.status", "d.proposed_by"
	where.add("1 = 1")
	if f.ReconciliationID != "" {
		head, status, proposedBy = selectFound(), formerly("status"), formerly("proposed_by")
		where.add("f.reconciliation_id = ?", f.ReconciliationID)
	}
	where.equal("d.merchant_id", f.MerchantID)
	where.equal("d.account_id", f.AccountID)
	where.equal("d.kind", string(f.Kind))
	where.equal(status, string(f.Status))
	if f.Proposed {
		where.add(status+" = ?", string(reconcile.Open))
		where.add(proposedBy + " <> ''")
	}
	where.equal("d.assignee", f.Assignee)
	where.days("d.day", f.Day, f.From, f.To)
	if !f.BeforeTime.IsZero() {
		where.add("d.found_at <= ?", millis(f.BeforeTime))
		where.add("(d.found_at < ? OR d.id < ?)", millis(f.BeforeTime), f.BeforeID)
	}
	var rows []discrepancyRow
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, head+`WHERE `+where.String()+` ORDER BY d.found_at DESC, d.id DESC LIMIT ?`,
			append(where.args, f.Limit)...)
	})
	if err != nil {
		return nil, fmt.Errorf("list discrepancies: %w", err)
	}
	return convert(rows, discrepancyRow.discrepancy)
}

// DiscrepancyByID implements [reconcile.Results].
func (db *DB) DiscrepancyByID(ctx context.Context, merchantID, id string) (d reconcile.Discrepancy, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		d, err = getDiscrepancy(ctx, q, merchantID, id, "")
		return err
	})
	return d, err
}

func getDiscrepancy(ctx context.Context, q sqlx.ExtContext, merchantID, id, lock string) (reconcile.Discrepancy, error) {
	var where conditions
	where.add("d.id = ?", id)
	where.equal("d.merchant_id", merchantID)
	var row discrepancyRow
	if err := sqlx.GetContext(ctx, q, &row, selectDiscrepancy+`WHERE `+where.String()+` `+lock, where.args...); err != nil {
		return reconcile.Discrepancy{}, fmt.Errorf("read discrepancy: %w", orNotFound(err))
	}
	return row.discrepancy()
}

// CommentsOf implements [reconcile.Results].
func (db *DB) CommentsOf(ctx context.Context, discrepancyID string) ([]reconcile.Comment, error) {
	var rows []struct {
		ID     string `db:"id"`
		Author string `db:"author"`
		Text   string `db:"text"`
		At     int64  `db:"at"`
	}
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `SELECT id, author, text, at FROM reconcile_comments WHERE discrepancy_id = ? ORDER BY at, id`, discrepancyID)
	})
	if err != nil {
		return nil, fmt.Errorf("list comments: %w", err)
	}
	list := make([]reconcile.Comment, len(rows))
	for i, r := range rows {
		list[i] = reconcile.Comment{ID: r.ID, DiscrepancyID: discrepancyID, Author: r.Author, Text: r.Text, At: fromMillis(r.At)}
	}
	return list, nil
}

// Staff implements [reconcile.Results].
func (db *DB) Staff(ctx context.Context, fn func(reconcile.StaffTx) error) error {
	return db.write(ctx, func(tx *Tx) error { return fn(staffTx{tx}) })
}

// staffTx is a transaction of what a person does about discrepancies.
type staffTx struct{ tx *Tx }

// InsertAudit implements [reconcile.StaffTx].
func (s staffTx) InsertAudit(ctx context.Context, e audit.Entry) error {
	return s.tx.InsertAudit(ctx, e)
}

// Discrepancy implements [reconcile.StaffTx].
func (s staffTx) Discrepancy(ctx context.Context, merchantID, id string) (reconcile.Discrepancy, error) {
	return getDiscrepancy(ctx, s.tx.q, merchantID, id, s.tx.db.dialect.forUpdate)
}

// UpdateDiscrepancy implements [reconcile.StaffTx].
func (s staffTx) UpdateDiscrepancy(ctx context.Context, d *reconcile.Discrepancy) error {
	next := *d
	next.Version++
	values, err := discrepancyValues(&next)
	if err != nil {
		return fmt.Errorf("write discrepancy: %w", err)
	}
	n, err := affected(s.tx.q.ExecContext(ctx, updateDiscrepancy, append(values, d.ID, d.Version)...))
	if err != nil {
		return fmt.Errorf("write discrepancy: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("write discrepancy %s: %w", d.ID, payment.ErrStale)
	}
	*d = next
	if err := s.tx.recount(ctx, d.ReconciliationID, millis(d.UpdatedAt)); err != nil {
		return fmt.Errorf("count discrepancies: %w", err)
	}
	return nil
}

// StatementIsDue implements [reconcile.StaffTx].
func (s staffTx) StatementIsDue(ctx context.Context, key reconcile.DayKey) error {
	_, err := s.tx.q.ExecContext(ctx, `UPDATE reconcile_days SET statement_due = statement_due + 1 WHERE account_id = ? AND day = ?`,
		key.AccountID, key.Day.String())
	if err != nil {
		return fmt.Errorf("have the statement written anew: %w", err)
	}
	return nil
}

// InsertComment implements [reconcile.StaffTx].
func (s staffTx) InsertComment(ctx context.Context, c reconcile.Comment) error {
	_, err := s.tx.q.ExecContext(ctx, `INSERT INTO reconcile_comments (id, discrepancy_id, author, text, at) VALUES (?, ?, ?, ?, ?)`,
		c.ID, c.DiscrepancyID, c.Author, c.Text, millis(c.At))
	if err != nil {
		return fmt.Errorf("write comment: %w", err)
	}
	return nil
}
