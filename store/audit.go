package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/audit"
)

const auditColumns = `id, at, actor, action, merchant_id, subject, detail`

type auditRow struct {
	ID         string `db:"id"`
	At         int64  `db:"at"`
	Actor      string `db:"actor"`
	Action     string `db:"action"`
	MerchantID string `db:"merchant_id"`
	Subject    string `db:"subject"`
	Detail     string `db:"detail"`
}

func (r auditRow) entry() (audit.Entry, error) {
	return audit.Entry{
		ID: r.ID, At: fromMillis(r.At), Actor: r.Actor, Action: r.Action,
		MerchantID: r.MerchantID, Subject: r.Subject, Detail: r.Detail,
	}, nil
}

// InsertAudit keeps what a person did, in the transaction of what was done.
func (tx *Tx) InsertAudit(ctx context.Context, e audit.Entry) error {
	if err := e.Check(); err != nil {
		return err
	}
	_, err := tx.q.ExecContext(ctx, `INSERT INTO audit (`+auditColumns+`) VALUES (`+placeholders(7)+`)`,
		e.ID, millis(e.At), e.Actor, e.Action, e.MerchantID, e.Subject, e.Detail)
	if err != nil {
		return fmt.Errorf("insert audit entry: %w", err)
	}
	return nil
}

// RecordAudit keeps what a person did where that changed nothing in this
// database, or did it in several transactions.
func (db *DB) RecordAudit(ctx context.Context, e audit.Entry) error {
	return db.write(ctx, func(tx *Tx) error { return tx.InsertAudit(ctx, e) })
}

// ListAudit gives a page of what people did, newest first.
func (db *DB) ListAudit(ctx context.Context, f audit.Filter) ([]audit.Entry, error) {
	var where conditions
	where.add("1 = 1")
	where.equal("merchant_id", f.MerchantID)
	where.equal("actor", f.Actor)
	where.equal("action", f.Action)
	where.equal("subject", f.Subject)
	where.after("at", f.BeforeTime, f.BeforeID)
	var list []audit.Entry
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []auditRow
		err := sqlx.SelectContext(ctx, q, &rows, `SELECT `+auditColumns+` FROM audit WHERE `+where.String()+` ORDER BY at DESC, id DESC LIMIT ?`,
			append(where.args, f.Limit)...)
		if err != nil {
			return err
		}
		list, err = convert(rows, auditRow.entry)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list audit entries: %w", err)
	}
	return list, nil
}
