package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/money"
)

// This file turns verified statements of a channel into moves. Every statement
// may come twice, late, from several sources and in any order.

// paid books money that the channel says it took for an attempt. A statement
// that disagrees with our row changes nothing; the text says why.
func (c *change) paid(ctx context.Context, a *Attempt, paid channels.Paid) (disagreement string, err error) {
	if why := disagree(a, paid); why != "" {
		return why, c.note(ctx, a, "refused a statement of payment: "+why)
	}
	if a.ChannelTradeNo == "" {
		a.ChannelTradeNo = paid.ChannelTradeNo
	}
	if a.Status == AttemptSucceeded || a.Status == AttemptReversed {
		if a.Counted && c.p.ChannelTradeNo == "" {
			c.p.ChannelTradeNo = a.ChannelTradeNo
		}
		a.NextCheckAt = time.Time{}
		return "", c.saveAttempt(ctx, a)
	}
	// Somebody may be taking an unwanted barcode payment back right now: money
	// that comes in may go out again, and the look that is due tells.
	look := time.Time{}
	if a.Scene == channels.SceneBarcode && c.s.unwanted(c.p, a, c.at) {
		look = a.NextCheckAt
	}
	if err := c.moveAttempt(ctx, a, AttemptSucceeded, ""); err != nil {
		return "", err
	}
	a.PaidAt = inOrder(paid.PaidAt, a.CreatedAt)
	if a.PaidAt.IsZero() {
		a.PaidAt = c.at
	}
	a.Failure, a.NextCheckAt, a.LateUntil = nil, look, time.Time{}
	if c.p.CountedAttemptID != "" {
		return "", c.returnDuplicate(ctx, a)
	}
	return "", c.count(ctx, a)
}

// inOrder is a channel's time. Channels tell whole seconds: what happened in the
// second in which it was asked for does not come before that.
func inOrder(told, asked time.Time) time.Time {
	if told.Equal(asked.Truncate(time.Second)) {
		return asked
	}
	return told
}

func disagree(a *Attempt, paid channels.Paid) string {
	switch {
	case paid.Amount != (money.Amount{}) && !paid.Amount.Equal(a.Amount):
		return fmt.Sprintf("the channel says %s, the order is %s", paid.Amount, a.Amount)
	case a.ChannelTradeNo != "" && paid.ChannelTradeNo != "" && a.ChannelTradeNo != paid.ChannelTradeNo:
		return "the channel's trade number is not the one known for this order"
	default:
		return ""
	}
}

// count makes the attempt the one that counts and moves the payment.
func (c *change) count(ctx context.Context, a *Attempt) error {
	p := c.p
	a.Counted = true
	p.CountedAttemptID, p.PaidMinor, p.PaidAt = a.ID, a.Amount.Minor(), a.PaidAt
	p.Channel, p.AccountID, p.ChannelTradeNo = a.Channel, a.AccountID, a.ChannelTradeNo
	p.FeeMinor = fee(a)
	p.LateUntil = time.Time{}
	if err := c.saveAttempt(ctx, a); err != nil {
		return err
	}
	if p.Status != Closed && p.Status != Failed {
		p.Failure = nil
		return c.movePayment(ctx, Succeeded, "")
	}
	if err := c.discrepancy(ctx, DiscrepancyLateSuccess, a, "money arrived after the payment was "+string(p.Status)); err != nil {
		return err
	}
	if p.LatePolicy == LateAccept {
		p.Failure = nil
		return c.movePayment(ctx, Succeeded, "late payment accepted by the merchant's policy")
	}
	// The reservation's conditional UPDATE compares with the paid sum in the row.
	if err := c.tx.UpdatePayment(ctx, p); err != nil {
		return fmt.Errorf("write payment: %w", err)
	}
	ok, err := c.tx.Reserve(ctx, p.ID, a.Amount.Minor())
	if err != nil {
		return fmt.Errorf("reserve late payment's refund: %w", err)
	}
	if !ok {
		return fmt.Errorf("payment %s: nothing is refunded yet its refund cannot be reserved", p.ID)
	}
	return c.startGatewayRefund(ctx, a, "late:"+a.ID, "payment arrived after the order ended", true)
}

// returnDuplicate refunds money on an attempt beside the one that counts.
func (c *change) returnDuplicate(ctx context.Context, a *Attempt) error {
	if err := c.saveAttempt(ctx, a); err != nil {
		return err
	}
	if err := c.discrepancy(ctx, DiscrepancyDuplicatePayment, a, "attempt "+c.p.CountedAttemptID+" of this payment was paid before"); err != nil {
		return err
	}
	return c.startGatewayRefund(ctx, a, "duplicate:"+a.ID, "duplicate payment", false)
}

func (c *change) startGatewayRefund(ctx context.Context, a *Attempt, key, reason string, reserved bool) error {
	r := c.newRefund(a, a.Amount, ByGateway)
	r.AutoKey, r.Reason, r.Reserved, r.NotifyURL = key, reason, reserved, c.p.NotifyURL
	r.Status, r.NextCheckAt = RefundPending, c.at
	c.wake = true
	failpoint.Before(failpoint.RefundGateway)
	err := c.insertRefund(ctx, r)
	failpoint.After(failpoint.RefundGateway)
	return err
}

