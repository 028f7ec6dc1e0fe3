package payment_test

import (
	"context"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

func (w *world) historyOf(id string) []payment.Change {
	w.t.Helper()
	h, err := w.store.HistoryOf(context.Background(), id)
	if err != nil {
		w.t.Fatalf("read history: %v", err)
	}
	return h
}

// moves counts the changes of a kind to a status.
func (w *world) moves(id, kind, to string) int {
	n := 0
	for _, c := range w.historyOf(id) {
		if c.Kind == kind && c.To == to {
			n++
		}
	}
	return n
}

func TestInvariant_6_ManyCopiesOfACallbackAreAppliedOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		replicas := []*payment.Service{w.Service, w.replica("b", 20*time.Second), w.replica("c", -20*time.Second)}
		r := w.create(order("o-1", "qr", "", 100))
		a := r.Attempts[0]
		w.bankOf(a).payerPays(a.ID)
		n := w.bankOf(a).says(a.ID)
		together(64, func(i int) {
			v, err := w.notify(replicas[i%3], a.AccountID, n)
			if err != nil || v != payment.VerdictApplied {
				t.Errorf("copy %d: %s, %v", i, v, err)
			}
		})
		p := w.wantStatus(r.Payment.ID, payment.Succeeded)
		if p.Sequence != 1 || w.moves(p.ID, "payment", "succeeded") != 1 || w.moves(p.ID, "attempt", "succeeded") != 1 {
			t.Errorf("64 copies led to %d events: %+v", p.Sequence, w.historyOf(p.ID))
		}
	})
}

func TestInvariant_6_ACallbackMayComeBeforeTheAnswer(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		for _, scene := range []string{"barcode", "qr"} {
			b := w.banks["ali"]
			b.after = func(op channels.Operation, id string) {
				if op == channels.OpPay {
					b.payerPays(id)
					w.callback(w.attempt(id))
				}
			}
			r := w.create(order("o-"+scene, scene, "", 100))
			if r.Payment.Status != payment.Succeeded || r.Payment.Sequence != 1 || r.Payment.Version == 0 {
				t.Errorf("%s: want it succeeded with one event, got %s", scene, w.picture(r.Payment))
			}
			if v := payment.NewView(r.Payment, r.Attempts); v.Action != nil {
				t.Errorf("%s: a paid order shows an action", scene)
			}
		}
	})
}

func TestInvariant_6_ADisagreeingCallbackChangesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		r := w.create(order("o-1", "qr", "alipay", 100))
		other := w.create(order("o-2", "qr", "alipay", 100)).Attempts[0]
		a := r.Attempts[0]
		w.bankOf(a).payerPays(a.ID)
		good := w.bankOf(a).says(a.ID)
		with := func(change func(n *channels.Notification)) channels.Notification {
			n := good
			change(&n)
			return n
		}
		for name, c := range map[string]struct {
			account string
			n       channels.Notification
		}{
			"another account":  {"wx", good},
			"another amount":   {"ali", with(func(n *channels.Notification) { n.Payment.Paid.Amount = amountOf(99) })},
			"nothing":          {"ali", with(func(n *channels.Notification) { n.Payment.Paid.Amount = amountOf(0) })},
			"an unknown order": {"ali", with(func(n *channels.Notification) { n.AttemptID = "01NOSUCHORDER0000000000000" })},
			"two orders":       {"ali", with(func(n *channels.Notification) { n.AttemptID = other.ID })},
			"an unknown refund": {"ali", channels.Notification{
				Kind: channels.NotificationRefund, AttemptID: a.ID,
				Refund: channels.RefundState{Status: channels.RefundSucceeded, RefundID: "01NOSUCHREFUND000000000000"},
			}},
			"a reversal of another amount": {"ali", with(func(n *channels.Notification) {
				n.Payment.Status, n.Payment.Paid.Amount = channels.StateReversed, amountOf(1)
			})},
		} {
			before := w.get(r.Payment.ID)
			v, err := w.notify(w.Service, c.account, c.n)
			if err != nil || v != payment.VerdictQuarantined {
				t.Errorf("%s: want it quarantined, got %s, %v", name, v, err)
			}
			after := w.get(r.Payment.ID)
			if after.Status != before.Status || after.PaidMinor != 0 || after.Sequence != before.Sequence {
				t.Errorf("%s: it changed the payment: %s", name, w.picture(after))
			}
		}
		// The true one still counts.
		w.callback(a)
		w.wantStatus(r.Payment.ID, payment.Succeeded)
	})
}

