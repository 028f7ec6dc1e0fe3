package reconcile_test

import (
	"context"
	"io"
	"sync"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

// between is a store that has something happen once a statement's sums were read.
type between struct {
	reconcile.Store
	summed func()
}

func (b *between) SummariesOf(ctx context.Context, merchant string, from, to channels.Day) ([]reconcile.AccountSummary, error) {
	list, err := b.Store.SummariesOf(ctx, merchant, from, to)
	if happen := b.summed; happen != nil {
		b.summed = nil
		happen()
	}
	return list, err
}

// A result that comes while a statement is written, of a run that began before
// or after it did, is in the next version.
func TestStatement_MissesNoAccountThatEndsMeanwhile(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		a := w.book(100, noon)
		due := func() int {
			t.Helper()
			list, err := w.db.DueStatements(t.Context(), w.clock.Now(), w.clock.Now(), reconcile.MerchantDay{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		run := func(db reconcile.Store, owner string) {
			t.Helper()
			job := reconcile.Job{AccountID: accountID, Day: d, DeferStatement: true}
			if _, err := w.serviceOn(db, owner).Run(t.Context(), job); err != nil {
				t.Error(err)
			}
		}
		write := func(db reconcile.Store) {
			t.Helper()
			if _, err := w.serviceOn(db, "host/writer").WriteStatement(t.Context(), merchantID, d); err != nil {
				t.Fatal(err)
			}
		}
		w.bill(d)
		run(w.db, "host/1")
		w.bill(d, row(a))
		write(&between{Store: w.db, summed: func() { run(w.db, "host/2") }})
		if due() != 1 {
			t.Error("a run began and ended while the statement was written, and none is due")
		}
		w.bill(d)
		// The writer read the day while the run had it, and saves after its end.
		begun, written := make(chan struct{}), make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			run(failing{Store: w.db, beforeFinish: func() error {
				close(begun)
				<-written
				return nil
			}}, "host/3")
		})
		<-begun
		write(&between{Store: w.db, summed: func() {
			close(written)
			group.Wait()
		}})
		if due() != 1 {
			t.Error("a run ended while the statement was written, and none is due")
		}
		write(w.db)
		if due() != 0 {
			t.Error("the statement has everything, and is still due")
		}
	})
}

// Both files say the same, whatever is booked while they are written.
func TestStatement_FilesAgree(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	d := day(t, "2026-11-20")
	a := w.book(100, noon)
	w.bill(d, row(a))
	moved := false
	s := reconcile.New(w.cfg, w.deps(w.db, "host/1", func(out io.Writer, in reconcile.StatementInput) (int64, error) {
		if !moved {
			moved = true
			w.book(200, noon)
		}
		return writeText(out, in)
	}))
	if _, err := s.Run(t.Context(), reconcile.Job{AccountID: accountID, Day: d}); err != nil {
		t.Fatal(err)
	}
	st, err := s.Statement(t.Context(), merchantID, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	if st.Rows != 2 || st.CSVDigest != st.XLSXDigest {
		t.Errorf("one file has\n%s\nthe other has\n%s", w.file(st.CSVDigest), w.file(st.XLSXDigest))
	}
	if !moved {
		t.Error("nothing moved")
	}
}
