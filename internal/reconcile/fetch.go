package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
)

// original is a bill's file as it came, in a file without a name.
type original struct {
	file *os.File
	bill Bill
}

func (o *original) close() { _ = o.file.Close() }

// tooLargeError is a file beyond the configured limit.
type tooLargeError struct{ limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("the bill's file is larger than %d bytes; raise reconciliation.max_bill_bytes if it may be", e.limit)
}

// sink counts, bounds and hashes what is written through it.
type sink struct {
	to       io.Writer
	hash     hash.Hash
	size     int64
	limit    int64
	progress func(bytes int64)
}

func (s *sink) Write(p []byte) (int, error) {
	if s.size+int64(len(p)) > s.limit {
		return 0, &tooLargeError{s.limit}
	}
	n, err := s.to.Write(p)
	s.hash.Write(p[:n])
	s.size += int64(n)
	s.progress(s.size)
	return n, err
}

// fetch gets a bill's original from the channel and keeps it in the archive,
// before anybody has read it.
func (d *dayRun) fetch(ctx context.Context, kind channels.BillKind) (*original, error) {
	file, err := tempFile(d.s.cfg.SpillDir)
	if err != nil {
		return nil, err
	}
	o := &original{file: file}
	callCtx, cancel := context.WithTimeout(ctx, d.s.cfg.FetchTimeout)
	defer cancel()
	out := &sink{to: file, hash: sha256.New(), limit: d.s.cfg.MaxBillBytes, progress: func(n int64) { d.progress(StepFetch, n, 0) }}
	d.progress(StepFetch, 0, 0)
	failpoint.Before(failpoint.BillFetch)
	began := d.s.now()
	about, err := d.source.FetchBill(callCtx, kind, d.job.Day, out)
	failpoint.After(failpoint.BillFetch)
	if err != nil {
		o.close()
		return nil, err
	}
	o.bill = Bill{
		Kind: kind, Name: about.Name, Digest: hex.EncodeToString(out.hash.Sum(nil)), Size: out.size, FetchedAt: began,
	}
	failpoint.Before(failpoint.BillKeep)
	err = d.s.store(ctx, FileMeta{
		Digest: o.bill.Digest, Class: ClassBill, Name: about.Name, ContentType: about.ContentType, Size: out.size, StoredAt: o.bill.FetchedAt,
	}, file)
	failpoint.After(failpoint.BillKeep)
	if err != nil {
		o.close()
		return nil, &internalError{fmt.Errorf("keep the bill's original: %w", err)}
	}
	return o, nil
}

// internalError is a failure of ours, not of the bill: the run fails and is
// tried again, and the day's result stays as it is.
type internalError struct{ err error }

func (e *internalError) Error() string { return e.err.Error() }

func (e *internalError) Unwrap() error { return e.err }

// extras fetches, keeps and checks the day's other files. They take no part in
// matching, so one that is not there or broken holds nothing up.
func (d *dayRun) extras(ctx context.Context) error {
	for _, kind := range d.terms.Kinds {
		if kind == channels.BillTrades {
			continue
		}
		bill, err := d.extra(ctx, kind)
		var internal *internalError
		switch {
		case errors.As(err, &internal):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			d.s.Logger.WarnContext(ctx, "a further bill of the day cannot be had", "account_id", d.account.ID, "day", d.job.Day, "kind", kind, "error", err)
		default:
			d.bills = append(d.bills, bill)
		}
	}
	return nil
}

func (d *dayRun) extra(ctx context.Context, kind channels.BillKind) (Bill, error) {
	o, err := d.fetch(ctx, kind)
	if err != nil {
		return Bill{}, err
	}
	defer o.close()
	totals, err := d.source.ReadBill(kind, d.job.Day, o.file, o.bill.Size, func(channels.BillRow) error { return ctx.Err() })
	o.bill.Rows = totals.Rows
	return o.bill, err
}
