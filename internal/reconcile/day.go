package reconcile

import (
	"context"
	"slices"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// match holds a bill against our books and explains every row of either that the
// other does not have.
func (d *dayRun) match(ctx context.Context, o *original) error {
	m, err := newMatcher(d.s.cfg.SpillDir, o.bill.Size, d.s.cfg.MaxDifferences)
	if err != nil {
		return err
	}
	defer m.close()
	m.pair = d.compare
	if err := d.bothSides(ctx, o, m); err != nil {
		return err
	}
	err = m.run(ctx, func(rows int64) { d.progress(StepMatch, rows, o.bill.Rows) })
	if err != nil {
		return err
	}
	m.secondKeys(d.contradict)
	for _, r := range m.leftOurs {
		d.missing(r)
	}
	for _, r := range m.again {
		d.repeated(r)
	}
	if err := d.leftovers(ctx, m.leftBill); err != nil {
		return err
	}
	if err := d.doubts(ctx); err != nil {
		return err
	}
	if d.result.overflow {
		return d.result.tooMany()
	}
	return nil
}

// bothSides reads the bill and our books at the same time: each waits for
// another thing.
func (d *dayRun) bothSides(ctx context.Context, o *original, m *matcher) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var rows int64
	ours := make(chan error, 1)
	go func() {
		var err error
		if rows, err = d.ours(ctx, m.ours.add); err != nil {
			stop(err)
		}
		ours <- err
	}()
	err := d.read(ctx, o, m.bill.add)
	if err != nil {
		stop(err)
	}
	d.progress(StepLocal, 0, 0)
	if failed := <-ours; err == nil {
		err = failed
	}
	d.progress(StepLocal, rows, rows)
	return err
}

// read reads a bill's rows that are about orders.
func (d *dayRun) read(ctx context.Context, o *original, add func(*record) error) error {
	var (
		rows int64
		r    record // one for all rows: it would be made anew for each
	)
	totals, err := d.source.ReadBill(channels.BillTrades, d.job.Day, o.file, o.bill.Size, func(b channels.BillRow) error {
		if rows++; rows%progressRows == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			d.progress(StepRead, rows, 0)
		}
		if b.Type == channels.BillOther {
			return nil
		}
		r = ofBillRow(b)
		return add(&r)
	})
	if err != nil {
		return err
	}
	d.progress(StepRead, rows, rows)
	o.bill.Rows, d.result.theirs = totals.Rows, totals
	return nil
}

// ours reads our rows of the day, without those that stand in another day's
// bill, and those that the day before carried over. What moved after the bill
// was made, on a day that is not over, cannot stand in it.
func (d *dayRun) ours(ctx context.Context, add func(*record) error) (rows int64, err error) {
	from, to := d.terms.Window(d.job.Day)
	if d.made.Before(to) {
		to = d.made
	}
	for _, list := range []func(after Place) ([]Movement, error){
		func(after Place) ([]Movement, error) {
			return d.s.Store.PaidAttempts(ctx, d.account.ID, from, to, after, pageRows)
		},
		func(after Place) ([]Movement, error) {
			return d.s.Store.DoneRefunds(ctx, d.account.ID, d.terms.RefundOnAcceptance, from, to, after, pageRows)
		},
	} {
		var (
			after Place
			r     record // one for all rows, as in read
		)
		for {
			page, err := list(after)
			if err != nil {
				return rows, err
			}
			for _, m := range page {
				after = Place{At: m.At, ID: m.ID}
				if p, ok := d.pool[m.ID]; ok && !p.Bill.IsZero() && p.Bill != d.job.Day {
					if d.job.Day.Before(p.Bill) {
						d.result.carried++ // and found there meanwhile
					}
					continue
				}
				r = ofMovement(m)
				if err := add(&r); err != nil {
					return rows, err
				}
			}
			rows += int64(len(page))
			if len(page) < pageRows {
				break
			}
		}
	}
	return rows, d.carriedOver(ctx, add)
}

// carriedOver gives the rows that the day before left to this day's bill.
func (d *dayRun) carriedOver(ctx context.Context, add func(*record) error) error {
	before := d.job.Day.Add(-1)
	var attempts, refunds []string
	for _, p := range d.pool {
		switch {
		case p.Home != before || (!p.Bill.IsZero() && p.Bill != d.job.Day):
		case p.Refund:
			refunds = append(refunds, p.SubjectID)
		default:
			attempts = append(attempts, p.SubjectID)
		}
	}
	slices.Sort(attempts)
	slices.Sort(refunds)
	for _, part := range []struct{ attempts, refunds []string }{{attempts: attempts}, {refunds: refunds}} {
		for batch := range slices.Chunk(slices.Concat(part.attempts, part.refunds), lookBatch) {
			ids := struct{ attempts, refunds []string }{batch, nil}
			if part.attempts == nil {
				ids.attempts, ids.refunds = nil, batch
			}
			found, err := d.s.Store.MovementsByID(ctx, d.account.ID, d.terms.RefundOnAcceptance, ids.attempts, ids.refunds)
			if err != nil {
				return err
			}
			for _, m := range found {
				r := ofMovement(m)
				r.carried = true
				switch {
				case r.settled():
					if err := add(&r); err != nil {
						return err
					}
				case m.Refund && m.Status == string(payment.RefundProcessing):
					d.carriedDoubts = append(d.carriedDoubts, m)
				}
			}
		}
	}
	return nil
}

// withoutFile judges what our books have of a day that has no bill.
func (d *dayRun) withoutFile(ctx context.Context) error {
	_, err := d.ours(ctx, func(r *record) error {
		d.missing(*r)
		return nil
	})
	if err != nil {
		return err
	}
	return d.doubts(ctx)
}
