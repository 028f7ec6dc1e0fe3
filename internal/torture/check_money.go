package torture

import (
	"slices"
	"time"
)

// Statuses, of the contract's words.
const (
	pending    = "pending"
	processing = "processing"
	succeeded  = "succeeded"
	failed     = "failed"
	closed     = "closed"

	tradeIssued  = "issued"
	tradeWaiting = "waiting"
	tradePaid    = "paid"

	attemptReversed     = "reversed"
	attemptNotProcessed = "not_processed"
)

func attemptUnsure(status string) bool {
	return status == "dispatched" || status == "unknown"
}

// returned sums up a trade's refunds; failed ones returned nothing.
func (t *Trade) returned() int64 {
	var sum int64
	for _, r := range t.Refunds {
		if r.Status != failed {
			sum += r.Amount
		}
	}
	return sum
}

// trade holds a simulator's order against the gateway's books: every charge is
// known, what doesn't count went back, and never more than was paid.
func (c *check) trade(t *Trade) {
	paid := t.Amount * t.TimesPaid
	p := c.owners[t.OutTradeNo]
	order := ""
	if p != nil {
		order = p.MerchantOrderNo
	}
	c.v.Charges += int(t.TimesPaid)
	c.v.ChannelRefunds += len(t.Refunds)
	if t.returned() > paid {
		c.found(OverRefund, order, "%s %s: paid %d, returned %d", t.Channel, t.OutTradeNo, paid, t.returned())
	}
	if t.TimesPaid > 1 && t.returned() < paid-t.Amount {
		c.found(DoubleCharge, order, "%s %s: charged %d times %d, returned %d", t.Channel, t.OutTradeNo, t.TimesPaid, t.Amount, t.returned())
	}
	if p == nil {
		if t.TimesPaid > 0 {
			c.found(LostCharge, "", "%s %s: %d was paid and no payment has such an attempt", t.Channel, t.OutTradeNo, paid)
		}
		return
	}
	if t.Amount != p.Amount {
		c.found(AmountMismatch, order, "%s %s: the channel holds %d, the gateway %d", t.Channel, t.OutTradeNo, t.Amount, p.Amount)
	}
	c.chargeKnown(t, p)
	for _, r := range t.Refunds {
		c.channelRefund(t, r, p)
	}
}

func (p *Payment) attempt(id string) Attempt {
	for _, a := range p.Attempts {
		if a.ID == id {
			return a
		}
	}
	return Attempt{}
}

// chargeKnown checks that the gateway knows of a charge, and that the payer got
// it back where it doesn't count.
func (c *check) chargeKnown(t *Trade, p *Payment) {
	a := p.attempt(t.OutTradeNo)
	if a.Status == attemptNotProcessed {
		c.found(FalseDenial, p.MerchantOrderNo, "attempt %s is said to have done nothing, the channel has its order (%s)", a.ID, t.Status)
	}
	if t.TimesPaid == 0 {
		if a.Status == succeeded || a.Status == attemptReversed {
			c.found(PhantomCharge, p.MerchantOrderNo, "attempt %s is %s, at the channel nothing was paid (%s)", a.ID, a.Status, t.Status)
		}
		if p.Status == closed && p.LateUntil == nil && (t.Status == tradeIssued || t.Status == tradeWaiting) {
			c.found(StatusMismatch, p.MerchantOrderNo, "closed for good here, %s at the channel: it can still be paid", t.Status)
		}
		return
	}
	if a.Status != succeeded && a.Status != attemptReversed {
		c.found(LostCharge, p.MerchantOrderNo, "the channel took %d for attempt %s, which is %s; the payment is %s", t.Amount, a.ID, a.Status, p.Status)
		return
	}
	if c.accepts(p) && a.Status == succeeded && a.Counted && p.Status != succeeded {
		c.found(WrongPolicy, p.MerchantOrderNo, "the merchant takes late money; attempt %s was paid and the payment is %s", a.ID, p.Status)
	}
	keeps := p.Status == succeeded && a.Counted
	switch {
	case keeps || t.returned() >= t.Amount:
	case c.refusedReturn(t, a):
		c.v.RefusedReturns++
	case c.returnAwaitsFile(t):
		// Counted with the refunds.
	default:
		kind := LostCharge
		if p.Status == succeeded {
			kind = DoubleCharge
		}
		c.found(kind, p.MerchantOrderNo, "the payment is %s, attempt %s (counted %t) took %d and gave %d back", p.Status, a.ID, a.Counted, t.Amount, t.returned())
	}
}

// refusedReturn reports whether the gateway gave the money back and the channel
// refused for good: with an amount whose refunds always fail, or on an attempt
// that a merchant can't refund. All other money the merchant refunds, see nudge.
func (c *check) refusedReturn(t *Trade, a Attempt) bool {
	const refundsFail, outcomes = 9007, 10_000
	return (t.Amount%outcomes == refundsFail || !a.Counted) && slices.ContainsFunc(c.ofTrade[a.ID], func(r *Refund) bool {
		return r.Initiator == "gateway" && r.Status == failed
	})
}

// returnAwaitsFile reports whether refunds that only the channel's file decides
// make up what is missing.
func (c *check) returnAwaitsFile(t *Trade) bool {
	sum := t.returned()
	for _, r := range c.ofTrade[t.OutTradeNo] {
		if r.Status == processing && fileDecides(t.Channel) && !c.atChannel(t.OutTradeNo, r.ID) {
			sum += r.Amount
		}
	}
	return sum >= t.Amount
}

