package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/paymux/paymux/channels"
)

var refundAnswerNames = map[channels.RefundStatus]string{
	channels.RefundUncertain: "uncertain", channels.RefundNotFound: "not_found", channels.RefundSucceeded: "succeeded",
	channels.RefundFailed: "failed", channels.RefundAbnormal: "abnormal",
}

// beingRefunded tells whether a call for a refund may still be under way.
func (s *Service) beingRefunded(r *Refund, now time.Time) bool {
	return r.Status == RefundProcessing && now.Before(r.Deadline.Add(s.cfg.CallMargin))
}

func (s *Service) refundUnderWay(r *Refund) *Error {
	return refuse(CodeStatusConflict, "a call for refund %s may still be under way; try again after %s",
		r.ID, r.Deadline.Add(s.cfg.CallMargin).Format(time.RFC3339))
}

// AskRefund asks the channel about a refund now and books what is certain,
// whatever the refund's status. It sends nothing but the question. The refund
// is as it stands afterwards; with an error that is not *Error the channel gave
// no answer.
func (s *Service) AskRefund(ctx context.Context, refundID, actor string) (*Refund, error) {
	r, err := s.actOnRefund(ctx, refundID, actor)
	if err != nil {
		return nil, err
	}
	q, err := s.queryRefund(ctx, r)
	if err != nil {
		return nil, err
	}
	ctx, done := detached(ctx)
	defer done()
	var out *Refund
	err = s.alter(ctx, r.PaymentID, actor, func(c *change) error {
		fresh, err := c.tx.Refund(ctx, r.ID)
		if err != nil {
			return err
		}
		out = fresh
		entry := act{From: string(fresh.Status), Answer: "no answer: " + describe(q.err)}
		if q.err == nil {
			entry.Answer = refundAnswerNames[q.state.Status]
			if err := c.refundAnswered(ctx, fresh, q); err != nil {
				return err
			}
		}
		entry.To, entry.ChannelNo = string(fresh.Status), fresh.ChannelRefundNo
		return c.audited(ctx, actor, "refund.ask", fresh.ID, entry)
	})
	if err != nil {
		return nil, readError(err, "refund")
	}
	if q.err != nil {
		return out, fmt.Errorf("ask %s about refund %s: %w", r.Channel, r.ID, q.err)
	}
	return out, nil
}

// refundAnswered books the answer to a person's question; what is to be sent
// again is left to the workers.
func (c *change) refundAnswered(ctx context.Context, r *Refund, q refundAnswer) error {
	switch {
	case !q.absent:
		return c.applyRefund(ctx, r, q.state, true)
	case r.Status != RefundProcessing || !q.believed(r):
		return nil
	case refusedRepeat(r):
		return c.applyRefund(ctx, r, q.state, true)
	case q.repeatable:
		r.NextCheckAt, c.wake = c.at, true
		return c.saveRefund(ctx, r)
	default:
		return c.askAgain(ctx, r, q.turn)
	}
}

// ResendRefund sends a refund now: one that waits for its first sending, or one
// in doubt again under the same number, where the channel documents that this
// is safe. It is refused while a call may be under way, before the channel's
// time between two refunds is over, and for a refund that has ended.
func (s *Service) ResendRefund(ctx context.Context, refundID, actor string) (*Refund, error) {
	r, err := s.actOnRefund(ctx, refundID, actor)
	if err != nil {
		return nil, err
	}
	_, account, err := s.Accounts.Open(ctx, r.AccountID)
	if err != nil {
		return nil, fmt.Errorf("open account %s: %w", r.AccountID, err)
	}
	var stamped *Refund
	var repeat bool
	err = s.alter(ctx, r.PaymentID, actor, func(c *change) error {
		fresh, err := c.tx.Refund(ctx, r.ID)
		if err != nil {
			return err
		}
		if err := c.mayResend(ctx, fresh, account.Capabilities); err != nil {
			return err
		}
		entry := act{From: string(fresh.Status), To: string(RefundProcessing)}
		if repeat = fresh.Status == RefundProcessing; !repeat {
			if err := c.moveRefund(ctx, fresh, RefundProcessing, "sent"); err != nil {
				return err
			}
		}
		fresh.Failure = nil
		c.ownRefund(fresh)
		stamped = fresh
		if err := c.saveRefund(ctx, fresh); err != nil {
			return err
		}
		return c.audited(ctx, actor, "refund.resend", fresh.ID, entry)
	})
	if err != nil {
		return nil, readError(err, "refund")
	}
	if err := s.sendRefund(ctx, stamped, repeat); err != nil {
		return nil, readError(err, "refund")
	}
	return s.findRefund(ctx, refundID)
}

// mayResend refuses to send a refund that has ended, is being sent, or must not
// be sent again.
func (c *change) mayResend(ctx context.Context, r *Refund, caps channels.Capabilities) error {
	switch {
	case r.Status == RefundSucceeded || r.Status == RefundFailed:
		return refuse(CodeStatusConflict, "refund %s has %s; a second try needs a refund of its own", r.ID, r.Status)
	case c.s.beingRefunded(r, c.at):
		return c.s.refundUnderWay(r)
	case r.Status == RefundProcessing && !caps.RefundRepeatable:
		return refuse(CodeStatusConflict, "%s does not document that a refund may be sent again under its number: it could pay out twice. "+
			"Ask about it, or settle it with evidence from the day's file", r.Channel)
	}
	free, err := c.refundSlot(ctx, r, caps.RefundSpacing)
	if err == nil && free.After(c.at) {
		return refuse(CodeStatusConflict, "%s wants time between two refunds of one order; try again after %s", r.Channel, free.Format(time.RFC3339))
	}
	return err
}

// actOnRefund checks who acts and reads the refund that is meant.
func (s *Service) actOnRefund(ctx context.Context, refundID, actor string) (*Refund, error) {
	if faults := actFaults(ctx, actor); len(faults) > 0 {
		return nil, invalid(faults)
	}
	return s.findRefund(ctx, refundID)
}

func (s *Service) findRefund(ctx context.Context, id string) (*Refund, error) {
	r, err := s.Store.FindRefund(ctx, id)
	if err != nil {
		return nil, readError(err, "refund")
	}
	return r, nil
}
