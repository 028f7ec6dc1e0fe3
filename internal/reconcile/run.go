package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/payment"
)

const (
	// pageRows is how many of our rows are read at a time.
	pageRows = 2000
	// progressRows is how often a step says how far it is.
	progressRows = 10_000
	// busyPoll is how often a day is asked for that another process holds.
	busyPoll = 250 * time.Millisecond
)

// Run reconciles an account's day: it fetches the bill and keeps it, matches,
// repairs what the channel's answers settle, and writes the result and the
// merchant's statement. It can be run at any time, beside a server too: it waits
// a while for a run of the same day elsewhere, then fails with ErrBusy. The bill
// not being there, or being broken, is a result (status pending or failed) and
// no error; where an earlier run matched the day, its result stays what is
// stored.
func (s *Service) Run(ctx context.Context, job Job) (Reconciliation, error) {
	account, err := s.Directory.AccountByID(ctx, job.AccountID)
	if err != nil {
		return Reconciliation{}, fmt.Errorf("reconcile account %s: %w", job.AccountID, err)
	}
	tell := job.Progress
	if tell == nil {
		tell = func(Progress) {}
	}
	lease, err := s.acquire(ctx, account, job.Day, tell)
	if err != nil {
		return Reconciliation{}, err
	}
	r, err := s.runLeased(ctx, account, lease, job)
	if err != nil {
		return Reconciliation{}, fmt.Errorf("reconcile %s of account %s: %w", job.Day, job.AccountID, err)
	}
	if !job.DeferStatement {
		tell(Progress{Step: StepStatement})
		if err := s.statementDue(ctx, account.MerchantID, job.Day); err != nil {
			return r, err
		}
	}
	tell(Progress{Step: StepDone})
	return r, nil
}

// statementDue writes a merchant's statement if a result is newer than it.
func (s *Service) statementDue(ctx context.Context, merchantID string, day channels.Day) error {
	states, err := s.Store.DayStates(ctx, merchantID, day, day)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(states, func(d DayState) bool { return d.StatementDue > 0 }) {
		_, err = s.WriteStatement(ctx, merchantID, day)
	}
	return err
}

// acquire leases the day, waiting a while for whoever works on it.
func (s *Service) acquire(ctx context.Context, account Account, day channels.Day, tell func(Progress)) (DayLease, error) {
	for waited := time.Duration(0); ; waited += busyPoll {
		lease, err := s.Store.AcquireDay(ctx, account, day, s.Owner, s.now(), s.cfg.Lease)
		if !errors.Is(err, ErrBusy) || waited >= s.cfg.BusyWait {
			return lease, err
		}
		tell(Progress{Step: StepWait})
		if err := s.Sleep(ctx, busyPoll); err != nil {
			return DayLease{}, err
		}
	}
}

// runLeased runs a day under its lease, which it keeps alive and ends.
func (s *Service) runLeased(ctx context.Context, account Account, lease DayLease, job Job) (r Reconciliation, err error) {
	held, drop := s.keep(ctx, lease)
	defer drop()
	r, err = s.runDay(held, account, lease, job)
	if err == nil {
		return r, nil
	}
	if lost := context.Cause(held); lost != nil && ctx.Err() == nil {
		err = lost
	}
	if errors.Is(err, ErrBusy) {
		return r, err
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Lease)
	defer cancel()
	if freed := s.Store.ReleaseDay(end, lease, s.now().Add(step(s.cfg.RetryLadder, lease.Tries))); freed != nil && !errors.Is(freed, ErrBusy) {
		err = errors.Join(err, freed)
	}
	return r, err
}

// keep renews a lease until drop; the context it gives ends when it is lost.
func (s *Service) keep(ctx context.Context, lease DayLease) (held context.Context, drop func()) {
	held, end := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s.Sleep(held, s.cfg.Lease/3) == nil {
			if err := s.Store.RenewDay(held, lease, s.cfg.Lease); errors.Is(err, ErrBusy) {
				end(err)
				return
			}
		}
	}()
	return held, func() {
		end(nil)
		<-done
	}
}

