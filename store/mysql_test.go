package store_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

func TestJudgeVersion(t *testing.T) {
	for version, want := range map[string]string{
		"10.11.19-MariaDB-0+deb12u1":  "utf8mb4_nopad_bin",
		"10.6.0-MariaDB-log":          "utf8mb4_nopad_bin",
		"5.5.5-10.6.12-MariaDB":       "utf8mb4_nopad_bin",
		"11.8.2-MariaDB":              "utf8mb4_nopad_bin",
		"8.0.17":                      "utf8mb4_0900_bin",
		"8.4.3-log":                   "utf8mb4_0900_bin",
		"9.1.0":                       "utf8mb4_0900_bin",
		"10.5.99-MariaDB":             "",
		"5.5.5-10.3.39-MariaDB":       "",
		"8.0.16":                      "",
		"5.7.44-log":                  "",
		"":                            "",
		"nonsense":                    "",
		"8":                           "",
		"99999999999999999999.1.1":    "",
		"8.0.99999999999999999999999": "",
	} {
		collation, err := store.JudgeVersion(version)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is not refused", version)
		case want != "" && (err != nil || collation != want):
			t.Errorf("%q: %q, %v; want %q", version, collation, err, want)
		}
	}
}

func FuzzJudgeVersion(f *testing.F) {
	for _, version := range []string{"10.11.19-MariaDB", "5.5.5-10.6.12-MariaDB", "8.0.36", "5.7.44-log", "", "9", "1.1.1.mariadb"} {
		f.Add(version)
	}
	f.Fuzz(func(t *testing.T, version string) {
		collation, err := store.JudgeVersion(version)
		if err == nil && !strings.HasPrefix(collation, "utf8mb4_") {
			t.Errorf("%q is taken without a collation", version)
		}
	})
}

// A server that loses commits at a power cut is refused with what to do.
func TestOpen_RefusesUnsafeFlush(t *testing.T) {
	server := testenv.StartMySQL(t)
	dsn := server.DSN()
	raw, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	if _, err := raw.ExecContext(t.Context(), `SET GLOBAL innodb_flush_log_at_trx_commit = 2`); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Driver: store.MySQL, DSN: dsn, Now: time.Now, Sealer: storetest.Sealer(t)})
	if err == nil {
		_ = db.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "innodb_flush_log_at_trx_commit=2") || !strings.Contains(err.Error(), "SET GLOBAL") {
		t.Errorf("opened a server that loses commits: %v", err)
	}
}

func TestOpen_Refuses(t *testing.T) {
	good := store.Config{Driver: store.SQLite, Path: t.TempDir() + "/x.db", Now: time.Now, Sealer: storetest.Sealer(t)}
	for what, change := range map[string]func(*store.Config){
		"an unknown driver":     func(c *store.Config) { c.Driver = "postgres" },
		"no path":               func(c *store.Config) { c.Path = "" },
		"no clock":              func(c *store.Config) { c.Now = nil },
		"no sealer":             func(c *store.Config) { c.Sealer = nil },
		"a folder":              func(c *store.Config) { c.Path = t.TempDir() },
		"a missing folder":      func(c *store.Config) { c.Path = t.TempDir() + "/no/x.db" },
		"no DSN":                func(c *store.Config) { c.Driver = store.MySQL },
		"a DSN without a name":  func(c *store.Config) { c.Driver, c.DSN = store.MySQL, "root@tcp(127.0.0.1:1)/" },
		"a server that is gone": func(c *store.Config) { c.Driver, c.DSN = store.MySQL, "root:hunter2@tcp(127.0.0.1:1)/paymux" },
		"a broken DSN":          func(c *store.Config) { c.Driver, c.DSN = store.MySQL, "root:hunter2@tcp(127.0.0.1:1" },
	} {
		cfg := good
		change(&cfg)
		db, err := store.Open(t.Context(), cfg)
		if err == nil {
			_ = db.Close()
			t.Errorf("opened with %s", what)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the password is in the error: %v", what, err)
		}
	}
}

// Settings that decide on correctness hold whatever the DSN says.
func TestMySQL_SessionSettings(t *testing.T) {
	db := storetest.Open(t, store.Config{Driver: store.MySQL, DSN: testenv.MySQL(t) + "?sql_mode=''&tx_isolation='SERIALIZABLE'&clientFoundRows=false&charset=latin1&time_zone='%2B08:00'"})
	n, err := db.Int(t.Context(), `SELECT @@sql_mode LIKE '%STRICT_ALL_TABLES%' AND @@tx_isolation = 'READ-COMMITTED'
		AND @@character_set_client = 'utf8mb4' AND @@time_zone = '+00:00' AND @@innodb_lock_wait_timeout = 10`)
	if err != nil || n != 1 {
		t.Errorf("session settings are not ours: %d, %v", n, err)
	}
}

