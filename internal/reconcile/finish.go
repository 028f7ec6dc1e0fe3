package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/money"
)

// saveBatch is how many discrepancies one transaction writes.
const saveBatch = 200

// finish completes the findings with what the core and earlier runs know, and
// writes the result: the same one again, or a new version.
func (d *dayRun) finish(ctx context.Context) (Reconciliation, error) {
	if err := d.coreFindings(ctx); err != nil {
		return Reconciliation{}, err
	}
	before, err := d.found(ctx)
	if err != nil {
		return Reconciliation{}, err
	}
	for _, old := range before {
		// What a run repaired agrees since, and stays told.
		if old.Status == Repaired && old.Kind == StatusMismatch && !old.Evidence.has(codeGone) {
			d.result.find(finding{
				kind: old.Kind, subject: old.SubjectID, status: Repaired, ours: old.Ours, theirs: old.Theirs, detail: old.Detail, evidence: old.Evidence,
			})
		}
	}
	if d.result.overflow {
		return d.without(ctx, StatusFailed, d.result.tooMany().message())
	}
	if err := d.describe(ctx); err != nil {
		return Reconciliation{}, err
	}
	r := d.version(d.result.seal())
	failpoint.Before(failpoint.ReconcileSave)
	if err := d.save(ctx, r.ID); err != nil {
		return Reconciliation{}, err
	}
	failpoint.After(failpoint.ReconcileSave)
	o := d.outcome(r)
	o.Finished, o.Waiting, o.StatementDue = true, d.result.waiting, true
	o.Pool, o.Settled, o.Seen = d.result.pool, d.result.settled, d.seen
	o.Planned = !d.s.now().Before(d.dueAt())
	if d.result.waiting {
		// By then the day before is given up.
		o.NextTry, _ = d.terms.Window(d.job.Day.Add(d.s.cfg.CatchUpDays - 1))
	}
	if d.again {
		o.Tries = d.lease.Tries + 1
		o.NextTry = d.nextTry()
	}
	// A run that died may have left differences of no version.
	left, err := d.list(ctx, DiscrepancyFilter{AccountID: d.account.ID, Day: d.job.Day, Status: Open})
	if err != nil {
		return Reconciliation{}, err
	}
	o.Gone = d.gone(left, r.Version)
	o.Wake = d.wakes()
	failpoint.Before(failpoint.ReconcileFinish)
	if err := d.s.Store.Finish(ctx, o); err != nil {
		return Reconciliation{}, err
	}
	failpoint.After(failpoint.ReconcileFinish)
	return d.s.Store.ReconciliationByID(ctx, "", r.ID)
}

// dueAt is when the schedule takes the day up.
func (d *dayRun) dueAt() time.Time { return d.terms.DueAt(d.job.Day).Add(d.s.cfg.DueMargin) }

// coreFindings takes over what the core found by itself on the day.
func (d *dayRun) coreFindings(ctx context.Context) error {
	from, to := d.terms.Window(d.job.Day)
	list, err := d.s.Store.CoreFindings(ctx, d.account.ID, from, to, d.s.cfg.MaxDifferences)
	if err != nil {
		return err
	}
	for _, c := range list {
		f := finding{kind: Kind(c.Kind), subject: c.AttemptID, status: Open, detail: coreMessage(c.Detail), evidence: c.settled()}
		if c.RefundID != "" {
			f.subject = c.RefundID
		}
		if f.evidence != nil {
			f.status = Repaired
		}
		entry := func(a money.Amount) *Entry {
			if a.Currency() == "" {
				return nil
			}
			return &Entry{Type: rowType(c.RefundID != ""), AttemptID: c.AttemptID, RefundID: c.RefundID, PaymentID: c.PaymentID, Amount: a, At: c.At}
		}
		f.ours, f.theirs = entry(c.Ours), entry(c.Theirs)
		d.result.find(f)
	}
	return nil
}

// settled says what settled it; nil: nothing yet.
func (c *CoreFinding) settled() Message {
	switch {
	case c.Accepted:
		return message(codeAccepted)
	case c.RefundedBy != "":
		return message(codeRefunded, c.RefundedBy)
	default:
		return nil
	}
}

// found lists what the day's newest version found.
func (d *dayRun) found(ctx context.Context) ([]Discrepancy, error) {
	if d.previous == nil {
		return nil, nil
	}
	return d.list(ctx, DiscrepancyFilter{ReconciliationID: d.previous.ID})
}