// step is a ladder's step; the last one repeats.
func step(ladder []time.Duration, n int) time.Duration { return ladder[min(n, len(ladder)-1)] }

// dayRun is one run of one account's day.
type dayRun struct {
	s          *Service
	account    Account
	lease      DayLease
	job        Job
	source     channels.BillSource
	repeatable bool
	terms      terms

	result *result
	bills  []Bill
	// digest is the trade bill's, empty where there is no file.
	digest string
	// made is when the trade bill was asked for.
	made time.Time
	// seen is what the run knows of the neighbouring days; pool is its rows by
	// subject.
	seen Neighbours
	pool map[string]PoolRow
	// carriedDoubts are refunds in doubt of the day before.
	carriedDoubts []Movement
	// beforeDone: the day before was matched, or there is none.
	beforeDone bool
	// previous is the day's newest result, where there is one.
	previous *Reconciliation
	// asked counts the questions put to the channel, unanswered those in a row
	// that it did not answer.
	asked, unanswered int
	// again: something may be judged otherwise before long, so the day is due
	// again although a result is written.
	again bool
}

func (d *dayRun) progress(step Step, done, total int64) {
	if d.job.Progress != nil {
		d.job.Progress(Progress{Step: step, Done: done, Total: total})
	}
}

func (s *Service) runDay(ctx context.Context, account Account, lease DayLease, job Job) (Reconciliation, error) {
	d := &dayRun{s: s, account: account, lease: lease, job: job, result: newResult(s.cfg.MaxDifferences)}
	previous, err := s.Store.Newest(ctx, lease.DayKey)
	switch {
	case err == nil:
		d.previous = &previous
	case !errors.Is(err, payment.ErrNotFound):
		return Reconciliation{}, err
	}
	if d.source, d.repeatable, err = s.Directory.Bills(ctx, account.ID); err != nil {
		d.terms.BillCalendar = unknownCalendar()
		return d.without(ctx, StatusFailed, cannotOpen(err))
	}
	d.terms = terms{BillCalendar: d.source.BillCalendar(), ratePPM: account.FeeRatePPM, margin: s.cfg.EdgeMargin}
	if err := d.neighbours(ctx); err != nil {
		return Reconciliation{}, err
	}
	o, err := d.fetch(ctx, channels.BillTrades)
	if err != nil {
		return d.notFetched(ctx, err)
	}
	defer o.close()
	d.digest, d.made = o.bill.Digest, o.bill.FetchedAt
	failpoint.Before(failpoint.BillMatch)
	err = d.match(ctx, o)
	failpoint.After(failpoint.BillMatch)
	var (
		broken *channels.BrokenBillError
		many   *tooManyError
	)
	switch {
	case errors.As(err, &broken) || errors.As(err, &many):
		d.bills = append(d.bills, o.bill)
		return d.without(ctx, StatusFailed, cannotMatch(broken, many))
	case err != nil:
		return Reconciliation{}, err
	}
	d.bills = append(d.bills, o.bill)
	if err := d.extras(ctx); err != nil {
		return Reconciliation{}, err
	}
	return d.finish(ctx)
}