func (c *change) newRefund(a *Attempt, amount money.Amount, by Initiator) *Refund {
	return &Refund{
		ID: c.s.NewID(), PaymentID: c.p.ID, AttemptID: a.ID, MerchantID: c.p.MerchantID,
		Channel: a.Channel, AccountID: a.AccountID, Initiator: by, Amount: amount,
		CreatedAt: c.at, UpdatedAt: c.at,
	}
}

func (c *change) insertRefund(ctx context.Context, r *Refund) error {
	if err := c.tx.InsertRefund(ctx, r); err != nil {
		return fmt.Errorf("write refund: %w", err)
	}
	return c.record(ctx, Change{AttemptID: r.AttemptID, RefundID: r.ID, Kind: "refund", To: string(r.Status), Detail: r.Reason})
}

// closed ends an attempt that can take no money any more (lateUntil zero), or
// that is only not wanted any more and watched until lateUntil.
func (c *change) closed(ctx context.Context, a *Attempt, lateUntil time.Time) error {
	a.LateUntil, a.NextCheckAt, a.Checks = lateUntil, time.Time{}, 0
	if !lateUntil.IsZero() {
		a.NextCheckAt = c.at.Add(step(c.s.cfg.LateLadder, 0))
	}
	if a.Status != AttemptClosed {
		if err := c.moveAttempt(ctx, a, AttemptClosed, ""); err != nil {
			return err
		}
	}
	failpoint.Before(failpoint.CloseSettle)
	if err := c.saveAttempt(ctx, a); err != nil {
		return err
	}
	failpoint.After(failpoint.CloseSettle)
	if a.ID == c.p.CurrentAttemptID {
		c.p.LateUntil = lateUntil
	}
	return c.endPayment(ctx, a, Closed, "")
}

// isLive tells whether the payment hangs on this attempt.
func (c *change) isLive(a *Attempt) bool {
	return a.ID == c.p.CurrentAttemptID && (c.p.Status == Processing || c.p.Status == Pending)
}

// endPayment moves the payment to its end when this attempt was its live one.
func (c *change) endPayment(ctx context.Context, a *Attempt, to Status, detail string) error {
	if !c.isLive(a) {
		return nil
	}
	if to == Closed {
		c.p.ClosedAt = c.at
	}
	c.p.Action, c.p.ActionExpiresAt = nil, time.Time{}
	return c.movePayment(ctx, to, detail)
}

// declined ends an attempt that the channel refused finally.
func (c *change) declined(ctx context.Context, a *Attempt, f *Failure) error {
	if err := c.moveAttempt(ctx, a, AttemptDeclined, f.ChannelCode); err != nil {
		return err
	}
	a.Failure, a.NextCheckAt = f, time.Time{}
	if err := c.saveAttempt(ctx, a); err != nil {
		return err
	}
	if c.isLive(a) {
		c.p.Failure = f
	}
	return c.endPayment(ctx, a, Failed, f.Message)
}

// reversed books an order that was paid and given back in full at once: both
// the payment and the return are in our books. A statement that disagrees with
// our row changes nothing; the text says why.
func (c *change) reversed(ctx context.Context, a *Attempt, paid channels.Paid) (disagreement string, err error) {
	if why := disagree(a, paid); why != "" {
		return why, c.note(ctx, a, "refused a statement of reversal: "+why)
	}
	switch a.Status {
	case AttemptReversed:
		return "", c.saveSettled(ctx, a)
	case AttemptSucceeded:
		return "", c.returnedElsewhere(ctx, a)
	case AttemptDeclined, AttemptNotProcessed:
		// Nothing was booked and nothing is kept: the bill shows both rows.
		if err := c.note(ctx, a, "the channel says that it took money and gave it back"); err != nil {
			return "", err
		}
		return "", c.saveSettled(ctx, a)
	case AttemptDispatched, AttemptUnknown, AttemptPending, AttemptClosed:
	}
	if err := c.moveAttempt(ctx, a, AttemptReversed, ""); err != nil {
		return "", err
	}
	if a.ChannelTradeNo == "" {
		a.ChannelTradeNo = paid.ChannelTradeNo
	}
	a.PaidAt, a.LateUntil = inOrder(paid.PaidAt, a.CreatedAt), time.Time{}
	if a.PaidAt.IsZero() {
		a.PaidAt = c.at
	}
	p := c.p
	if p.CountedAttemptID == "" {
		a.Counted = true
		p.CountedAttemptID, p.PaidMinor, p.PaidAt = a.ID, a.Amount.Minor(), a.PaidAt
		p.Channel, p.AccountID, p.ChannelTradeNo, p.LateUntil = a.Channel, a.AccountID, a.ChannelTradeNo, time.Time{}
	}
	if err := c.saveSettled(ctx, a); err != nil {
		return "", err
	}
	// The reservation's conditional UPDATE compares with the paid sum in the row.
	if err := c.tx.UpdatePayment(ctx, p); err != nil {
		return "", fmt.Errorf("write payment: %w", err)
	}
	if err := c.endPayment(ctx, a, Closed, "reversed"); err != nil {
		return "", err
	}
	return "", c.bookReturn(ctx, a)
}

