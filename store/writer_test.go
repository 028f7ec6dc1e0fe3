package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// held is a writer whose turn is taken by a job that waits to be let go.
type held struct {
	db      *store.DB
	wg      sync.WaitGroup
	let     chan struct{}
	letOnce sync.Once
}

// hold lets one job take its turn and wait, so that what follows is queued
// behind it and shares its batch.
func hold(t *testing.T, db *store.DB) *held {
	t.Helper()
	h := &held{db: db, let: make(chan struct{})}
	begun := make(chan struct{})
	h.wg.Go(func() {
		err := db.Write(context.Background(), func(*store.Tx) error {
			close(begun)
			<-h.let
			return nil
		})
		if err != nil && !errors.Is(err, payment.ErrUnavailable) {
			t.Errorf("holding job: %v", err)
		}
	})
	<-begun
	t.Cleanup(h.free)
	return h
}

// free lets the batch go on and waits for its end.
func (h *held) free() {
	h.letOnce.Do(func() { close(h.let) })
	h.wg.Wait()
}

func insertNonce(name string) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		return tx.Exec(context.Background(), `INSERT INTO nonces (merchant_id, nonce, expires_at) VALUES ('m', ?, 1)`, name)
	}
}

func count(t *testing.T, db *store.DB, where string) int64 {
	t.Helper()
	n, err := db.Int(t.Context(), `SELECT COUNT(*) FROM nonces WHERE `+where)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Jobs of one batch: each second one fails, some after writing, some by panic.
func TestGroupCommit_FailingJobsSinkNobodyElse(t *testing.T) {
	db := storetest.OpenSQLite(t)
	h := hold(t, db)
	const jobs = 40
	refused := errors.New("refused")
	for i := range jobs {
		h.wg.Go(func() {
			insert := insertNonce(fmt.Sprintf("%s-%d", []string{"good", "bad"}[i%2], i))
			defer func() {
				if r := recover(); (r != nil) != (i%4 == 3) {
					t.Errorf("job %d: panic %v", i, r)
				}
			}()
			err := db.Write(t.Context(), func(tx *store.Tx) error {
				if err := insert(tx); err != nil {
					return err
				}
				switch i % 4 {
				case 1:
					return refused
				case 3:
					panic(i)
				default:
					return nil
				}
			})
			if want := map[bool]error{true: refused}[i%4 == 1]; !errors.Is(err, want) {
				t.Errorf("job %d: got %v, want %v", i, err, want)
			}
		})
	}
	h.free()
	if good, all := count(t, db, `nonce LIKE 'good%'`), count(t, db, `1 = 1`); good != jobs/2 || all != jobs/2 {
		t.Errorf("%d good ones and %d in all are kept of %d", good, all, jobs)
	}
}

// A function that ends its goroutine, as t.FailNow does, leaves the writer whole.
func TestGroupCommit_SurvivesGoexit(t *testing.T) {
	db := storetest.OpenSQLite(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = db.Write(context.Background(), func(tx *store.Tx) error {
			_ = insertNonce("lost")(tx)
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	if err := db.Write(t.Context(), insertNonce("kept")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, `1 = 1`); n != 1 {
		t.Errorf("%d rows are kept", n)
	}
}

// A refusal that a job of the same batch caused is told when that job's work
// can be read.
func TestGroupCommit_RefusalsAreCommittedTruth(t *testing.T) {
	db := storetest.OpenSQLite(t)
	h := hold(t, db)
	for range 20 {
		h.wg.Go(func() {
			err := db.Write(t.Context(), insertNonce("same"))
			if err != nil && !errors.Is(err, payment.ErrDuplicate) {
				t.Error(err)
			}
			if n, err := db.Int(t.Context(), `SELECT COUNT(*) FROM nonces WHERE nonce = 'same'`); err != nil || n != 1 {
				t.Errorf("after the answer there are %d rows, %v", n, err)
			}
		})
	}
	h.free()
}

// A caller who leaves while waiting: the job never runs. One who leaves while
// it runs: it is finished.
func TestGroupCommit_CallerGone(t *testing.T) {
	db := storetest.OpenSQLite(t)
	h := hold(t, db)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		left <- db.Write(ctx, func(*store.Tx) error {
			t.Error("a job ran whose caller had gone")
			return nil
		})
	}()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left got %v", err)
	}
	h.free()
	// Later jobs are served, so the dropped one was passed over.
	if err := db.Write(t.Context(), insertNonce("next")); err != nil {
		t.Fatal(err)
	}

	ctx, leave = context.WithCancel(t.Context())
	err := db.Write(ctx, func(tx *store.Tx) error {
		leave()
		return insertNonce("finished")(tx)
	})
	if err != nil && !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("a caller who left during the work got %v", err)
	}
	if err := db.Write(t.Context(), insertNonce("after")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, `1 = 1`); n != 3 {
		t.Errorf("%d rows are kept of 3", n)
	}
	if err := db.Write(ctx, insertNonce("too late")); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

func TestGroupCommit_QueueIsBounded(t *testing.T) {
	const limit = 3
	db := storetest.OpenSQLite(t, func(c *store.Config) { c.QueueLimit = limit })
	h := hold(t, db)
	queued := make(chan struct{}, limit)
	for i := range limit {
		h.wg.Go(func() {
			queued <- struct{}{}
			if err := db.Write(t.Context(), insertNonce(fmt.Sprint(i))); err != nil {
				t.Errorf("queued job: %v", err)
			}
		})
		<-queued
	}
	for db.Queued() < limit {
		runtime.Gosched() // the last ones are on their way into the queue
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- db.Write(ctx, insertNonce("beyond")) }()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("a caller beyond the queue got %v", err)
	}
	if n := db.Queued(); n != limit {
		t.Errorf("%d jobs are queued where %d is the limit", n, limit)
	}
	h.free()
	if n := count(t, db, `1 = 1`); n != limit {
		t.Errorf("%d rows are kept of %d", n, limit)
	}
}

// A commit that the disk has no room for fails every job of its batch, and the
// next batch is served.
func TestGroupCommit_FullDisk(t *testing.T) {
	db := storetest.OpenSQLite(t)
	pages, err := db.Int(t.Context(), `SELECT page_count FROM pragma_page_count`)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+8)); err != nil {
		t.Fatal(err)
	}
	h := hold(t, db)
	const jobs = 30
	kept := make([]bool, jobs)
	for i := range jobs {
		h.wg.Go(func() {
			err := db.Write(t.Context(), insertNonce(fmt.Sprintf("%d-%s", i, strings.Repeat("x", 4000))))
			if err != nil && !errors.Is(err, payment.ErrUnavailable) {
				t.Errorf("a full disk is told as %v", err)
			}
			kept[i] = err == nil
		})
	}
	h.free()
	told := int64(0)
	for _, k := range kept {
		if k {
			told++
		}
	}
	if n := count(t, db, `1 = 1`); n != told || told == jobs {
		t.Errorf("%d rows are kept, %d callers were told so, of %d", n, told, jobs)
	}
	if err := db.Exec(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+1000)); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), insertNonce("after")); err != nil {
		t.Errorf("after the disk had room again: %v", err)
	}
}

