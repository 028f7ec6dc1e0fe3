package payment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
)

// ResolveAttempt looks at one claimed attempt: it asks the channel, closes what
// is not wanted any more, and books what is certain. An error means that the
// books could not be read or written; the lease then runs out and another
// worker tries.
func (s *Service) ResolveAttempt(ctx context.Context, claim Claim) error {
	a, err := s.Store.AttemptByID(ctx, claim.ID)
	if err != nil {
		return fmt.Errorf("read attempt %s: %w", claim.ID, err)
	}
	return s.resolve(ctx, a)
}

// finding is what asking the channel about an attempt brought.
type finding struct {
	cause string
	// state is a verified statement about the order; known tells whether there
	// is one.
	state channels.PaymentState
	known bool
	// closing is the channel's answer to a close, when one was asked for.
	closing channels.CloseResult
	// placed is a verified answer to a repeated or local placing.
	placed *channels.PayResult
	ttl    time.Duration
	err    error
	// mayHaveReturned: money that was booked as paid may have been given back.
	mayHaveReturned bool
	// asked is when the query left: what is true of a later time it cannot say.
	asked time.Time
}

func (s *Service) resolve(ctx context.Context, a *Attempt) error {
	p, err := s.Store.PaymentByID(ctx, a.MerchantID, a.PaymentID)
	if err != nil {
		return fmt.Errorf("read payment %s: %w", a.PaymentID, err)
	}
	f := s.investigate(ctx, p, a)
	ctx, cancel := detached(ctx)
	defer cancel()
	failpoint.Before(failpoint.AttemptResolve)
	err = s.alter(ctx, p.ID, f.cause, func(c *change) error {
		fresh, err := c.tx.Attempt(ctx, a.ID)
		if err != nil {
			return err
		}
		fresh.Checks++
		return c.apply(ctx, fresh, f)
	})
	failpoint.After(failpoint.AttemptResolve)
	return err
}

// investigate makes the calls; it writes nothing but the stamp of a repeat.
func (s *Service) investigate(ctx context.Context, p *Payment, a *Attempt) finding {
	ch, account, err := s.Accounts.Open(ctx, a.AccountID)
	if err != nil {
		return finding{cause: "query", err: err}
	}
	scene := account.Capabilities.Scenes[a.Scene]
	unsettled := a.Status == AttemptDispatched || a.Status == AttemptUnknown
	open := unsettled || a.Status == AttemptPending
	unwanted := s.unwanted(p, a, s.now())
	if unsettled && scene.LocalOnly && !unwanted {
		// The payer gets a link that we sign; nothing is at the channel yet.
		return s.placeAgain(ctx, p, a, false)
	}
	f := s.query(ctx, ch, a)
	// A paid attempt is due only where it was paid while it was being reversed.
	f.mayHaveReturned = a.Status == AttemptSucceeded
	if !f.known || (f.state.Status != channels.StateWaiting && f.state.Status != channels.StateNotFound) {
		return f
	}
	switch {
	case unsettled && unwanted && scene.PayRepeatable && f.state.Status == channels.StateNotFound && s.closingEarly(p, a):
		// A close cannot be confirmed of an order that may still arrive. Repeating
		// it, where that continues the first one, makes it one that is there: its
		// code is handed to nobody, and the next look closes it.
		return s.placeAgain(ctx, p, a, true)
	case unwanted && (open || (a.Status == AttemptClosed && f.state.Status == channels.StateWaiting)):
		return s.closeAtChannel(ctx, ch, account, a, f)
	case unsettled && !unwanted && scene.PayRepeatable:
		return s.placeAgain(ctx, p, a, false)
	default:
		return f
	}
}

// closingEarly tells whether the living attempt is unwanted only because the
// merchant asked to close it before its limit.
func (s *Service) closingEarly(p *Payment, a *Attempt) bool {
	return p.CloseRequested && a.ID == p.CurrentAttemptID && s.now().Before(a.ExpiresAt) && (p.Status == Processing || p.Status == Pending)
}

// query asks for the order and refuses answers about another one.
func (s *Service) query(ctx context.Context, ch channels.Channel, a *Attempt) finding {
	callCtx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	start := s.now()
	failpoint.Before(failpoint.ChannelQuery)
	state, err := ch.QueryPayment(callCtx, a.Ref())
	failpoint.After(failpoint.ChannelQuery)
	if err == nil && state.AttemptID != "" && state.AttemptID != a.ID {
		err = &channels.Error{Channel: a.Channel, Op: channels.OpQuery, Err: errOtherOrder}
	}
	s.observe(a.Channel, channels.OpQuery, start, err)
	return finding{cause: "query", state: state, known: err == nil, err: err, asked: start}
}

