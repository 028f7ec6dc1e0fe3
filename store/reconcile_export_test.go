package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/reconcile"
)

// PagedQuery is a query over a table that grows, with the index that it must
// walk.
type PagedQuery struct {
	SQL, Index string
}

// ReconcileQueries lists the queries that read a day page by page.
func ReconcileQueries() []PagedQuery {
	page := func(head, clock, id, status string) string {
		var where conditions
		place := reconcile.Place{ID: "x"}
		place.At = fromMillis(2)
		window(&where, clock, id, fromMillis(1), fromMillis(3), place)
		where.add(status)
		return head + where.String() + ` ORDER BY ` + clock + `, ` + id + ` LIMIT ?`
	}
	return []PagedQuery{
		{page(attemptMovement, paidAt, "a.id", "a.status IN ('succeeded', 'reversed')"), "attempts_paid"},
		{page(refundMovement(succeededAt), succeededAt, "r.id", "r.status = 'succeeded'"), "refunds_succeeded"},
		{page(refundMovement(submittedAt), submittedAt, "r.id", "r.status = 'succeeded'"), "refunds_submitted"},
		{page(refundMovement(submittedAt), submittedAt, "r.id", "r.status = 'processing'"), "refunds_submitted"},
		{page(paymentLine, paidAt, "a.id", "a.status IN ('succeeded', 'reversed')"), "attempts_paid"},
		{page(refundLine(succeededAt), succeededAt, "r.id", "r.status = 'succeeded'"), "refunds_succeeded"},
		{coreFindings, "discrepancies_of_account"},
	}
}

// MySQLPlan is how MySQL would answer a query: "table type key extra" for each
// table, in the order in which they are read.
func (db *DB) MySQLPlan(ctx context.Context, query string) (plan string, err error) {
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		args := make([]any, strings.Count(query, "?"))
		for i := range args {
			args[i] = i + 1 // a window must not be empty
		}
		args[0] = "acc_1"
		rows, err := q.QueryxContext(ctx, "EXPLAIN "+query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			row := map[string]any{}
			if err := rows.MapScan(row); err != nil {
				return err
			}
			plan += fmt.Sprintf("%s %s %s %s\n", row["table"], row["type"], row["key"], row["Extra"])
		}
		return rows.Err()
	})
	return plan, err
}
