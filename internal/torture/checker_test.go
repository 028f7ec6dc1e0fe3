package torture

import (
	"slices"
	"testing"
	"time"
)

var booksRead = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

// sound gives books without a fault: an order that was paid and half returned,
// one that was closed and paid late, one that was declined, and one whose
// payment was reversed. Webhooks arrived for all.
func sound() Books {
	b := Books{
		At: booksRead,
		Trades: []Trade{
			{
				Channel: "alipay", OutTradeNo: "A1", ChannelTradeNo: "C1", Amount: 1000, Status: tradePaid, TimesPaid: 1,
				Refunds: []TradeRefund{{OutRefundNo: "R1", Amount: 500, Status: succeeded}},
			},
			{
				Channel: "wechatpay", OutTradeNo: "A2", ChannelTradeNo: "C2", Amount: 700, Status: tradePaid, TimesPaid: 1,
				Refunds: []TradeRefund{{OutRefundNo: "R2", Amount: 700, Status: succeeded}},
			},
			{Channel: "alipay", OutTradeNo: "A3", Amount: 9001, Status: tradeWaiting},
			{
				Channel: "alipay", OutTradeNo: "A4", ChannelTradeNo: "C4", Amount: 300, Status: tradePaid, TimesPaid: 1,
				Refunds: []TradeRefund{{OutRefundNo: "A4", Amount: 300, Status: succeeded}},
			},
		},
		Payments: []Payment{
			{
				ID: "pay_1", MerchantOrderNo: "o1", Amount: 1000, Status: succeeded, ChannelTradeNo: "C1", RefundedAmount: 500,
				Attempts: []Attempt{{ID: "A1", Channel: "alipay", Status: succeeded, Counted: true}},
			},
			{
				ID: "pay_2", MerchantOrderNo: "o2", Amount: 700, Status: closed, RefundedAmount: 700,
				Attempts: []Attempt{{ID: "A2", Channel: "wechatpay", Status: succeeded, Counted: true}},
			},
			{
				ID: "pay_3", MerchantOrderNo: "o3", Amount: 9001, Status: failed,
				Attempts: []Attempt{{ID: "A3", Channel: "alipay", Status: "declined"}},
			},
			{
				ID: "pay_4", MerchantOrderNo: "o4", Amount: 300, Status: closed, RefundedAmount: 300,
				Attempts: []Attempt{{ID: "A4", Channel: "alipay", Status: attemptReversed, Counted: true}},
			},
		},
		Refunds: []Refund{
			{ID: "R1", PaymentID: "pay_1", AttemptID: "A1", MerchantRefundNo: "o1-r", Initiator: "merchant", Amount: 500, Status: succeeded},
			{ID: "R2", PaymentID: "pay_2", AttemptID: "A2", Initiator: "gateway", Amount: 700, Status: succeeded},
			{ID: "R4", PaymentID: "pay_4", AttemptID: "A4", Initiator: "gateway", Amount: 300, Status: succeeded},
		},
		Events: []Event{
			{ID: "e1", Type: "payment.succeeded", Sequence: 1, PaymentID: "pay_1"},
			{ID: "e2", Type: "refund.succeeded", Sequence: 2, PaymentID: "pay_1", RefundID: "R1"},
			{ID: "e3", Type: "payment.closed", Sequence: 1, PaymentID: "pay_2"},
			{ID: "e4", Type: "refund.succeeded", Sequence: 2, PaymentID: "pay_2", RefundID: "R2"},
			{ID: "e5", Type: "payment.failed", Sequence: 1, PaymentID: "pay_3"},
			{ID: "e6", Type: "payment.closed", Sequence: 1, PaymentID: "pay_4"},
			{ID: "e7", Type: "refund.succeeded", Sequence: 2, PaymentID: "pay_4", RefundID: "R4"},
		},
		Orders: []Order{{
			No: "o1", Amount: 1000,
			Requests: []Request{
				{Began: 1, Ended: 2, What: Create, Amount: 1000, Status: 201, Resource: "pay_1", State: pending},
				{Began: 3, Ended: 4, What: Conflict, Amount: 1001, Status: 409, Code: "order_conflict"},
				{Began: 5, Ended: 6, What: Get, Status: 200, Resource: "pay_1", State: succeeded},
				{Began: 7, Ended: 8, What: Return, RefundNo: "o1-r", Amount: 500, Status: 201, Resource: "R1", State: succeeded},
				{Began: 9, Ended: 10, What: Close, Status: 409, Code: "status_conflict"},
			},
		}},
	}
	for i := range b.Events {
		e := &b.Events[i]
		b.Received = append(b.Received, Received{ID: e.ID, Type: e.Type, Sequence: e.Sequence, Subject: e.subject(), Body: e.ID, Answered: 204})
	}
	return b
}

