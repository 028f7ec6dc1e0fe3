package payment_test

import (
	"context"
	"encoding/json"
	"fmt"
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

// lostUnionPayRefund is a refund that never arrived, where no query can tell.
func lostUnionPayRefund(w *world) (*payment.Payment, *payment.Refund) {
	w.t.Helper()
	p := w.create(order("o-1", "barcode", "unionpay", 100)).Payment
	w.banks["up"].goes(channels.OpRefund, hangBefore)
	r := w.mustRefund(p, "r-1", 60)
	w.pass(3 * time.Minute)
	if got := w.refundsOf(p)[0]; got.Status != payment.RefundProcessing {
		w.t.Fatalf("nobody can know, yet it is %s", got.Status)
	}
	return p, r
}

func TestOperator_SettlingARefundEndsItsLadder(t *testing.T) {
	for _, succeeded := range []bool{false, true} {
		t.Run(fmt.Sprintf("succeeded %v", succeeded), func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				p, r := lostUnionPayRefund(w)
				ev := payment.RefundEvidence{
					RefundID: r.ID, Succeeded: succeeded, ChannelRefundNo: "20260301", At: w.clock.Now(), Evidence: "day file 2026-03-01, line 4", Actor: operator,
				}
				want, sums := payment.RefundFailed, int64(0)
				if succeeded {
					want, sums = payment.RefundSucceeded, 60
				}
				for range 2 { // the same again changes nothing
					got, err := w.SettleRefund(acting(), ev)
					if err != nil || got.Status != want || got.ChannelRefundNo != "20260301" || !got.NextCheckAt.IsZero() {
						t.Fatalf("settled: %+v, %v", got, err)
					}
				}
				asked := w.banks["up"].count(channels.OpRefundQuery)
				w.pass(5 * time.Minute)
				got := w.get(p.ID)
				if got.ReservedMinor != sums || got.RefundedMinor != sums || got.Sequence != 2 || w.banks["up"].count(channels.OpRefundQuery) != asked {
					t.Errorf("after settling: %s, %d events, asked %d times more", w.picture(got), got.Sequence, w.banks["up"].count(channels.OpRefundQuery)-asked)
				}
				w.wantActs(r.ID, "refund.settle")
				ev.Succeeded, ev.ChannelRefundNo = !succeeded, ""
				_, err := w.SettleRefund(acting(), ev)
				if succeeded && codeOf(err) != payment.CodeStatusConflict {
					t.Errorf("a refund that succeeded was settled as failed: %v", err)
				}
				if !succeeded && err != nil {
					t.Errorf("a refund that was paid out after all: %v", err)
				}
				if got := w.refundsOf(p)[0]; got.Status != payment.RefundSucceeded {
					t.Errorf("it is %s", got.Status)
				}
			})
		})
	}
}

func TestOperator_EvidenceAgainstWhatIsCertainIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		r := w.mustRefund(p, "r-1", 60)
		for what, ev := range map[string]payment.RefundEvidence{
			"it succeeded":   {RefundID: r.ID, Evidence: "x", Actor: operator},
			"another number": {RefundID: r.ID, Succeeded: true, ChannelRefundNo: "other", Evidence: "x", Actor: operator},
			"before it was":  {RefundID: r.ID, Succeeded: true, At: w.clock.Now().Add(-time.Hour), Evidence: "x", Actor: operator},
		} {
			if _, err := w.SettleRefund(acting(), ev); codeOf(err) != payment.CodeStatusConflict {
				t.Errorf("%s: want %s, got %v", what, payment.CodeStatusConflict, err)
			}
		}
		for what, ev := range map[string]payment.RefundEvidence{
			"no evidence":   {RefundID: r.ID, Succeeded: true, Actor: operator},
			"nobody":        {RefundID: r.ID, Succeeded: true, Evidence: "x"},
			"in the future": {RefundID: r.ID, Succeeded: true, Evidence: "x", Actor: operator, At: w.clock.Now().Add(time.Hour)},
		} {
			if _, err := w.SettleRefund(acting(), ev); codeOf(err) != payment.CodeInvalidRequest {
				t.Errorf("%s: want %s, got %v", what, payment.CodeInvalidRequest, err)
			}
		}
		w.wantActs(r.ID)
		a := w.attempt(r.AttemptID)
		if _, err := w.SettleAttempt(acting(), payment.AttemptEvidence{AttemptID: a.ID, Evidence: "x", Actor: operator}); codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("a paid attempt was settled as unpaid: %v", err)
		}
	})
}

func TestOperator_ARefundPaidOutTwiceByEvidenceNeverBreaksTheSum(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		w.banks["ali"].goes(channels.OpRefund, declined)
		first := w.mustRefund(p, "r-1", 60)
		w.mustRefund(p, "r-2", 100)
		got, err := w.SettleRefund(acting(), payment.RefundEvidence{RefundID: first.ID, Succeeded: true, Evidence: "day file", Actor: operator})
		if codeOf(err) != payment.CodeStatusConflict || got.Status != payment.RefundFailed {
			t.Errorf("want it refused, got %v, %v", got, err)
		}
		if got := w.get(p.ID); got.ReservedMinor != 100 || got.RefundedMinor != 100 {
			t.Errorf("the books hold %s", w.picture(got))
		}
		w.wantActs(first.ID, "refund.settle")
	})
}

