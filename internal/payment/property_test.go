package payment_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// crash is what a process that dies in the middle of something panics with.
type crash struct{}

// chaos drives a world by drawn steps: merchants, payers, channels, workers and
// the reaper act in any order.
type chaos struct {
	*world
	store    *memory
	replicas []*payment.Service
	orders   []payment.CreateRequest
	said     []saying // notifications that were sent, to come again
	refunds  int
	born     int
	// faults are used up one by one by the calls that match them.
	faults []scriptedFault
	// dieAt counts down over the points at which a process may die; 0: never.
	dieAt int
}

type scriptedFault struct {
	account string
	op      channels.Operation
	fault   fault
}

type saying struct {
	account string
	n       channels.Notification
}

func newChaos(t *rapid.T) *chaos {
	store := newMemory()
	c := &chaos{world: newWorld(t, store, newClock()), store: store}
	c.store.twice = rapid.Bool().Draw(t, "every transaction runs twice")
	if rapid.Bool().Draw(t, "late money is accepted") {
		c.merchant.LatePolicy = payment.LateAccept
	}
	c.replicas = []*payment.Service{c.replica("a", 0), c.replica("b", 30*time.Second), c.replica("c", -30*time.Second)}
	c.store.trouble = func(string) error { c.mayDie(); return nil }
	for id, b := range c.banks {
		b.slowRefunds = rapid.Bool().Draw(t, "slow refunds at "+id)
		b.password = rapid.Bool().Draw(t, "passwords at "+id)
		b.faults = func(op channels.Operation, _ string) fault { return c.nextFault(id, op) }
		b.before = func(channels.Operation, string) { c.mayDie() }
		b.after = b.before
	}
	return c
}

func (c *chaos) mayDie() {
	if c.dieAt == 0 {
		return
	}
	c.dieAt--
	if c.dieAt == 0 {
		panic(crash{})
	}
}

func (c *chaos) nextFault(account string, op channels.Operation) fault {
	for i, f := range c.faults {
		if f.account == account && f.op == op {
			c.faults = slices.Delete(c.faults, i, i+1)
			return f.fault
		}
	}
	return noFault
}

// as runs a step in a process that may die in it; then another takes its place.
func (c *chaos) as(t *rapid.T, do func(svc *payment.Service)) {
	i := rapid.IntRange(0, len(c.replicas)-1).Draw(t, "replica")
	defer func() {
		switch p := recover(); p.(type) {
		case nil:
		case crash:
			c.born++
			skew := time.Duration(rapid.IntRange(-30, 30).Draw(t, "skew")) * time.Second
			c.replicas[i] = c.replica(fmt.Sprintf("born-%d", c.born), skew)
		default:
			panic(p)
		}
	}()
	do(c.replicas[i])
}

func (c *chaos) anyAttempt(t *rapid.T) *payment.Attempt {
	if len(c.store.attempts) == 0 {
		t.Skip("nothing was placed yet")
	}
	a := c.store.attempts[rapid.SampledFrom(slices.Sorted(maps.Keys(c.store.attempts))).Draw(t, "attempt")]
	return &a
}

func (c *chaos) anyPayment(t *rapid.T) *payment.Payment {
	if len(c.store.payments) == 0 {
		t.Skip("there is no payment yet")
	}
	p := c.store.payments[rapid.SampledFrom(slices.Sorted(maps.Keys(c.store.payments))).Draw(t, "payment")]
	return &p
}

// expected lets pass what the core may refuse or not know.
func expected(t *rapid.T, err error, codes ...payment.Code) {
	if err != nil && !slices.Contains(codes, codeOf(err)) {
		t.Fatalf("unexpected: %v", err)
	}
}

