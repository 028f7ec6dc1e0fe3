package payment_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
)

const operator = "cli:ops"

// trail gives what the audit trail holds of a subject, newest first.
func (w *world) trail(subject string) []audit.Entry {
	w.t.Helper()
	trail, ok := w.store.(interface {
		ListAudit(ctx context.Context, f audit.Filter) ([]audit.Entry, error)
	})
	if !ok {
		w.t.Fatalf("%T has no audit trail", w.store)
	}
	list, err := trail.ListAudit(context.Background(), audit.Filter{Subject: subject, Limit: 100})
	if err != nil {
		w.t.Fatalf("list audit entries: %v", err)
	}
	return list
}

// wantActs fails unless exactly these acts were done to the subject, oldest first.
func (w *world) wantActs(subject string, actions ...string) {
	w.t.Helper()
	list := w.trail(subject)
	if len(list) != len(actions) {
		w.t.Errorf("%s: want acts %v, got %v", subject, actions, list)
		return
	}
	for i, e := range list {
		var detail map[string]any
		if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil {
			w.t.Errorf("detail %q: %v", e.Detail, err)
		}
		if want := actions[len(actions)-1-i]; e.Action != want || e.Actor != operator || e.MerchantID != merchantID || detail["reason"] != "ticket 7" {
			w.t.Errorf("want %s by %s for ticket 7, got %+v", want, operator, e)
		}
	}
}

func acting() context.Context { return payment.WithReason(context.Background(), "ticket 7") }

func (w *world) ask(a *payment.Attempt) *payment.Attempt {
	w.t.Helper()
	got, err := w.AskAttempt(acting(), a.ID, operator)
	if err != nil {
		w.t.Fatalf("ask: %v", err)
	}
	return got
}

func (w *world) eventsOf(p *payment.Payment, typ payment.EventType) int {
	w.t.Helper()
	m, ok := w.store.(*memory)
	if !ok {
		return -1
	}
	n := 0
	for _, e := range m.events {
		if e.PaymentID == p.ID && e.Type == typ {
			n++
		}
	}
	return n
}

func TestOperator_AskBooksALostCallbackOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "qr", "", 100)).Payment
		a := w.attempt(p.CurrentAttemptID)
		if got := w.ask(a); got.Status != payment.AttemptPending {
			t.Errorf("nothing was paid, yet the attempt is %s", got.Status)
		}
		w.bankOf(a).payerPays(a.ID)
		for range 3 {
			if got := w.ask(a); got.Status != payment.AttemptSucceeded || !got.Counted {
				t.Fatalf("want it booked, got %s", got.Status)
			}
		}
		got := w.wantStatus(p.ID, payment.Succeeded)
		if got.Sequence != 1 || w.bankOf(a).count(channels.OpPay) != 1 {
			t.Errorf("asking again told the merchant again: %d events, %d orders placed", got.Sequence, w.bankOf(a).count(channels.OpPay))
		}
		w.wantActs(a.ID, "payment.ask", "payment.ask", "payment.ask", "payment.ask")
		w.wantNoWrongs()
	})
}

func TestOperator_AskFindsMoneyOnWhatHasEnded(t *testing.T) {
	for _, policy := range []payment.LatePolicy{payment.LateRefund, payment.LateAccept} {
		t.Run(string(policy), func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				w.merchant.LatePolicy = policy
				w.banks["ali"].goes(channels.OpPay, declined)
				p := w.create(order("o-1", "qr", "", 100)).Payment
				w.wantStatus(p.ID, payment.Failed)
				a := w.attempt(p.CurrentAttemptID)
				w.ask(a)
				w.wantStatus(p.ID, payment.Failed)
				// The channel took what it had refused.
				w.bankOf(a).mu.Lock()
				w.bankOf(a).orders[a.ID] = &bankOrder{
					id: a.ID, scene: a.Scene, amount: 100, status: "paid", paid: 1, tradeNo: "T", paidAt: w.clock.Now(), refunds: map[string]*bankRefund{},
				}
				w.bankOf(a).mu.Unlock()
				w.ask(a)
				w.ask(a)
				w.pass(time.Minute)
				want, refunded := payment.Failed, int64(100)
				if policy == payment.LateAccept {
					want, refunded = payment.Succeeded, 0
				}
				if got := w.wantStatus(p.ID, want); got.RefundedMinor != refunded || len(w.refundsOf(p)) > 1 {
					t.Errorf("want %d refunded, got %s", refunded, w.picture(got))
				}
			})
		})
	}
}

