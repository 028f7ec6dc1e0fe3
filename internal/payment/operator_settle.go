package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// evidenceSkew is how far a time told as evidence may lie in the future.
const evidenceSkew = 5 * time.Minute

// evidenceLag is how far behind ours the clock may run by which evidence of a
// refund tells its time.
const evidenceLag = 10 * time.Minute

// codeSettled is the failure code of a refund that evidence shows not to have
// been executed.
const codeSettled = "refund_not_executed"

// RefundEvidence says what became of a refund where no query can tell: a file,
// the channel's console, a letter of the channel.
type RefundEvidence struct {
	RefundID  string
	Succeeded bool
	// ChannelRefundNo is the channel's number of it, where it is known.
	ChannelRefundNo string
	// At is when it succeeded; zero: now.
	At time.Time
	// Evidence says where this is known from.
	Evidence string
	Actor    string
}

// AttemptEvidence says what became of an attempt where no query can tell.
type AttemptEvidence struct {
	AttemptID string
	Paid      bool
	// ChannelTradeNo is the channel's number of it, where it is known.
	ChannelTradeNo string
	// PaidAt is when the payer paid; zero: now.
	PaidAt time.Time
	// Amount is what was paid; it must be told where Paid.
	Amount   money.Amount
	Evidence string
	Actor    string
}

func evidenceFaults(ctx context.Context, actor, evidence, channelNo string, at, now time.Time) fieldErrors {
	f := actFaults(ctx, actor)
	f.text("evidence", evidence, 1, maxEvidence)
	f.text("channel_no", channelNo, 0, 64)
	if at.After(now.Add(evidenceSkew)) {
		f.add("at", "lies in the future")
	}
	return f
}

// SettleRefund ends a refund that no query can settle. Evidence that
// contradicts what is certain is refused; the same evidence again changes
// nothing. A refund that did not happen releases its reservation.
func (s *Service) SettleRefund(ctx context.Context, ev RefundEvidence) (*Refund, error) {
	if faults := evidenceFaults(ctx, ev.Actor, ev.Evidence, ev.ChannelRefundNo, ev.At, s.now()); len(faults) > 0 {
		return nil, invalid(faults)
	}
	r, err := s.findRefund(ctx, ev.RefundID)
	if err != nil {
		return nil, err
	}
	var refused *Error
	err = s.alter(ctx, r.PaymentID, ev.Actor, func(c *change) error {
		fresh, err := c.tx.Refund(ctx, r.ID)
		if err != nil {
			return err
		}
		r, refused = fresh, nil
		known, err := c.contradictsRefund(fresh, ev)
		if err != nil || known {
			return err
		}
		refused, err = c.settleRefund(ctx, fresh, ev)
		return err
	})
	switch {
	case err != nil:
		return nil, readError(err, "refund")
	case refused != nil:
		return r, refused
	default:
		return r, nil
	}
}

// contradictsRefund refuses evidence against what is certain; known tells that
// it says nothing new.
func (c *change) contradictsRefund(r *Refund, ev RefundEvidence) (known bool, err error) {
	switch {
	case c.s.beingRefunded(r, c.at):
		return false, c.s.refundUnderWay(r)
	case ev.ChannelRefundNo != "" && r.ChannelRefundNo != "" && ev.ChannelRefundNo != r.ChannelRefundNo:
		return false, refuse(CodeStatusConflict, "the channel's number of refund %s is %s, the evidence is about %s", r.ID, r.ChannelRefundNo, ev.ChannelRefundNo)
	case r.Status == RefundSucceeded && !ev.Succeeded:
		return false, refuse(CodeStatusConflict, "the channel said that refund %s succeeded; it cannot be settled as failed", r.ID)
	case ev.Succeeded && !ev.At.IsZero() && ev.At.Before(r.CreatedAt.Add(-evidenceLag)):
		return false, refuse(CodeStatusConflict, "refund %s was asked for at %s, after the evidence's time", r.ID, r.CreatedAt.Format(time.RFC3339))
	default:
		return r.Status == RefundSucceeded || r.Status == RefundFailed && !ev.Succeeded, nil
	}
}