func TestCheck_SoundBooks(t *testing.T) {
	t.Parallel()
	v := Check(sound())
	if len(v.Anomalies) != 0 || v.Charges != 3 || v.ChannelRefunds != 3 || v.GatewayRefunds != 2 {
		t.Errorf("sound books gave %+v", v)
	}
}

// TestCheck_FindsEveryBreach breaks the sound books in one place each.
func TestCheck_FindsEveryBreach(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		want  string
		order string
		spoil func(b *Books)
	}{
		{"a second order at another channel was paid", DoubleCharge, "o1", func(b *Books) {
			b.Payments[0].Attempts = append(b.Payments[0].Attempts, Attempt{ID: "A9", Channel: "wechatpay", Status: succeeded})
			b.Trades = append(b.Trades, Trade{Channel: "wechatpay", OutTradeNo: "A9", Amount: 1000, Status: tradePaid, TimesPaid: 1})
		}},
		{"one order was charged twice", DoubleCharge, "o1", func(b *Books) { b.Trades[0].TimesPaid = 2 }},
		{"two attempts count", DoubleCharge, "o1", func(b *Books) {
			b.Payments[0].Attempts = append(b.Payments[0].Attempts, Attempt{ID: "A9", Channel: "wechatpay", Status: succeeded, Counted: true})
		}},
		{"the charge of an order that failed here", LostCharge, "o3", func(b *Books) {
			b.Trades[2].Status, b.Trades[2].TimesPaid = tradePaid, 1
		}},
		{"late money that nobody returned", LostCharge, "o2", func(b *Books) {
			b.Trades[1].Refunds, b.Refunds, b.Payments[1].RefundedAmount = nil, slices.Delete(b.Refunds, 1, 2), 0
		}},
		{"a charge under a number that no payment has", LostCharge, "", func(b *Books) { b.Trades[0].OutTradeNo = "A0" }},
		{"a success without a charge", PhantomCharge, "o1", func(b *Books) {
			b.Trades[0].TimesPaid, b.Trades[0].Status, b.Trades[0].Refunds = 0, tradeWaiting, nil
		}},
		{"a success at a channel that has no such order", PhantomCharge, "o1", func(b *Books) { b.Trades = b.Trades[1:] }},
		{"a success of which no attempt counts", PhantomCharge, "o1", func(b *Books) { b.Payments[0].Attempts[0].Counted = false }},
		{"another amount at the channel", AmountMismatch, "o1", func(b *Books) { b.Trades[0].Amount = 1001 }},
		{"more returned than paid", OverRefund, "o1", func(b *Books) {
			b.Trades[0].Refunds = append(b.Trades[0].Refunds, TradeRefund{OutRefundNo: "R8", Amount: 501, Status: succeeded})
		}},
		{"more refunds taken than was paid", OverRefund, "o1", func(b *Books) {
			b.Refunds = append(b.Refunds, Refund{ID: "R8", PaymentID: "pay_1", AttemptID: "A1", Initiator: "merchant", Amount: 501, Status: processing})
		}},
		{"a refund taken that the channel had to refuse", OverRefund, "o1", func(b *Books) {
			b.Refunds = append(b.Refunds, Refund{ID: "R8", PaymentID: "pay_1", AttemptID: "A1", MerchantRefundNo: "x", Initiator: "merchant", Amount: 1001, Status: failed})
			b.Orders[0].Requests = append(b.Orders[0].Requests, Request{What: Return, RefundNo: "x", Amount: 1001, Status: 201, Resource: "R8", State: processing})
		}},
		{"a refund of which the gateway doesn't know", RefundMismatch, "o1", func(b *Books) {
			b.Trades[0].Refunds = append(b.Trades[0].Refunds, TradeRefund{OutRefundNo: "R8", Amount: 100, Status: succeeded})
		}},
		{"a refund that the channel didn't make", RefundMismatch, "o1", func(b *Books) { b.Trades[0].Refunds = nil }},
		{"a refund that failed here and was paid out", RefundMismatch, "o1", func(b *Books) { b.Refunds[0].Status = failed }},
		{"a refund of another amount", RefundMismatch, "o1", func(b *Books) { b.Trades[0].Refunds[0].Amount = 499 }},
		{"a refund of another order's money", RefundMismatch, "o1", func(b *Books) { b.Refunds[0].AttemptID = "A2" }},
		{"a sum that is not the refunds'", RefundMismatch, "o1", func(b *Books) { b.Payments[0].RefundedAmount = 499 }},
		{"a reversal that is booked nowhere", RefundMismatch, "o4", func(b *Books) { b.Refunds = b.Refunds[:2] }},
		{"a payment in doubt", UnknownLeft, "o3", func(b *Books) { b.Payments[2].Status = processing }},
		{"a payment that waits", UnknownLeft, "o3", func(b *Books) { b.Payments[2].Status = pending }},
		{"an attempt in doubt", UnknownLeft, "o3", func(b *Books) { b.Payments[2].Attempts[0].Status = "unknown" }},
		{"a refund in doubt", UnknownLeft, "o1", func(b *Books) { b.Refunds[0].Status = processing }},
		{"closed for good and still payable", StatusMismatch, "o3", func(b *Books) { b.Payments[2].Status = closed }},
		{"another trade number", StatusMismatch, "o1", func(b *Books) { b.Payments[0].ChannelTradeNo = "C0" }},
		{"a success that was not announced", MissingEvent, "o1", func(b *Books) { b.Events = b.Events[1:] }},
		{"a refund that was not announced", MissingEvent, "o2", func(b *Books) { b.Events = slices.Delete(b.Events, 3, 4) }},
		{"an event that never arrived", MissingEvent, "o1", func(b *Books) { b.Received = b.Received[1:] }},
		{"an event with a wrong signature only", MissingEvent, "o1", func(b *Books) { b.Received[0].Fault = "signature" }},
		{"a wrong signature", BrokenSignature, "", func(b *Books) { b.Received = append(b.Received, Received{ID: "e1", Fault: "signature"}) }},
		{"an unsigned answer", BrokenSignature, "o1", func(b *Books) { b.Orders[0].Requests[2].Fault = "unsigned" }},
		{"a gap in the sequence", WrongEvent, "o1", func(b *Books) { b.Events[1].Sequence, b.Received[1].Sequence = 3, 3 }},
		{"a sequence number twice", WrongEvent, "o1", func(b *Books) { b.Events[1].Sequence, b.Received[1].Sequence = 1, 1 }},
		{"the same announced twice", WrongEvent, "o1", func(b *Books) {
			b.Events = append(b.Events, Event{ID: "e8", Type: "payment.succeeded", Sequence: 3, PaymentID: "pay_1"})
		}},
		{"a failure announced of what succeeded", WrongEvent, "o1", func(b *Books) {
			b.Events = append(b.Events, Event{ID: "e8", Type: "payment.failed", Sequence: 3, PaymentID: "pay_1"})
		}},
		{"a webhook that no outbox has", WrongEvent, "", func(b *Books) { b.Received = append(b.Received, Received{ID: "e8"}) }},
		{"a webhook with another body under the same id", WrongEvent, "o1", func(b *Books) {
			again := b.Received[0]
			again.Body = "other"
			b.Received = append(b.Received, again)
		}},
		{"a merchant told of a success that is none", ContradictedWord, "o1", func(b *Books) {
			b.Payments[0].Status = closed
			b.Events[0].Type, b.Received[0].Type = "payment.closed", "payment.closed"
		}},
		{"a payment told of and gone", ContradictedWord, "o1", func(b *Books) { b.Payments = b.Payments[1:] }},
		{"a success that fell back", ContradictedWord, "o1", func(b *Books) {
			b.Orders[0].Requests = append(b.Orders[0].Requests, Request{Began: 11, Ended: 12, What: Get, Status: 200, Resource: "pay_1", State: pending})
		}},
		{"a refund told of and gone", ContradictedWord, "o1", func(b *Books) { b.Refunds, b.Trades[0].Refunds = b.Refunds[1:], nil }},
		{"two ids for one order", TwoPayments, "o1", func(b *Books) { b.Orders[0].Requests[0].Resource = "pay_0" }},
		{"two payments under one number", TwoPayments, "o1", func(b *Books) { b.Payments[3].MerchantOrderNo = "o1" }},
		{"two refunds under one number", TwoPayments, "o2", func(b *Books) { b.Refunds[1].MerchantRefundNo = "o1-r" }},
		{"another amount taken for the same order", WrongRefusal, "o1", func(b *Books) {
			b.Orders[0].Requests[1] = Request{Began: 3, Ended: 4, What: Conflict, Amount: 1001, Status: 200, Resource: "pay_1", State: pending}
		}},
		{"a conflict over the same parameters", WrongRefusal, "o1", func(b *Books) { b.Orders[0].Requests[1].Amount = 1000 }},
		{"a refund refused although the payment was paid", WrongRefusal, "o1", func(b *Books) {
			b.Orders[0].Requests[3].Status, b.Orders[0].Requests[3].Code = 409, "status_conflict"
		}},
		{"a close refused although nothing was paid", WrongRefusal, "o1", func(b *Books) {
			b.Payments[0].Status = closed
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := sound()
			c.spoil(&b)
			found := Check(b).Anomalies
			if !slices.ContainsFunc(found, func(a Anomaly) bool { return a.Kind == c.want && a.Order == c.order }) {
				t.Errorf("want %q of order %q, found %v", c.want, c.order, found)
			}
		})
	}
}

