package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/money"
)

// ApplyNotification keeps a verified notification and books what it says, in
// one transaction. Only when it returns without an error may the channel be
// told that it arrived. A notification that disagrees with our rows changes
// nothing: its verdict is VerdictQuarantined.
func (s *Service) ApplyNotification(ctx context.Context, account channels.Account, rec NotificationRecord, n channels.Notification) (Verdict, error) {
	rec.AttemptID = n.AttemptID
	if n.Kind == channels.NotificationIgnored {
		return s.keep(ctx, rec, VerdictIgnored, "")
	}
	a, err := s.Store.AttemptByID(ctx, n.AttemptID)
	switch {
	case errors.Is(err, ErrNotFound):
		return s.keep(ctx, rec, VerdictQuarantined, "there is no such order")
	case err != nil:
		return "", fmt.Errorf("read attempt of notification: %w", err)
	case a.AccountID != account.ID:
		return s.keep(ctx, rec, VerdictQuarantined, "the order belongs to another account")
	}
	rec.PaymentID = a.PaymentID
	var verdict Verdict
	failpoint.Before(failpoint.CallbackApply)
	err = s.alter(ctx, a.PaymentID, "notification", func(c *change) error {
		var why string
		var err error
		if n.Kind == channels.NotificationRefund {
			why, err = c.notifiedRefund(ctx, n)
		} else {
			why, err = c.notifiedPayment(ctx, n)
		}
		if err != nil {
			return err
		}
		verdict = VerdictApplied
		if why != "" {
			verdict = VerdictQuarantined
		}
		kept := rec
		kept.Verdict, kept.Detail = verdict, why
		failpoint.Before(failpoint.CallbackRecord)
		err = c.tx.RecordNotification(ctx, kept)
		failpoint.After(failpoint.CallbackRecord)
		return err
	})
	failpoint.After(failpoint.CallbackApply)
	if err != nil {
		return "", fmt.Errorf("apply notification: %w", err)
	}
	return verdict, nil
}

// Quarantine keeps a verified notification that is not for its account.
func (s *Service) Quarantine(ctx context.Context, rec NotificationRecord) error {
	_, err := s.keep(ctx, rec, VerdictQuarantined, rec.Detail)
	return err
}

// keep stores a notification that moves nothing.
func (s *Service) keep(ctx context.Context, rec NotificationRecord, v Verdict, detail string) (Verdict, error) {
	rec.Verdict, rec.Detail = v, detail
	err := s.Store.InTx(ctx, func(tx Tx) error { return tx.RecordNotification(ctx, rec) })
	if err != nil {
		return "", fmt.Errorf("keep notification: %w", err)
	}
	return v, nil
}

// notifiedPayment books what a notification says of an order; the text says why
// it disagrees.
func (c *change) notifiedPayment(ctx context.Context, n channels.Notification) (string, error) {
	a, err := c.tx.Attempt(ctx, n.AttemptID)
	if err != nil {
		return "", err
	}
	if n.Payment.AttemptID != "" && n.Payment.AttemptID != a.ID {
		return "it names two orders", nil
	}
	switch n.Payment.Status {
	case channels.StatePaid:
		return c.paid(ctx, a, n.Payment.Paid)
	case channels.StateClosed:
		return "", c.closedAtChannel(ctx, a)
	case channels.StateReversed:
		return c.reversed(ctx, a, n.Payment.Paid)
	case channels.StateFailed, channels.StateWaiting, channels.StateNotFound, channels.StateUncertain:
	}
	// Not an end that a notification alone can settle: look at the order soon.
	return "", c.lookSoon(ctx, a)
}

// lookSoon makes an attempt that is not settled due for a worker.
func (c *change) lookSoon(ctx context.Context, a *Attempt) error {
	if a.Status != AttemptPending && a.Status != AttemptUnknown {
		return nil
	}
	a.NextCheckAt, c.wake = c.at, true
	return c.saveAttempt(ctx, a)
}

// notifiedRefund books what a notification says of a refund.
func (c *change) notifiedRefund(ctx context.Context, n channels.Notification) (string, error) {
	r, err := c.tx.Refund(ctx, n.Refund.RefundID)
	switch {
	case errors.Is(err, ErrNotFound):
		return "there is no such refund", nil
	case err != nil:
		return "", err
	case r.PaymentID != c.p.ID || r.AttemptID != n.AttemptID:
		return "the refund belongs to another order", nil
	case n.Refund.Amount != (money.Amount{}) && !n.Refund.Amount.Equal(r.Amount):
		return fmt.Sprintf("the channel says %s, the refund is %s", n.Refund.Amount, r.Amount), nil
	}
	return "", c.applyRefund(ctx, r, n.Refund, false)
}