// placeAgain repeats the placing of an order under its number, where the
// channel documents that this continues the first one. The stamp is committed
// before a byte leaves. A refusal of a repeat settles nothing.
func (s *Service) placeAgain(ctx context.Context, p *Payment, a *Attempt, closing bool) finding {
	stamped, err := s.stamp(ctx, a, closing)
	if err != nil {
		return finding{cause: "repeat", err: err}
	}
	res, ttl, err := s.pay(ctx, p, stamped, "")
	if err != nil {
		return finding{cause: "repeat", err: err}
	}
	return finding{cause: "repeat", placed: &res, ttl: ttl}
}

// closeAtChannel asks the channel to take no money any more and asks for the
// order afterwards: only that statement counts.
func (s *Service) closeAtChannel(ctx context.Context, ch channels.Channel, account channels.Account, a *Attempt, f finding) finding {
	if reverser, ok := ch.(channels.Reverser); ok && a.Scene == channels.SceneBarcode {
		return s.reverse(ctx, ch, reverser, a)
	}
	callCtx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	start := s.Now()
	if !account.Capabilities.CanClose {
		f.closing = channels.CloseUnsupported
		return f
	}
	failpoint.Before(failpoint.ChannelClose)
	closing, err := ch.ClosePayment(callCtx, a.Ref())
	failpoint.After(failpoint.ChannelClose)
	s.observe(a.Channel, channels.OpClose, start, err)
	if err != nil {
		return finding{cause: "close", err: err}
	}
	after := s.query(ctx, ch, a)
	after.cause, after.closing = "close", closing
	return after
}

// reverse takes a barcode payment back and asks for the order afterwards. It may
// move money, so a further look is committed before: should the process die in
// it, or the payer's money be booked meanwhile, the attempt is asked about again.
func (s *Service) reverse(ctx context.Context, ch channels.Channel, reverser channels.Reverser, a *Attempt) finding {
	failpoint.Before(failpoint.ReverseStamp)
	err := s.alter(ctx, a.PaymentID, "reversal", func(c *change) error {
		fresh, err := c.tx.Attempt(ctx, a.ID)
		if err != nil {
			return err
		}
		if fresh.Status != a.Status || !s.unwanted(c.p, fresh, c.at) {
			return ErrStale
		}
		fresh.NextCheckAt = c.at.Add(s.cfg.CallTimeout + s.cfg.CallMargin)
		return c.saveAttempt(ctx, fresh)
	})
	failpoint.After(failpoint.ReverseStamp)
	if err != nil {
		return finding{cause: "reversal", err: err}
	}
	failpoint.Before(failpoint.ChannelReverse)
	callCtx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	start := s.Now()
	res, err := reverser.ReversePayment(callCtx, a.Ref())
	failpoint.After(failpoint.ChannelReverse)
	s.observe(a.Channel, channels.OpReverse, start, err)
	if err != nil || res == channels.ReverseUncertain {
		return finding{cause: "reversal", err: err, mayHaveReturned: true}
	}
	after := s.query(ctx, ch, a)
	after.cause, after.mayHaveReturned = "reversal", true
	if res == channels.ReverseReturned && after.state.Status == channels.StatePaid {
		// Paid and given back: the statement is older than the reversal.
		after.known = false
	}
	return after
}

// apply books a finding and says when the attempt is looked at again.
func (c *change) apply(ctx context.Context, a *Attempt, f finding) error {
	switch {
	case f.placed != nil:
		return c.placed(ctx, a, *f.placed, f.ttl)
	case !f.known && f.mayHaveReturned && a.Status == AttemptSucceeded:
		a.NextCheckAt = c.at.Add(step(c.s.cfg.UnknownLadder, a.Checks))
		return c.saveAttempt(ctx, a)
	case !f.known:
		return c.uncertain(ctx, a, f.err)
	}
	switch f.state.Status {
	case channels.StatePaid:
		why, err := c.paid(ctx, a, f.state.Paid)
		if err != nil || why == "" {
			return err
		}
		return c.uncertain(ctx, a, nil)
	case channels.StateClosed:
		return c.closedAtChannel(ctx, a)
	case channels.StateReversed:
		why, err := c.reversed(ctx, a, f.state.Paid)
		if err != nil || why == "" {
			return err
		}
		return c.uncertain(ctx, a, nil)
	case channels.StateFailed:
		if !slices.Contains(attemptTransitions[a.Status], AttemptDeclined) {
			return c.closedAtChannel(ctx, a)
		}
		return c.declined(ctx, a, &Failure{
			Code: codeDeclined, Message: "the payment failed at the channel",
			ChannelCode: f.state.Code, ChannelMessage: f.state.Message,
		})
	case channels.StateWaiting:
		return c.stillWaiting(ctx, a, f)
	case channels.StateNotFound:
		return c.notFound(ctx, a, f)
	case channels.StateUncertain:
	}
	return c.uncertain(ctx, a, nil)
}