// TestCheck_WhatOnlyTimeSettles keeps apart what UnionPay can't tell yet from
// what was forgotten.
func TestCheck_WhatOnlyTimeSettles(t *testing.T) {
	t.Parallel()
	b := sound()
	b.Payments = append(b.Payments, Payment{
		ID: "pay_5", MerchantOrderNo: "o5", Amount: 10, Status: processing, ExpiresAt: booksRead.Add(time.Minute),
		Attempts: []Attempt{{ID: "A5", Channel: "unionpay", Status: "unknown"}},
	})
	b.Trades[0].Channel, b.Trades[0].Refunds = "unionpay", nil
	b.Refunds[0].Status, b.Payments[0].RefundedAmount = processing, 0
	b.Events, b.Received = slices.Delete(b.Events, 1, 2), slices.Delete(b.Received, 1, 2)
	b.Orders = nil
	// Late money whose return never arrived.
	b.Trades[1].Channel, b.Trades[1].Refunds = "unionpay", nil
	b.Refunds[1].Status, b.Payments[1].RefundedAmount = processing, 0
	b.Events, b.Received = slices.Delete(b.Events, 2, 3), slices.Delete(b.Received, 2, 3)
	if v := Check(b); len(v.Anomalies) != 0 || v.AwaitLimit != 1 || v.AwaitFile != 2 {
		t.Errorf("found %+v", v)
	}
	b.At = booksRead.Add(time.Hour)
	if v := Check(b); len(v.Anomalies) == 0 {
		t.Error("an order in doubt after its limit was not found")
	}
	b.At = booksRead
	b.Payments[4].Attempts[0].Channel, b.Trades[0].Channel = "alipay", "alipay"
	b.Trades = append(b.Trades, Trade{Channel: "alipay", OutTradeNo: "A5", Amount: 10, Status: tradeWaiting})
	if v := Check(b); len(v.Anomalies) < 2 {
		t.Errorf("an order and a refund in doubt at a channel that knows, found %v", v.Anomalies)
	}
}

