package reconcile

import (
	"fmt"

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
func (d *dayRun) differ(ours, theirs *record, fee int64) (kind Kind, detail string) {
	switch {
	case theirs.failed:
		return StatusMismatch, fmt.Sprintf("our books have the %s as %s, the bill says that it failed", ours.what(), ours.status)
	case ours.minor != theirs.minor || ours.currency != theirs.currency:
		return AmountMismatch, fmt.Sprintf("our books have %s, the bill has %s", ours.amount(), theirs.amount())
	case theirs.order != "" && ours.order != theirs.order:
		return StatusMismatch, fmt.Sprintf("the bill has it under our order number %s, our books under %s", theirs.order, ours.order)
	case ours.number != "" && theirs.number != "" && ours.number != theirs.number:
		return StatusMismatch, fmt.Sprintf("the bill has it under the channel's number %s, our books have %s", theirs.number, ours.number)
	case d.terms.knowsFees() && fee != theirs.fee:
		return FeeMismatch, fmt.Sprintf("by the contracted rate of %d ppm the fee is %d, the bill has %d (minor units)", d.terms.ratePPM, fee, theirs.fee)
	default:
		return "", ""
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
		detail: fmt.Sprintf("the bill has the channel's number %s under our number %s, our books have it under %s", theirs.number, theirs.id, ours.id),
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
	detail := fmt.Sprintf("our books have this %s, the bill of %s does not", r.what(), day)
	if r.carried {
		detail += fmt.Sprintf(", nor does that of %s, on which it was made", day.Add(-1))
	}
	d.result.find(finding{kind: MissingAtChannel, subject: r.id, ours: ourEntry(&r, fee), detail: detail})
}

// repeated is a further row of the bill about something that it has already.
func (d *dayRun) repeated(r record) {
	detail := "the bill has this order a further time, our books have it once: the payer may have paid twice"
	if r.refund {
		detail = "the bill has this refund a further time; our books have it once"
	}
	d.result.find(finding{
		kind: MissingLocally, subject: d.result.unusedSubject(MissingLocally, billSubject(&r), 2), theirs: theirEntry(&r), detail: detail,
	})
}

// foreign is a row of the bill that our books know nothing of.
func (d *dayRun) foreign(r record, detail string) {
	if r.failed {
		return // it moved no money
	}
	d.result.find(finding{
		kind: MissingLocally, subject: d.result.unusedSubject(MissingLocally, billSubject(&r), 1), theirs: theirEntry(&r), detail: detail,
	})
}