func TestOperator_SettlingAnAttemptFollowsTheRulesOfACallback(t *testing.T) {
	evidence := func(w *world, a *payment.Attempt, minor int64) payment.AttemptEvidence {
		return payment.AttemptEvidence{
			AttemptID: a.ID, Paid: true, ChannelTradeNo: "T" + a.ID, PaidAt: w.clock.Now(), Amount: amountOf(minor), Evidence: "bill, line 9", Actor: operator,
		}
	}
	t.Run("an unknown that was paid", func(t *testing.T) {
		eachStore(t, func(t *testing.T, w *world) {
			w.banks["up"].goes(channels.OpPay, hangBefore)
			p := w.create(order("o-1", "barcode", "unionpay", 100)).Payment
			a := w.attempt(p.CurrentAttemptID)
			w.clock.Advance(testConfig.CallTimeout + testConfig.CallMargin)
			for range 2 {
				if got, err := w.SettleAttempt(acting(), evidence(w, a, 100)); err != nil || !got.Counted {
					t.Fatalf("settle: %+v, %v", got, err)
				}
			}
			if got := w.wantStatus(p.ID, payment.Succeeded); got.Sequence != 1 || got.ChannelTradeNo != "T"+a.ID {
				t.Errorf("booked as %+v", got)
			}
			w.wantActs(a.ID, "payment.settle")
		})
	})
	t.Run("another amount", func(t *testing.T) {
		eachStore(t, func(t *testing.T, w *world) {
			p := w.create(order("o-1", "qr", "", 100)).Payment
			a := w.attempt(p.CurrentAttemptID)
			if _, err := w.SettleAttempt(acting(), evidence(w, a, 101)); codeOf(err) != payment.CodeStatusConflict {
				t.Errorf("want %s, got %v", payment.CodeStatusConflict, err)
			}
			w.wantStatus(p.ID, payment.Pending)
			if m, ok := w.store.(*memory); ok && m.differences["amount_mismatch/"+a.ID+"/"].Theirs.Minor() != 101 {
				t.Errorf("no amount_mismatch was recorded: %v", m.differences)
			}
			w.wantActs(a.ID, "payment.settle")
		})
	})
	t.Run("late money", func(t *testing.T) {
		eachStore(t, func(t *testing.T, w *world) {
			w.banks["ali"].goes(channels.OpPay, declined)
			p := w.create(order("o-1", "qr", "", 100)).Payment
			a := w.attempt(p.CurrentAttemptID)
			if _, err := w.SettleAttempt(acting(), evidence(w, a, 100)); err != nil {
				t.Fatal(err)
			}
			p = w.wantStatus(p.ID, payment.Failed)
			if rs := w.refundsOf(p); len(rs) != 1 || rs[0].Initiator != payment.ByGateway || p.ReservedMinor != 100 {
				t.Errorf("late money is not on its way back: %v", rs)
			}
		})
	})
}

func TestOperator_AnAttemptIsUnpaidOnlyWhenNothingCanCome(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.banks["up"].goes(channels.OpPay, hangBefore)
		p := w.create(order("o-1", "barcode", "unionpay", 100)).Payment
		a := w.attempt(p.CurrentAttemptID)
		ev := payment.AttemptEvidence{AttemptID: a.ID, Evidence: "not in the day's file", Actor: operator}
		w.clock.Advance(testConfig.CallTimeout + testConfig.CallMargin)
		if _, err := w.SettleAttempt(acting(), ev); codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("settled although the channel may still take it: %v", err)
		}
		w.clock.Advance(testConfig.BarcodeExpiry + time.Second)
		got, err := w.SettleAttempt(acting(), ev)
		if err != nil || got.Status != payment.AttemptClosed || got.LateUntil.IsZero() {
			t.Fatalf("settled early: %+v, %v", got, err)
		}
		w.wantStatus(p.ID, payment.Closed)
		if _, err := w.SettleAttempt(acting(), ev); codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("the watch was ended before its time: %v", err)
		}
		w.clock.Advance(testConfig.LateMargin + time.Minute)
		for range 2 {
			if got, err = w.SettleAttempt(acting(), ev); err != nil || !got.LateUntil.IsZero() || !got.NextCheckAt.IsZero() {
				t.Fatalf("the watch goes on: %+v, %v", got, err)
			}
		}
		if got := w.get(p.ID); !got.LateUntil.IsZero() || got.Sequence != 1 {
			t.Errorf("the payment is %s after %d events", w.picture(got), got.Sequence)
		}
		w.wantActs(a.ID, "payment.settle", "payment.settle")
	})
}

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

func TestOperator_ARefundThatIsBeingSentIsNotSettled(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		asked := 0
		w.banks["ali"].before = func(op channels.Operation, id string) {
			if op != channels.OpRefund {
				return
			}
			for _, succeeded := range []bool{false, true} {
				asked++
				_, err := w.SettleRefund(acting(), payment.RefundEvidence{RefundID: id, Succeeded: succeeded, Evidence: "x", Actor: operator})
				if codeOf(err) != payment.CodeStatusConflict {
					t.Errorf("a refund that is being sent was settled: %v", err)
				}
			}
		}
		if r := w.mustRefund(p, "r-1", 60); r.Status != payment.RefundSucceeded || asked != 2 {
			t.Errorf("the refund is %s, evidence was tried %d times", r.Status, asked)
		}
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