// Statements after one that failed run nothing: the database may have ended
// the transaction with it.
func TestTx_StopsAfterAnError(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			if tx.Exec(t.Context(), `INSERT INTO no_such_table VALUES (1)`) == nil {
				t.Error("a wrong statement succeeded")
			}
			if insertNonce("after")(tx) == nil {
				t.Error("a statement ran after one that failed")
			}
			return nil
		})
		if err == nil {
			t.Error("a transaction with a failed statement was committed")
		}
		if n := count(t, db, `1 = 1`); n != 0 {
			t.Errorf("%d rows are kept", n)
		}
	})
}

func TestClose(t *testing.T) {
	db := storetest.OpenSQLite(t)
	h := hold(t, db)
	waiting := make(chan error, 1)
	go func() { waiting <- db.Write(context.Background(), insertNonce("waiting")) }()
	for db.Queued() == 0 {
		runtime.Gosched() // on its way into the queue
	}
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	h.free()
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	// Either it was still served or it is told that it was not.
	if err := <-waiting; err != nil && !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("a waiting job got %v", err)
	}
	if err := db.Write(context.Background(), insertNonce("late")); !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("a job after the end got %v", err)
	}
}

// A command beside a running server writes to the same file, however busy the
// server is, and sees its changes at once.
func TestSQLite_TwoWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "paymux.db")
	server := storetest.Open(t, store.Config{Driver: store.SQLite, Path: path})
	if _, err := server.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	command := storetest.Open(t, store.Config{Driver: store.SQLite, Path: path})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := server.Write(context.Background(), insertNonce(fmt.Sprintf("server-%d-%d", i, n))); err != nil {
					t.Errorf("server: %v", err)
				}
			}
		})
	}
	for i := range 20 {
		if err := command.Write(t.Context(), insertNonce(fmt.Sprintf("command-%d", i))); err != nil {
			t.Errorf("command: %v", err)
		}
		if n := count(t, server, fmt.Sprintf(`nonce = 'command-%d'`, i)); n != 1 {
			t.Error("the server does not see what the command wrote")
		}
	}
	stop()
	wg.Wait()
}