func TestOperator_AskLeavesAnOrderThatIsBeingPlacedToItsOwner(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		b.before = func(op channels.Operation, id string) {
			if op == channels.OpPay {
				if a := w.ask(&payment.Attempt{ID: id}); a.Status != payment.AttemptDispatched {
					t.Errorf("an order that is being placed became %s by asking", a.Status)
				}
				_, err := w.SettleAttempt(acting(), payment.AttemptEvidence{AttemptID: id, Evidence: "console", Actor: operator})
				if codeOf(err) != payment.CodeStatusConflict {
					t.Errorf("an order that is being placed was settled: %v", err)
				}
			}
		}
		p := w.create(order("o-1", "qr", "", 100)).Payment
		w.wantStatus(p.ID, payment.Pending)
	})
}

func TestOperator_AskWithoutAnAnswerChangesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		a := w.attempt(p.CurrentAttemptID)
		w.bankOf(a).goes(channels.OpQuery, hangBefore, badSignature, wrongID)
		for range 3 {
			got, err := w.AskAttempt(acting(), a.ID, operator)
			if err == nil || codeOf(err) != "" || got.Status != payment.AttemptSucceeded {
				t.Errorf("no answer gave %v, %v", got, err)
			}
		}
		if got := w.attempt(a.ID); !got.NextCheckAt.Equal(a.NextCheckAt) {
			t.Errorf("a question without an answer changed when it is looked at, to %v", got.NextCheckAt)
		}
		w.wantActs(a.ID, "payment.ask", "payment.ask", "payment.ask")
	})
}

func TestOperator_ARefundIsSentAgainOnlyWhereThatIsSafe(t *testing.T) {
	for account, channel := range map[string]string{"ali": "alipay", "wx": "wechatpay", "up": "unionpay"} {
		t.Run(channel, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				b := w.banks[account]
				p := w.create(order("o-1", "barcode", channel, 100)).Payment
				b.goes(channels.OpRefund, hangBefore)
				r := w.mustRefund(p, "r-1", 60)
				if _, err := w.ResendRefund(acting(), r.ID, operator); codeOf(err) != payment.CodeStatusConflict {
					t.Errorf("sent again while the first call may be under way: %v", err)
				}
				w.clock.Advance(testConfig.CallTimeout + testConfig.CallMargin + 10*time.Second)
				got, err := w.ResendRefund(acting(), r.ID, operator)
				if b.caps.RefundRepeatable {
					if err != nil || got.Status != payment.RefundSucceeded {
						t.Fatalf("sent again: %v, %v", got, err)
					}
					w.wantActs(r.ID, "refund.resend")
					if _, err := w.ResendRefund(acting(), r.ID, operator); codeOf(err) != payment.CodeStatusConflict {
						t.Errorf("a refund that has ended was sent again: %v", err)
					}
				} else if codeOf(err) != payment.CodeStatusConflict || b.count(channels.OpRefund) != 1 {
					t.Errorf("sent %d times where that is not documented: %v", b.count(channels.OpRefund), err)
				}
				w.wantNoWrongs()
			})
		})
	}
}

func TestOperator_AskRefundBooksTheAnswer(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["wx"]
		b.slowRefunds = true
		p := w.create(order("o-1", "barcode", "wechatpay", 100)).Payment
		r := w.mustRefund(p, "r-1", 60)
		ask := func(want payment.RefundStatus) {
			t.Helper()
			if got, err := w.AskRefund(acting(), r.ID, operator); err != nil || got.Status != want {
				t.Errorf("want %s, got %v, %v", want, got, err)
			}
		}
		ask(payment.RefundProcessing)
		b.settle("succeeded")
		ask(payment.RefundSucceeded)
		ask(payment.RefundSucceeded)
		if got := w.get(p.ID); got.RefundedMinor != 60 || got.ReservedMinor != 60 {
			t.Errorf("the books hold %s", w.picture(got))
		}
		w.wantActs(r.ID, "refund.ask", "refund.ask", "refund.ask")
	})
}

func TestOperator_AskKeepsTheLookThatAReversalOwes(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		b.password = true
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		a := w.attempt(p.CurrentAttemptID)
		reversals := 0
		b.before = func(op channels.Operation, id string) {
			if op != channels.OpReverse {
				return
			}
			reversals++
			b.payerPays(id)
			w.callback(a)
			if got := w.ask(a); got.Status != payment.AttemptSucceeded || w.attempt(a.ID).NextCheckAt.IsZero() {
				t.Errorf("nobody looks whether the money of a %s attempt went back", got.Status)
			}
		}
		if _, err := w.Close(context.Background(), merchantID, p.ID); err != nil && codeOf(err) != payment.CodeStatusConflict {
			t.Fatal(err)
		}
		w.pass(2 * time.Minute)
		if got := w.get(p.ID); reversals != 1 || got.PaidMinor != 100 || got.RefundedMinor != 100 {
			t.Errorf("%d reversals, %s", reversals, w.picture(got))
		}
	})
}
