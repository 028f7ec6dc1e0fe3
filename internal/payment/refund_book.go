package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// This file turns what a channel says of a refund, or that it said nothing,
// into moves.

// refundCallFailed books a call that brought no verified statement.
func (c *change) refundCallFailed(ctx context.Context, r *Refund, cause error, repeat bool) error {
	if r.Status != RefundProcessing {
		return nil
	}
	outcome := channels.OutcomeOf(cause)
	switch {
	case outcome == channels.Declined && !repeat:
		return c.refundFailed(ctx, r, failureOf(cause))
	case outcome == channels.Declined:
		// Remembered: the next query that does not find it settles it.
		r.Failure = failureOf(cause)
	case repeat:
		// Not executed this time says nothing about the time before.
	case outcome == channels.NotProcessed || outcome == channels.Misconfigured:
		if err := c.moveRefund(ctx, r, RefundPending, describe(cause)); err != nil {
			return err
		}
		// Nothing was executed under that time; what is sent later is submitted
		// later, as a channel may demand (UnionPay's txnTime must be now).
		r.Failure, r.SubmittedAt = failureOf(cause), time.Time{}
	}
	r.NextCheckAt = c.at.Add(step(c.s.cfg.RefundLadder, r.Checks))
	r.Checks++
	return c.saveRefund(ctx, r)
}

// applyRefund books a verified statement about a refund. asked tells that it is
// the answer to a query, not to the refund call itself.
func (c *change) applyRefund(ctx context.Context, r *Refund, st channels.RefundState, asked bool) error {
	if st.RefundID != "" && st.RefundID != r.ID {
		return c.refundInDoubt(ctx, r, "the answer names another refund")
	}
	if st.Amount != (money.Amount{}) && !st.Amount.Equal(r.Amount) {
		return c.refundInDoubt(ctx, r, fmt.Sprintf("the channel says %s, the refund is %s", st.Amount, r.Amount))
	}
	if r.ChannelRefundNo == "" {
		r.ChannelRefundNo = st.ChannelRefundNo
	}
	if r.Status == RefundPending && st.Status != channels.RefundNotFound {
		// The channel knows a refund that we thought unsent.
		if err := c.moveRefund(ctx, r, RefundProcessing, ""); err != nil {
			return err
		}
	}
	switch st.Status {
	case channels.RefundSucceeded:
		return c.refundSucceeded(ctx, r, st.SucceededAt)
	case channels.RefundFailed:
		return c.refundFailed(ctx, r, &Failure{
			Code: codeDeclined, Message: "the refund failed at the channel",
			ChannelCode: st.Code, ChannelMessage: st.Message,
		})
	case channels.RefundAbnormal:
		r.Failure = &Failure{
			Code: "refund_abnormal", Message: "the channel could not deliver the money; act in the channel's merchant console",
			ChannelCode: st.Code, ChannelMessage: st.Message,
		}
	case channels.RefundNotFound:
		if asked && refusedRepeat(r) {
			return c.refundFailed(ctx, r, r.Failure)
		}
	case channels.RefundUncertain:
	}
	return c.refundInDoubt(ctx, r, "")
}

// refusedRepeat tells whether the channel refused to take a refund again that
// it says it does not know: then "not there" is the end of it.
func refusedRepeat(r *Refund) bool {
	return r.Status == RefundProcessing && r.Failure != nil && r.Failure.Code == codeDeclined
}

func (c *change) refundInDoubt(ctx context.Context, r *Refund, why string) error {
	if why != "" && r.Status != RefundSucceeded && r.Status != RefundFailed {
		if err := c.record(ctx, Change{AttemptID: r.AttemptID, RefundID: r.ID, Kind: "note", Detail: "refused a statement: " + why}); err != nil {
			return err
		}
	}
	return c.askAgain(ctx, r, time.Time{})
}

// askAgain schedules the next look at a refund in doubt. It does not sleep over
// turn, the moment from which "no such refund" is believed.
func (c *change) askAgain(ctx context.Context, r *Refund, turn time.Time) error {
	if r.Status == RefundSucceeded || r.Status == RefundFailed {
		return c.saveRefund(ctx, r)
	}
	r.NextCheckAt = c.at.Add(step(c.s.cfg.RefundLadder, r.Checks))
	if c.at.Before(turn) && r.NextCheckAt.After(turn) {
		r.NextCheckAt = turn.Add(time.Millisecond)
	}
	r.Checks++
	return c.saveRefund(ctx, r)
}

func (c *change) refundSucceeded(ctx context.Context, r *Refund, at time.Time) error {
	if r.Status == RefundSucceeded {
		return c.saveRefund(ctx, r)
	}
	if r.Status == RefundFailed && r.Reserved {
		ok, err := c.tx.Reserve(ctx, c.p.ID, r.Amount.Minor())
		if err != nil {
			return fmt.Errorf("reserve: %w", err)
		}
		if !ok {
			return c.paidOutAfterAll(ctx, r)
		}
	}
	if err := c.moveRefund(ctx, r, RefundSucceeded, ""); err != nil {
		return err
	}
	r.SucceededAt, r.Failure, r.NextCheckAt = inOrder(at, r.CreatedAt), nil, time.Time{}
	if r.SucceededAt.IsZero() {
		r.SucceededAt = c.at
	}
	if r.Reserved {
		c.p.RefundedMinor += r.Amount.Minor()
	}
	return c.saveRefund(ctx, r)
}

// paidOutAfterAll is a refund that the channel refused and now says it paid out,
// while its amount was refunded otherwise: our books cannot hold both.
func (c *change) paidOutAfterAll(ctx context.Context, r *Refund) error {
	err := c.tx.RecordDiscrepancy(ctx, Discrepancy{
		Kind: DiscrepancyStatusMismatch, MerchantID: r.MerchantID, PaymentID: r.PaymentID, AttemptID: r.AttemptID,
		RefundID: r.ID, AccountID: r.AccountID, Theirs: r.Amount, At: c.at,
		Detail: "the channel paid out a refund that it had refused, after its amount was refunded otherwise",
	})
	if err != nil {
		return fmt.Errorf("record discrepancy: %w", err)
	}
	return c.saveRefund(ctx, r)
}

func (c *change) refundFailed(ctx context.Context, r *Refund, f *Failure) error {
	if r.Status == RefundFailed || r.Status == RefundSucceeded {
		return c.saveRefund(ctx, r)
	}
	if err := c.moveRefund(ctx, r, RefundFailed, f.ChannelCode); err != nil {
		return err
	}
	r.Failure, r.NextCheckAt = f, time.Time{}
	if r.Reserved {
		if err := c.tx.Release(ctx, c.p.ID, r.Amount.Minor()); err != nil {
			return fmt.Errorf("release reservation: %w", err)
		}
	}
	return c.saveRefund(ctx, r)
}
