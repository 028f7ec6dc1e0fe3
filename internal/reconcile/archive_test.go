package reconcile_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

func TestArchive(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		// A bill of several pieces, the last one short.
		var rows []channels.BillRow
		for range 8000 {
			rows = append(rows, channels.BillRow{Type: channels.BillOther, Amount: cny(1), Text: "a row that makes the file longer"})
		}
		w.bill(d, rows...)
		r := w.run(d)
		if len(r.Bills) != 1 {
			t.Fatalf("%+v", r)
		}
		bill := r.Bills[0]
		f, size, err := w.service().OpenFile(t.Context(), bill.Digest)
		if err != nil || size != bill.Size || size < 3*256<<10 {
			t.Fatalf("%d %v", size, err)
		}
		whole, err := io.ReadAll(f)
		if err != nil || !bytes.HasPrefix(whole, []byte("2026-11-20 ")) {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(f, whole); err != nil {
			t.Error(err)
		}
		if _, _, err := w.service().OpenFile(t.Context(), "00"+bill.Digest[2:]); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("another digest: %v", err)
		}
		// Kept for as long as configured, from the last time it was fetched.
		if n, err := w.service().RemoveOldOriginals(t.Context()); n != 0 || err != nil {
			t.Errorf("removed %d, %v", n, err)
		}
		w.cfg.KeepOriginals = 24 * time.Hour
		w.clock.add(23 * time.Hour)
		w.run(d)
		w.clock.add(23 * time.Hour)
		if n, err := w.service().RemoveOldOriginals(t.Context()); n != 0 || err != nil || !w.archived(bill.Digest) {
			t.Errorf("removed %d, %v", n, err)
		}
		w.clock.add(2 * time.Hour)
		if n, err := w.service().RemoveOldOriginals(t.Context()); n != 1 || err != nil || w.archived(bill.Digest) {
			t.Errorf("removed %d, %v", n, err)
		}
		if st, err := w.service().Statement(t.Context(), merchantID, d, 0); err != nil || !w.archived(st.CSVDigest) {
			t.Errorf("the statement went too: %+v %v", st, err)
		}
		w.run(d)
		if !w.archived(bill.Digest) {
			t.Error("it is not kept again")
		}
	})
}

func TestFetch_TooLarge(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.cfg.MaxBillBytes = 10
	d := day(t, "2026-11-20")
	w.bill(d, channels.BillRow{Type: channels.BillOther})
	if r := w.run(d); r.Status != reconcile.StatusFailed || r.Failure == nil {
		t.Errorf("%+v", r)
	}
}