// notBeforeSent books a refund at the time at which it was sent where the
// evidence's clock was behind ours; its own time stays told.
func notBeforeSent(r *Refund, ev RefundEvidence) RefundEvidence {
	sent := r.SubmittedAt
	if sent.IsZero() {
		sent = r.CreatedAt.Truncate(time.Second)
	}
	if ev.Succeeded && !ev.At.IsZero() && ev.At.Before(sent) {
		ev.Evidence += fmt.Sprintf("; it tells the time %s, booked at %s, when it was sent", ev.At.UTC().Format(time.RFC3339), sent.UTC().Format(time.RFC3339))
		ev.At = sent
	}
	return ev
}

func (c *change) settleRefund(ctx context.Context, r *Refund, ev RefundEvidence) (refused *Error, err error) {
	ev = notBeforeSent(r, ev)
	entry := act{From: string(r.Status), Evidence: ev.Evidence, ChannelNo: ev.ChannelRefundNo, Amount: r.Amount.Minor()}
	note := Change{AttemptID: r.AttemptID, RefundID: r.ID, Kind: "note", Detail: "settled with evidence: " + ev.Evidence}
	if err := c.record(ctx, note); err != nil {
		return nil, err
	}
	st := channels.RefundState{Status: channels.RefundFailed, RefundID: r.ID, ChannelRefundNo: ev.ChannelRefundNo}
	if ev.Succeeded {
		st.Status, st.SucceededAt = channels.RefundSucceeded, ev.At.UTC().Truncate(time.Millisecond)
	}
	if err := c.applyEvidence(ctx, r, st); err != nil {
		return nil, err
	}
	if ev.Succeeded && r.Status != RefundSucceeded {
		refused = refuse(CodeStatusConflict,
			"refund %s was refused by the channel and its amount was refunded otherwise since: a person must get the money back; it is kept as a discrepancy", r.ID)
		entry.Refused = refused.Message
	}
	entry.To = string(r.Status)
	return refused, c.audited(ctx, ev.Actor, "refund.settle", r.ID, entry)
}

// applyEvidence books what evidence says of a refund by the way of a channel's
// statement, but for the words of its failure.
func (c *change) applyEvidence(ctx context.Context, r *Refund, st channels.RefundState) error {
	if st.Status == channels.RefundSucceeded {
		return c.applyRefund(ctx, r, st, false)
	}
	if r.Status == RefundPending {
		if err := c.moveRefund(ctx, r, RefundProcessing, ""); err != nil {
			return err
		}
	}
	if r.ChannelRefundNo == "" {
		r.ChannelRefundNo = st.ChannelRefundNo
	}
	f := &Failure{Code: codeSettled, Message: "the channel did not execute the refund; this is known from other evidence than its answer"}
	if r.Failure != nil {
		f.ChannelCode, f.ChannelMessage = r.Failure.ChannelCode, r.Failure.ChannelMessage
	}
	return c.refundFailed(ctx, r, f)
}

// SettleAttempt ends an attempt that no query can settle. Money is booked as if
// a callback told of it: late money, duplicates and the merchant's policy
// apply. Evidence that contradicts what is certain is refused; another amount
// than the order's is refused and kept as an amount_mismatch discrepancy. The
// same evidence again changes nothing.
func (s *Service) SettleAttempt(ctx context.Context, ev AttemptEvidence) (*Attempt, error) {
	faults := evidenceFaults(ctx, ev.Actor, ev.Evidence, ev.ChannelTradeNo, ev.PaidAt, s.now())
	if ev.Paid && ev.Amount == (money.Amount{}) {
		faults.add("amount", "is required: the evidence must show how much was paid")
	}
	if len(faults) > 0 {
		return nil, invalid(faults)
	}
	a, err := s.Store.AttemptByID(ctx, ev.AttemptID)
	if err != nil {
		return nil, readError(err, "attempt")
	}
	var refused *Error
	err = s.alter(ctx, a.PaymentID, ev.Actor, func(c *change) error {
		fresh, err := c.tx.Attempt(ctx, a.ID)
		if err != nil {
			return err
		}
		a, refused = fresh, nil
		if c.s.beingPlaced(fresh, c.at) {
			return refuse(CodeStatusConflict, "a call for attempt %s may still be under way; try again after %s",
				fresh.ID, fresh.Deadline.Add(s.cfg.CallMargin).Format(time.RFC3339))
		}
		if ev.Paid {
			refused, err = c.settlePaid(ctx, fresh, ev)
			return err
		}
		return c.settleUnpaid(ctx, fresh, ev)
	})
	switch {
	case err != nil:
		return nil, readError(err, "attempt")
	case refused != nil:
		return a, refused
	default:
		return a, nil
	}
}

