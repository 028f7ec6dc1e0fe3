package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// forEachEmpty runs a test on databases without a schema.
func forEachEmpty(t *testing.T, fn func(t *testing.T, cfg store.Config)) {
	t.Helper()
	t.Run(store.SQLite, func(t *testing.T) {
		fn(t, store.Config{Driver: store.SQLite, Path: filepath.Join(t.TempDir(), "paymux.db")})
	})
	t.Run(store.MySQL, func(t *testing.T) { fn(t, store.Config{Driver: store.MySQL, DSN: testenv.MySQL(t)}) })
}

func TestMigrate_FromEmpty(t *testing.T) {
	forEachEmpty(t, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		if err := db.CheckSchema(t.Context()); !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "paymux migrate up") {
			t.Errorf("an empty database is not refused with what to do: %v", err)
		}
		before, err := db.MigrationStatus(t.Context())
		if err != nil || len(before) < 3 || before[0].Applied {
			t.Fatalf("status of an empty database: %v, %v", before, err)
		}
		applied, err := db.Migrate(t.Context())
		if err != nil || len(applied) != len(before) {
			t.Fatalf("applied %v of %v: %v", applied, before, err)
		}
		after, err := db.MigrationStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range after {
			if !m.Applied {
				t.Errorf("%s is not applied after migrating", m.Name)
			}
		}
		if err := db.CheckSchema(t.Context()); err != nil {
			t.Errorf("the schema just made is refused: %v", err)
		}
		if again, err := db.Migrate(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("migrating twice applied %v: %v", again, err)
		}
	})
}

// Replicas that start together all migrate; each step happens once.
func TestMigrate_ManyAtOnce(t *testing.T) {
	forEachEmpty(t, func(t *testing.T, cfg store.Config) {
		const replicas = 4
		var wg sync.WaitGroup
		applied := make([]int, replicas)
		for i := range replicas {
			db := storetest.Open(t, cfg)
			wg.Go(func() {
				steps, err := db.Migrate(t.Context())
				if err != nil {
					t.Errorf("replica %d: %v", i, err)
				}
				applied[i] = len(steps)
			})
		}
		wg.Wait()
		status, err := storetest.Open(t, cfg).MigrationStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, n := range applied {
			total += n
		}
		if total != len(status) {
			t.Errorf("%d replicas applied %v, together %d, there are %d migrations", replicas, applied, total, len(status))
		}
	})
}

// A migration that died before it was noted as done is run again: MySQL has
// kept what it had made by then.
func TestMigrate_MySQLRepeats(t *testing.T) {
	db := storetest.OpenMySQL(t)
	if err := db.Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id > 0`); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(t.Context(), `DROP TABLE nonces`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Int(t.Context(), `SELECT COUNT(*) FROM nonces`); err != nil {
		t.Error(err)
	}
}

// No text column of ours takes "a" and "a " for one.
func TestMigrate_MySQLCollation(t *testing.T) {
	db := storetest.OpenMySQL(t)
	n, err := db.Int(t.Context(), `SELECT COUNT(*) FROM information_schema.columns
		WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND collation_name NOT IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')`)
	if err != nil || n != 0 {
		t.Errorf("%d columns have another collation, %v", n, err)
	}
}

func TestCheckSchema_Range(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		exec := func(query string, args ...any) {
			t.Helper()
			if err := db.Exec(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		const future = 900
		exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)`, future)
		if err := db.CheckSchema(t.Context()); err != nil {
			t.Errorf("a newer schema that only adds is refused: %v", err)
		}
		exec(`INSERT INTO schema_floor (version, oldest_binary) VALUES (?, ?)`, future, future-1)
		if err := db.CheckSchema(t.Context()); !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "newer binary") {
			t.Errorf("a newer schema that takes away what this binary needs is not refused with what to do: %v", err)
		}
		exec(`DELETE FROM schema_floor`)
		exec(`DELETE FROM goose_db_version WHERE version_id > 1`)
		if err := db.CheckSchema(t.Context()); !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "paymux migrate up") {
			t.Errorf("an older schema is not refused with what to do: %v", err)
		}
	})
}

// The file holds payments and is nobody else's to read.
func TestSQLite_FilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	db := storetest.Open(t, store.Config{Driver: store.SQLite, Path: filepath.Join(dir, "paymux.db")})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(t.Context(), `DELETE FROM nonces`); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 3 {
		t.Errorf("expected the database with its log and index, found %v", files)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
}
