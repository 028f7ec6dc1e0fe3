package payment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/paymux/paymux/internal/failpoint"
)

// paymentEvents says which event a payment's arrival at a status raises.
var paymentEvents = map[Status]EventType{
	Succeeded: PaymentSucceeded,
	Failed:    PaymentFailed,
	Closed:    PaymentClosed,
}

// refundEvents says which event a refund's arrival at a status raises.
var refundEvents = map[RefundStatus]EventType{
	RefundSucceeded: RefundSucceededType,
	RefundFailed:    RefundFailedType,
}

// change is one transaction on one locked payment. All moves of statuses go
// through it: it is the one place where the tables are asked, the history is
// written and events are raised.
type change struct {
	s     *Service
	tx    Tx
	p     *Payment
	at    time.Time
	cause string

	paymentEvents []EventType
	refundEvents  []*Refund
	wake          bool
}

// alter locks the payment, lets fn change it and writes what it changed with
// its events. It is the only way in which a payment that exists is changed.
func (s *Service) alter(ctx context.Context, paymentID, cause string, fn func(*change) error) error {
	var wake bool
	err := s.Store.InTx(ctx, func(tx Tx) error {
		p, err := tx.LockPayment(ctx, paymentID)
		if err != nil {
			return fmt.Errorf("lock payment: %w", err)
		}
		c := &change{s: s, tx: tx, p: p, at: s.now(), cause: cause}
		if err := fn(c); err != nil {
			return err
		}
		if err := c.flush(ctx); err != nil {
			return err
		}
		wake = c.wake
		return nil
	})
	if err == nil && wake && s.Wake != nil {
		s.Wake()
	}
	return err
}

// now is the injected clock as the store keeps it: UTC, to the millisecond.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

func (c *change) movePayment(ctx context.Context, to Status, detail string) error {
	if !slices.Contains(paymentTransitions[c.p.Status], to) {
		return fmt.Errorf("payment %s may not move from %s to %s", c.p.ID, c.p.Status, to)
	}
	from := c.p.Status
	c.p.Status = to
	if typ, ok := paymentEvents[to]; ok {
		c.paymentEvents = append(c.paymentEvents, typ)
	}
	return c.record(ctx, Change{Kind: "payment", From: string(from), To: string(to), Detail: detail})
}

func (c *change) moveAttempt(ctx context.Context, a *Attempt, to AttemptStatus, detail string) error {
	if !slices.Contains(attemptTransitions[a.Status], to) {
		return fmt.Errorf("attempt %s may not move from %s to %s", a.ID, a.Status, to)
	}
	from := a.Status
	a.Status = to
	return c.record(ctx, Change{AttemptID: a.ID, Kind: "attempt", From: string(from), To: string(to), Detail: detail})
}

func (c *change) moveRefund(ctx context.Context, r *Refund, to RefundStatus, detail string) error {
	if !slices.Contains(refundTransitions[r.Status], to) {
		return fmt.Errorf("refund %s may not move from %s to %s", r.ID, r.Status, to)
	}
	from := r.Status
	r.Status = to
	if _, ok := refundEvents[to]; ok {
		c.refundEvents = append(c.refundEvents, r)
	}
	return c.record(ctx, Change{
		AttemptID: r.AttemptID, RefundID: r.ID, Kind: "refund", From: string(from), To: string(to), Detail: detail,
	})
}

// note keeps a fact in the history that moved nothing.
func (c *change) note(ctx context.Context, a *Attempt, detail string) error {
	return c.record(ctx, Change{AttemptID: a.ID, Kind: "note", Detail: detail})
}

func (c *change) record(ctx context.Context, h Change) error {
	h.PaymentID, h.Cause, h.At = c.p.ID, c.cause, c.at
	if err := c.tx.InsertChange(ctx, h); err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

func (c *change) saveAttempt(ctx context.Context, a *Attempt) error {
	a.UpdatedAt = c.at
	if err := c.tx.UpdateAttempt(ctx, a); err != nil {
		return fmt.Errorf("write attempt: %w", err)
	}
	return nil
}

// saveSettled writes an attempt that nobody need look at again.
func (c *change) saveSettled(ctx context.Context, a *Attempt) error {
	a.NextCheckAt = time.Time{}
	return c.saveAttempt(ctx, a)
}

func (c *change) saveRefund(ctx context.Context, r *Refund) error {
	r.UpdatedAt = c.at
	if err := c.tx.UpdateRefund(ctx, r); err != nil {
		return fmt.Errorf("write refund: %w", err)
	}
	return nil
}

// flush writes the events, whose bodies show everything that the transaction
// did, and then the payment's row.
func (c *change) flush(ctx context.Context) error {
	for _, typ := range c.paymentEvents {
		attempts, err := c.tx.Attempts(ctx, c.p.ID)
		if err != nil {
			return fmt.Errorf("read attempts: %w", err)
		}
		if err := c.raise(ctx, typ, "", c.p.NotifyURL, NewView(c.p, attempts)); err != nil {
			return err
		}
	}
	for _, r := range c.refundEvents {
		if err := c.raise(ctx, refundEvents[r.Status], r.ID, r.NotifyURL, NewRefundView(r)); err != nil {
			return err
		}
	}
	failpoint.Before(failpoint.ChangePayment)
	if err := c.tx.UpdatePayment(ctx, c.p); err != nil {
		return fmt.Errorf("write payment: %w", err)
	}
	failpoint.After(failpoint.ChangePayment)
	return nil
}

func (c *change) raise(ctx context.Context, typ EventType, refundID, notifyURL string, data any) error {
	c.p.Sequence++
	id := "evt_" + c.s.NewID()
	body, err := renderEvent(id, typ, c.at, c.p.Sequence, data)
	if err != nil {
		return fmt.Errorf("render event: %w", err)
	}
	c.wake = true
	failpoint.Before(failpoint.ChangeEvent)
	err = c.tx.InsertEvent(ctx, &Event{
		ID: id, MerchantID: c.p.MerchantID, Type: typ, PaymentID: c.p.ID, RefundID: refundID,
		Sequence: c.p.Sequence, Body: body, NotifyURL: notifyURL, CreatedAt: c.at,
	})
	failpoint.After(failpoint.ChangeEvent)
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}
