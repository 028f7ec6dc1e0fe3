package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/store/migrations"
)

// MinSchema is the oldest schema version that this binary works on. A newer
// schema than it knows is accepted unless a migration says otherwise; see
// docs/adr/0002-schema-range.md.
const MinSchema = 8

const (
	migrationTable = "goose_db_version"
	// migrationWait is how long one migrating process waits for another.
	migrationWait = 2 * time.Minute
)

// ErrSchema says that the schema is outside the range of this binary.
var ErrSchema = errors.New("database schema does not fit this version of paymux")

// Migration is one step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// Migrate brings the schema to the newest version that this binary knows and
// lists what it applied. Of several processes one migrates, the others wait.
func (db *DB) Migrate(ctx context.Context) (applied []Migration, err error) {
	pool, err := db.migrationPool()
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	unlock, err := db.lockMigrations(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("migrate: wait for another process that migrates: %w", explain(err))
	}
	defer func() { err = errors.Join(err, unlock()) }()
	provider, err := db.migrationProvider(pool)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	for {
		failpoint.Before(failpoint.MigrationStep)
		r, err := provider.UpByOne(ctx)
		failpoint.After(failpoint.MigrationStep)
		switch {
		case errors.Is(err, goose.ErrNoNextVersion):
			return applied, nil
		case err != nil:
			return nil, fmt.Errorf("migrate: %w", explain(err))
		}
		applied = append(applied, Migration{Version: r.Source.Version, Name: filepath.Base(r.Source.Path), Applied: true})
	}
}

// MigrationStatus lists every migration that this binary knows, oldest first.
// It changes nothing.
func (db *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	provider, err := db.migrationProvider(db.pool)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var done []int64
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		return sqlx.SelectContext(ctx, q, &done, `SELECT version_id FROM `+migrationTable+` WHERE is_applied = 1`)
	})
	if err != nil && !isNoTable(err) {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	applied := make(map[int64]bool, len(done))
	for _, version := range done {
		applied[version] = true
	}
	sources := provider.ListSources()
	list := make([]Migration, len(sources))
	for i, s := range sources {
		list[i] = Migration{Version: s.Version, Name: filepath.Base(s.Path), Applied: applied[s.Version]}
	}
	return list, nil
}

// CheckSchema refuses a schema that this binary cannot work on: [ErrSchema]
// with what to do.
func (db *DB) CheckSchema(ctx context.Context) error {
	known, err := db.migrationProvider(db.pool)
	if err != nil {
		return fmt.Errorf("check schema: %w", err)
	}
	sources := known.ListSources()
	newest := sources[len(sources)-1].Version
	var version, floor int64
	err = db.read(ctx, func(q sqlx.ExtContext) error {
		err := sqlx.GetContext(ctx, q, &version, `SELECT COALESCE(MAX(version_id), 0) FROM `+migrationTable+` WHERE is_applied = 1`)
		if err != nil || version == 0 {
			return err
		}
		return sqlx.GetContext(ctx, q, &floor, `SELECT COALESCE(MAX(oldest_binary), 0) FROM schema_floor`)
	})
	switch {
	case isNoTable(err):
		return fmt.Errorf("%w: the database is empty or half migrated; run: paymux migrate up", ErrSchema)
	case err != nil:
		return fmt.Errorf("check schema: %w", err)
	case version < MinSchema:
		return fmt.Errorf("%w: it is at version %d, at least %d is needed; run: paymux migrate up", ErrSchema, version, MinSchema)
	case newest < floor:
		return fmt.Errorf("%w: it is at version %d, which needs a binary that knows version %d, and this one knows %d; run the newer binary",
			ErrSchema, version, floor, newest)
	}
	return nil
}

func (db *DB) migrationProvider(pool *sqlx.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations.FS, db.dialect.migrations)
	if err != nil {
		return nil, err
	}
	if collation := db.dialect.binaryCollation; collation != "" {
		files = replacedFS{FS: files, old: []byte("utf8mb4_bin"), new: []byte(collation)}
	}
	return goose.NewProvider(db.dialect.goose, pool.DB, files, goose.WithDisableGlobalRegistry(true))
}

// migrationPool opens connections of their own for migrations: on SQLite they
// must write, on MySQL they may take their time.
func (db *DB) migrationPool() (*sqlx.DB, error) {
	if db.cfg.Driver == SQLite {
		path, err := filepath.Abs(db.cfg.Path)
		if err != nil {
			return nil, err
		}
		return sqlx.Open("sqlite", sqliteDSN(path, migrationWait)+"&_txlock=immediate")
	}
	config, err := mysql.ParseDSN(db.cfg.DSN)
	if err != nil {
		return nil, err
	}
	patient := db.cfg
	patient.Timeout = 0
	return openMySQLPool(config, patient, db.server)
}

// lockMigrations keeps other processes from migrating until unlock.
func (db *DB) lockMigrations(ctx context.Context, pool *sqlx.DB) (unlock func() error, err error) {
	if db.cfg.Driver == SQLite {
		return lockSQLiteMigrations(ctx, db.cfg.Path)
	}
	conn, err := pool.Connx(ctx)
	if err != nil {
		return nil, err
	}
	var got sql.NullInt64
	// Lock names are the server's, not the database's.
	err = conn.GetContext(ctx, &got, `SELECT GET_LOCK(CONCAT('paymux_migrate_', LEFT(SHA2(DATABASE(), 256), 32)), ?)`, int(migrationWait/time.Second))
	if err == nil && got.Int64 != 1 {
		err = errors.New("another process has been migrating for too long")
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	// The lock ends with its session.
	return func() error { return dropConn(conn) }, nil
}

// lockSQLiteMigrations holds the write lock of a small file of its own: the
// database's own lock is let go between two migrations.
func lockSQLiteMigrations(ctx context.Context, path string) (unlock func() error, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	path += ".migrating"
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	guard, err := sqlx.Open("sqlite", sqliteLockDSN(path))
	if err != nil {
		return nil, err
	}
	tx, err := guard.BeginTxx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), guard.Close()) }, nil
}

// replacedFS replaces a word in every file.
type replacedFS struct {
	fs.FS
	old, new []byte
}

func (r replacedFS) Open(name string) (fs.File, error) {
	file, err := r.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return replacedFile{File: file, text: bytes.NewReader(bytes.ReplaceAll(text, r.old, r.new))}, nil
}

type replacedFile struct {
	fs.File
	text *bytes.Reader
}

func (f replacedFile) Read(p []byte) (int, error) { return f.text.Read(p) }