// TestCheck_WhatTheChannelRefuses takes a return that the channel refuses for
// good for what it is, and only that.
func TestCheck_WhatTheChannelRefuses(t *testing.T) {
	t.Parallel()
	b := sound()
	b.Trades[1].Refunds, b.Refunds[1].Status, b.Payments[1].RefundedAmount = nil, failed, 0
	b.Events[3].Type, b.Received[3].Type = "refund.failed", "refund.failed"
	if v := Check(b); len(v.Anomalies) != 1 || v.Anomalies[0].Kind != LostCharge {
		t.Errorf("late money that the merchant can return, found %+v", v.Anomalies)
	}
	b.Trades[1].Amount, b.Payments[1].Amount = 9007, 9007
	if v := Check(b); len(v.Anomalies) != 0 || v.RefusedReturns != 1 {
		t.Errorf("an amount whose refunds always fail, found %+v", v)
	}
}

func TestPlanned_FollowsTheSeed(t *testing.T) {
	t.Parallel()
	offers := []offer{{"alipay", "qr"}, {"alipay", "barcode"}, {"wechatpay", "h5"}}
	same := 0
	for i := range 50 {
		a, _ := planned(7, i, offers)
		b, _ := planned(7, i, offers)
		c, _ := planned(8, i, offers)
		if a != b {
			t.Fatalf("order %d of one seed: %+v, %+v", i, a, b)
		}
		if a == c {
			same++
		}
	}
	if same > 5 {
		t.Errorf("%d of 50 plans of two seeds are the same", same)
	}
}

