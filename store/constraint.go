package store

import (
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"

	"github.com/paymux/paymux/internal/payment"
)

const (
	mysqlDuplicateEntry = 1062
	// sqliteUnique and sqlitePrimaryKey are the extended result codes
	// SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY.
	sqliteUnique     = 2067
	sqlitePrimaryKey = 1555
)

// takenKey gives [payment.ErrDuplicate] when a statement failed because a
// unique key is taken, else nil. Whoever runs a statement knows which keys it
// can hit and says it in its port's words.
func takenKey(err error) error {
	if !isTakenKey(err) {
		return nil
	}
	return fmt.Errorf("%w: %w", payment.ErrDuplicate, err)
}

func isTakenKey(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == mysqlDuplicateEntry
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqliteUnique || e.Code() == sqlitePrimaryKey)
}
