package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/merchant"
)

// SealedColumns is merchant.SealedValues': every sealed column of the schema.
func (m Merchants) SealedColumns() []merchant.SealedColumn {
	return slices.Concat(merchant.SealedColumns(), paymentSealed(), NotificationColumns(), ArchiveColumns(), consoleSealed())
}

// paymentSealed lists the sealed columns of payments.
func paymentSealed() []merchant.SealedColumn {
	one := func(place func(string) []byte) func(...string) []byte {
		return func(bound ...string) []byte { return place(bound[0]) }
	}
	return []merchant.SealedColumn{
		{Table: "payments", Column: "payer_id", Key: "id", Bound: []string{"id"}, AAD: one(PayerPlace)},
		{Table: "payments", Column: "client_ip", Key: "id", Bound: []string{"id"}, AAD: one(ClientIPPlace)},
	}
}

// SealedAfter is merchant.SealedValues'. The names in the statement come from
// this package's own list of columns.
func (m Merchants) SealedAfter(ctx context.Context, column merchant.SealedColumn, after string, limit int) ([]merchant.SealedValue, error) {
	columns := append([]string{column.Column, column.Key}, column.Bound...)
	query := fmt.Sprintf(`SELECT %s FROM %s WHERE %s > ? AND %s IS NOT NULL ORDER BY %s LIMIT ?`,
		strings.Join(columns, ", "), column.Table, column.Key, column.Column, column.Key)
	var list []merchant.SealedValue
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		rows, err := q.QueryContext(ctx, query, after, limit)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			value, err := scanSealed(rows, column)
			if err != nil {
				return err
			}
			list = append(list, value)
		}
		return rows.Err()
	})
	return list, err
}

func scanSealed(rows interface{ Scan(into ...any) error }, column merchant.SealedColumn) (merchant.SealedValue, error) {
	var value merchant.SealedValue
	bound := make([]string, len(column.Bound))
	into := []any{&value.Sealed, &value.Key}
	for i := range bound {
		into = append(into, &bound[i])
	}
	if err := rows.Scan(into...); err != nil {
		return merchant.SealedValue{}, err
	}
	value.AAD = column.AAD(bound...)
	return value, nil
}

// ReplaceSealed is merchant.SealedValues'.
func (m Merchants) ReplaceSealed(ctx context.Context, column merchant.SealedColumn, values []merchant.Resealed) error {
	query := fmt.Sprintf(`UPDATE %s SET %s = ? WHERE %s = ? AND %s = ?`,
		column.Table, column.Column, column.Key, column.Column)
	return m.db.write(ctx, func(tx *Tx) error {
		for _, v := range values {
			if _, err := tx.q.ExecContext(ctx, query, v.New, v.Key, v.Old); err != nil {
				return err
			}
		}
		return nil
	})
}
