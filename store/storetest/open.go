package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/signing"
	"github.com/paymux/paymux/store"
)

// ForEach runs the test once on each database, each time an empty one of the
// newest schema. changes are made to the configuration before opening.
func ForEach(t *testing.T, fn func(t *testing.T, db *store.DB), changes ...func(*store.Config)) {
	t.Helper()
	t.Run(store.SQLite, func(t *testing.T) { fn(t, OpenSQLite(t, changes...)) })
	t.Run(store.MySQL, func(t *testing.T) { fn(t, OpenMySQL(t, changes...)) })
}

// ForEachBench is [ForEach] for benchmarks.
func ForEachBench(b *testing.B, fn func(b *testing.B, db *store.DB)) {
	b.Helper()
	b.Run(store.SQLite, func(b *testing.B) { fn(b, OpenSQLite(b)) })
	b.Run(store.MySQL, func(b *testing.B) { fn(b, OpenMySQL(b)) })
}

// OpenSQLite opens an empty database of the newest schema in a folder of the
// test's own.
func OpenSQLite(t testing.TB, changes ...func(*store.Config)) *store.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paymux.db")
	file, err := template()
	if err != nil {
		t.Fatalf("make a template database: %v", err)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(t, store.Config{Driver: store.SQLite, Path: path}, changes...)
}

// OpenMySQL opens an empty database of the newest schema on a real server.
func OpenMySQL(t testing.TB, changes ...func(*store.Config)) *store.DB {
	t.Helper()
	db := Open(t, store.Config{Driver: store.MySQL, DSN: testenv.MySQL(t)}, changes...)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return db
}

// Open opens a database as it is, with the machine's clock and a sealer of the
// tests where the configuration has none, and closes it when the test ends.
func Open(t testing.TB, cfg store.Config, changes ...func(*store.Config)) *store.DB {
	t.Helper()
	cfg.Now, cfg.Sealer = time.Now, Sealer(t)
	for _, change := range changes {
		change(&cfg)
	}
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}

// Sealer seals under a key that is the same in all tests.
func Sealer(t testing.TB) store.Sealer {
	t.Helper()
	box, err := newSealer()
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func newSealer() (store.Sealer, error) {
	key := signing.MasterKey{ID: "test"}
	for i := range key.Key {
		key.Key[i] = byte(i + 1)
	}
	return signing.NewSecretBox(key)
}

// template is the file of a migrated SQLite database: migrating anew for each
// test would cost more than most tests.
var template = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "paymux-storetest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	sealer, err := newSealer()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "template.db")
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Driver: store.SQLite, Path: path, Now: time.Now, Sealer: sealer})
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	// Closing the last connection folds the log into the file.
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path) //nolint:gosec // made above
})
