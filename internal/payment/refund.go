package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/money"
)

// CreateRefund reserves and sends a refund of a paid payment, or gives the one
// that the same request made before. Refusals are *Error.
func (s *Service) CreateRefund(ctx context.Context, m Merchant, req RefundRequest) (RefundResult, error) {
	if faults := s.ValidateRefund(req); len(faults) > 0 {
		return RefundResult{}, invalid(faults)
	}
	p, err := s.refundable(ctx, m.ID, req)
	if err != nil {
		return RefundResult{}, err
	}
	if req.NotifyURL == "" {
		req.NotifyURL = cmp.Or(p.NotifyURL, m.NotifyURL)
	}
	hash := req.hash(p.ID)
	if r, err := s.Store.RefundByNo(ctx, m.ID, req.MerchantRefundNo); err == nil {
		return replayRefund(r, hash)
	} else if !errors.Is(err, ErrNotFound) {
		return RefundResult{}, readError(err, "refund")
	}
	_, account, err := s.Accounts.Open(ctx, p.AccountID)
	if err != nil {
		return RefundResult{}, fmt.Errorf("open account %s: %w", p.AccountID, err)
	}
	failpoint.Before(failpoint.RefundReserve)
	r, err := s.reserve(ctx, p.ID, req, hash, account.Capabilities.RefundSpacing)
	failpoint.After(failpoint.RefundReserve)
	switch {
	case errors.Is(err, ErrDuplicate) || isRefusal(err):
		// A copy of this request may have been first, and may have taken what was
		// left: then this is its repeat.
		first, readErr := s.Store.RefundByNo(ctx, m.ID, req.MerchantRefundNo)
		switch {
		case readErr == nil:
			return replayRefund(first, hash)
		case errors.Is(readErr, ErrNotFound):
			return RefundResult{}, err
		default:
			return RefundResult{}, readError(readErr, "refund")
		}
	case err != nil:
		return RefundResult{}, readError(err, "refund")
	}
	if r.Status == RefundProcessing {
		if err := s.sendRefund(ctx, r, false); err != nil {
			return RefundResult{}, readError(err, "refund")
		}
	}
	r, err = s.Store.RefundByID(ctx, m.ID, r.ID)
	if err != nil {
		return RefundResult{}, readError(err, "refund")
	}
	return RefundResult{Refund: r}, nil
}

// refundable finds the payment that a request for a refund names.
func (s *Service) refundable(ctx context.Context, merchantID string, req RefundRequest) (*Payment, error) {
	var p *Payment
	var err error
	if req.PaymentID != "" {
		p, err = s.Store.PaymentByID(ctx, merchantID, req.PaymentID)
	} else {
		p, err = s.Store.PaymentByOrderNo(ctx, merchantID, req.MerchantOrderNo)
	}
	if err == nil && p.Status == Unsent {
		err = ErrNotFound
	}
	if err != nil {
		return nil, readError(err, "payment")
	}
	return p, nil
}

func replayRefund(r *Refund, hash string) (RefundResult, error) {
	if r.RequestHash != hash {
		return RefundResult{}, refuse(CodeRefundConflict,
			"merchant_refund_no %s was used before with other parameters; use a new number for a new refund", r.MerchantRefundNo)
	}
	return RefundResult{Refund: r, Replayed: true}, nil
}

