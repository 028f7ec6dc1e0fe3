package payment

import (
	"context"
	"fmt"

	"github.com/paymux/paymux/internal/money"
)

// OperatorRefund is a refund that a person of the operator starts.
type OperatorRefund struct {
	PaymentID string
	// Number makes it idempotent: 1 to 64 of A-Z a-z 0-9 _ -, unique for the
	// payment.
	Number string
	// Amount is in minor units of the payment's currency.
	Amount int64
	// Reason is told to the channel and the merchant.
	Reason string
	Actor  string
}

// StartRefund makes and sends a refund for a payment on the operator's behalf,
// or gives the one that the same number made before. The rules of the
// merchant's own refunds hold.
func (s *Service) StartRefund(ctx context.Context, req OperatorRefund) (*Refund, error) {
	faults := actFaults(ctx, req.Actor)
	faults.number("number", req.Number)
	faults.amount(req.Amount)
	faults.text("reason", req.Reason, 1, 80)
	if len(faults) > 0 {
		return nil, invalid(faults)
	}
	return s.startRefund(ctx, req.PaymentID, req.Actor, func(c *change) (*Refund, error) {
		key := "operator:" + req.PaymentID + ":" + req.Number
		if r, err := c.refundWithKey(ctx, key); r != nil || err != nil {
			if r != nil && (r.Amount.Minor() != req.Amount || r.Reason != req.Reason) {
				return nil, refuse(CodeRefundConflict, "number %s was used before with other parameters; use a new one for a new refund", req.Number)
			}
			return r, err
		}
		if c.p.PaidMinor == 0 {
			return nil, nothingPaid(c.p)
		}
		amount, err := money.New(req.Amount, c.p.Amount.Currency())
		if err != nil {
			return nil, err
		}
		if err := c.reserveAgain(ctx, req.Amount); err != nil {
			return nil, err
		}
		a, err := c.tx.Attempt(ctx, c.p.CountedAttemptID)
		if err != nil {
			return nil, err
		}
		r := c.newRefund(a, amount, ByOperator)
		r.AutoKey, r.Reason, r.Reserved = key, req.Reason, true
		return r, c.audited(ctx, req.Actor, "refund.create", r.ID, act{Amount: req.Amount, AttemptID: a.ID})
	})
}

// RetryRefund starts a second try of a refund that the gateway (or an operator)
// had started and that failed: duplicate and late money must go back. It is a
// refund of its own, with a number of its own; the same again gives that one.
func (s *Service) RetryRefund(ctx context.Context, refundID, actor string) (*Refund, error) {
	old, err := s.actOnRefund(ctx, refundID, actor)
	if err != nil {
		return nil, err
	}
	return s.startRefund(ctx, old.PaymentID, actor, func(c *change) (*Refund, error) {
		key := "retry:" + old.ID
		if r, err := c.refundWithKey(ctx, key); r != nil || err != nil {
			return r, err
		}
		failed, err := c.tx.Refund(ctx, old.ID)
		if err != nil {
			return nil, err
		}
		if err := c.mayRetry(ctx, failed); err != nil {
			return nil, err
		}
		a, err := c.tx.Attempt(ctx, failed.AttemptID)
		if err != nil {
			return nil, err
		}
		r := c.newRefund(a, failed.Amount, ByOperator)
		r.AutoKey, r.Reason, r.Reserved = key, failed.Reason, failed.Reserved
		return r, c.audited(ctx, actor, "refund.create", r.ID, act{Amount: r.Amount.Minor(), SecondTryOf: failed.ID, AttemptID: a.ID})
	})
}

// mayRetry refuses a second try of what has not failed, of what is the
// merchant's to repeat, and of money that went back otherwise.
func (c *change) mayRetry(ctx context.Context, failed *Refund) error {
	switch {
	case failed.Status != RefundFailed:
		return refuse(CodeStatusConflict, "refund %s is %s; only one that failed needs a second try", failed.ID, failed.Status)
	case failed.Initiator == ByMerchant:
		return refuse(CodeStatusConflict, "refund %s is the merchant's: a second try is a new refund of the payment", failed.ID)
	case failed.Reserved:
		return c.reserveAgain(ctx, failed.Amount.Minor())
	}
	a, err := c.tx.Attempt(ctx, failed.AttemptID)
	if err != nil {
		return err
	}
	siblings, err := c.tx.Refunds(ctx, c.p.ID)
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	sum := failed.Amount.Minor()
	for _, o := range siblings {
		if o.AttemptID == a.ID && o.Status != RefundFailed {
			sum += o.Amount.Minor()
		}
	}
	if a.Status != AttemptSucceeded || sum > a.Amount.Minor() {
		return refuse(CodeAmountExceeds, "the money of attempt %s went back otherwise, or is on its way", a.ID)
	}
	return nil
}

func (c *change) reserveAgain(ctx context.Context, minor int64) error {
	ok, err := c.tx.Reserve(ctx, c.p.ID, minor)
	switch {
	case err != nil:
		return fmt.Errorf("reserve: %w", err)
	case !ok:
		return refuse(CodeAmountExceeds, "with this refund the payment's refunds would exceed the %d that were paid", c.p.PaidMinor)
	default:
		return nil
	}
}

func (c *change) refundWithKey(ctx context.Context, key string) (*Refund, error) {
	siblings, err := c.tx.Refunds(ctx, c.p.ID)
	if err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	for _, r := range siblings {
		if r.AutoKey == key {
			return r, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

// startRefund writes the refund that made gives, if it is a new one, and sends
// it when its turn has come. A process that dies in between leaves it to the
// workers.
func (s *Service) startRefund(ctx context.Context, paymentID, actor string, made func(c *change) (*Refund, error)) (*Refund, error) {
	var r *Refund
	var fresh bool
	err := s.alter(ctx, paymentID, actor, func(c *change) error {
		var err error
		if r, err = made(c); err != nil {
			return err
		}
		if fresh = r.Status == ""; !fresh {
			return nil
		}
		// A look is due only after the one who wrote it had time to send it.
		r.Status, r.NotifyURL, r.NextCheckAt = RefundPending, c.p.NotifyURL, c.at.Add(step(s.cfg.RefundLadder, 0))
		return c.insertRefund(ctx, r)
	})
	if err != nil {
		return nil, readError(err, "payment")
	}
	if fresh {
		if err := s.sendPending(ctx, r); err != nil {
			s.Logger.WarnContext(ctx, "a refund is not sent yet", "refund_id", r.ID, "error", err)
		}
	}
	return s.findRefund(ctx, r.ID)
}
