package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/payment"
)

// repair is a row of the bill that says that money moved, where our books do not
// say so (yet). The channel is asked, and its answer goes through the same
// transitions as ever; the bill alone moves nothing.
func (d *dayRun) repair(ctx context.Context, ours, theirs record) error {
	switch {
	case theirs.failed:
		return nil // both sides agree that nothing moved
	case theirs.pending && ours.status == string(payment.RefundProcessing):
		// Accepted, and on its way in both books.
		if ours.at == 0 {
			d.compare(ours, theirs)
		} else {
			d.otherDay(ours, theirs)
		}
		return nil
	case d.askedEnough():
		d.unsettled(ours, theirs, message(codeTooManyAsked))
		return nil
	}
	d.asked++
	d.progress(StepRepair, int64(d.asked), 0)
	why := d.ask(ctx, &ours, theirs)
	d.answered(why == nil)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	now, err := d.reread(ctx, ours)
	if err != nil {
		return err
	}
	if now.settled() {
		d.repaired(ours, now, theirs)
		return nil
	}
	if why == nil && !ours.refund && now.status != string(payment.AttemptUnknown) && now.status != string(payment.AttemptDispatched) {
		// The channel, asked by this number, knows of no payment either.
		d.foreign(theirs, message(codeUnconfirmed, ours.id, now.status, stamp(d.s.now())))
		return nil
	}
	if why == nil {
		why = message(codeNotSettled, stamp(d.s.now()))
	}
	d.unsettled(now, theirs, why)
	return nil
}

// maxUnanswered is how many questions in a row may go without an answer before a
// run asks no more: a channel that is gone would hold it up for hours.
const maxUnanswered = 5

// askedEnough tells whether a run asks no more; the day is due again then.
func (d *dayRun) askedEnough() bool {
	enough := d.asked >= d.s.cfg.MaxRepairs || d.unanswered >= maxUnanswered
	d.again = d.again || enough
	return enough
}

// answered notes whether a question got an answer; one that did not is asked
// again by a later run.
func (d *dayRun) answered(yes bool) {
	if yes {
		d.unanswered = 0
		return
	}
	d.unanswered++
	d.again = true
}

// ask asks the channel about a row. A refund in doubt at a channel whose answers
// settle nothing is settled by the file. The message says why it could not be asked.
func (d *dayRun) ask(ctx context.Context, ours *record, theirs record) (why Message) {
	if !ours.refund {
		if _, err := d.s.Core.AskAttempt(ctx, ours.id, actor); err != nil {
			return d.unasked(ctx, ours, err)
		}
		return nil
	}
	fresh, err := d.s.Core.AskRefund(ctx, ours.id, actor)
	if err == nil && fresh.Status == payment.RefundSucceeded {
		return nil
	}
	if d.repeatable || theirs.pending || theirs.minor != ours.minor || ours.status == string(payment.RefundFailed) {
		if err != nil {
			return d.unasked(ctx, ours, err)
		}
		return nil
	}
	_, err = d.s.Core.SettleRefund(ctx, payment.RefundEvidence{
		RefundID: ours.id, Succeeded: true, ChannelRefundNo: theirs.number, At: theirs.when(), Actor: actor,
		Evidence: fmt.Sprintf("bill of %s (SHA-256 %s), line %d", d.job.Day, d.digest, theirs.line),
	})
	if err != nil {
		return d.unasked(ctx, ours, err)
	}
	return nil
}

func (d *dayRun) unasked(ctx context.Context, r *record, err error) Message {
	d.s.Logger.WarnContext(ctx, "reconciliation could not ask the channel", "account_id", d.account.ID, "day", d.job.Day, "subject", r.id, "error", err)
	return message(codeNotAsked)
}

func (d *dayRun) reread(ctx context.Context, r record) (record, error) {
	var attempts, refunds []string
	if r.refund {
		refunds = []string{r.id}
	} else {
		attempts = []string{r.id}
	}
	found, err := d.s.Store.MovementsByID(ctx, d.account.ID, d.terms.RefundOnAcceptance, attempts, refunds)
	if err != nil {
		return r, err
	}
	if len(found) != 1 {
		return r, fmt.Errorf("read %s %s again: it is gone", r.what(), r.id)
	}
	return ofMovement(found[0]), nil
}