func TestInvariant_6_ARefundOfAnotherOrderOrAmountIsQuarantined(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		p := w.create(order("o-1", "barcode", "alipay", 100)).Payment
		other := w.create(order("o-2", "barcode", "alipay", 100)).Attempts[0]
		b.slowRefunds = true
		r := w.mustRefund(p, "r-1", 60)
		b.settle("succeeded")
		good := b.saysRefund(r.AttemptID, r.ID)
		for name, change := range map[string]func(n *channels.Notification){
			"another order":  func(n *channels.Notification) { n.AttemptID = other.ID },
			"another amount": func(n *channels.Notification) { n.Refund.Amount = amountOf(61) },
			"no amount":      func(n *channels.Notification) { n.Refund.Amount = amountOf(0) },
		} {
			n := good
			change(&n)
			if v, err := w.notify(w.Service, "ali", n); err != nil || v != payment.VerdictQuarantined {
				t.Errorf("%s: want it quarantined, got %s, %v", name, v, err)
			}
		}
		if v, err := w.notify(w.Service, "ali", good); err != nil || v != payment.VerdictApplied {
			t.Errorf("the true one: %s, %v", v, err)
		}
		if got := w.refundsOf(p)[0]; got.Status != payment.RefundSucceeded {
			t.Errorf("want it succeeded, got %s", got.Status)
		}
	})
}

func TestInvariant_6_ACallbackThatCannotBeStoredIsNotAcknowledged(t *testing.T) {
	w, m := inMemory(t)
	r := w.create(order("o-1", "qr", "", 100))
	a := r.Attempts[0]
	w.bankOf(a).payerPays(a.ID)
	m.trouble = func(phase string) error {
		if phase == "before commit" {
			return payment.ErrUnavailable
		}
		return nil
	}
	if v, err := w.notify(w.Service, a.AccountID, w.bankOf(a).says(a.ID)); err == nil {
		t.Errorf("a callback is acknowledged as %s that is not stored", v)
	}
	m.trouble = nil
	w.wantStatus(r.Payment.ID, payment.Pending)
	w.callback(a)
	w.wantStatus(r.Payment.ID, payment.Succeeded)
}

func TestInvariant_6_OldAndReorderedCallbacksMoveNothingBack(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		r := w.create(order("o-1", "qr", "alipay", 100))
		a := r.Attempts[0]
		w.bankOf(a).scan(a.ID)
		waiting := w.bankOf(a).says(a.ID)
		w.bankOf(a).payerPays(a.ID)
		paid := w.bankOf(a).says(a.ID)
		for _, n := range []channels.Notification{
			paid, waiting, paid,
			{Kind: channels.NotificationPayment, AttemptID: a.ID, Payment: channels.PaymentState{Status: channels.StateClosed}},
			{Kind: channels.NotificationPayment, AttemptID: a.ID, Payment: channels.PaymentState{Status: channels.StateFailed}},
			{Kind: channels.NotificationPayment, AttemptID: a.ID, Payment: channels.PaymentState{Status: channels.StateUncertain}},
		} {
			if _, err := w.notify(w.Service, "ali", n); err != nil {
				t.Fatalf("%+v: %v", n, err)
			}
			p := w.wantStatus(r.Payment.ID, payment.Succeeded)
			if p.Sequence != 1 {
				t.Errorf("%d events after %+v", p.Sequence, n)
			}
		}
	})
}

func TestInvariant_12_ACallbackOfADisabledAccountStillCounts(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		r := w.create(order("o-1", "qr", "alipay", 100))
		a := r.Attempts[0]
		w.down["ali"] = true // no new payments
		w.bankOf(a).payerPays(a.ID)
		w.pass(10 * time.Second)
		p := w.wantStatus(r.Payment.ID, payment.Succeeded)
		if got := w.mustRefund(p, "r-1", 30); got.Status != payment.RefundSucceeded {
			t.Errorf("a refund at a disabled account is %s", got.Status)
		}
		if again := w.create(order("o-2", "qr", "", 100)); again.Attempts[0].AccountID == "ali" {
			t.Error("a disabled account takes a new payment")
		}
	})
}