// accepting adds an order that was closed and paid late to the sound books, at a
// merchant who takes such money.
func accepting() Books {
	b := sound()
	b.Trades = append(b.Trades, Trade{Channel: "alipay", OutTradeNo: "A6", ChannelTradeNo: "C6", Amount: 400, Status: tradePaid, TimesPaid: 1})
	b.Payments = append(b.Payments, Payment{
		ID: "pay_6", MerchantOrderNo: "o6", Amount: 400, Status: succeeded, ChannelTradeNo: "C6",
		Attempts: []Attempt{{ID: "A6", Channel: "alipay", Status: succeeded, Counted: true}},
	})
	for i, typ := range []string{"payment.closed", "payment.succeeded"} {
		e := Event{ID: "e6" + typ, Type: typ, Sequence: int64(i) + 1, PaymentID: "pay_6"}
		b.Events = append(b.Events, e)
		b.Received = append(b.Received, Received{ID: e.ID, Type: e.Type, Sequence: e.Sequence, Subject: e.PaymentID})
	}
	b.Orders = append(b.Orders, Order{No: "o6", Amount: 400, Late: LateAccept, Requests: []Request{
		{Began: 1, Ended: 2, What: Close, Status: 200, Resource: "pay_6", State: closed},
		{Began: 3, Ended: 4, What: Get, Status: 200, Resource: "pay_6", State: succeeded},
	}})
	return b
}

// TestCheck_LatePolicy lets late money go the way that its merchant wants, and
// no other.
func TestCheck_LatePolicy(t *testing.T) {
	t.Parallel()
	if v := Check(accepting()); len(v.Anomalies) != 0 {
		t.Errorf("late money that was taken, found %v", v.Anomalies)
	}
	for _, c := range []struct {
		name  string
		spoil func(b *Books)
		want  []string
	}{
		{"it was returned", func(b *Books) {
			b.Payments[4].Status, b.Payments[4].RefundedAmount = closed, 400
			b.Trades[4].Refunds = []TradeRefund{{OutRefundNo: "R6", Amount: 400, Status: succeeded}}
			b.Refunds = append(b.Refunds, Refund{ID: "R6", PaymentID: "pay_6", AttemptID: "A6", Initiator: "gateway", Amount: 400, Status: succeeded})
		}, []string{WrongPolicy}},
		{"it was taken from a merchant who doesn't want it", func(b *Books) { b.Orders[1].Late = LateRefund }, []string{ContradictedWord, WrongEvent}},
		{"the success fell back", func(b *Books) {
			b.Payments[4].Status = closed
		}, []string{ContradictedWord, WrongPolicy}},
		{"the success was not announced", func(b *Books) {
			last := len(b.Events) - 1
			b.Events, b.Received = b.Events[:last], b.Received[:len(b.Received)-1]
		}, []string{MissingEvent}},
	} {
		b := accepting()
		c.spoil(&b)
		kinds := Kinds(Check(b).Anomalies)
		for _, want := range c.want {
			if !slices.Contains(kinds, want) {
				t.Errorf("%s: found %v, want %v", c.name, kinds, want)
			}
		}
	}
}

// TestCheck_FalseDenial finds an attempt that was said to have done nothing.
func TestCheck_FalseDenial(t *testing.T) {
	t.Parallel()
	b := sound()
	b.Payments[0].Attempts = append([]Attempt{{ID: "A0", Channel: "wechatpay", Status: attemptNotProcessed}}, b.Payments[0].Attempts...)
	if v := Check(b); len(v.Anomalies) != 0 {
		t.Errorf("an attempt that did nothing, found %v", v.Anomalies)
	}
	b.Trades = append(b.Trades, Trade{Channel: "wechatpay", OutTradeNo: "A0", Amount: 1000, Status: tradeIssued})
	if kinds := Kinds(Check(b).Anomalies); !slices.Equal(kinds, []string{FalseDenial}) {
		t.Errorf("an attempt that is said to have done nothing, found %v", kinds)
	}
}