// reserve writes a refund with its reservation, stamped as sent; it waits its
// turn (Pending) where the channel wants time between the refunds of an order.
func (s *Service) reserve(ctx context.Context, paymentID string, req RefundRequest, hash string, spacing time.Duration) (*Refund, error) {
	var out *Refund
	err := s.alter(ctx, paymentID, "api", func(c *change) error {
		if c.p.Status != Succeeded && c.p.PaidMinor == 0 {
			return nothingPaid(c.p)
		}
		amount, err := money.New(req.Amount, c.p.Amount.Currency())
		if err != nil {
			return err
		}
		ok, err := c.tx.Reserve(ctx, c.p.ID, req.Amount)
		if err != nil {
			return fmt.Errorf("reserve: %w", err)
		}
		switch {
		case !ok && c.p.Status != Succeeded:
			// Late money that the gateway returns by itself. Only where the channel
			// refused that refund may the merchant return the money.
			return nothingPaid(c.p)
		case !ok:
			return refuse(CodeAmountExceeds, "with this refund the payment's refunds would exceed the %d that were paid", c.p.PaidMinor)
		}
		a, err := c.tx.Attempt(ctx, c.p.CountedAttemptID)
		if err != nil {
			return err
		}
		r := c.newRefund(a, amount, ByMerchant)
		r.MerchantRefundNo, r.Reason, r.NotifyURL, r.RequestHash, r.Reserved = req.MerchantRefundNo, req.Reason, req.NotifyURL, hash, true
		free, err := c.refundSlot(ctx, r, spacing)
		if err != nil {
			return err
		}
		if free.After(c.at) {
			r.Status, r.NextCheckAt = RefundPending, free
		} else {
			c.ownRefund(r)
		}
		out = r
		return c.insertRefund(ctx, r)
	})
	return out, err
}

func nothingPaid(p *Payment) *Error {
	return refuse(CodeStatusConflict, "the payment is %s: nothing was paid that could be refunded", p.Status)
}

// refundSlot is when a refund may be sent where the channel wants time between
// the refunds of one order. One that is not written yet queues behind those that
// wait; one whose turn has come yields to what was really sent.
func (c *change) refundSlot(ctx context.Context, r *Refund, spacing time.Duration) (time.Time, error) {
	if spacing <= 0 {
		return c.at, nil
	}
	siblings, err := c.tx.Refunds(ctx, c.p.ID)
	if err != nil {
		return time.Time{}, fmt.Errorf("read refunds: %w", err)
	}
	free, queued := c.at, r.Status == RefundPending
	for _, o := range siblings {
		taken := c.s.sentAt(o)
		if !queued && o.Status == RefundPending && o.NextCheckAt.After(taken) {
			taken = o.NextCheckAt
		}
		if o.ID != r.ID && o.AttemptID == r.AttemptID && !taken.IsZero() && taken.Add(spacing).After(free) {
			free = taken.Add(spacing)
		}
	}
	return free, nil
}

// sentAt is when a refund was last sent; SubmittedAt stays that of the first time.
func (s *Service) sentAt(r *Refund) time.Time {
	if r.Deadline.IsZero() {
		return r.SubmittedAt
	}
	return r.Deadline.Add(-s.cfg.CallTimeout)
}

// ownRefund stamps a refund as being sent by this process.
func (c *change) ownRefund(r *Refund) {
	r.Status, r.Owner, r.Deadline = RefundProcessing, c.s.Owner, c.at.Add(c.s.cfg.CallTimeout)
	if r.SubmittedAt.IsZero() {
		r.SubmittedAt = c.at.Truncate(time.Second)
	}
	r.NextCheckAt = r.Deadline.Add(c.s.cfg.CallMargin)
}

// sendRefund makes the call for a refund that is stamped, and commits what came
// back. A repeat is a call under a number that was sent before.
func (s *Service) sendRefund(ctx context.Context, r *Refund, repeat bool) error {
	state, callErr := s.callRefund(ctx, r)
	ctx, done := detached(ctx)
	defer done()
	failpoint.Before(failpoint.RefundAnswer)
	err := s.alter(ctx, r.PaymentID, "channel answer", func(c *change) error {
		fresh, err := c.tx.Refund(ctx, r.ID)
		if err != nil {
			return err
		}
		if callErr == nil {
			return c.applyRefund(ctx, fresh, state, false)
		}
		return c.refundCallFailed(ctx, fresh, callErr, repeat)
	})
	failpoint.After(failpoint.RefundAnswer)
	return err
}

