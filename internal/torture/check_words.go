package torture

import (
	"encoding/json"
	"slices"
)

// announced is what must have been announced: the type of the event by the
// status that a payment or refund ended in.
func announced(resource, status string) string {
	switch status {
	case succeeded, failed, closed:
		return resource + "." + status
	default:
		return ""
	}
}

// reconciliationReady is the event that tells of a day's books.
const reconciliationReady = "reconciliation.ready"

// subject is the id of what an event tells of.
func (e *Event) subject() string {
	if e.RefundID != "" {
		return e.RefundID
	}
	return e.PaymentID
}

// events checks the outbox, and that what it holds reached the merchants.
func (c *check) events() {
	type change struct{ typ, subject string }
	written := map[change]*Event{}
	sequences := map[string][]int64{}
	byID := map[string]*Event{}
	for i := range c.b.Events {
		e := &c.b.Events[i]
		order := c.orderOf(e.PaymentID)
		byID[e.ID] = e
		if e.Type == reconciliationReady {
			continue // of no payment
		}
		key := change{e.Type, e.subject()}
		if other := written[key]; other != nil {
			c.found(WrongEvent, order, "%s of %s was announced as %s and as %s", e.Type, e.subject(), other.ID, e.ID)
		}
		written[key] = e
		sequences[e.PaymentID] = append(sequences[e.PaymentID], e.Sequence)
		if c.payments[e.PaymentID] == nil {
			c.found(WrongEvent, "", "event %s %s is of payment %q, which is not shown", e.ID, e.Type, e.PaymentID)
		}
	}
	for id, list := range sequences {
		slices.Sort(list)
		for i, n := range list {
			if n != int64(i)+1 {
				c.found(WrongEvent, c.orderOf(id), "payment %s has the sequences %v", id, list)
				break
			}
		}
	}
	arrived := c.received(byID)
	need := func(order, typ, subject string) {
		e := written[change{typ, subject}]
		switch {
		case typ == "":
		case e == nil:
			c.found(MissingEvent, order, "no event %s of %s", typ, subject)
		case !arrived[e.ID]:
			c.found(MissingEvent, order, "event %s %s of %s (%s) was never received", e.ID, typ, subject, e.Status)
		}
		delete(written, change{typ, subject})
	}
	for i := range c.b.Payments {
		p := &c.b.Payments[i]
		need(p.MerchantOrderNo, announced("payment", p.Status), p.ID)
	}
	for i := range c.b.Refunds {
		r := &c.b.Refunds[i]
		need(c.orderOf(r.PaymentID), announced("refund", r.Status), r.ID)
	}
	// Nothing leaves an end that was announced, but a refund that the channel paid
	// out after refusing it, and what late money made a success.
	for key, e := range written {
		if key.typ == "refund.failed" && c.refunds[key.subject] != nil && c.refunds[key.subject].Status == succeeded {
			continue
		}
		if (key.typ == "payment.closed" || key.typ == "payment.failed") && c.acceptedLate(c.payments[key.subject]) {
			continue
		}
		c.found(WrongEvent, c.orderOf(e.PaymentID), "%s of %s was announced and is not so", key.typ, key.subject)
	}
}

// acceptedLate reports whether a payment may have succeeded after another end.
func (c *check) acceptedLate(p *Payment) bool { return c.accepts(p) && p.Status == succeeded }

// received checks the webhooks that arrived against the outbox and tells which
// events arrived, whatever the merchant answered.
func (c *check) received(byID map[string]*Event) map[string]bool {
	arrived := map[string]bool{}
	bodies := map[string]string{}
	for _, w := range c.b.Received {
		if w.Fault != "" {
			c.found(BrokenSignature, "", "webhook %s: %s", w.ID, w.Fault)
			continue
		}
		e := byID[w.ID]
		if e == nil {
			c.found(WrongEvent, "", "webhook %s %s of %s is in no outbox", w.ID, w.Type, w.Subject)
			continue
		}
		if e.Type == reconciliationReady {
			continue
		}
		if e.Type != w.Type || e.Sequence != w.Sequence || e.subject() != w.Subject {
			c.found(WrongEvent, c.orderOf(e.PaymentID), "webhook %s says %s %s #%d, the outbox %s %s #%d",
				w.ID, w.Type, w.Subject, w.Sequence, e.Type, e.subject(), e.Sequence)
		}
		if body, before := bodies[w.ID]; before && body != w.Body {
			c.found(WrongEvent, c.orderOf(e.PaymentID), "webhook %s came with two bodies", w.ID)
		}
		bodies[w.ID] = w.Body
		arrived[w.ID] = true
	}
	return arrived
}

