package reconcile

import (
	"github.com/paymux/paymux/internal/payment"
)

// compare holds a row of ours against the bill's row of the same thing, and
// counts it.
func (d *dayRun) compare(ours, theirs record) {
	fee := d.terms.feeOfRecord(&ours)
	if d.terms.ratePPM == 0 && !d.terms.NoFees {
		fee = theirs.fee // no rate is contracted: what was charged is what was charged
	}
	d.result.ours.count(ours.refund, ours.minor, fee)
	if ours.carried {
		d.result.pool = append(d.result.pool, PoolRow{SubjectID: ours.id, Refund: ours.refund, Home: d.job.Day.Add(-1), Bill: d.job.Day})
	}
	kind, detail := d.differ(&ours, &theirs, fee)
	if kind == "" {
		d.result.matched++
		return
	}
	d.result.find(finding{kind: kind, subject: ours.id, ours: ourEntry(&ours, fee), theirs: theirEntry(&theirs), detail: detail})
}

// differ says the first thing in which two rows differ; amounts weigh most.
func (d *dayRun) differ(ours, theirs *record, fee int64) (kind Kind, detail Message) {
	switch {
	case theirs.failed:
		return StatusMismatch, message(codeSaidFailed, ours.what(), ours.status)
	case ours.minor != theirs.minor || ours.currency != theirs.currency:
		return AmountMismatch, message(codeAmounts, ours.amount().String(), theirs.amount().String())
	case theirs.order != "" && ours.order != theirs.order:
		return StatusMismatch, message(codeOrderNumber, theirs.order, ours.order)
	case ours.number != "" && theirs.number != "" && ours.number != theirs.number:
		return StatusMismatch, message(codeChannelNumber, theirs.number, ours.number)
	case d.terms.knowsFees() && fee != theirs.fee:
		return FeeMismatch, message(codeFees, percent(d.terms.ratePPM), signed(fee, ours.currency), signed(theirs.fee, theirs.currency))
	default:
		return "", nil
	}
}

// contradict is a row of the bill that has the channel's number of a row of ours
// under another number of ours.
func (d *dayRun) contradict(ours, theirs record) {
	fee := d.terms.feeOfRecord(&ours)
	d.result.ours.count(ours.refund, ours.minor, fee)
	if ours.carried {
		d.result.pool = append(d.result.pool, PoolRow{SubjectID: ours.id, Refund: ours.refund, Home: d.job.Day.Add(-1), Bill: d.job.Day})
	}
	d.result.find(finding{
		kind: StatusMismatch, subject: ours.id, ours: ourEntry(&ours, fee), theirs: theirEntry(&theirs),
		detail: message(codeContradicted, theirs.number, theirs.id, ours.id),
	})
}

// settled tells whether our books hold a row's money as moved.
func (r *record) settled() bool {
	if r.refund {
		return r.status == string(payment.RefundSucceeded)
	}
	return r.status == string(payment.AttemptSucceeded) || r.status == string(payment.AttemptReversed)
}

// missing is a row of ours that the bill does not have.
func (d *dayRun) missing(r record) {
	at := r.when()
	day := d.job.Day
	switch {
	case r.carried:
		d.result.pool = append(d.result.pool, PoolRow{SubjectID: r.id, Refund: r.refund, Home: day.Add(-1)})
	case d.terms.nearEnd(day, at):
		d.result.pool = append(d.result.pool, PoolRow{SubjectID: r.id, Refund: r.refund, Home: day})
		d.result.carried++
		return
	case d.terms.nearStart(day, at) && !d.beforeDone:
		d.result.waiting = true
		return
	}
	fee := d.terms.feeOfRecord(&r)
	d.result.ours.count(r.refund, r.minor, fee)
	detail := message(codeMissing, r.what(), day.String())
	if r.carried {
		detail = detail.and(message(codeMissingBefore, day.Add(-1).String()))
	}
	d.result.find(finding{kind: MissingAtChannel, subject: r.id, ours: ourEntry(&r, fee), detail: detail})
}

// repeated is a further row of the bill about something that it has already.
func (d *dayRun) repeated(r record) {
	if r.failed {
		return // it moved no money
	}
	detail := message(codePaymentTwice)
	if r.refund {
		detail = message(codeRefundTwice)
	}
	d.result.find(finding{
		kind: MissingLocally, subject: d.result.unusedSubject(MissingLocally, billSubject(d.job.Day, &r), 2), theirs: theirEntry(&r), detail: detail,
	})
}

// foreign is a row of the bill that our books know nothing of.
func (d *dayRun) foreign(r record, detail Message) {
	if r.failed {
		return // it moved no money
	}
	d.result.find(finding{
		kind: MissingLocally, subject: d.result.unusedSubject(MissingLocally, billSubject(d.job.Day, &r), 1), theirs: theirEntry(&r), detail: detail,
	})
}