// channelRefund looks for a simulator's refund in the gateway's books. A
// reversal stands there under the order's own number.
func (c *check) channelRefund(t *Trade, r TradeRefund, p *Payment) {
	ours := c.refunds[r.OutRefundNo]
	if r.OutRefundNo == t.OutTradeNo {
		ours = c.reversal(t.OutTradeNo)
	}
	switch {
	case ours == nil && r.Status == failed:
	case ours == nil:
		c.found(RefundMismatch, p.MerchantOrderNo, "the channel returned %d as %s, the gateway has no such refund", r.Amount, r.OutRefundNo)
	case ours.AttemptID != t.OutTradeNo:
		c.found(RefundMismatch, p.MerchantOrderNo, "refund %s is of attempt %s here, of %s at the channel", ours.ID, ours.AttemptID, t.OutTradeNo)
	case ours.Amount != r.Amount:
		c.found(RefundMismatch, p.MerchantOrderNo, "refund %s is %d here, %d at the channel", ours.ID, ours.Amount, r.Amount)
	case ours.Status != r.Status:
		c.found(RefundMismatch, p.MerchantOrderNo, "refund %s is %s here, %s at the channel", ours.ID, ours.Status, r.Status)
	}
}

// reversal is the refund that books what a reversal returned.
func (c *check) reversal(attempt string) *Refund {
	for _, r := range c.ofTrade[attempt] {
		if r.Initiator == "gateway" && !c.atChannel(attempt, r.ID) {
			return r
		}
	}
	return nil
}

func (c *check) atChannel(attempt, refund string) bool {
	t := c.trades[attempt]
	if t == nil {
		return false
	}
	for _, r := range t.Refunds {
		if r.OutRefundNo == refund {
			return true
		}
	}
	return false
}

// payment holds a payment against the simulators' books.
func (c *check) payment(p *Payment) {
	switch {
	case p.Status == processing && c.awaitsLimit(p):
		c.v.AwaitLimit++
		return
	case p.Status == pending || p.Status == processing:
		c.found(UnknownLeft, p.MerchantOrderNo, "payment %s is %s", p.ID, p.Status)
	}
	counted := ""
	for _, a := range p.Attempts {
		if attemptUnsure(a.Status) {
			c.found(UnknownLeft, p.MerchantOrderNo, "attempt %s is %s, the payment %s", a.ID, a.Status, p.Status)
		}
		if a.Counted {
			if counted != "" {
				c.found(DoubleCharge, p.MerchantOrderNo, "attempts %s and %s both count", counted, a.ID)
			}
			counted = a.ID
		}
		if t := c.trades[a.ID]; t == nil && (a.Status == succeeded || a.Status == attemptReversed) {
			c.found(PhantomCharge, p.MerchantOrderNo, "attempt %s is %s, the channel has no such order", a.ID, a.Status)
		}
	}
	if p.Status == succeeded {
		c.paid(p, counted)
	}
	var sum, taken int64
	for _, r := range c.ofTrade[counted] {
		if r.Status == succeeded {
			sum += r.Amount
		}
		if r.Status != failed {
			taken += r.Amount
		}
	}
	if taken > p.Amount {
		c.found(OverRefund, p.MerchantOrderNo, "refunds of %d were taken of %d", taken, p.Amount)
	}
	if p.RefundedAmount != sum {
		c.found(RefundMismatch, p.MerchantOrderNo, "refunded_amount is %d, the refunds of the counted attempt add up to %d", p.RefundedAmount, sum)
	}
}

// limitMargin is how long after its limit an order may still be asked about.
const limitMargin = 20 * time.Second

// awaitsLimit reports whether nobody can say yet what became of an order: it has
// not arrived at the channel, and may until its limit. UnionPay doesn't own to
// an order that nobody paid.
func (c *check) awaitsLimit(p *Payment) bool {
	for _, a := range p.Attempts {
		t := c.trades[a.ID]
		hidden := t == nil || (fileDecides(a.Channel) && t.TimesPaid == 0)
		if attemptUnsure(a.Status) && !hidden {
			return false
		}
	}
	return len(p.Attempts) > 0 && c.b.At.Before(p.ExpiresAt.Add(limitMargin))
}

func (c *check) paid(p *Payment, counted string) {
	t := c.trades[counted]
	switch {
	case counted == "":
		c.found(PhantomCharge, p.MerchantOrderNo, "the payment succeeded and no attempt counts")
	case t == nil || t.TimesPaid == 0:
		c.found(PhantomCharge, p.MerchantOrderNo, "the payment succeeded, nothing was paid for attempt %s", counted)
	case t.ChannelTradeNo != p.ChannelTradeNo:
		c.found(StatusMismatch, p.MerchantOrderNo, "the trade number is %s here, %s at the channel", p.ChannelTradeNo, t.ChannelTradeNo)
	}
}

// refund looks for a refund of the gateway in the simulators' books.
func (c *check) refund(r *Refund) {
	order := c.orderOf(r.PaymentID)
	if r.Initiator == "gateway" {
		c.v.GatewayRefunds++
	}
	t := c.trades[r.AttemptID]
	if t == nil {
		c.found(RefundMismatch, order, "refund %s is of attempt %s, which the channel doesn't know", r.ID, r.AttemptID)
		return
	}
	known := c.atChannel(r.AttemptID, r.ID)
	if r.Initiator == "gateway" && !known {
		known = c.atChannel(r.AttemptID, r.AttemptID)
	}
	switch r.Status {
	case pending, processing:
		if r.Status == processing && !known && fileDecides(t.Channel) {
			c.v.AwaitFile++
			return
		}
		c.found(UnknownLeft, order, "refund %s of %d is %s", r.ID, r.Amount, r.Status)
	case succeeded:
		if !known {
			c.found(RefundMismatch, order, "refund %s of %d succeeded here, the channel has no such refund", r.ID, r.Amount)
		}
	}
}