// settlePaid books money that evidence shows. What disagrees with our row is
// committed as a discrepancy, and refused.
func (c *change) settlePaid(ctx context.Context, a *Attempt, ev AttemptEvidence) (refused *Error, err error) {
	if !ev.PaidAt.IsZero() && ev.PaidAt.Before(a.CreatedAt.Truncate(time.Second)) {
		return nil, refuse(CodeStatusConflict, "attempt %s was made at %s, after the evidence's time", a.ID, a.CreatedAt.Format(time.RFC3339))
	}
	paid := channels.Paid{ChannelTradeNo: ev.ChannelTradeNo, Amount: ev.Amount, PaidAt: ev.PaidAt.UTC().Truncate(time.Millisecond)}
	entry := act{From: string(a.Status), Evidence: ev.Evidence, ChannelNo: ev.ChannelTradeNo, Amount: ev.Amount.Minor()}
	why := disagree(a, paid)
	switch {
	case why != "":
		refused = refuse(CodeStatusConflict, "the evidence disagrees with attempt %s: %s", a.ID, why)
		if !ev.Amount.Equal(a.Amount) {
			err = c.tx.RecordDiscrepancy(ctx, Discrepancy{
				Kind: DiscrepancyAmountMismatch, MerchantID: c.p.MerchantID, PaymentID: c.p.ID, AttemptID: a.ID, AccountID: a.AccountID,
				Ours: a.Amount, Theirs: ev.Amount, Detail: "an operator's evidence: " + ev.Evidence, At: c.at,
			})
		}
		entry.Refused = why
	case a.Status == AttemptSucceeded || a.Status == AttemptReversed:
		// It is known; a number that was not is kept.
		if a.ChannelTradeNo != "" || ev.ChannelTradeNo == "" {
			return nil, nil
		}
		err = c.keepTradeNo(ctx, a, ev.ChannelTradeNo)
	default:
		if err = c.note(ctx, a, "settled with evidence: "+ev.Evidence); err == nil {
			_, err = c.paid(ctx, a, paid)
		}
	}
	if err != nil {
		return nil, err
	}
	entry.To = string(a.Status)
	return refused, c.audited(ctx, ev.Actor, "payment.settle", a.ID, entry)
}

func (c *change) keepTradeNo(ctx context.Context, a *Attempt, number string) error {
	a.ChannelTradeNo = number
	if a.Counted && c.p.ChannelTradeNo == "" {
		c.p.ChannelTradeNo = number
	}
	return c.saveAttempt(ctx, a)
}

// settleUnpaid ends an attempt that evidence shows to have taken no money. That
// is no evidence while the channel may still take it.
func (c *change) settleUnpaid(ctx context.Context, a *Attempt, ev AttemptEvidence) error {
	watch := c.s.watchUntil(a)
	switch a.Status {
	case AttemptSucceeded, AttemptReversed:
		return refuse(CodeStatusConflict, "the channel said that attempt %s was paid; it cannot be settled as unpaid", a.ID)
	case AttemptDeclined, AttemptNotProcessed:
		return nil
	case AttemptClosed:
		if a.LateUntil.IsZero() {
			return nil
		}
		watch = a.LateUntil
	case AttemptDispatched, AttemptUnknown, AttemptPending:
		if c.s.mayStillArrive(a, c.at) {
			return refuse(CodeStatusConflict, "the channel may take money for attempt %s until %s; close the payment, or settle it after that",
				a.ID, c.s.arrivesUntil(a).Format(time.RFC3339))
		}
	}
	if a.Status == AttemptClosed && !c.at.After(watch) {
		return refuse(CodeStatusConflict, "attempt %s is closed already and watched for late money until %s", a.ID, watch.Format(time.RFC3339))
	}
	if c.at.After(watch) {
		// Nothing can come any more, and nobody needs to be asked again.
		watch = time.Time{}
	}
	entry := act{From: string(a.Status), Evidence: ev.Evidence}
	if err := c.note(ctx, a, "settled with evidence: "+ev.Evidence); err != nil {
		return err
	}
	if err := c.closed(ctx, a, watch); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	entry.To = string(a.Status)
	return c.audited(ctx, ev.Actor, "payment.settle", a.ID, entry)
}
