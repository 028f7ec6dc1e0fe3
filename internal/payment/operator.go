package payment

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
)

// This file and its siblings are what people (and reconciliation) may do to
// single attempts and refunds. All of it goes through the same tables and the
// same change as everything else, and each act leaves its audit entry in the
// transaction of what it did. Nothing here guesses: what contradicts what a
// channel said is refused.

// reasonKey is the context's key of a reason.
type reasonKey struct{}

// WithReason gives the acts of a context a reason, for the audit trail.
func WithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, reason)
}

func reasonFrom(ctx context.Context) string {
	reason, _ := ctx.Value(reasonKey{}).(string)
	return reason
}

// The longest texts of an act, in characters.
const (
	maxActor    = 60
	maxReason   = 500
	maxEvidence = 2000
)

// actFaults lists what is wrong with who acts and why.
func actFaults(ctx context.Context, actor string) fieldErrors {
	var f fieldErrors
	f.text("actor", actor, 1, maxActor)
	f.text("reason", reasonFrom(ctx), 0, maxReason)
	return f
}

// act is what the audit trail keeps of an act beside who did what to what.
type act struct {
	PaymentID string `json:"payment_id"`
	Reason    string `json:"reason,omitempty"`
	Evidence  string `json:"evidence,omitempty"`
	// Answer is what the channel said, or that it did not.
	Answer string `json:"answer,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	// Refused is why what was asked for was not done.
	Refused     string `json:"refused,omitempty"`
	ChannelNo   string `json:"channel_no,omitempty"`
	Amount      int64  `json:"amount,omitempty"`
	SecondTryOf string `json:"second_try_of,omitempty"`
	AttemptID   string `json:"attempt_id,omitempty"`
}

// audited writes the act's entry into the transaction.
func (c *change) audited(ctx context.Context, actor, action, subject string, a act) error {
	a.PaymentID, a.Reason = c.p.ID, reasonFrom(ctx)
	detail, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("render audit entry: %w", err)
	}
	err = c.tx.InsertAudit(ctx, audit.Entry{
		ID: audit.IDPrefix + c.s.NewID(), At: c.at, Actor: actor, Action: action,
		MerchantID: c.p.MerchantID, Subject: subject, Detail: string(detail),
	})
	if err != nil {
		return fmt.Errorf("write audit entry: %w", err)
	}
	return nil
}

// beingPlaced tells whether a call for an attempt may still be under way: until
// then only its owner acts.
func (s *Service) beingPlaced(a *Attempt, now time.Time) bool {
	return (a.Status == AttemptDispatched || a.Status == AttemptUnknown) && now.Before(a.Deadline.Add(s.cfg.CallMargin))
}

// AskAttempt asks the channel about an attempt now and books what is certain,
// whatever the attempt's status: money that is found on one that ended is late
// money. It sends nothing but the question, and asking again changes nothing
// more. The attempt is as it stands afterwards; with an error that is not
// *Error the channel gave no answer.
func (s *Service) AskAttempt(ctx context.Context, attemptID, actor string) (*Attempt, error) {
	if faults := actFaults(ctx, actor); len(faults) > 0 {
		return nil, invalid(faults)
	}
	a, err := s.Store.AttemptByID(ctx, attemptID)
	if err != nil {
		return nil, readError(err, "attempt")
	}
	ch, _, err := s.Accounts.Open(ctx, a.AccountID)
	if err != nil {
		return nil, fmt.Errorf("open account %s: %w", a.AccountID, err)
	}
	f := s.query(ctx, ch, a)
	ctx, done := detached(ctx)
	defer done()
	var out *Attempt
	err = s.alter(ctx, a.PaymentID, actor, func(c *change) error {
		fresh, err := c.tx.Attempt(ctx, a.ID)
		if err != nil {
			return err
		}
		out = fresh
		entry := act{From: string(fresh.Status), Answer: "no answer: " + describe(f.err)}
		if f.known {
			entry.Answer = f.state.Status.String()
			if err := c.answered(ctx, fresh, f); err != nil {
				return err
			}
		}
		entry.To = string(fresh.Status)
		return c.audited(ctx, actor, "payment.ask", fresh.ID, entry)
	})
	if err != nil {
		return nil, readError(err, "attempt")
	}
	if !f.known {
		return out, fmt.Errorf("ask %s about attempt %s: %w", a.Channel, a.ID, f.err)
	}
	return out, nil
}

// answered books the answer to a person's question. Unlike a worker's look it
// leaves to the workers what needs a further call.
func (c *change) answered(ctx context.Context, a *Attempt, f finding) error {
	if f.state.Status != channels.StatePaid && c.s.beingPlaced(a, c.at) {
		// Its owner may know better in a moment.
		return nil
	}
	if f.state.Status == channels.StateWaiting {
		return c.lookSoon(ctx, a)
	}
	was, look := a.Status, a.NextCheckAt
	if err := c.apply(ctx, a, f); err != nil {
		return err
	}
	if was == AttemptSucceeded && a.Status == AttemptSucceeded && !look.IsZero() {
		// It was paid while it was being taken back: that look is still owed.
		a.NextCheckAt = look
		return c.saveAttempt(ctx, a)
	}
	return nil
}
