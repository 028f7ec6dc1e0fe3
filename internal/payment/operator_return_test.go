package payment_test

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

func TestOperator_ARefundOfTheOperatorKeepsTheMerchantsRules(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		start := func(no string, amount int64) (*payment.Refund, error) {
			return w.StartRefund(acting(), payment.OperatorRefund{PaymentID: p.ID, Number: no, Amount: amount, Reason: "goodwill", Actor: operator})
		}
		r, err := start("g-1", 60)
		if err != nil || r.Status != payment.RefundSucceeded || r.Initiator != payment.ByOperator {
			t.Fatalf("refund: %+v, %v", r, err)
		}
		if again, err := start("g-1", 60); err != nil || again.ID != r.ID {
			t.Errorf("the same number made another: %v, %v", again, err)
		}
		if _, err := start("g-1", 40); codeOf(err) != payment.CodeRefundConflict {
			t.Errorf("want %s, got %v", payment.CodeRefundConflict, err)
		}
		if _, err := start("g-2", 41); codeOf(err) != payment.CodeAmountExceeds {
			t.Errorf("want %s, got %v", payment.CodeAmountExceeds, err)
		}
		if _, err := w.refund(p, "m-1", 41); codeOf(err) != payment.CodeAmountExceeds {
			t.Errorf("want %s, got %v", payment.CodeAmountExceeds, err)
		}
		w.wantActs(r.ID, "refund.create")
		unpaid := w.create(order("o-2", "qr", "", 100)).Payment
		_, err = w.StartRefund(acting(), payment.OperatorRefund{PaymentID: unpaid.ID, Number: "g", Amount: 1, Reason: "r", Actor: operator})
		if codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("want %s, got %v", payment.CodeStatusConflict, err)
		}
	})
}

func TestOperator_MoneyWhoseRefundFailedGoesBackBySecondTry(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.banks["ali"].goes(channels.OpPay, declined)
		p := w.create(order("o-1", "qr", "", 100)).Payment
		a := w.attempt(p.CurrentAttemptID)
		b := w.bankOf(a)
		b.mu.Lock()
		b.orders[a.ID] = &bankOrder{id: a.ID, scene: a.Scene, amount: 100, status: "paid", paid: 1, tradeNo: "T", paidAt: w.clock.Now(), refunds: map[string]*bankRefund{}}
		b.mu.Unlock()
		b.goes(channels.OpRefund, declined)
		w.callback(a)
		w.pass(10 * time.Second)
		rs := w.refundsOf(p)
		if len(rs) != 1 || rs[0].Status != payment.RefundFailed {
			t.Fatalf("want one failed refund, got %v", rs)
		}
		var ids [8]string
		together(len(ids), func(i int) {
			r, err := w.RetryRefund(acting(), rs[0].ID, operator)
			if err != nil {
				t.Errorf("second try: %v", err)
				return
			}
			ids[i] = r.ID
		})
		w.pass(10 * time.Second)
		got := w.refundsOf(p)
		if len(got) != 2 || got[0].Status != payment.RefundSucceeded || b.order(a.ID).returned != 100 {
			t.Errorf("want the money back once, got %d refunds, %d returned; %s", len(got), b.order(a.ID).returned, w.picture(w.get(p.ID)))
		}
		for _, id := range ids {
			if id != got[0].ID {
				t.Errorf("the second try was made again: %v", ids)
			}
		}
		w.wantActs(got[0].ID, "refund.create")
		if _, err := w.RetryRefund(acting(), got[0].ID, operator); codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("a refund that succeeded was tried again: %v", err)
		}
		w.wantNoWrongs()
	})
}

func TestOperator_DuplicateMoneyGoesBackOnceHoweverOftenItIsTried(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		// Two attempts are paid: the first account had proven that it did nothing.
		lying := w.banks["ali"]
		lying.goes(channels.OpPay, refused)
		r := w.create(order("o-1", "qr", "", 100))
		first, second := r.Attempts[0], r.Attempts[1]
		lying.mu.Lock()
		lying.orders[first.ID] = &bankOrder{id: first.ID, scene: first.Scene, amount: 100, status: "paid", paid: 1, tradeNo: "T", paidAt: w.clock.Now(), refunds: map[string]*bankRefund{}}
		lying.mu.Unlock()
		w.bankOf(second).payerPays(second.ID)
		w.callback(second)
		lying.goes(channels.OpRefund, declined, declined)
		w.callback(first)
		w.pass(10 * time.Second)
		original := w.refundsOf(r.Payment)[0]
		again, err := w.RetryRefund(acting(), original.ID, operator)
		if err != nil || again.Status != payment.RefundFailed || again.Reserved {
			t.Fatalf("second try: %+v, %v", again, err)
		}
		// The channel paid out what it had refused.
		lying.mu.Lock()
		lying.orders[first.ID].refunds[original.ID] = &bankRefund{id: original.ID, amount: 100, status: "succeeded"}
		lying.orders[first.ID].returned = 100
		lying.mu.Unlock()
		if _, err := w.AskRefund(acting(), original.ID, operator); err != nil {
			t.Fatal(err)
		}
		if _, err := w.RetryRefund(acting(), again.ID, operator); codeOf(err) != payment.CodeAmountExceeds {
			t.Errorf("money that went back is sent back again: %v", err)
		}
		if got := w.get(r.Payment.ID); got.Status != payment.Succeeded || got.ReservedMinor != 0 {
			t.Errorf("the counted money is %s", w.picture(got))
		}
		w.wantNoWrongs()
	})
}
