package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paymux/paymux/internal/failpoint"
)

const (
	// recordTries bounds how often a result is written down before the lease is
	// left to end: then the event is sent again, which receivers must bear.
	recordTries = 3
	recordPause = 200 * time.Millisecond
	// queuedBatch bounds the events that one statement buries.
	queuedBatch = 500
	// unsentPause is how long an event waits that our own fault kept back.
	unsentPause = 5 * time.Second
)

// deliver makes one try and writes its result down. After sendBefore the lease
// could end during the try.
func (o *Outbound) deliver(ctx context.Context, c Claim, g grant, sendBefore time.Time) {
	defer o.done(g)
	secrets, err := o.secretsOf(ctx, c.MerchantID)
	if err == nil && o.Now().After(sendBefore) {
		err = errors.New("reading the webhook secrets took too long")
	}
	if err != nil {
		o.putOff(ctx, c, err)
		return
	}
	failpoint.Before(failpoint.OutboxSend)
	d, answer := o.try(ctx, c, secrets)
	failpoint.After(failpoint.OutboxSend)
	next, result := o.judge(c, answer, d.At.Add(d.Duration))
	o.Observe(result, d.Duration)
	o.mu.Lock()
	o.lanes.learn(c.Endpoint, next.Status == StatusDelivered, d.Duration)
	o.mu.Unlock()
	failpoint.Before(failpoint.OutboxRecord)
	err = o.record(ctx, c, d, next)
	failpoint.After(failpoint.OutboxRecord)
	if err != nil {
		o.Logger.ErrorContext(ctx, "result of a webhook was not written down; it is sent again when the lease ends",
			"event_id", c.EventID, "result", result, "error", err)
		return
	}
	if next.Status != StatusDelivered {
		o.Logger.InfoContext(ctx, "webhook was not delivered", "event_id", c.EventID, "merchant_id", c.MerchantID,
			"result", result, "error", d.Error, "next_at", next.At)
	}
	if next.DisableEndpoint {
		o.bury(ctx, c.Endpoint)
	}
}

func (o *Outbound) secretsOf(ctx context.Context, merchantID string) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	secrets, err := o.Secrets.Secrets(ctx, merchantID)
	if err != nil {
		return nil, fmt.Errorf("read webhook secrets: %w", err)
	}
	if len(secrets) == 0 {
		return nil, errors.New("the merchant has no live webhook secret; make one with merchant secret rotate")
	}
	return secrets, nil
}

// putOff gives an event back that could not be signed. It is no try: the
// endpoint had no part in it.
func (o *Outbound) putOff(ctx context.Context, c Claim, cause error) {
	o.Observe(ResultUnsent, 0)
	o.Logger.ErrorContext(ctx, "webhook could not be signed; it is tried again",
		"event_id", c.EventID, "merchant_id", c.MerchantID, "error", cause)
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	if err := o.Queue.ReleaseDeliveries(ctx, []Claim{c}, o.Now().Add(unsentPause)); err != nil {
		o.Logger.WarnContext(ctx, "webhook was not released; its lease ends by itself", "event_id", c.EventID, "error", err)
	}
}

// judge says what becomes of the event.
func (o *Outbound) judge(c Claim, a answer, at time.Time) (Next, string) {
	switch {
	case a.delivered():
		return Next{Status: StatusDelivered, Position: c.Position}, ResultDelivered
	case a.gone():
		return Next{Status: StatusDead, Position: c.Position, Reason: ReasonEndpointGone, DisableEndpoint: true}, ResultGone
	case c.Disabled:
		return Next{Status: StatusDead, Position: c.Position, Reason: ReasonEndpointDisabled}, ResultDead
	}
	wait, position, ok := c.Position.after(retryAfter(a.retryAfter, at), o.Random())
	if !ok {
		return Next{Status: StatusDead, Position: position, Reason: ReasonLadderEnded}, ResultDead
	}
	return Next{Status: StatusPending, At: at.Add(wait), Position: position}, ResultRetry
}

// record writes the result down, again where the database fails.
func (o *Outbound) record(ctx context.Context, c Claim, d Delivery, next Next) error {
	var err error
	for i := range recordTries {
		if i > 0 {
			time.Sleep(recordPause)
		}
		if err = o.recordOnce(ctx, c, d, next); err == nil || errors.Is(err, ErrLeaseLost) {
			return err
		}
	}
	return err
}

func (o *Outbound) recordOnce(ctx context.Context, c Claim, d Delivery, next Next) error {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	return o.Queue.RecordDelivery(ctx, c, d, next)
}

// bury makes everything queued for a disabled endpoint dead. What is written
// meanwhile, or left by a fault here, ends the same way when it is claimed.
func (o *Outbound) bury(ctx context.Context, e Endpoint) {
	for {
		n, err := o.buryBatch(ctx, e)
		if err != nil {
			o.Logger.WarnContext(ctx, "events of a disabled endpoint were not all ended; they end when they are due",
				"merchant_id", e.Merchant(), "error", err)
			return
		}
		if n < queuedBatch {
			return
		}
	}
}

func (o *Outbound) buryBatch(ctx context.Context, e Endpoint) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	return o.Queue.BuryQueued(ctx, e, queuedBatch)
}