func (c *chaos) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": c.check,
		"create": func(t *rapid.T) {
			if len(c.orders) >= 6 {
				t.Skip("few orders meet more trouble each")
			}
			scene := rapid.SampledFrom([]string{"qr", "barcode", "web"}).Draw(t, "scene")
			channel := rapid.SampledFrom([]string{"", "alipay", "wechatpay", "unionpay"}).Draw(t, "channel")
			if scene == "web" && channel == "wechatpay" {
				channel = ""
			}
			req := order(fmt.Sprintf("o-%d", len(c.orders)), scene, channel, rapid.Int64Range(1, 500).Draw(t, "amount"))
			c.orders = append(c.orders, req)
			c.createAgain(t, req)
		},
		"repeat": func(t *rapid.T) {
			if len(c.orders) == 0 {
				t.Skip("nothing to repeat")
			}
			c.createAgain(t, rapid.SampledFrom(c.orders).Draw(t, "order"))
		},
		"scan": func(t *rapid.T) { a := c.anyAttempt(t); c.bankOf(a).scan(a.ID) },
		"pay":  func(t *rapid.T) { a := c.anyAttempt(t); c.bankOf(a).payerPays(a.ID) },
		"callback": func(t *rapid.T) {
			a := c.anyAttempt(t)
			c.deliver(t, saying{a.AccountID, c.bankOf(a).says(a.ID)})
		},
		"callback again": func(t *rapid.T) {
			if len(c.said) == 0 {
				t.Skip("nothing was said yet")
			}
			c.deliver(t, rapid.SampledFrom(c.said).Draw(t, "old callback"))
		},
		"disagreeing callback": func(t *rapid.T) {
			a := c.anyAttempt(t)
			before := c.store.payments[a.PaymentID]
			n := channels.Notification{Kind: channels.NotificationPayment, AttemptID: a.ID, Payment: channels.PaymentState{
				Status: channels.StatePaid, AttemptID: a.ID, Paid: channels.Paid{ChannelTradeNo: "T" + a.ID, Amount: amountOf(a.Amount.Minor() + 1)},
			}}
			c.as(t, func(svc *payment.Service) {
				if v, err := c.notify(svc, a.AccountID, n); err != nil || v != payment.VerdictQuarantined {
					t.Fatalf("a disagreeing callback is %s, %v", v, err)
				}
			})
			if after := c.store.payments[a.PaymentID]; after.Status != before.Status || after.PaidMinor != before.PaidMinor {
				t.Fatal("a disagreeing callback changed the books")
			}
		},
		"refund": func(t *rapid.T) {
			p := c.anyPayment(t)
			c.refunds++
			no, amount := fmt.Sprintf("r-%d", c.refunds), rapid.Int64Range(1, 600).Draw(t, "amount")
			c.as(t, func(svc *payment.Service) {
				_, err := svc.CreateRefund(context.Background(), c.merchant, payment.RefundRequest{MerchantRefundNo: no, PaymentID: p.ID, Amount: amount})
				expected(t, err, payment.CodeStatusConflict, payment.CodeAmountExceeds, payment.CodeNotFound)
			})
		},
		"refund callback": func(t *rapid.T) {
			if len(c.store.refunds) == 0 {
				t.Skip("nothing was refunded yet")
			}
			r := c.store.refunds[rapid.SampledFrom(slices.Sorted(maps.Keys(c.store.refunds))).Draw(t, "refund")]
			if n := c.banks[r.AccountID].saysRefund(r.AttemptID, r.ID); n.Refund.Status != channels.RefundNotFound {
				c.deliver(t, saying{r.AccountID, n})
			}
		},
		"settle refunds": func(t *rapid.T) {
			b := c.banks[rapid.SampledFrom([]string{"ali", "wx", "up"}).Draw(t, "account")]
			b.settle(rapid.SampledFrom([]string{"succeeded", "failed"}).Draw(t, "status"))
		},
		"close": func(t *rapid.T) {
			p := c.anyPayment(t)
			c.as(t, func(svc *payment.Service) {
				_, err := svc.Close(context.Background(), merchantID, p.ID)
				expected(t, err, payment.CodeStatusConflict, payment.CodeNotFound)
			})
		},
		"time passes": func(t *rapid.T) {
			c.clock.Advance(time.Duration(rapid.SampledFrom([]int{1, 3, 10, 60, 90, 400, 1800}).Draw(t, "seconds")) * time.Second)
		},
		"work":      func(t *rapid.T) { c.as(t, func(svc *payment.Service) { c.work(svc) }) },
		"more work": func(t *rapid.T) { c.as(t, func(svc *payment.Service) { c.work(svc) }) },
		"fault": func(t *rapid.T) {
			c.faults = append(c.faults, scriptedFault{
				account: rapid.SampledFrom([]string{"ali", "wx", "up"}).Draw(t, "account"),
				op: rapid.SampledFrom([]channels.Operation{
					channels.OpPay, channels.OpQuery, channels.OpClose, channels.OpReverse, channels.OpRefund, channels.OpRefundQuery,
				}).Draw(t, "operation"),
				fault: fault(rapid.IntRange(int(hangBefore), int(wrongID)).Draw(t, "fault")),
			})
		},
		"death": func(t *rapid.T) { c.dieAt = rapid.IntRange(1, 12).Draw(t, "points until it dies") },
	}
}