// callRefund makes the one call. Whatever goes wrong before it is not processed.
func (s *Service) callRefund(ctx context.Context, r *Refund) (channels.RefundState, error) {
	notSent := func(cause error) error {
		return &channels.Error{Outcome: channels.NotProcessed, Channel: r.Channel, Op: channels.OpRefund, Err: cause}
	}
	ch, req, err := s.refundCall(ctx, r)
	if err != nil {
		s.Logger.WarnContext(ctx, "a refund could not be sent", "refund_id", r.ID, "error", err)
		return channels.RefundState{}, notSent(err)
	}
	start := s.Now()
	left := r.Deadline.Sub(start)
	if left <= 0 {
		return channels.RefundState{}, notSent(errNotSent)
	}
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(left, s.cfg.CallTimeout))
	defer cancel()
	failpoint.Before(failpoint.ChannelRefund)
	state, err := ch.Refund(callCtx, req)
	failpoint.After(failpoint.ChannelRefund)
	s.observe(r.Channel, channels.OpRefund, start, err)
	return state, err
}

// refundCall opens the account of a refund and words the request.
func (s *Service) refundCall(ctx context.Context, r *Refund) (channels.Channel, channels.RefundRequest, error) {
	ch, _, err := s.Accounts.Open(ctx, r.AccountID)
	if err != nil {
		return nil, channels.RefundRequest{}, fmt.Errorf("open account %s: %w", r.AccountID, err)
	}
	a, err := s.Store.AttemptByID(ctx, r.AttemptID)
	if err != nil {
		return nil, channels.RefundRequest{}, fmt.Errorf("read attempt %s: %w", r.AttemptID, err)
	}
	siblings, err := s.Store.ListRefunds(ctx, RefundFilter{MerchantID: r.MerchantID, PaymentID: r.PaymentID, Limit: maxSiblings})
	if err != nil {
		return nil, channels.RefundRequest{}, fmt.Errorf("read refunds of %s: %w", r.PaymentID, err)
	}
	var others int64
	for _, o := range siblings {
		if o.ID != r.ID && o.AttemptID == r.AttemptID && o.Status != RefundFailed {
			others += o.Amount.Minor()
		}
	}
	sum, err := money.New(others, r.Amount.Currency())
	if err != nil {
		return nil, channels.RefundRequest{}, err
	}
	return ch, channels.RefundRequest{
		Attempt: a.Ref(), RefundID: r.ID, SubmittedAt: r.SubmittedAt, ChannelRefundNo: r.ChannelRefundNo,
		Amount: r.Amount, Others: sum, Reason: r.Reason, NotifyURL: s.NotifyURL(r.Channel, r.AccountID),
	}, nil
}

// maxSiblings bounds the refunds of one payment that are summed up for a
// channel with cumulative answers. Beyond it the sum is too small, the answer
// does not match, and the refund is settled by a query instead.
const maxSiblings = 1000

