package torture_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/internal/torture"
)

// casesEnv says how many cases of a process's death at a step are tried on each
// database: a number, or "all".
const casesEnv = "PAYMUX_TORTURE_CASES"

// shortCases is how many `go test` tries on each database; another seed tries
// others.
const shortCases = 6

// lanes is how many installations work off the cases of a database.
const lanes = 3

// failpoints builds the binary that dies at a step when it is told to.
var failpoints = sync.OnceValues(func() (string, error) { return build("paymux-failpoints", "-tags", "failpoints") })

// build makes a binary of this tree.
func build(name string, args ...string) (string, error) {
	out := filepath.Join(workshop, name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", out}, args...), "../../cmd/paymux")...) //nolint:gosec // arguments of this test's own
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the binary under test cannot be built: %w\n%s", err, text)
	}
	return out, nil
}

func TestInvariant_10_AnyProcessMayDieAtAnyStep_SQLite(t *testing.T) {
	t.Parallel()
	dieAtSteps(t, func(dir string) torture.World { return onSQLite(dir) })
}

func TestInvariant_10_AnyProcessMayDieAtAnyStep_MariaDB(t *testing.T) {
	t.Parallel()
	redisAddr, redisDB := testenv.Redis(t)
	dieAtSteps(t, func(dir string) torture.World {
		return onMariaDB(t, dir, testenv.MySQL(t), redisAddr, redisDB)
	})
}

func onSQLite(dir string) torture.World {
	return torture.World{Dir: dir, Gateways: 1, Database: fmt.Sprintf("{driver: sqlite, path: %q}", filepath.Join(dir, "paymux.db"))}
}

func onMariaDB(t *testing.T, dir, dsn, redisAddr string, redisDB int) torture.World {
	t.Helper()
	if _, err := mysql.ParseDSN(dsn); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "dsn")
	if err := os.WriteFile(file, []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	return torture.World{
		Dir: dir, Gateways: 2, Database: fmt.Sprintf("{driver: mysql, dsn_file: %q, timeout: 3s, lock_wait: 3s}", file),
		Redis: fmt.Sprintf("addr: %q, db: %d", redisAddr, redisDB),
	}
}

func dieAtSteps(t *testing.T, world func(dir string) torture.World) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: deaths at named steps take half a minute")
	}
	cases, _ := torture.Cases()
	seed := seedOf(t)
	switch wanted := os.Getenv(casesEnv); {
	case wanted == "":
		cases = torture.Sample(torture.Quick(cases), seed, shortCases)
	case wanted == "all":
		cases = torture.Sample(cases, seed, len(cases))
	default:
		n, err := strconv.Atoi(wanted)
		if err != nil {
			only := cases[:0:0]
			for _, c := range cases {
				if strings.Contains(c.String(), wanted) {
					only = append(only, c)
				}
			}
			cases = only
			break
		}
		cases = torture.Sample(cases, seed, n)
	}
	binary, err := failpoints()
	if err != nil {
		t.Fatal(err)
	}
	var worlds []torture.World
	for range min(lanes, len(cases)) {
		w := world(workDir(t))
		w.Binary = binary
		worlds = append(worlds, w)
	}
	results, err := torture.RunCases(t.Context(), worlds, cases, seed, time.Minute, func(format string, args ...any) { t.Logf(format, args...) })
	t.Logf("deaths at steps, seed %d\n%s", seed, torture.CaseReport(results))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		switch {
		case !r.Died:
			t.Errorf("%s: the step was not reached, so the case says nothing", r.Case)
		case r.Failed():
			t.Errorf("%s: %d anomalies", r.Case, len(r.Anomalies))
		}
	}
}

func TestInvariant_10_ReconciliationMayDieAtAnyStep_SQLite(t *testing.T) {
	t.Parallel()
	dieReconciling(t, onSQLite)
}

func TestInvariant_10_ReconciliationMayDieAtAnyStep_MariaDB(t *testing.T) {
	t.Parallel()
	redisAddr, redisDB := testenv.Redis(t)
	dieReconciling(t, func(dir string) torture.World { return onMariaDB(t, dir, testenv.MySQL(t), redisAddr, redisDB) })
}

func dieReconciling(t *testing.T, world func(dir string) torture.World) {
	t.Helper()
	if os.Getenv(casesEnv) == "" {
		t.Skipf("SKIPPED: deaths during reconciliation are tried by make torture, or with %s=all", casesEnv)
	}
	binary, err := failpoints()
	if err != nil {
		t.Fatal(err)
	}
	w := world(workDir(t))
	w.Binary = binary
	if err := torture.DieReconciling(t.Context(), w, t.Logf); err != nil {
		t.Fatal(err)
	}
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	opts, err := short.FromEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return opts.Seed
}

// TestCases_CoverEveryStep keeps a step from being named and never tried.
func TestCases_CoverEveryStep(t *testing.T) {
	t.Parallel()
	possible, impossible := torture.Cases()
	tried := map[failpoint.Step]int{}
	for _, c := range possible {
		tried[c.Step]++
	}
	for _, e := range failpoint.Steps() {
		if !slices.Contains(torture.Apart(), e.Step) && tried[e.Step] < 2 {
			t.Errorf("step %s is tried %d times", e.Step, tried[e.Step])
		}
	}
	t.Logf("%d cases, %d more can't happen", len(possible), len(impossible))
}

func TestInvariant_10_MigrationMayDieAtAnyStep_SQLite(t *testing.T) {
	t.Parallel()
	dieMigrating(t, onSQLite)
}

func TestInvariant_10_MigrationMayDieAtAnyStep_MariaDB(t *testing.T) {
	t.Parallel()
	redisAddr, redisDB := testenv.Redis(t)
	dieMigrating(t, func(dir string) torture.World { return onMariaDB(t, dir, testenv.MySQL(t), redisAddr, redisDB) })
}

// dieMigrating tries each step, or in the short form the one that the seed names.
func dieMigrating(t *testing.T, world func(dir string) torture.World) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: building a binary with failpoints takes a while")
	}
	binary, err := failpoints()
	if err != nil {
		t.Fatal(err)
	}
	const fewest = 3 // there were as many migrations when this was written, and more came
	for _, side := range []torture.Side{torture.Before, torture.After} {
		nth, last := 1, 100
		if os.Getenv(casesEnv) == "" {
			nth = 1 + int(seedOf(t)%fewest) //nolint:gosec // at most 2
			last = nth
		}
		died := 0
		for ; nth <= last; nth++ {
			w := world(workDir(t))
			w.Binary = binary
			reached, err := torture.DieMigrating(t.Context(), w, side, nth)
			if err != nil {
				t.Fatalf("%s migration step %d: %v", side, nth, err)
			}
			if !reached {
				break
			}
			died++
		}
		if died == 0 || last == 100 && died < fewest {
			t.Errorf("died %s %d steps", side, died)
		}
		t.Logf("died %s %d steps of a migration; each time the next one made it whole", side, died)
	}
}