func (c *chaos) createAgain(t *rapid.T, req payment.CreateRequest) {
	c.as(t, func(svc *payment.Service) {
		r, err := svc.Create(context.Background(), c.merchant, req)
		expected(t, err, payment.CodeNoChannel)
		if err == nil && (r.Payment.MerchantOrderNo != req.MerchantOrderNo || r.Payment.Amount.Minor() != req.Amount) {
			t.Fatalf("asked for %s, answered %s", req.MerchantOrderNo, r.Payment.MerchantOrderNo)
		}
	})
}

func (c *chaos) deliver(t *rapid.T, s saying) {
	c.said = append(c.said, s)
	c.as(t, func(svc *payment.Service) {
		v, err := c.notify(svc, s.account, s.n)
		if err != nil || v != payment.VerdictApplied {
			t.Fatalf("a true callback is %s, %v", v, err)
		}
	})
}

// check is what holds after every step.
func (c *chaos) check(t *rapid.T) {
	for id, b := range c.banks {
		if len(b.wrongs) > 0 {
			t.Fatalf("%s saw what may never be: %v", id, b.wrongs)
		}
		for _, o := range b.orders {
			if o.paid > 1 || o.returned > o.amount {
				t.Fatalf("order %s was paid %d times, %d of %d returned", o.id, o.paid, o.returned, o.amount)
			}
		}
	}
	for _, p := range c.store.payments {
		c.checkPayment(t, p)
	}
	c.checkHistory(t)
}

func (c *chaos) checkPayment(t *rapid.T, p payment.Payment) {
	var reserved, refunded int64
	for _, r := range c.store.refundsOf(p.ID) {
		if r.Reserved && r.Status != payment.RefundFailed {
			reserved += r.Amount.Minor()
		}
		if r.Reserved && r.Status == payment.RefundSucceeded {
			refunded += r.Amount.Minor()
		}
		if (r.Status == payment.RefundPending || r.Status == payment.RefundProcessing) && r.NextCheckAt.IsZero() {
			t.Fatalf("refund %s is %s and nobody looks at it", r.ID, r.Status)
		}
	}
	if p.ReservedMinor != reserved || p.RefundedMinor != refunded || reserved > p.PaidMinor {
		t.Fatalf("%s; its refunds: reserved %d, succeeded %d", c.picture(&p), reserved, refunded)
	}
	alive, counted := 0, 0
	for _, a := range c.store.attemptsOf(p.ID) {
		// The clocks of the replicas are up to 30 s ahead.
		watched := a.Status == payment.AttemptClosed && a.LateUntil.After(c.clock.Now().Add(30*time.Second))
		switch a.Status {
		case payment.AttemptDispatched, payment.AttemptUnknown, payment.AttemptPending:
			alive++
			watched = true
		case payment.AttemptSucceeded, payment.AttemptDeclined, payment.AttemptNotProcessed, payment.AttemptClosed, payment.AttemptReversed:
		}
		if watched && a.NextCheckAt.IsZero() {
			t.Fatalf("nobody looks at an attempt that is not settled: %s", c.picture(&p))
		}
		if a.Counted {
			counted++
		}
	}
	if alive > 1 || counted > 1 || (counted == 1) != (p.PaidMinor > 0) {
		t.Fatalf("%d attempts alive, %d counted: %s", alive, counted, c.picture(&p))
	}
	if p.Status == payment.Succeeded && p.PaidMinor != p.Amount.Minor() {
		t.Fatalf("succeeded without its money: %s", c.picture(&p))
	}
}

