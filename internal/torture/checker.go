package torture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Anomaly is a contradiction between the books, or within the gateway's.
type Anomaly struct {
	Kind   string
	Order  string // merchant_order_no; empty: it can be laid to no order
	Detail string
}

// String is the anomaly on one line.
func (a Anomaly) String() string { return fmt.Sprintf("%s: order %q: %s", a.Kind, a.Order, a.Detail) }

// Kinds of anomalies.
const (
	DoubleCharge     = "double charge"     // an order's payer paid more than once and was not given it back
	LostCharge       = "lost charge"       // the channel took money of which the gateway doesn't know
	PhantomCharge    = "phantom charge"    // the gateway reports money that the channel didn't take
	AmountMismatch   = "amount mismatch"   // the two sides name different amounts
	OverRefund       = "over-refund"       // more went back than was paid
	RefundMismatch   = "refund mismatch"   // the two sides' refunds differ
	UnknownLeft      = "unknown left"      // an outcome is still not certain
	StatusMismatch   = "status mismatch"   // the two sides' statuses can't both be right
	WrongPolicy      = "wrong policy"      // late money went another way than its merchant wants
	FalseDenial      = "false denial"      // an attempt that is said to have done nothing did something
	MissingEvent     = "missing event"     // a change was not announced, or its announcement didn't arrive
	WrongEvent       = "wrong event"       // announced twice, or what never was, or out of sequence
	BrokenSignature  = "broken signature"  // an answer or webhook was not rightly signed
	ContradictedWord = "contradicted word" // a merchant was told what later was not so
	TwoPayments      = "two payments"      // one order number, or refund number, gave two ids
	WrongRefusal     = "wrong refusal"     // a request was refused for a reason that doesn't hold
)

// Verdict is what a check found.
type Verdict struct {
	Anomalies []Anomaly
	// AwaitFile counts refunds that only the channel's settlement file decides:
	// UnionPay knows no refund that never arrived, so they stay processing.
	AwaitFile int
	// AwaitLimit counts orders that have not arrived at their channel: nothing
	// can be concluded while their limit has not passed.
	AwaitLimit int
	// RefusedReturns counts late or second charges whose return the channel
	// refused for good; the refunds that failed and their events tell of them.
	RefusedReturns int
	// GatewayRefunds counts what the gateway gave back by itself.
	GatewayRefunds int
	// Charges and ChannelRefunds are those in the simulators' books.
	Charges, ChannelRefunds int
}

// fileDecides are channels on which a refund that never arrived is settled by
// the day's file only, and an order that never arrived by its limit.
func fileDecides(channel string) bool { return channel == "unionpay" }

// check is the books by their keys.
type check struct {
	b Books
	v Verdict

	payments map[string]*Payment // by id
	byNo     map[string][]*Payment
	trades   map[string]*Trade   // by order number at the channel
	owners   map[string]*Payment // payments by attempt
	refunds  map[string]*Refund
	ofTrade  map[string][]*Refund // by attempt
	numbered map[string]*Refund   // by merchant_refund_no
	late     map[string]LatePolicy
}

// Check compares the books. They must have been read after everything was
// settled, or what is still under way is found too.
func Check(b Books) Verdict {
	c := &check{
		b: b, payments: map[string]*Payment{}, byNo: map[string][]*Payment{}, trades: map[string]*Trade{},
		owners: map[string]*Payment{}, refunds: map[string]*Refund{}, ofTrade: map[string][]*Refund{}, numbered: map[string]*Refund{},
		late: map[string]LatePolicy{},
	}
	for i := range b.Orders {
		c.late[b.Orders[i].No] = b.Orders[i].Late
	}
	for i := range b.Trades {
		c.trades[b.Trades[i].OutTradeNo] = &b.Trades[i]
	}
	for i := range b.Payments {
		p := &b.Payments[i]
		c.payments[p.ID] = p
		c.byNo[p.MerchantOrderNo] = append(c.byNo[p.MerchantOrderNo], p)
		for _, a := range p.Attempts {
			c.owners[a.ID] = p
		}
	}
	for i := range b.Refunds {
		r := &b.Refunds[i]
		c.refunds[r.ID] = r
		c.ofTrade[r.AttemptID] = append(c.ofTrade[r.AttemptID], r)
	}
	for i := range b.Trades {
		c.trade(&b.Trades[i])
	}
	for i := range b.Payments {
		c.payment(&b.Payments[i])
	}
	for i := range b.Refunds {
		c.refund(&b.Refunds[i])
	}
	c.numbers()
	c.events()
	for i := range b.Orders {
		c.told(&b.Orders[i])
	}
	slices.SortStableFunc(c.v.Anomalies, func(a, b Anomaly) int {
		return cmp.Or(strings.Compare(a.Order, b.Order), strings.Compare(a.Kind, b.Kind))
	})
	return c.v
}

func (c *check) found(kind, order, format string, args ...any) {
	c.v.Anomalies = append(c.v.Anomalies, Anomaly{kind, order, fmt.Sprintf(format, args...)})
}

// numbers finds order and refund numbers that lead to more than one row.
func (c *check) numbers() {
	for no, payments := range c.byNo {
		if len(payments) > 1 {
			c.found(TwoPayments, no, "%d payments: %s and %s", len(payments), payments[0].ID, payments[1].ID)
		}
	}
	for i := range c.b.Refunds {
		r := &c.b.Refunds[i]
		if r.MerchantRefundNo == "" {
			continue
		}
		if other, taken := c.numbered[r.MerchantRefundNo]; taken {
			c.found(TwoPayments, c.orderOf(r.PaymentID), "refund number %s is of %s and of %s", r.MerchantRefundNo, other.ID, r.ID)
		}
		c.numbered[r.MerchantRefundNo] = r
	}
}

// accepts reports whether the payment's merchant takes late money.
func (c *check) accepts(p *Payment) bool { return p != nil && c.late[p.MerchantOrderNo] == LateAccept }

func (c *check) orderOf(paymentID string) string {
	if p := c.payments[paymentID]; p != nil {
		return p.MerchantOrderNo
	}
	return ""
}
