package payment

import (
	"context"
	"time"

	"github.com/paymux/paymux/internal/failpoint"
)

// Close ends a merchant's payment at the channel first, then here. The payment
// that it gives is Closed, or still Pending or Processing while the channel has
// not settled it. A payment that succeeded or failed is CodeStatusConflict.
func (s *Service) Close(ctx context.Context, merchantID, id string) (Result, error) {
	p, err := s.Store.PaymentByID(ctx, merchantID, id)
	if err != nil {
		return Result{}, readError(err, "payment")
	}
	switch p.Status {
	case Unsent:
		return Result{}, refuse(CodeNotFound, "there is no such payment")
	case Succeeded, Failed:
		return Result{}, refuse(CodeStatusConflict, "the payment is %s and cannot be closed", p.Status)
	case Closed:
		return s.reload(ctx, merchantID, id, false)
	case Processing, Pending:
	}
	var live *Attempt
	failpoint.Before(failpoint.CloseMark)
	err = s.alter(ctx, id, "close asked for", func(c *change) error {
		if c.p.Status != Processing && c.p.Status != Pending {
			return nil
		}
		c.p.CloseRequested = true
		a, err := c.tx.Attempt(ctx, c.p.CurrentAttemptID)
		if err != nil {
			return err
		}
		// Whoever is placing the order owns it until its deadline.
		if a.Status == AttemptDispatched && c.at.Before(a.Deadline.Add(s.cfg.CallMargin)) {
			return nil
		}
		a.Checks, a.NextCheckAt = 0, c.at.Add(step(s.cfg.UnknownLadder, 0))
		live = a
		return c.saveAttempt(ctx, a)
	})
	failpoint.After(failpoint.CloseMark)
	if err != nil {
		return Result{}, readError(err, "payment")
	}
	if live != nil {
		if err := s.resolve(ctx, live); err != nil {
			s.Logger.WarnContext(ctx, "a close is not settled yet", "payment_id", id, "error", err)
		}
	}
	r, err := s.reload(ctx, merchantID, id, false)
	if err == nil && (r.Payment.Status == Succeeded || r.Payment.Status == Failed) {
		return Result{}, refuse(CodeStatusConflict, "the payment is %s and cannot be closed", r.Payment.Status)
	}
	return r, err
}

// watchUntil is until when an order that nobody confirmed closed could still
// take money: the limit that the channel was given, and a margin.
func (s *Service) watchUntil(a *Attempt) time.Time { return a.ExpiresAt.Add(s.cfg.LateMargin) }