// told holds what a merchant was told of an order against what it is now, and
// against what was told before.
func (c *check) told(o *Order) {
	var mine *Payment
	if list := c.byNo[o.No]; len(list) > 0 {
		mine = list[0]
	}
	for i := range o.Requests {
		r := &o.Requests[i]
		switch {
		case r.Fault != "" && r.Status != 0:
			c.found(BrokenSignature, o.No, "%s was answered %d: %s", r.What, r.Status, r.Fault)
		case r.What == Return:
			c.toldRefund(o, r)
		case r.answered():
			c.toldPayment(o, r, mine)
		case r.What == Close && r.Code == "status_conflict" && mine != nil && mine.Status != succeeded && mine.Status != failed:
			c.found(WrongRefusal, o.No, "a close was refused with status_conflict, the payment is %s", mine.Status)
		case (r.What == Create || r.What == Conflict) && r.Code == "order_conflict" && (mine == nil || r.Amount == mine.Amount):
			c.found(WrongRefusal, o.No, "a create of %d was refused with order_conflict, the order is %s", r.Amount, describe(mine))
		}
	}
	c.regressions(o)
}

func describe(p *Payment) string {
	if p == nil {
		return "not there"
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (c *check) toldPayment(o *Order, r *Request, mine *Payment) {
	switch {
	case mine == nil && r.State == processing && unsent(o):
		// Told of while it was being placed, then proven not to have been.
	case mine == nil:
		c.found(ContradictedWord, o.No, "%s was answered %d with payment %s, which is not there", r.What, r.Status, r.Resource)
	case mine.ID != r.Resource:
		c.found(TwoPayments, o.No, "%s was answered with payment %s, the order's is %s", r.What, r.Resource, mine.ID)
	case final(r.State) && r.State != mine.Status && (r.State == succeeded || !c.acceptedLate(mine)):
		c.found(ContradictedWord, o.No, "%s was answered %s, the payment is %s", r.What, r.State, mine.Status)
	case r.Refunded > mine.RefundedAmount:
		c.found(ContradictedWord, o.No, "refunded_amount was told as %d and is %d", r.Refunded, mine.RefundedAmount)
	}
	if r.What == Conflict && mine != nil && r.Amount != mine.Amount {
		c.found(WrongRefusal, o.No, "a create with another amount, %d for %d, was answered %d", r.Amount, mine.Amount, r.Status)
	}
}

// unsent reports whether the merchant was told that nothing was sent.
func unsent(o *Order) bool {
	return slices.ContainsFunc(o.Requests, func(r Request) bool { return r.Code == "no_channel_available" || r.Status == 0 })
}

func final(state string) bool { return state == succeeded || state == failed || state == closed }

func (c *check) toldRefund(o *Order, r *Request) {
	ours := c.numbered[r.RefundNo]
	switch {
	case r.answered() && ours == nil:
		c.found(ContradictedWord, o.No, "refund %s was answered %d and is not there", r.RefundNo, r.Status)
	case r.answered() && ours.ID != r.Resource:
		c.found(TwoPayments, o.No, "refund %s was answered with %s and is %s", r.RefundNo, r.Resource, ours.ID)
	case r.answered() && r.Amount != ours.Amount:
		c.found(WrongRefusal, o.No, "refund %s of %d was taken for one of %d", r.RefundNo, ours.Amount, r.Amount)
	case r.answered() && r.Amount > o.Amount:
		c.found(OverRefund, o.No, "refund %s of %d was taken, the order is of %d", r.RefundNo, r.Amount, o.Amount)
	case r.answered() && r.State == succeeded && ours.Status != succeeded:
		c.found(ContradictedWord, o.No, "refund %s was told as succeeded and is %s", r.RefundNo, ours.Status)
	case r.Code == "status_conflict" && c.toldBefore(o, r, succeeded):
		c.found(WrongRefusal, o.No, "refund %s was refused with status_conflict after the payment was told as succeeded", r.RefundNo)
	}
}

// toldBefore reports whether a status of the payment was told before a request
// began.
func (c *check) toldBefore(o *Order, r *Request, state string) bool {
	return slices.ContainsFunc(o.Requests, func(before Request) bool {
		return before.What != Return && before.answered() && before.State == state && before.Ended < r.Began
	})
}

// regressions finds answers that fall back behind an earlier one.
func (c *check) regressions(o *Order) {
	for i := range o.Requests {
		later := &o.Requests[i]
		if later.What == Return || !later.answered() || final(later.State) {
			continue
		}
		for _, state := range []string{succeeded, failed, closed} {
			if c.toldBefore(o, later, state) {
				c.found(ContradictedWord, o.No, "%s was told as %s after %s", later.Resource, later.State, state)
			}
		}
		if later.State == processing && c.toldBefore(o, later, pending) {
			c.found(ContradictedWord, o.No, "%s was told as processing after pending", later.Resource)
		}
	}
}
