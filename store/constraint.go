package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"

	"github.com/paymux/paymux/internal/payment"
)

// uniqueKey is a unique key of the schema and what it means that it is taken.
type uniqueKey struct {
	// name is the key's name on MySQL.
	name string
	// columns are how SQLite names it: "table.column, table.column".
	columns string
	means   error
}

// uniqueKeys lists the keys that mean more than payment.ErrDuplicate, which
// every other one means.
func uniqueKeys() []uniqueKey {
	return nil
}

const (
	mysqlDuplicateEntry = 1062
	// sqliteUnique and sqlitePrimaryKey are the extended result codes
	// SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY.
	sqliteUnique     = 2067
	sqlitePrimaryKey = 1555
)

// takenKey gives the domain's error when a statement failed because a unique
// key is taken, else nil.
func takenKey(err error) error {
	message, ok := duplicateMessage(err)
	if !ok {
		return nil
	}
	for _, key := range uniqueKeys() {
		if key.isIn(message) {
			return fmt.Errorf("%w: %w", key.means, err)
		}
	}
	return fmt.Errorf("%w: %w", payment.ErrDuplicate, err)
}

func duplicateMessage(err error) (string, bool) {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Message, e.Number == mysqlDuplicateEntry
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Error(), e.Code() == sqliteUnique || e.Code() == sqlitePrimaryKey
	}
	return "", false
}

// isIn finds the key at the end of the message, behind anything that a value in
// it could imitate: MariaDB says "… for key 'name'", MySQL "… for key
// 'table.name'", SQLite "… failed: table.column, table.column (2067)".
func (k uniqueKey) isIn(message string) bool {
	return strings.HasSuffix(message, "for key '"+k.name+"'") ||
		strings.HasSuffix(message, "."+k.name+"'") ||
		strings.HasSuffix(message, "failed: "+k.columns+fmt.Sprintf(" (%d)", sqliteUnique)) ||
		strings.HasSuffix(message, "failed: "+k.columns+fmt.Sprintf(" (%d)", sqlitePrimaryKey))
}
