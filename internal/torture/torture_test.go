package torture_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/internal/torture"
)

// binaryEnv names a built paymux to try in place of this tree's, such as one
// that is broken on purpose.
const binaryEnv = "PAYMUX_TORTURE_BINARY"

// workshop is where the binaries under test are built.
var workshop string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "paymux-torture")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		workshop = dir
		return m.Run()
	}())
}

// binary is the paymux under test.
var binary = sync.OnceValues(func() (string, error) {
	if built := os.Getenv(binaryEnv); built != "" {
		return built, nil
	}
	return build("paymux")
})

// short is the form that every `go test` runs. Both databases are run side by
// side, to take less time.
var short = torture.Options{Seed: 1, Orders: 100, Kills: 10, Duration: 20 * time.Second, Merchants: 8, Drain: 3 * time.Minute}

func TestInvariant_1_NeverChargedTwiceNeverLost_MariaDB(t *testing.T) {
	t.Parallel()
	dsn, err := mysql.ParseDSN(testenv.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	redisAddr, redisDB := testenv.Redis(t)
	database, redis := testenv.Proxy(t, dsn.Addr), testenv.Proxy(t, redisAddr)
	dsn.Addr = database.Addr()
	dir := workDir(t)
	file := filepath.Join(dir, "dsn")
	if err := os.WriteFile(file, []byte(dsn.FormatDSN()), 0o600); err != nil {
		t.Fatal(err)
	}
	torment(t, torture.World{
		Dir: dir, Gateways: 2,
		Database: fmt.Sprintf("{driver: mysql, dsn_file: %q, timeout: 3s, lock_wait: 3s}", file),
		Redis:    fmt.Sprintf("addr: %q, db: %d", redis.Addr(), redisDB),
		Lines:    map[string]torture.Line{"database": database, "redis": redis},
	})
}

func TestInvariant_1_NeverChargedTwiceNeverLost_SQLite(t *testing.T) {
	t.Parallel()
	dir := workDir(t)
	torment(t, torture.World{
		Dir: dir, Gateways: 1,
		Database: fmt.Sprintf("{driver: sqlite, path: %q}", filepath.Join(dir, "paymux.db")),
	})
}

// workDir is a folder that is kept when the test fails, for its logs.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "paymux-torture-run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
		}
	})
	return dir
}

func torment(t *testing.T, world torture.World) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: the run under failure takes more than a minute")
	}
	var err error
	if world.Binary, err = binary(); err != nil {
		t.Fatal(err)
	}
	opts := short
	opts.Out = t.Output()
	opts, err = opts.FromEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	// The short form has no time for limits of two minutes.
	opts.SkipLimits = opts.Duration == short.Duration
	result, err := torture.Run(t.Context(), world, opts)
	if err != nil {
		t.Fatalf("%v; logs: %s", err, world.Dir)
	}
	report := result.Report()
	t.Logf("figures\n%s", report)
	if err := os.WriteFile(filepath.Join(world.Dir, "report.txt"), []byte(report), 0o600); err != nil {
		t.Error(err)
	}
	if n := len(result.Verdict.Anomalies); n != 0 {
		t.Errorf("anomalies = %d", n)
	}
}
