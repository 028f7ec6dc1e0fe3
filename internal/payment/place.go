package payment

import (
	"context"
	"errors"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
)

// errNotSent is the cause of a call that was not made because its time was over
// before the first byte.
var errNotSent = errors.New("the call's deadline had passed before it was made")

// settleTimeout bounds the transactions after a call to a channel. They do not
// end with the caller: what came back must be committed.
const settleTimeout = 20 * time.Second

// detached keeps a context's values but not its end.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
}

// place sends a dispatched attempt to its channel, commits what came back, and
// goes on to another account only where the first is proven to have done
// nothing.
func (s *Service) place(ctx context.Context, p *Payment, a *Attempt, authCode string) (Result, error) {
	// Only this call starts further attempts of this try, so it knows which
	// accounts were tried: a list that no clock can shorten bounds the loop.
	var tried []string
	for {
		tried = append(tried, a.AccountID)
		res, ttl, callErr := s.pay(ctx, p, a, authCode)
		failpoint.Before(failpoint.PaymentAnswer)
		next, err := s.settlePlaced(ctx, p, a, tried, res, ttl, callErr)
		failpoint.After(failpoint.PaymentAnswer)
		if err != nil {
			return Result{}, readError(err, "payment")
		}
		if next == nil {
			return s.reload(ctx, p.MerchantID, p.ID, false)
		}
		a = next
	}
}

// pay makes the one call that places an order. The ttl is that of the action.
func (s *Service) pay(ctx context.Context, p *Payment, a *Attempt, authCode string) (channels.PayResult, time.Duration, error) {
	ch, account, err := s.Accounts.Open(ctx, a.AccountID)
	if err != nil {
		return channels.PayResult{}, 0, &channels.Error{Outcome: channels.NotProcessed, Channel: a.Channel, Op: channels.OpPay, Err: err}
	}
	req := channels.PayRequest{
		Attempt: a.Ref(), Subject: p.Subject, AuthCode: authCode, PayerID: p.PayerID, ClientIP: p.ClientIP,
		NotifyURL: s.NotifyURL(a.Channel, a.AccountID), ReturnURL: p.ReturnURL,
	}
	if req.ReturnURL == "" {
		req.ReturnURL = s.ReturnURL
	}
	// The last look at the clock before the first byte: later than the deadline
	// others may act on the attempt, so the call ends by then too.
	left := a.Deadline.Sub(s.Now())
	if left <= 0 {
		return channels.PayResult{}, 0, &channels.Error{Outcome: channels.NotProcessed, Channel: a.Channel, Op: channels.OpPay, Err: errNotSent}
	}
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(left, s.cfg.CallTimeout))
	defer cancel()
	start := s.Now()
	failpoint.Before(failpoint.ChannelPay)
	res, err := ch.Pay(callCtx, req)
	failpoint.After(failpoint.ChannelPay)
	if err == nil && res.AttemptID != "" && res.AttemptID != a.ID {
		err = &channels.Error{Outcome: channels.Unknown, Channel: a.Channel, Op: channels.OpPay, Err: errOtherOrder}
	}
	s.observe(a.Channel, channels.OpPay, start, err)
	return res, account.Capabilities.Scenes[a.Scene].ActionTTL, err
}

var errOtherOrder = errors.New("the answer names another order")

func (s *Service) observe(channel string, op channels.Operation, start time.Time, err error) {
	if s.Observe == nil {
		return
	}
	outcome := "ok"
	if err != nil {
		outcome = channels.OutcomeOf(err).String()
	}
	s.Observe(channel, op, outcome, s.Now().Sub(start))
}

// settlePlaced commits what came back from pay. It gives the next attempt,
// dispatched and committed, where the payment fails over.
func (s *Service) settlePlaced(
	ctx context.Context, p *Payment, sent *Attempt, tried []string, res channels.PayResult, ttl time.Duration, callErr error,
) (*Attempt, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	outcome := channels.OutcomeOf(callErr)
	withoutEffect := callErr != nil && (outcome == channels.NotProcessed || outcome == channels.Misconfigured)
	var decision channels.Decision
	var more bool
	if withoutEffect {
		s.Logger.WarnContext(ctx, "an account could not take a payment", "attempt_id", sent.ID, "account_id", sent.AccountID, "error", callErr)
		decision, more = s.nextRoute(ctx, p, tried)
	}
	var next *Attempt
	err := s.alter(ctx, p.ID, "channel answer", func(c *change) error {
		next = nil
		a, err := c.tx.Attempt(ctx, sent.ID)
		if err != nil {
			return err
		}
		switch {
		case callErr == nil:
			return c.placed(ctx, a, res, ttl)
		case a.Status != AttemptDispatched:
			// A notification or a worker knew more, sooner.
			return nil
		case outcome == channels.Declined:
			return c.declined(ctx, a, failureOf(callErr))
		case withoutEffect:
			next, err = c.failOver(ctx, a, callErr, decision, more)
			return err
		default:
			return c.uncertain(ctx, a, callErr)
		}
	})
	return next, err
}