// ResolveRefund looks at one claimed refund: it sends what waits, and asks about
// what was sent.
func (s *Service) ResolveRefund(ctx context.Context, claim Claim) error {
	var r *Refund
	err := s.Store.InTx(ctx, func(tx Tx) error {
		if _, err := tx.LockPayment(ctx, claim.PaymentID); err != nil {
			return err
		}
		var err error
		r, err = tx.Refund(ctx, claim.ID)
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("read refund %s: %w", claim.ID, err)
	case r.Status == RefundPending:
		return s.sendPending(ctx, r)
	case r.Status == RefundProcessing:
		return s.askRefund(ctx, r)
	default:
		return nil
	}
}

// sendPending sends a refund that waited for its turn or for its channel.
func (s *Service) sendPending(ctx context.Context, r *Refund) error {
	_, account, err := s.Accounts.Open(ctx, r.AccountID)
	if err != nil {
		return fmt.Errorf("open account %s: %w", r.AccountID, err)
	}
	var stamped *Refund
	failpoint.Before(failpoint.RefundStamp)
	err = s.alter(ctx, r.PaymentID, "worker", func(c *change) error {
		stamped = nil
		fresh, err := c.tx.Refund(ctx, r.ID)
		if err != nil || fresh.Status != RefundPending {
			return err
		}
		free, err := c.refundSlot(ctx, fresh, account.Capabilities.RefundSpacing)
		if err != nil {
			return err
		}
		if free.After(c.at) {
			fresh.NextCheckAt = free
			return c.saveRefund(ctx, fresh)
		}
		if err := c.moveRefund(ctx, fresh, RefundProcessing, "sent"); err != nil {
			return err
		}
		fresh.Failure = nil
		c.ownRefund(fresh)
		stamped = fresh
		return c.saveRefund(ctx, fresh)
	})
	failpoint.After(failpoint.RefundStamp)
	if err != nil || stamped == nil {
		return err
	}
	return s.sendRefund(ctx, stamped, false)
}

// askRefund queries a refund in doubt and, where the channel documents that it
// may be, sends one that it does not know again under its number.
func (s *Service) askRefund(ctx context.Context, r *Refund) error {
	q, err := s.queryRefund(ctx, r)
	if err != nil {
		return err
	}
	ctx, done := detached(ctx)
	defer done()
	var stamped *Refund
	failpoint.Before(failpoint.RefundResolve)
	err = s.alter(ctx, r.PaymentID, "query", func(c *change) error {
		stamped = nil
		fresh, err := c.tx.Refund(ctx, r.ID)
		if err != nil {
			return err
		}
		switch {
		case q.err != nil || (q.absent && !q.believed(fresh)):
			return c.askAgain(ctx, fresh, q.turn)
		case q.absent && fresh.Status == RefundProcessing && !refusedRepeat(fresh) && q.repeatable:
			c.ownRefund(fresh)
			stamped = fresh
			return c.saveRefund(ctx, fresh)
		default:
			return c.applyRefund(ctx, fresh, q.state, true)
		}
	})
	failpoint.After(failpoint.RefundResolve)
	if err != nil || stamped == nil {
		return err
	}
	return s.sendRefund(ctx, stamped, true)
}

// refundAnswer is what asking a channel about a refund brought.
type refundAnswer struct {
	state channels.RefundState
	err   error
	// absent: a verified "no such refund".
	absent bool
	// asked is when the query left, deadline the refund's as it was then.
	asked, deadline time.Time
	// turn is the moment from which "no such refund" is believed: no call can be
	// under way any more and the channel's books have caught up with the last one.
	turn       time.Time
	repeatable bool
}

// believed tells whether "no such refund" says anything about the refund as it
// stands now.
func (q refundAnswer) believed(r *Refund) bool {
	return q.asked.After(q.turn) && r.Deadline.Equal(q.deadline)
}

// queryRefund asks the channel about a refund. An error means that it could not
// be asked at all.
func (s *Service) queryRefund(ctx context.Context, r *Refund) (refundAnswer, error) {
	ch, req, err := s.refundCall(ctx, r)
	if err != nil {
		return refundAnswer{}, err
	}
	callCtx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	q := refundAnswer{asked: s.now(), deadline: r.Deadline}
	failpoint.Before(failpoint.ChannelRefundQuery)
	q.state, q.err = ch.QueryRefund(callCtx, req)
	failpoint.After(failpoint.ChannelRefundQuery)
	s.observe(r.Channel, channels.OpRefundQuery, q.asked, q.err)
	caps := ch.Capabilities()
	q.absent = q.err == nil && q.state.Status == channels.RefundNotFound
	q.turn = r.Deadline.Add(max(s.cfg.CallMargin, caps.RefundNotFoundAfter))
	q.repeatable = caps.RefundRepeatable
	return q, nil
}