// stillWaiting is the channel's "exists and is unpaid". Where there is no close
// call, an order that is not wanted any more is closed here and watched.
func (c *change) stillWaiting(ctx context.Context, a *Attempt, f finding) error {
	unwanted := c.s.unwanted(c.p, a, c.at)
	switch a.Status {
	case AttemptDispatched, AttemptUnknown, AttemptPending:
		if unwanted && f.closing == channels.CloseUnsupported {
			return c.closed(ctx, a, c.s.watchUntil(a))
		}
		if !unwanted {
			return c.waiting(ctx, a, nil, 0)
		}
	case AttemptClosed, AttemptSucceeded, AttemptDeclined, AttemptNotProcessed, AttemptReversed:
	}
	return c.uncertain(ctx, a, nil)
}

// notFound is the channel's "no such order": an end only for an order that is
// not wanted any more, and certain only when the channel cannot take it later.
func (c *change) notFound(ctx context.Context, a *Attempt, f finding) error {
	mayStillArrive := c.s.mayStillArrive(a, f.asked)
	switch a.Status {
	case AttemptPending:
		noneToClose := f.closing == channels.CloseNoOrder || f.closing == channels.CloseUnsupported || f.cause == "reversal"
		if c.s.unwanted(c.p, a, c.at) && (noneToClose || !mayStillArrive) {
			return c.closed(ctx, a, c.s.watchUntil(a))
		}
	case AttemptDispatched, AttemptUnknown:
		if !mayStillArrive {
			return c.closed(ctx, a, c.s.watchUntil(a))
		}
	case AttemptClosed:
		if f.asked.After(a.LateUntil) {
			// Watched to the end, and nothing came.
			return c.saveSettled(ctx, a)
		}
	case AttemptSucceeded, AttemptDeclined, AttemptNotProcessed, AttemptReversed:
	}
	return c.uncertain(ctx, a, nil)
}

// closedAtChannel is a confirmed close: no money can come any more.
func (c *change) closedAtChannel(ctx context.Context, a *Attempt) error {
	switch a.Status {
	case AttemptSucceeded, AttemptReversed, AttemptDeclined, AttemptNotProcessed:
		return c.saveSettled(ctx, a)
	case AttemptDispatched, AttemptUnknown, AttemptPending, AttemptClosed:
	}
	return c.closed(ctx, a, time.Time{})
}

// unsettled schedules the next look at an attempt about which nothing new is
// certain; one that is final, or whose watch is over, is left alone.
func (c *change) unsettled(ctx context.Context, a *Attempt) error {
	switch a.Status {
	case AttemptDispatched, AttemptUnknown, AttemptPending:
		a.NextCheckAt = c.s.nextCheck(c.p, a, c.at)
	case AttemptClosed:
		a.NextCheckAt = c.s.nextWatch(a, c.at)
	case AttemptSucceeded, AttemptDeclined, AttemptNotProcessed, AttemptReversed:
		a.NextCheckAt = time.Time{}
	}
	return c.saveAttempt(ctx, a)
}

// nextWatch is when a closed but unconfirmed attempt is asked about again. The
// watch ends with a verified "no such order" or "closed" to a question asked
// after LateUntil, never with a failed call or an order that is still open.
func (s *Service) nextWatch(a *Attempt, now time.Time) time.Time {
	if a.LateUntil.IsZero() {
		return time.Time{}
	}
	next := now.Add(step(s.cfg.LateLadder, a.Checks))
	if now.Before(a.LateUntil) && next.After(a.LateUntil) {
		// Just past it, so that this look can be the last one.
		return a.LateUntil.Add(time.Millisecond)
	}
	return next
}