// placed books a verified answer to pay.
func (c *change) placed(ctx context.Context, a *Attempt, res channels.PayResult, ttl time.Duration) error {
	switch res.Status {
	case channels.PayPaid:
		why, err := c.paid(ctx, a, res.Paid)
		if err != nil || why == "" {
			return err
		}
		return c.uncertain(ctx, a, nil)
	case channels.PayWaiting:
		return c.waiting(ctx, a, res.Action, ttl)
	default:
		return c.uncertain(ctx, a, nil)
	}
}

// failOver ends an attempt that is proven to have done nothing and starts the
// next one in the same transaction, or leaves the order to be tried anew.
func (c *change) failOver(ctx context.Context, a *Attempt, cause error, d channels.Decision, more bool) (*Attempt, error) {
	if err := c.moveAttempt(ctx, a, AttemptNotProcessed, describe(cause)); err != nil {
		return nil, err
	}
	a.Failure, a.NextCheckAt = failureOf(cause), time.Time{}
	if err := c.saveAttempt(ctx, a); err != nil {
		return nil, err
	}
	if a.ID != c.p.CurrentAttemptID || c.p.Status != Processing {
		return nil, nil
	}
	if c.p.CloseRequested {
		return nil, c.endPayment(ctx, a, Closed, "closed before anything was sent")
	}
	if !c.at.Before(c.p.ExpiresAt) {
		return nil, c.endPayment(ctx, a, Closed, "its limit passed before anything was sent")
	}
	if !more {
		return nil, c.movePayment(ctx, Unsent, "no account could take it")
	}
	next := c.s.newAttempt(c.p, d, c.at)
	failpoint.Before(failpoint.PaymentFailover)
	err := c.insertAttempt(ctx, next)
	failpoint.After(failpoint.PaymentFailover)
	return next, err
}

// renew asks for a new code of a pending order whose code has died.
func (s *Service) renew(ctx context.Context, p *Payment) error {
	a, err := s.Store.AttemptByID(ctx, p.CurrentAttemptID)
	if err != nil {
		return err
	}
	if a.Status != AttemptPending {
		return nil
	}
	_, account, err := s.Accounts.Open(ctx, a.AccountID)
	if err != nil {
		return err
	}
	if !account.Capabilities.Scenes[a.Scene].PayRepeatable {
		return nil
	}
	a, err = s.stamp(ctx, a, false)
	if err != nil {
		return err
	}
	res, ttl, callErr := s.pay(ctx, p, a, "")
	if callErr != nil {
		return callErr
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	return s.alter(ctx, p.ID, "channel answer", func(c *change) error {
		fresh, err := c.tx.Attempt(ctx, a.ID)
		if err != nil {
			return err
		}
		return c.placed(ctx, fresh, res, ttl)
	})
}

// stamp gives this process the attempt anew for a repeated call, committed
// before a byte leaves. ErrStale when the attempt moved on or was stamped by
// somebody else since it was read, or is not wanted any more: then nothing may
// be sent, but to close an order early (closing).
func (s *Service) stamp(ctx context.Context, a *Attempt, closing bool) (*Attempt, error) {
	var stamped *Attempt
	failpoint.Before(failpoint.AttemptStamp)
	err := s.alter(ctx, a.PaymentID, "repeat", func(c *change) error {
		fresh, err := c.tx.Attempt(ctx, a.ID)
		if err != nil {
			return err
		}
		mayRepeat := !s.unwanted(c.p, fresh, c.at) || closing && s.closingEarly(c.p, fresh)
		if fresh.Status != a.Status || !fresh.Deadline.Equal(a.Deadline) || !mayRepeat {
			return ErrStale
		}
		c.s.own(fresh, c.at)
		stamped = fresh
		return c.saveAttempt(ctx, fresh)
	})
	failpoint.After(failpoint.AttemptStamp)
	return stamped, err
}

// codeDeclined is the failure code of what a channel refused finally.
const codeDeclined = "channel_declined"

// failureOf words a refusal of a channel for the merchant.
func failureOf(err error) *Failure {
	f := &Failure{Code: codeDeclined, Message: "the channel refused the request"}
	switch channels.OutcomeOf(err) {
	case channels.NotProcessed:
		f.Code, f.Message = "channel_unreachable", "the channel could not be reached; nothing was sent"
	case channels.Misconfigured:
		f.Code, f.Message = "channel_misconfigured", "the account at the channel is not set up rightly; nothing was executed"
	case channels.Declined, channels.Unknown, channels.BadSignature:
	}
	var ce *channels.Error
	if errors.As(err, &ce) {
		f.ChannelCode, f.ChannelMessage = ce.Code, ce.Message
	}
	return f
}