// returnedElsewhere books that the money of an attempt that we booked as paid
// went back in full without a refund of ours: a reversal that found the order
// paid, or somebody at the channel's own console.
func (c *change) returnedElsewhere(ctx context.Context, a *Attempt) error {
	if err := c.saveSettled(ctx, a); err != nil {
		return err
	}
	siblings, err := c.tx.Refunds(ctx, c.p.ID)
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	var ours int64
	for _, r := range siblings {
		if r.AttemptID == a.ID && r.Status != RefundFailed {
			ours += r.Amount.Minor()
		}
	}
	switch {
	case ours >= a.Amount.Minor():
		return nil
	case ours > 0:
		return c.discrepancy(ctx, DiscrepancyStatusMismatch, a, "the channel returned all of it, our refunds are less")
	default:
		return c.bookReturn(ctx, a)
	}
}

// bookReturn writes the refund of money that the channel gave back by itself.
func (c *change) bookReturn(ctx context.Context, a *Attempt) error {
	r := c.newRefund(a, a.Amount, ByGateway)
	r.AutoKey, r.Reason, r.NotifyURL = "reversal:"+a.ID, "reversal", c.p.NotifyURL
	r.Status, r.SubmittedAt = RefundProcessing, c.at
	if a.Counted {
		ok, err := c.tx.Reserve(ctx, c.p.ID, a.Amount.Minor())
		if err != nil {
			return fmt.Errorf("reserve reversal: %w", err)
		}
		r.Reserved = ok
	}
	failpoint.Before(failpoint.ReverseBook)
	if err := c.insertRefund(ctx, r); err != nil {
		return err
	}
	failpoint.After(failpoint.ReverseBook)
	return c.refundSucceeded(ctx, r, c.at)
}

// waiting makes an attempt one that waits for its payer; action is nil where
// there is nothing (new) to hand over.
func (c *change) waiting(ctx context.Context, a *Attempt, action *channels.Action, ttl time.Duration) error {
	if a.Status == AttemptDispatched || a.Status == AttemptUnknown {
		if err := c.moveAttempt(ctx, a, AttemptPending, ""); err != nil {
			return err
		}
		a.Failure, a.Checks = nil, 0
	}
	if a.Status != AttemptPending {
		// A notification or a worker knew more, sooner.
		return c.unsettled(ctx, a)
	}
	a.NextCheckAt = c.s.nextCheck(c.p, a, c.at)
	if c.s.unwanted(c.p, a, c.at) {
		// A close was asked for while the order was being placed.
		a.NextCheckAt, c.wake = c.at, true
	}
	if err := c.saveAttempt(ctx, a); err != nil {
		return err
	}
	if a.ID != c.p.CurrentAttemptID {
		return nil
	}
	// Nobody is handed the code of an order that is to be closed.
	if action != nil && !c.p.CloseRequested {
		c.p.Action, c.p.ActionExpiresAt = action, time.Time{}
		if ttl > 0 {
			c.p.ActionExpiresAt = c.at.Add(ttl)
		}
	}
	if c.p.Status == Processing {
		return c.movePayment(ctx, Pending, "")
	}
	return nil
}

// uncertain keeps an attempt whose outcome nobody knows, to be asked about; one
// that was settled meanwhile stays as it is.
func (c *change) uncertain(ctx context.Context, a *Attempt, cause error) error {
	if a.Status == AttemptDispatched {
		if err := c.moveAttempt(ctx, a, AttemptUnknown, describe(cause)); err != nil {
			return err
		}
		a.Checks = 0
	}
	return c.unsettled(ctx, a)
}

func (c *change) discrepancy(ctx context.Context, kind DiscrepancyKind, a *Attempt, detail string) error {
	err := c.tx.RecordDiscrepancy(ctx, Discrepancy{
		Kind: kind, MerchantID: c.p.MerchantID, PaymentID: c.p.ID, AttemptID: a.ID, AccountID: a.AccountID,
		Ours: c.p.Amount, Theirs: a.Amount, Detail: detail, At: c.at,
	})
	if err != nil {
		return fmt.Errorf("record discrepancy: %w", err)
	}
	return nil
}

// fee is the fee contracted when the attempt was routed, rounded half up.
func fee(a *Attempt) int64 {
	chosen, _ := a.Decision.Chosen()
	return (a.Amount.Minor()*chosen.FeeRatePPM + 500_000) / 1_000_000
}

// describe gives the channel's code of an error for the history.
func describe(err error) string {
	var ce *channels.Error
	if errors.As(err, &ce) {
		if ce.Code != "" {
			return ce.Code
		}
		return ce.Outcome.String()
	}
	return ""
}
