package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/router"
)

const revisionColumns = `merchant_id, version, generation, document, actor, note, created_at`

type revisionRow struct {
	MerchantID string `db:"merchant_id"`
	Version    int64  `db:"version"`
	Generation int64  `db:"generation"`
	Document   string `db:"document"`
	Actor      string `db:"actor"`
	Note       string `db:"note"`
	CreatedAt  int64  `db:"created_at"`
}

func (r revisionRow) revision() (router.Revision, error) {
	return router.Revision{
		MerchantID: r.MerchantID, Version: r.Version, Generation: r.Generation, Document: r.Document,
		Actor: r.Actor, Note: r.Note, CreatedAt: fromMillis(r.CreatedAt),
	}, nil
}

// AppendRules makes a document the newest version of a merchant's rules, with
// the entry of the audit trail that says so, in one transaction. r.Version is
// the one that the caller expects to write; [payment.ErrStale] when another was
// written meanwhile. It gives the revision with its generation.
func (db *DB) AppendRules(ctx context.Context, r router.Revision, entry audit.Entry) (router.Revision, error) {
	err := db.write(ctx, func(tx *Tx) error {
		// The lock of this row makes everybody else's change wait for the commit.
		n, err := affected(tx.q.ExecContext(ctx, `UPDATE routing_generation SET generation = generation + 1 WHERE id = 1`))
		if err != nil {
			return err
		}
		if n != 1 {
			return fmt.Errorf("the row of routing_generation is missing")
		}
		if err := sqlx.GetContext(ctx, tx.q, &r.Generation, `SELECT generation FROM routing_generation WHERE id = 1`); err != nil {
			return err
		}
		var newest int64
		err = sqlx.GetContext(ctx, tx.q, &newest, `SELECT COALESCE(MAX(version), 0) FROM routing_rules WHERE merchant_id = ?`, r.MerchantID)
		if err != nil {
			return err
		}
		if newest+1 != r.Version {
			return fmt.Errorf("version %d of the rules is the newest: %w", newest, payment.ErrStale)
		}
		_, err = tx.q.ExecContext(ctx, `INSERT INTO routing_rules (`+revisionColumns+`) VALUES (`+placeholders(7)+`)`,
			r.MerchantID, r.Version, r.Generation, r.Document, r.Actor, r.Note, millis(r.CreatedAt))
		if err != nil {
			return err
		}
		return tx.InsertAudit(ctx, entry)
	})
	if err != nil {
		return router.Revision{}, fmt.Errorf("set routing rules: %w", err)
	}
	return r, nil
}

// RulesGeneration is the generation of the newest rules of all merchants.
func (db *DB) RulesGeneration(ctx context.Context) (generation int64, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		return sqlx.GetContext(ctx, q, &generation, `SELECT generation FROM routing_generation WHERE id = 1`)
	})
	if err != nil {
		return 0, fmt.Errorf("read the generation of the routing rules: %w", err)
	}
	return generation, nil
}

// RulesSince lists at most limit revisions of a later generation, of all
// merchants, oldest first.
func (db *DB) RulesSince(ctx context.Context, generation int64, limit int) ([]router.Revision, error) {
	return db.revisions(ctx, `WHERE generation > ? ORDER BY generation LIMIT ?`, generation, limit)
}

// RulesOf lists at most limit versions of a merchant's rules below a version,
// newest first; before 0: from the newest on.
func (db *DB) RulesOf(ctx context.Context, merchantID string, before int64, limit int) ([]router.Revision, error) {
	if before > 0 {
		return db.revisions(ctx, `WHERE merchant_id = ? AND version < ? ORDER BY version DESC LIMIT ?`, merchantID, before, limit)
	}
	return db.revisions(ctx, `WHERE merchant_id = ? ORDER BY version DESC LIMIT ?`, merchantID, limit)
}

func (db *DB) revisions(ctx context.Context, where string, args ...any) ([]router.Revision, error) {
	var list []router.Revision
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []revisionRow
		err := sqlx.SelectContext(ctx, q, &rows, `SELECT `+revisionColumns+` FROM routing_rules `+where, args...)
		if err != nil {
			return err
		}
		list, err = convert(rows, revisionRow.revision)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read routing rules: %w", err)
	}
	return list, nil
}
