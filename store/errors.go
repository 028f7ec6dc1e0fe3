package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"

	"github.com/paymux/paymux/internal/payment"
)

// mysqlUnavailable lists the errors by which a MySQL or MariaDB server says
// that it cannot serve now: too many connections, host blocked, shutting down,
// disk full, failed commit, lock wait and deadlock that outlasted all tries,
// read-only after a failover, connection killed.
var mysqlUnavailable = map[uint16]bool{
	1020: true, 1021: true, 1040: true, 1041: true, 1053: true, 1114: true, 1129: true, 1180: true, 1203: true,
	1205: true, 1213: true, 1290: true, 1317: true, 1836: true, 1927: true, 3100: true, 3101: true, 3572: true,
}

// sqliteUnavailable lists the primary result codes of a file that cannot be
// used now: PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT,
// FULL, CANTOPEN, PROTOCOL, NOTADB.
var sqliteUnavailable = map[int]bool{
	3: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 11: true, 13: true, 14: true, 15: true, 26: true,
}

// explain turns an error of a driver that means "cannot be reached" into
// payment.ErrUnavailable; others stay as they are.
func explain(err error) error {
	if err == nil || errors.Is(err, payment.ErrUnavailable) || !unavailable(err) {
		return err
	}
	return fmt.Errorf("%w: %w", payment.ErrUnavailable, err)
}

func unavailable(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return mysqlUnavailable[e.Number]
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteUnavailable[e.Code()&0xff]
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, lost := range []error{
		driver.ErrBadConn, mysql.ErrInvalidConn, mysql.ErrMalformPkt, sql.ErrConnDone, io.ErrUnexpectedEOF, io.EOF,
		// A database that did not answer in the time that the caller has.
		context.DeadlineExceeded,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}

// isBusy tells whether another connection holds SQLite's lock.
func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == 5
}

// noTransaction tells whether a ROLLBACK failed because SQLite had rolled back
// by itself.
func noTransaction(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && strings.Contains(e.Error(), "no transaction is active")
}

// mysqlGaveUp tells whether the server rolled a transaction back for the sake
// of another: 1213 deadlock, 1205 lock wait, 1020 changed since it was read.
func mysqlGaveUp(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && (e.Number == 1213 || e.Number == 1205 || e.Number == 1020)
}

// isNoTable tells whether a statement failed because a table is missing.
func isNoTable(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == 1146
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && strings.Contains(e.Error(), "no such table")
}