// notFetched is a day without a bill: for good, for now, or because something is
// wrong.
func (d *dayRun) notFetched(ctx context.Context, err error) (Reconciliation, error) {
	var internal *internalError
	if ctx.Err() != nil {
		return Reconciliation{}, context.Cause(ctx)
	}
	if errors.As(err, &internal) {
		return Reconciliation{}, err
	}
	// "None" of a day that has not begun says nothing yet.
	from, _ := d.terms.Window(d.job.Day)
	if errors.Is(err, channels.ErrNoBusiness) || errors.Is(err, channels.ErrBillAbsent) && from.Before(d.s.now()) {
		if d.previous != nil && slices.ContainsFunc(d.previous.Bills, func(b Bill) bool { return b.Digest != "" }) {
			// Channels keep their files for some months only.
			return d.without(ctx, StatusPending, message(codeNoneAnyMore))
		}
		final := errors.Is(err, channels.ErrNoBusiness)
		busy, asked := d.hadBusiness(ctx, !final)
		switch {
		case asked != nil:
			return Reconciliation{}, asked
		case busy && final && !d.s.now().Before(d.dueAt().Add(d.s.cfg.LateAfter)):
			// People see what is missing, row by row; the file may come yet.
			d.again = true
		case busy:
			return d.without(ctx, StatusPending, message(codeNoneBusy))
		}
		if !final {
			carried, asked := d.hasCarried(ctx)
			switch {
			case asked != nil:
				return Reconciliation{}, asked
			case carried:
				return d.without(ctx, StatusPending, message(codeNoneCarried))
			}
		}
		d.made = d.s.now()
		d.bills = []Bill{{Kind: channels.BillTrades, FetchedAt: d.made}}
		if err := d.withoutFile(ctx); err != nil {
			return Reconciliation{}, err
		}
		return d.finish(ctx)
	}
	if errors.Is(err, channels.ErrBillNotReady) {
		return d.without(ctx, StatusPending, message(codeNotReady))
	}
	return d.without(ctx, StatusFailed, cannotFetch(err))
}

// hadBusiness tells whether our books have anything that the day's bill should
// have, refunds in doubt among it or not: what stands in another day's bill is
// not asked of this one.
func (d *dayRun) hadBusiness(ctx context.Context, doubts bool) (bool, error) {
	from, to := d.terms.Window(d.job.Day)
	to = to.Add(-d.terms.margin)
	lists := []func(after Place) ([]Movement, error){
		func(after Place) ([]Movement, error) {
			return d.s.Store.PaidAttempts(ctx, d.account.ID, from, to, after, pageRows)
		},
		func(after Place) ([]Movement, error) {
			return d.s.Store.DoneRefunds(ctx, d.account.ID, d.terms.RefundOnAcceptance, from, to, after, pageRows)
		},
	}
	if doubts && !d.repeatable {
		lists = append(lists, func(after Place) ([]Movement, error) {
			return d.s.Store.DoubtfulRefunds(ctx, d.account.ID, from, to, after, pageRows)
		})
	}
	for _, list := range lists {
		if found, err := d.expects(list); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// expects tells whether a list has a row that stands in no other day's bill.
func (d *dayRun) expects(list func(after Place) ([]Movement, error)) (bool, error) {
	var after Place
	for {
		page, err := list(after)
		if err != nil {
			return false, err
		}
		for _, m := range page {
			after = Place{At: m.At, ID: m.ID}
			if p, ok := d.pool[m.ID]; !ok || p.Bill.IsZero() || p.Bill == d.job.Day {
				return true, nil
			}
		}
		if len(page) < pageRows {
			return false, nil
		}
	}
}

// hasCarried tells whether rows of the day before wait for this day's bill.
func (d *dayRun) hasCarried(ctx context.Context) (carried bool, err error) {
	err = d.carriedOver(ctx, func(*record) error {
		carried = true
		return nil
	})
	carried = carried || len(d.carriedDoubts) > 0
	d.carriedDoubts = nil
	return carried, err
}

// neighbours reads what the days around left behind.
func (d *dayRun) neighbours(ctx context.Context) error {
	before := d.job.Day.Add(-1)
	seen, err := d.s.Store.Neighbours(ctx, d.lease.DayKey)
	if err != nil {
		return err
	}
	d.seen, d.pool = seen, make(map[string]PoolRow, len(seen.Pool))
	for _, p := range seen.Pool {
		d.pool[p.SubjectID] = p
	}
	d.beforeDone = seen.BeforeFinished || before.Before(d.terms.DayOf(d.account.CreatedAt)) || !d.inReach(before)
	return nil
}
