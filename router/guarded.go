package router

import (
	"context"
	"errors"
	"net/http"

	"github.com/paymux/paymux/channels"
)

// Guard puts an account's breakers and bounds before its channel.
func (g *Guards) Guard(accountID string, ch channels.Channel) channels.Channel {
	a := g.of(accountID)
	a.mu.Lock()
	a.channel = ch.Name()
	a.mu.Unlock()
	guarded := &guardedChannel{Channel: ch, guards: g, account: a}
	if r, ok := ch.(channels.Reverser); ok {
		return &guardedReverser{guardedChannel: guarded, reverser: r}
	}
	return guarded
}

type guardedChannel struct {
	channels.Channel
	guards  *Guards
	account *guard
}

type guardedReverser struct {
	*guardedChannel
	reverser channels.Reverser
}

// Unwrap gives the channel behind the guard, for questions that no breaker
// minds, such as the ends of its certificates.
func (c *guardedChannel) Unwrap() channels.Channel { return c.Channel }

var (
	errFull = errors.New("as many calls as allowed are under way at this account")
	errMute = errors.New("the channel gave no answer to the last questions; a few at a time go on asking")
)

// refused is the error of a call that was not made.
func (c *guardedChannel) refused(op channels.Operation, err error) error {
	return &channels.Error{Outcome: channels.NotProcessed, Channel: c.Name(), Op: op, Err: err}
}

func (c *guardedChannel) Pay(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	if c.Capabilities().Scenes[req.Attempt.Scene].LocalOnly {
		return c.Channel.Pay(ctx, req)
	}
	return moving(c, c.account.pay, func() (channels.PayResult, error) {
		s := &c.guards.settings
		start := s.Now()
		c.account.warmth.used(start, s.Idle)
		res, err := c.Channel.Pay(ctx, req)
		end := s.Now()
		c.account.figures.add(end, healthy(err), end.Sub(start))
		return res, err
	})
}

func (c *guardedChannel) Refund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	return moving(c, c.account.refund, func() (channels.RefundState, error) { return c.Channel.Refund(ctx, req) })
}

func (c *guardedChannel) QueryPayment(ctx context.Context, ref channels.AttemptRef) (channels.PaymentState, error) {
	return asking(ctx, c, channels.OpQuery, func() (channels.PaymentState, error) { return c.Channel.QueryPayment(ctx, ref) })
}

func (c *guardedChannel) ClosePayment(ctx context.Context, ref channels.AttemptRef) (channels.CloseResult, error) {
	return asking(ctx, c, channels.OpClose, func() (channels.CloseResult, error) { return c.Channel.ClosePayment(ctx, ref) })
}

func (c *guardedChannel) QueryRefund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	return asking(ctx, c, channels.OpRefundQuery, func() (channels.RefundState, error) { return c.Channel.QueryRefund(ctx, req) })
}

// ReversePayment passes like a close: it is never stopped by a breaker.
func (c *guardedReverser) ReversePayment(ctx context.Context, ref channels.AttemptRef) (channels.ReverseResult, error) {
	return asking(ctx, c.guardedChannel, channels.OpReverse, func() (channels.ReverseResult, error) {
		return c.reverser.ReversePayment(ctx, ref)
	})
}

// ParseNotification goes round the guard: whoever posts a callback must not be
// able to move a breaker.
func (c *guardedChannel) ParseNotification(header http.Header, body []byte) (channels.Notification, error) {
	return c.Channel.ParseNotification(header, body)
}

// moving runs a call that moves money behind its breaker and bound.
func moving[T any](c *guardedChannel, b *breaker, call func() (T, error)) (T, error) {
	var none T
	select {
	case c.account.moving <- struct{}{}:
		defer func() { <-c.account.moving }()
	default:
		return none, c.refused(b.op, errFull)
	}
	done, err := b.Allow()
	if err != nil {
		return none, c.refused(b.op, err)
	}
	// A call that panics must not leave a half-open breaker waiting for it.
	reported := false
	defer func() {
		if !reported {
			done(errFull)
		}
	}()
	res, err := call()
	reported = true
	done(err)
	if silent(err) {
		c.account.rest(c.guards.settings.Now().Add(c.guards.settings.TakenOutFor))
	}
	return res, err
}

// asking runs a call that asks or closes: bounded by waiting for a place, never
// stopped by a breaker. Where the channel gave no answer to this kind of question
// several times in a row, only as many at a time as a breaker has probes go on;
// the others are told at once, so that a channel that hangs does not hold up what
// is asked of others.
func asking[T any](ctx context.Context, c *guardedChannel, op channels.Operation, call func() (T, error)) (T, error) {
	var none T
	q := c.account.questions[op]
	if q.mute.reached(c.guards.settings.Failures) {
		select {
		case q.trickle <- struct{}{}:
			defer func() { <-q.trickle }()
		default:
			return none, c.refused(op, errMute)
		}
	}
	select {
	case c.account.asking <- struct{}{}:
		defer func() { <-c.account.asking }()
	case <-ctx.Done():
		return none, c.refused(op, ctx.Err())
	}
	res, err := call()
	// A caller that went away says nothing of the channel.
	if !errors.Is(ctx.Err(), context.Canceled) {
		q.mute.add(!healthy(err) && !silent(err))
	}
	return res, err
}