// list reads all that a filter selects.
func (d *dayRun) list(ctx context.Context, f DiscrepancyFilter) ([]Discrepancy, error) {
	var all []Discrepancy
	f.Limit = maxPage
	for {
		page, err := d.s.Store.ListDiscrepancies(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < maxPage {
			return all, nil
		}
		last := page[len(page)-1]
		f.BeforeTime, f.BeforeID = last.FoundAt, last.ID
	}
}

// gone lists what was open of the day and this version has not found.
func (d *dayRun) gone(before []Discrepancy, version int) []Gone {
	var list []Gone
	for _, old := range before {
		if old.Status == Open && !d.result.known[string(old.Kind)+"/"+old.SubjectID] {
			list = append(list, Gone{ID: old.ID, At: d.s.now(), Evidence: message(codeGone, number(version))})
		}
	}
	return list
}

// describe fills in what people know our side of a finding by.
func (d *dayRun) describe(ctx context.Context) error {
	for batch := range slices.Chunk(d.result.findings, lookBatch) {
		var attempts, refunds []string
		for _, f := range batch {
			switch {
			case f.ours == nil:
			case f.ours.RefundID != "":
				refunds = append(refunds, f.ours.RefundID)
			default:
				attempts = append(attempts, f.ours.AttemptID)
			}
		}
		known, err := d.s.Store.Describe(ctx, attempts, refunds)
		if err != nil {
			return err
		}
		for _, f := range batch {
			if f.ours == nil {
				continue
			}
			id := f.ours.AttemptID
			if f.ours.RefundID != "" {
				id = f.ours.RefundID
			}
			about, ok := known[id]
			if !ok {
				continue
			}
			f.ours.PaymentID, f.ours.MerchantOrderNo = about.PaymentID, about.MerchantOrderNo
			if f.ours.ChannelTradeNo == "" {
				f.ours.ChannelTradeNo = about.ChannelTradeNo
			}
			if f.ours.ChannelRefundNo == "" {
				f.ours.ChannelRefundNo = about.ChannelRefundNo
			}
		}
	}
	return nil
}

// version makes the row of a result: the newest one where the result is the
// same, the one that waited for a bill where there is one, else a new one.
func (d *dayRun) version(digest string) Reconciliation {
	r := d.row()
	if p := d.previous; p != nil {
		r.ID, r.Version, r.CreatedAt = p.ID, p.Version, p.CreatedAt
		if !p.FinishedAt.IsZero() && p.ResultDigest != digest {
			r.ID, r.Version, r.CreatedAt = d.newID(), p.Version+1, d.s.now()
		}
	}
	r.Status, r.ResultDigest, r.FinishedAt = StatusBalanced, digest, r.UpdatedAt // Finish counts what is open
	r.Matched, r.Carried = d.result.matched, d.result.carried
	r.Totals = Totals{Currency: currencyOf(d.result.theirs), Ours: d.result.ours, Theirs: sideOf(d.result.theirs)}
	return r
}

func (d *dayRun) newID() string { return "rec_" + d.s.NewID() }

// row is a row of the day's first version.
func (d *dayRun) row() Reconciliation {
	now := d.s.now()
	return Reconciliation{
		ID: d.newID(), Day: d.job.Day, MerchantID: d.account.MerchantID, Channel: d.account.Channel, AccountID: d.account.ID, Version: 1,
		Totals: Totals{Currency: money.CNY}, Bills: d.bills, CreatedAt: now, UpdatedAt: now,
	}
}

// save writes the findings as discrepancies of a version.
func (d *dayRun) save(ctx context.Context, reconciliationID string) error {
	now := d.s.now()
	list := make([]Discrepancy, len(d.result.findings))
	for i, f := range d.result.findings {
		list[i] = Discrepancy{
			ID: "dis_" + d.s.NewID(), Day: d.job.Day, MerchantID: d.account.MerchantID, Channel: d.account.Channel, AccountID: d.account.ID,
			Kind: f.kind, Status: f.status, SubjectID: f.subject, Ours: f.ours, Theirs: f.theirs, Detail: f.detail, Evidence: f.evidence,
			FoundAt: now, UpdatedAt: now,
		}
		if f.status == Repaired {
			list[i].ResolvedAt = now
		}
	}
	for batch := range slices.Chunk(list, saveBatch) {
		if err := d.s.Store.SaveDiscrepancies(ctx, d.lease, reconciliationID, batch); err != nil {
			return err
		}
	}
	return nil
}

// outcome is what a run writes at its end, without the schedule.
func (d *dayRun) outcome(r Reconciliation) Outcome {
	return Outcome{Lease: d.lease, Reconciliation: r}
}

// without ends a run that has no bill to match: it is tried again. A day that
// was matched before keeps that result, which tells of the try in its Failure.
func (d *dayRun) without(ctx context.Context, status Status, why Message) (Reconciliation, error) {
	r := d.row()
	if p := d.previous; p != nil {
		r.ID, r.Version, r.CreatedAt = p.ID, p.Version, p.CreatedAt
	}
	r.Status, r.Failure = status, why
	o := d.outcome(r)
	if d.matchedBefore() {
		r.Failure = r.Failure.and(message(codeStays, number(d.previous.Version)))
		o.Reconciliation = *d.previous
		o.Reconciliation.Failure, o.Reconciliation.UpdatedAt = r.Failure, r.UpdatedAt
		// What is told is not the stored result, so it does not bear its name.
		r.ID, r.Version = "", 0
	}
	if err := d.plan(ctx, &o, status, r.Failure); err != nil {
		return Reconciliation{}, err
	}
	if err := d.s.Store.Finish(ctx, o); err != nil {
		return Reconciliation{}, err
	}
	return r, nil
}

// matchedBefore tells whether an earlier run matched the day's bill.
func (d *dayRun) matchedBefore() bool { return d.previous != nil && !d.previous.FinishedAt.IsZero() }

// finalWord is how long after a bill is an alarm channels may take to say that
// there is none: Alipay tells "none" from "not yet" a day after it was due.
const finalWord = 24 * time.Hour

// plan says when a day without a bill is tried again, and raises the alarm when
// the bill is late.
func (d *dayRun) plan(ctx context.Context, o *Outcome, status Status, why Message) error {
	now, due := d.s.now(), d.dueAt()
	switch {
	case d.source == nil && d.lease.Scheduled:
		o.NextTry = now.Add(step(d.s.cfg.RetryLadder, d.lease.Tries))
	case d.source == nil, now.Before(due):
		return nil // the schedule takes the day up when it is due
	default:
		o.Planned, o.NextTry = true, d.nextTry()
	}
	o.Tries, o.LateAt = d.lease.Tries+1, d.lease.LateAt
	alarm := due.Add(d.s.cfg.LateAfter)
	if !o.LateAt.IsZero() || now.Before(alarm) || d.matchedBefore() {
		return nil
	}
	late := true
	if status == StatusPending && now.Before(alarm.Add(finalWord)) {
		// Of a day without business a channel may say nothing before its final word.
		var err error
		if late, err = d.hadBusiness(ctx, true); err != nil {
			return err
		}
	}
	if late {
		o.LateAt = now
		d.s.Logger.ErrorContext(ctx, "a channel's bill is late", "account_id", d.account.ID, "channel", d.account.Channel,
			"day", d.job.Day, "due", due, "status", status, "reason", why.String())
	}
	return nil
}

// nextTry is when the day is due again; zero once it is too long ago.
func (d *dayRun) nextTry() time.Time {
	if !d.inReach(d.job.Day) {
		return time.Time{}
	}
	return d.s.now().Add(step(d.s.cfg.RetryLadder, d.lease.Tries))
}

// inReach tells whether a day is still tried by the schedule.
func (d *dayRun) inReach(day channels.Day) bool {
	return d.terms.DayOf(d.s.now()).Add(-d.s.cfg.CatchUpDays).Before(day)
}

// cannotOpen, cannotFetch and cannotMatch say for people why there is nothing to
// match.
func cannotOpen(err error) Message { return message(codeNotOpened, err.Error()) }

func cannotFetch(err error) Message {
	var large *tooLargeError
	if errors.As(err, &large) {
		return message(codeTooLarge, number(large.limit))
	}
	return message(codeNotFetched, err.Error())
}

func cannotMatch(broken *channels.BrokenBillError, many *tooManyError) Message {
	switch {
	case many != nil:
		return many.message()
	case broken.Line > 0:
		return message(codeBrokenLine, number(broken.Line), broken.Detail)
	default:
		return message(codeBroken, broken.Detail)
	}
}

// wakes lists the days that this run changed what they build on: rows carried
// over to the next day, and rows of other days that this bill has, or has no
// more. A run that changes nothing wakes nobody but who waits for it.
func (d *dayRun) wakes() []Wake {
	day, next := d.job.Day, d.job.Day.Next()
	changed := map[channels.Day]bool{next: false}
	left := make(map[string]PoolRow, len(d.result.pool))
	for _, p := range d.result.pool {
		left[p.SubjectID] = p
		old, known := d.pool[p.SubjectID]
		switch {
		case p.Home == day && p.Bill.IsZero() && old.Home != day:
			changed[next] = true
		case p.Home != day && p.Bill == day && !known:
			changed[p.Home], changed[p.Home.Next()] = true, true // the next day may miss it
		}
	}
	for id, old := range d.pool {
		now := left[id]
		switch {
		case old.Home == day && old.Bill.IsZero() && now.Home != day:
			changed[next] = true
		case old.Home != day && old.Bill == day && now.Bill != day:
			changed[old.Home], changed[old.Home.Next()] = true, true
		}
	}
	delete(changed, day)
	var list []Wake
	for on, always := range changed {
		list = append(list, Wake{Day: on, At: d.s.now(), OnlyWaiting: !always})
	}
	slices.SortFunc(list, func(a, b Wake) int { return strings.Compare(a.Day.String(), b.Day.String()) })
	return list
}