// repaired is a difference that the channel's answer has settled.
func (d *dayRun) repaired(before, now, theirs record) {
	d.result.find(finding{
		kind: StatusMismatch, subject: before.id, status: Repaired, ours: ourEntry(&before, 0), theirs: theirEntry(&theirs),
		detail:   message(codeDiffered, before.what(), before.status),
		evidence: message(codeRepaired, d.job.Day.String(), number(theirs.line), stamp(d.s.now()), now.what(), now.status),
	})
	now.carried = before.carried
	d.otherDay(now, theirs)
}

func (d *dayRun) unsettled(ours, theirs record, why Message) {
	d.result.find(finding{
		kind: StatusMismatch, subject: ours.id, ours: ourEntry(&ours, 0), theirs: theirEntry(&theirs),
		detail: message(codeDiffers, ours.what(), ours.status).and(why),
	})
}

// doubts judges refunds in doubt that were sent on the day, at a channel where
// only the day's file can settle them: those that it does not have did not
// happen. Where there is no file, a person must find out.
func (d *dayRun) doubts(ctx context.Context) error {
	if d.repeatable {
		return nil
	}
	from, to := d.terms.Window(d.job.Day)
	var after Place
	for {
		page, err := d.s.Store.DoubtfulRefunds(ctx, d.account.ID, from, to, after, pageRows)
		if err != nil {
			return err
		}
		for _, m := range page {
			after = Place{At: m.At, ID: m.ID}
			if err := d.doubt(ctx, m, false); err != nil {
				return err
			}
		}
		if len(page) < pageRows {
			break
		}
	}
	for _, m := range d.carriedDoubts {
		if err := d.doubt(ctx, m, true); err != nil {
			return err
		}
	}
	return nil
}

func (d *dayRun) doubt(ctx context.Context, m Movement, carried bool) error {
	if d.result.known[string(StatusMismatch)+"/"+m.ID] {
		return nil // the file has it
	}
	if !m.At.Add(d.terms.margin).Before(d.made) {
		return nil // on a day that is not over: sent when the file was made, or later
	}
	if !carried && d.terms.nearEnd(d.job.Day, m.At) {
		d.result.pool = append(d.result.pool, PoolRow{SubjectID: m.ID, Refund: true, Home: d.job.Day})
		return nil
	}
	if !carried && d.terms.nearStart(d.job.Day, m.At) && !d.beforeDone {
		d.result.waiting = true // the file of the day before may have it
		return nil
	}
	if carried {
		d.result.pool = append(d.result.pool, PoolRow{SubjectID: m.ID, Refund: true, Home: d.job.Day.Add(-1)})
	}
	if d.askedEnough() {
		d.undecided(m, message(codeTooManyAsked))
		return nil
	}
	d.asked++
	d.progress(StepRepair, int64(d.asked), 0)
	fresh, err := d.s.Core.AskRefund(ctx, m.ID, actor)
	d.answered(err == nil)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && fresh.Status != payment.RefundProcessing:
		return nil
	case m.Number != "" || err == nil && fresh.ChannelRefundNo != "":
		// That one file lacks it does not prove that no money goes back.
		d.undecided(m, message(codeTakenNotBilled))
		return nil
	case d.digest == "":
		d.undecided(m, message(codeNoFile))
		return nil
	}
	failpoint.Before(failpoint.BillRepair)
	_, err = d.s.Core.SettleRefund(ctx, payment.RefundEvidence{
		RefundID: m.ID, At: d.s.now(), Actor: actor,
		Evidence: fmt.Sprintf("the bill of %s (SHA-256 %s) does not have it", d.job.Day, d.digest),
	})
	failpoint.After(failpoint.BillRepair)
	if refused, ok := errors.AsType[*payment.Error](err); ok && refused.Code == payment.CodeStatusConflict {
		d.again = true // on a day that is not over: the refund may still be on its way
		return nil
	}
	if err != nil {
		d.s.Logger.WarnContext(ctx, "a refund in doubt could not be settled by the day's file", "refund_id", m.ID, "day", d.job.Day, "error", err)
		d.undecided(m, message(codeNotWritten))
	}
	return context.Cause(ctx)
}

// undecided is a refund in doubt that neither a question nor a file settles.
func (d *dayRun) undecided(m Movement, why Message) {
	r := ofMovement(m)
	d.result.find(finding{
		kind: StatusMismatch, subject: m.ID, ours: ourEntry(&r, 0),
		detail: message(codeInDoubt, r.what(), m.Status).and(why).and(message(codeAskAndSettle)),
	})
}
