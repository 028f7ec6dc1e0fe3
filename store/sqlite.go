package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	// readerWait is how long a read waits in the rare cases in which it must: a
	// recovery after a crash, the last connection of another process closing.
	readerWait = 5 * time.Second
	// writerPoll is how long SQLite itself polls for the write lock. It polls
	// ever more slowly, which a busy process never lets through; so it is asked
	// for little and asked again.
	writerPoll = 8 * time.Millisecond
	// walLimit is what the log is cut back to once it was longer.
	walLimit = 64 << 20
)

func (db *DB) openSQLite(ctx context.Context) error {
	path, err := filepath.Abs(db.cfg.Path)
	if err != nil {
		return err
	}
	if err := createPrivate(path); err != nil {
		return err
	}
	db.dialect = sqliteDialect()
	writer, err := openSQLiteWriter(ctx, path, db.cfg)
	if err != nil {
		return err
	}
	pool, err := sqlx.Open("sqlite", sqliteDSN(path, readerWait, "query_only(1)"))
	if err != nil {
		return errors.Join(err, writer.close())
	}
	pool.SetMaxOpenConns(db.cfg.MaxConns)
	pool.SetMaxIdleConns(db.cfg.MaxConns)
	db.pool, db.writer, db.reader = pool, writer, newStatements(pool)
	return nil
}

// createPrivate makes the file if it is not there; its companions get its mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return f.Close()
}

// sqliteDSN names the file with what every connection of ours must have.
func sqliteDSN(path string, wait time.Duration, more ...string) string {
	pragmas := append([]string{
		"busy_timeout(" + strconv.FormatInt(wait.Milliseconds(), 10) + ")",
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(1)",
		fmt.Sprintf("journal_size_limit(%d)", walLimit),
	}, more...)
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return u.String()
}

// sqliteLockDSN names a file that serves as a lock and holds nothing.
func sqliteLockDSN(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": {
		"busy_timeout(" + strconv.FormatInt(migrationWait.Milliseconds(), 10) + ")", "journal_mode(MEMORY)",
	}, "_txlock": {"exclusive"}}.Encode()}
	return u.String()
}

// dropConn ends a connection instead of giving it back to its pool.
func dropConn(conn *sqlx.Conn) error {
	err := conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) {
		return nil
	}
	return err
}
