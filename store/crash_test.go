package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// crashFile names the file that a copy of this test program writes to until it
// is killed.
const crashFile = "PAYMUX_TEST_CRASH_FILE"

// crashWriters is how many callers write at once, so that a kill hits batches.
const crashWriters = 8

// TestInvariant_AcknowledgedSurvivesKill: whatever a killed process had
// acknowledged is there, whole, and nothing is there by half.
func TestInvariant_AcknowledgedSurvivesKill(t *testing.T) {
	if path := os.Getenv(crashFile); path != "" {
		writeUntilKilled(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "paymux.db")
	db := storetest.Open(t, store.Config{Driver: store.SQLite, Path: path})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for round := range 10 {
		// Each round is killed at another distance from its first commit.
		acks := killAfter(t, path, 1+round*37)
		acknowledged += len(acks)
		checkSurvivors(t, path, acks)
	}
	t.Logf("%d acknowledged payments survived", acknowledged)
}

// killAfter runs the program until it has acknowledged so many payments, kills
// it, and gives everything that it said.
func killAfter(t *testing.T, path string, acks int) []string {
	t.Helper()
	program := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInvariant_AcknowledgedSurvivesKill$") //nolint:gosec // this program
	program.Env = append(os.Environ(), crashFile+"="+path)
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said = append(said, lines.Text())
		if len(said) == acks {
			if err := program.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = program.Wait() // killed
	if len(said) < acks {
		t.Fatalf("the program ended after %d acknowledgements: %q", len(said), said)
	}
	// The last line may be cut.
	return said[:len(said)-1]
}

func checkSurvivors(t *testing.T, path string, acks []string) {
	t.Helper()
	db := storetest.Open(t, store.Config{Driver: store.SQLite, Path: path})
	for _, id := range acks {
		if _, err := db.PaymentByID(t.Context(), "m", id); err != nil {
			t.Errorf("acknowledged payment %s: %v", id, err)
		}
	}
	halves, err := db.Int(t.Context(), `SELECT (SELECT COUNT(*) FROM payments p WHERE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.payment_id = p.id))
		+ (SELECT COUNT(*) FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM payments p WHERE p.id = a.payment_id))`)
	if err != nil || halves != 0 {
		t.Errorf("%d transactions are there by half, %v", halves, err)
	}
	if bad, err := db.Int(t.Context(), `SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`); err != nil || bad != 0 {
		t.Errorf("the file is damaged: %d faults, %v", bad, err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// writeUntilKilled says each payment's id once its transaction is committed.
func writeUntilKilled(t *testing.T, path string) {
	db := storetest.Open(t, store.Config{Driver: store.SQLite, Path: path})
	run := os.Getpid()
	var wg sync.WaitGroup
	for i := range crashWriters {
		wg.Go(func() {
			for n := 0; ; n++ {
				p := storetest.NewPayment(t, "m")
				p.ID = fmt.Sprintf("%d-%d-%d", run, i, n)
				p.MerchantOrderNo = p.ID
				a := storetest.NewAttempt(t, p)
				a.ID = "a" + p.ID
				err := db.InTx(context.Background(), func(tx payment.Tx) error {
					return errors.Join(tx.InsertPayment(t.Context(), p), tx.InsertAttempt(t.Context(), a))
				})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stdout.WriteString(p.ID + "\n"); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestInvariant_AcknowledgedSurvivesServerKill is the same for the server of
// MySQL: it dies, and the gateway goes on with what it was told.
func TestInvariant_AcknowledgedSurvivesServerKill(t *testing.T) {
	server := testenv.StartMySQL(t)
	db := storetest.Open(t, store.Config{Driver: store.MySQL, DSN: server.DSN()})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var acks []string
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for range crashWriters {
		wg.Go(func() {
			for {
				p := storetest.NewPayment(t, "m")
				err := db.InTx(t.Context(), func(tx payment.Tx) error { return tx.InsertPayment(t.Context(), p) })
				if err != nil {
					if !errors.Is(err, payment.ErrUnavailable) {
						t.Errorf("a lost server is told as %v", err)
					}
					return
				}
				mu.Lock()
				if acks = append(acks, p.ID); len(acks) == 200 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	server.Kill()
	wg.Wait()
	if err := db.Ping(t.Context()); !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("ping of a lost server: %v", err)
	}
	server.Start()
	for _, id := range acks {
		if _, err := db.PaymentByID(t.Context(), "m", id); err != nil {
			t.Errorf("acknowledged payment %s: %v", id, err)
		}
	}
}