// checkHistory follows every status through the history and compares the ends
// that it reached with the events.
func (c *chaos) checkHistory(t *rapid.T) {
	at, ends := map[string]string{}, map[string]int{}
	for id, p := range c.store.payments {
		at[id] = string(payment.Processing)
		_ = p
	}
	allowed := map[string]map[string][]string{
		"payment": movesOf(payment.PaymentTransitions), "attempt": movesOf(payment.AttemptTransitions), "refund": movesOf(payment.RefundTransitions),
	}
	raises := map[string]map[string]string{"payment": eventsOf(payment.PaymentEvents), "refund": eventsOf(payment.RefundEvents)}
	for _, h := range c.store.history {
		subject := map[string]string{"payment": h.PaymentID, "attempt": h.AttemptID, "refund": h.RefundID}[h.Kind]
		if h.Kind == "note" {
			continue
		}
		if h.From != at[subject] || (h.From != "" && !slices.Contains(allowed[h.Kind][h.From], h.To)) {
			t.Fatalf("the history of %s %s goes from %q to %q after %q", h.Kind, subject, h.From, h.To, at[subject])
		}
		at[subject] = h.To
		if e := raises[h.Kind][h.To]; e != "" {
			ends[e+" "+subject]++
		}
	}
	now := map[string]string{}
	for id, p := range c.store.payments {
		now[id] = string(p.Status)
	}
	for id, a := range c.store.attempts {
		now[id] = string(a.Status)
	}
	for id, r := range c.store.refunds {
		now[id] = string(r.Status)
	}
	if !maps.Equal(at, now) {
		t.Fatalf("the history ends at %v, the rows say %v", at, now)
	}
	last := map[string]int64{}
	for _, e := range c.store.events {
		subject := e.PaymentID
		if e.RefundID != "" {
			subject = e.RefundID
		}
		ends[string(e.Type)+" "+subject]--
		if e.Sequence != last[e.PaymentID]+1 {
			t.Fatalf("event %d of %s follows %d", e.Sequence, e.PaymentID, last[e.PaymentID])
		}
		last[e.PaymentID] = e.Sequence
	}
	for end, n := range ends {
		if n != 0 {
			t.Fatalf("%s: %d more arrivals than events", end, n)
		}
	}
}

// drain ends all trouble and lets the workers finish.
func (c *chaos) drain(t *rapid.T) {
	c.faults, c.dieAt = nil, 0
	for range 5000 {
		var next time.Time
		for _, a := range c.store.attempts {
			next = sooner(next, a.NextCheckAt)
		}
		for _, r := range c.store.refunds {
			// Where nothing may be sent again, only the day's file can tell.
			o := c.banks[r.AccountID].orders[r.AttemptID]
			if c.banks[r.AccountID].caps.RefundRepeatable || r.Status == payment.RefundPending || (o != nil && o.refunds[r.ID] != nil) {
				next = sooner(next, r.NextCheckAt)
			}
		}
		if next.IsZero() {
			return
		}
		for _, b := range c.banks {
			b.settle("succeeded")
		}
		// A claim may have died with its process: the lease must run out.
		if d := next.Sub(c.clock.Now()); d > 0 {
			c.clock.Advance(d)
		} else if c.work(c.Service) == 0 {
			c.clock.Advance(10 * time.Second)
		}
	}
	t.Fatalf("the workers never finish: %+v", c.store.attempts)
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// converged compares our books with the channels' once everything is drained.
func (c *chaos) converged(t *rapid.T) {
	for _, p := range c.store.payments {
		if p.Status == payment.Processing || p.Status == payment.Pending {
			t.Fatalf("not settled: %s", c.picture(&p))
		}
		for _, a := range c.store.attemptsOf(p.ID) {
			o := c.bankOf(a).order(a.ID)
			var ours, theirs int64
			for _, r := range c.store.refundsOf(p.ID) {
				if r.AttemptID == a.ID && r.Status == payment.RefundSucceeded {
					ours += r.Amount.Minor()
				}
			}
			theirs = o.returned
			booked := a.Status == payment.AttemptSucceeded || a.Status == payment.AttemptReversed
			if booked != (o.paid == 1) || ours != theirs {
				t.Fatalf("the channel: paid %d, returned %d; ours returned %d: %s", o.paid, theirs, ours, c.picture(&p))
			}
			if booked && !a.Counted {
				if theirs != a.Amount.Minor() && !c.excused(p.ID) {
					t.Fatalf("money beside the counted attempt is kept: %s", c.picture(&p))
				}
			}
		}
		if p.Status == payment.Closed && p.PaidMinor > 0 && p.RefundedMinor != p.PaidMinor && !c.excused(p.ID) {
			t.Fatalf("late money is kept: %s", c.picture(&p))
		}
	}
}

// excused tells whether the channel refused to return late money, or whether
// only its day's file can tell what became of the refund.
func (c *chaos) excused(paymentID string) bool {
	return slices.ContainsFunc(c.store.refundsOf(paymentID), func(r *payment.Refund) bool {
		untold := r.Status == payment.RefundProcessing && !c.banks[r.AccountID].caps.RefundRepeatable
		return r.Initiator == payment.ByGateway && (r.Status == payment.RefundFailed || untold)
	})
}

func TestInvariant_10_AnythingMayHappenInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(t)
		steps := c.steps()
		maps.Copy(steps, c.operatorSteps())
		t.Repeat(steps)
		c.drain(t)
		c.check(t)
		c.converged(t)
	})
}
