package store

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
)

// millis and fromMillis store a time that is always known.
func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// nullMillis and fromNullMillis store a time that may be absent; the zero time
// is NULL.
func nullMillis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func fromNullMillis(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return fromMillis(ms.Int64)
}

// jsonColumn writes a value as JSON text, NULL where there is none.
func jsonColumn[T any](value *T) (sql.NullString, error) {
	if value == nil {
		return sql.NullString{}, nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return sql.NullString{}, err
	}
	return sql.NullString{String: string(text), Valid: true}, nil
}

// fromJSON reads what jsonColumn wrote; numbers of unknown structure stay as
// they were written.
func fromJSON[T any](text sql.NullString) (*T, error) {
	if !text.Valid {
		return nil, nil //nolint:nilnil // NULL
	}
	value := new(T)
	decoder := json.NewDecoder(bytes.NewReader([]byte(text.String)))
	decoder.UseNumber()
	if err := decoder.Decode(value); err != nil {
		return nil, err
	}
	return value, nil
}

// seal encrypts a text for its place; nothing is NULL.
func seal(box Sealer, plain string, place []byte) ([]byte, error) {
	if plain == "" {
		return nil, nil
	}
	return box.Seal([]byte(plain), place)
}

func unseal(box Sealer, blob, place []byte) (string, error) {
	if blob == nil {
		return "", nil
	}
	plain, err := box.Open(blob, place)
	return string(plain), err
}

// amountColumns and amountOf store an amount that may be absent.
func amountColumns(a money.Amount) (sql.NullInt64, sql.NullString) {
	known := a.Currency() != ""
	return sql.NullInt64{Int64: a.Minor(), Valid: known}, sql.NullString{String: string(a.Currency()), Valid: known}
}

// oneOf refuses a stored value that this binary does not know.
func oneOf[T ~string](value string, known ...T) (T, error) {
	for _, k := range known {
		if T(value) == k {
			return k, nil
		}
	}
	return "", fmt.Errorf("value %q of type %T is not known; a newer version may have written it", value, *new(T))
}

// people makes a text that may come from a channel fit for a column of most
// bytes: what is wrong with it must not fail the transaction that it explains.
func people(s string, most int) string {
	return clip(strings.ToValidUTF8(s, "\uFFFD"), most)
}

// placeholders gives "?, ?, …".
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// anys makes arguments of a list.
func anys[T any](list []T) []any {
	args := make([]any, len(list))
	for i, v := range list {
		args[i] = v
	}
	return args
}

// insertInto gives an INSERT of one row.
func insertInto(table string, columns []string) string {
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + placeholders(len(columns)) + ")"
}

// assignments gives "a = ?, b = ?".
func assignments(columns []string) string { return strings.Join(columns, " = ?, ") + " = ?" }

// affected counts the rows that a statement found.
func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// orNotFound gives the port's error for a row that is not there.
func orNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return payment.ErrNotFound
	}
	return err
}

// equal asks for a value where one is given.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// after begins behind a place in a list that is ordered by time and id, newest
// first. The first term alone lets an index begin there.
func (c *conditions) after(column string, at time.Time, id string) {
	if !at.IsZero() {
		c.add(column+" <= ?", millis(at))
		c.add("("+column+" < ? OR id < ?)", millis(at), id)
	}
}