// Two transactions that lock each other out: one is given up by the server and
// run again, and both are committed.
func TestMySQL_DeadlockIsRetried(t *testing.T) {
	var waits atomic.Int64
	db := storetest.OpenMySQL(t, func(c *store.Config) {
		c.Sleep = func(context.Context, time.Duration) error { waits.Add(1); return nil }
		c.Jitter = func(limit time.Duration) time.Duration {
			if limit <= 0 || limit > time.Second {
				t.Errorf("jitter of %v", limit)
			}
			return limit
		}
	})
	a, b := storetest.NewBarePayment(t, "m"), storetest.NewBarePayment(t, "m")
	err := db.InTx(t.Context(), func(tx payment.Tx) error {
		return errors.Join(tx.InsertPayment(t.Context(), a), tx.InsertPayment(t.Context(), b))
	})
	if err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	both.Add(2)
	var runs atomic.Int64
	crossed := func(first, second string) {
		meet := sync.OnceFunc(func() { both.Done(); both.Wait() })
		err := db.InTx(t.Context(), func(tx payment.Tx) error {
			runs.Add(1)
			for i, id := range []string{first, second} {
				p, err := tx.LockPayment(t.Context(), id)
				if err != nil {
					return err
				}
				if i == 0 {
					meet()
				}
				p.Sequence++
				if err := tx.UpdatePayment(t.Context(), p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("crossed transaction: %v", err)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { crossed(a.ID, b.ID) })
	wg.Go(func() { crossed(b.ID, a.ID) })
	wg.Wait()
	if runs.Load() != 3 || waits.Load() != 1 {
		t.Errorf("%d runs and %d waits; a deadlock costs one more run after one wait", runs.Load(), waits.Load())
	}
	for _, id := range []string{a.ID, b.ID} {
		if p, err := db.PaymentByID(t.Context(), "m", id); err != nil || p.Sequence != 2 {
			t.Errorf("payment after both: %+v, %v", p, err)
		}
	}
}

// A transaction that is given up again and again is told as unavailable, after
// a bounded number of tries.
func TestMySQL_TriesAreBounded(t *testing.T) {
	db := storetest.OpenMySQL(t, func(c *store.Config) {
		c.Tries = 4
		c.Sleep = func(context.Context, time.Duration) error { return nil }
	})
	runs := 0
	err := db.InTx(t.Context(), func(payment.Tx) error {
		runs++
		return &mysql.MySQLError{Number: 1205, Message: "Lock wait timeout exceeded"}
	})
	if !errors.Is(err, payment.ErrUnavailable) || runs != 4 {
		t.Errorf("%d runs, %v", runs, err)
	}
	// A caller who leaves ends the tries.
	ctx, leave := context.WithCancel(t.Context())
	db = storetest.OpenMySQL(t)
	runs = 0
	err = db.InTx(ctx, func(payment.Tx) error {
		runs++
		leave()
		return &mysql.MySQLError{Number: 1213, Message: "Deadlock found"}
	})
	if err == nil || runs != 1 {
		t.Errorf("after the caller left: %d runs, %v", runs, err)
	}
}

// Every way to lose the server is unavailable, and it is used again when it is
// back.
func TestMySQL_LostConnections(t *testing.T) {
	config, err := mysql.ParseDSN(testenv.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := testenv.Proxy(t, config.Addr)
	config.Addr = proxy.Addr()
	db := storetest.Open(t, store.Config{Driver: store.MySQL, DSN: config.FormatDSN()})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := storetest.NewBarePayment(t, "m")
	insert := func(between func()) error {
		return db.InTx(t.Context(), func(tx payment.Tx) error {
			if err := tx.InsertPayment(t.Context(), p); err != nil {
				return err
			}
			between()
			return nil
		})
	}
	if err := insert(proxy.Cut); !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("cut before the commit: %v", err)
	}
	if err := insert(func() {}); !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("write while cut: %v", err)
	}
	if _, err := db.PaymentByID(t.Context(), "m", p.ID); !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("read while cut: %v", err)
	}
	if _, err := db.ClockSkew(t.Context()); !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("clock while cut: %v", err)
	}
	proxy.Restore()
	if err := insert(func() {}); err != nil {
		t.Errorf("after the return: %v", err)
	}
}

func TestClockSkew(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		skew, err := db.ClockSkew(t.Context())
		if err != nil || skew.Abs() > 5*time.Second {
			t.Errorf("skew on one machine: %v, %v", skew, err)
		}
	})
	slow := func(c *store.Config) { c.Now = func() time.Time { return time.Now().Add(-time.Minute) } }
	skew, err := storetest.OpenMySQL(t, slow).ClockSkew(t.Context())
	if err != nil || (skew-time.Minute).Abs() > 5*time.Second {
		t.Errorf("skew of a clock a minute behind: %v, %v", skew, err)
	}
}
