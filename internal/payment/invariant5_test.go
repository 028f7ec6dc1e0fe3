package payment_test

import (
	"context"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

func (w *world) close(id string) (*payment.Payment, error) {
	r, err := w.Close(context.Background(), merchantID, id)
	return r.Payment, err
}

func TestInvariant_5_AnUnknownOrderThatIsClosedEarlyDoesNotWaitForItsLimit(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		for _, channel := range []string{"alipay", "wechatpay"} {
			b := w.banks[map[string]string{"alipay": "ali", "wechatpay": "wx"}[channel]]
			b.goes(channels.OpPay, hangBefore)
			p := w.create(order("o-"+channel, "qr", channel, 100)).Payment
			if p.Status != payment.Processing {
				t.Fatalf("%s: a lost call left it %s", channel, p.Status)
			}
			if _, err := w.close(p.ID); err != nil {
				t.Fatalf("%s: close: %v", channel, err)
			}
			w.pass(10 * time.Second)
			got := w.get(p.ID)
			if got.Action != nil {
				t.Errorf("%s: the code of an order that is to be closed was kept", channel)
			}
			if got.Status != payment.Closed || b.count(channels.OpPay) > 2 {
				t.Errorf("%s: want it closed after one repeat, got %s after %d calls", channel, got.Status, b.count(channels.OpPay))
			}
		}
	})
}

func (w *world) mustClose(id string) *payment.Payment {
	w.t.Helper()
	p, err := w.close(id)
	if err != nil {
		w.t.Fatalf("close: %v", err)
	}
	return p
}

func TestInvariant_5_ACloseIsConfirmedByTheChannelOrWatched(t *testing.T) {
	for _, c := range []struct {
		name, channel string
		scanned       bool
		confirmed     bool
	}{
		{"a scanned alipay order is confirmed", "alipay", true, true},
		{"an alipay code nobody scanned is watched", "alipay", false, false},
		{"a wechatpay order is confirmed", "wechatpay", false, true},
		{"a unionpay order has no close", "unionpay", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				r := w.create(order("o-1", "qr", c.channel, 100))
				a := r.Attempts[0]
				if c.scanned {
					w.bankOf(a).scan(a.ID)
				}
				p := w.mustClose(r.Payment.ID)
				if p.Status != payment.Closed || p.LateUntil.IsZero() != c.confirmed {
					t.Fatalf("want closed, confirmed %v, got %s", c.confirmed, w.picture(p))
				}
				if again := w.mustClose(p.ID); again.Status != payment.Closed {
					t.Errorf("the repeat shows %s", again.Status)
				}
				if got := w.bankOf(a).payerPays(a.ID); got == c.confirmed {
					t.Errorf("the channel takes money after it: %v", got)
				}
				w.wantNoWrongs()
			})
		})
	}
}

func TestInvariant_5_LateMoneyFollowsTheMerchantsPolicy(t *testing.T) {
	for _, policy := range []payment.LatePolicy{payment.LateRefund, payment.LateAccept} {
		for _, by := range []string{"callback", "query"} {
			t.Run(string(policy)+" by "+by, func(t *testing.T) {
				eachStore(t, func(t *testing.T, w *world) { lateMoney(t, w, policy, by) })
			})
		}
	}
}

func lateMoney(t *testing.T, w *world, policy payment.LatePolicy, by string) {
	w.merchant.LatePolicy = policy
	r := w.create(order("o-1", "qr", "alipay", 100))
	a := r.Attempts[0]
	w.mustClose(r.Payment.ID)
	w.bankOf(a).payerPays(a.ID)
	if by == "callback" {
		w.callback(a)
		w.callback(a)
	}
	w.pass(time.Minute)
	p := w.get(r.Payment.ID)
	rs := w.refundsOf(p)
	if policy == payment.LateAccept {
		w.wantStatus(p.ID, payment.Succeeded)
		if len(rs) != 0 || w.mustRefund(p, "r-1", 40).Status != payment.RefundSucceeded {
			t.Errorf("accepted money is not the merchant's: %+v", rs)
		}
		return
	}
	w.wantStatus(p.ID, payment.Closed)
	if len(rs) != 1 || rs[0].Status != payment.RefundSucceeded || rs[0].Initiator != payment.ByGateway || rs[0].Amount.Minor() != 100 {
		t.Fatalf("want the late money returned by the gateway, got %+v", rs)
	}
	if p.RefundedMinor != 100 || p.ReservedMinor != 100 || w.bankOf(a).order(a.ID).returned != 100 {
		t.Errorf("the books disagree: %s", w.picture(p))
	}
	if _, err := w.refund(p, "r-1", 1); codeOf(err) != payment.CodeStatusConflict {
		t.Errorf("want %s for a refund of returned money, got %v", payment.CodeStatusConflict, err)
	}
}

func TestInvariant_5_LateMoneyWhoseOwnRefundFailedCanBeRefundedByTheMerchant(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		r := w.create(order("o-1", "qr", "alipay", 100))
		a := r.Attempts[0]
		w.mustClose(r.Payment.ID)
		w.bankOf(a).payerPays(a.ID)
		w.bankOf(a).goes(channels.OpRefund, declined)
		w.callback(a)
		w.pass(10 * time.Second)
		p := w.wantStatus(r.Payment.ID, payment.Closed)
		if p.ReservedMinor != 0 {
			t.Errorf("a failed refund keeps its reservation: %s", w.picture(p))
		}
		if _, err := w.refund(p, "r-1", 101); codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("want %s, got %v", payment.CodeStatusConflict, err)
		}
		if got := w.mustRefund(p, "r-2", 100); got.Status != payment.RefundSucceeded {
			t.Errorf("want it refunded, got %s", got.Status)
		}
	})
}

func TestInvariant_5_TheWatchEndsWithAnAnswerAndNotWithTime(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		r := w.create(order("o-1", "qr", "alipay", 100))
		a := r.Attempts[0]
		p := w.mustClose(r.Payment.ID)
		b := w.bankOf(a)
		b.mu.Lock()
		b.faults = func(channels.Operation, string) fault { return hangBefore }
		b.mu.Unlock()
		w.clock.Advance(p.LateUntil.Sub(w.clock.Now()))
		for range 10 {
			w.clock.Advance(2 * time.Minute)
			w.work(w.Service)
		}
		if w.attempt(a.ID).NextCheckAt.IsZero() {
			t.Fatal("the watch ended though nobody answered")
		}
		b.goes("")
		w.clock.Advance(2 * time.Minute)
		w.work(w.Service)
		if got := w.attempt(a.ID); !got.NextCheckAt.IsZero() || got.Status != payment.AttemptClosed {
			t.Errorf("the watch goes on after its end: %s", w.picture(p))
		}
	})
}

func TestInvariant_5_AnOrderThatIsStillOpenIsWatchedBeyondItsTime(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		r := w.create(order("o-1", "qr", "unionpay", 100))
		a := r.Attempts[0]
		p := w.mustClose(r.Payment.ID)
		b := w.bankOf(a)
		// The channel does not keep the limit.
		b.mu.Lock()
		b.orders[a.ID].expires = w.clock.Now().Add(24 * time.Hour)
		b.mu.Unlock()
		w.clock.Advance(p.LateUntil.Add(time.Minute).Sub(w.clock.Now()))
		w.work(w.Service)
		if !b.payerPays(a.ID) {
			t.Fatal("the payer could not pay")
		}
		w.pass(5 * time.Minute)
		if rs := w.refundsOf(p); len(rs) != 1 || rs[0].Status != payment.RefundSucceeded {
			t.Errorf("money that came after the watch's time is lost: %+v", rs)
		}
	})
}

func TestInvariant_5_ExpiryClosesAtTheChannelFirst(t *testing.T) {
	for _, c := range []struct{ scene, channel string }{
		{"qr", "alipay"}, {"qr", "wechatpay"}, {"qr", "unionpay"}, {"web", "alipay"}, {"web", "unionpay"}, {"barcode", "alipay"}, {"barcode", "wechatpay"},
	} {
		t.Run(c.scene+" "+c.channel, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				for _, b := range w.banks {
					b.password = true
				}
				r := w.create(order("o-1", c.scene, c.channel, 100))
				if r.Payment.Status != payment.Pending {
					t.Fatalf("want pending, got %s", w.picture(r.Payment))
				}
				a := r.Attempts[0]
				b := w.bankOf(a)
				b.scan(a.ID)
				// The channel would let it live longer than we do.
				b.mu.Lock()
				if o := b.orders[a.ID]; o != nil {
					o.expires = o.expires.Add(time.Hour)
				}
				b.mu.Unlock()
				w.clock.Advance(r.Payment.ExpiresAt.Sub(w.clock.Now()))
				w.pass(10 * time.Second)
				p := w.wantStatus(r.Payment.ID, payment.Closed)
				if canPay := b.payerPays(a.ID); canPay && p.LateUntil.IsZero() {
					t.Error("an order that can be paid is not watched")
				}
				w.wantNoWrongs()
			})
		})
	}
}

func TestInvariant_5_AnUnknownOrderThatOnlyWaitsIsClosedWhereThereIsNoClose(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.banks["up"].goes(channels.OpPay, hangAfter)
		r := w.create(order("o-1", "qr", "unionpay", 100))
		b := w.bankOf(r.Attempts[0])
		b.mu.Lock()
		b.orders[r.Attempts[0].ID].expires = w.clock.Now().Add(24 * time.Hour)
		b.mu.Unlock()
		if p := w.mustClose(r.Payment.ID); p.Status != payment.Closed || p.LateUntil.IsZero() {
			t.Errorf("want closed and watched, got %s", w.picture(p))
		}
	})
}

func TestInvariant_5_ACloseDuringThePlacingIsDoneRightAfterIt(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["wx"]
		var during *payment.Payment
		b.after = func(op channels.Operation, id string) {
			if op == channels.OpPay {
				during = w.mustClose(w.attempt(id).PaymentID)
			}
		}
		r := w.create(order("o-1", "qr", "wechatpay", 100))
		if during.Status != payment.Processing {
			t.Errorf("the close did not wait for the order's owner: %s", during.Status)
		}
		w.work(w.Service)
		p := w.wantStatus(r.Payment.ID, payment.Closed)
		if !p.LateUntil.IsZero() {
			t.Error("the close is not confirmed")
		}
	})
}

func TestInvariant_5_NoFailoverOnceTheMerchantAskedToClose(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.banks["ali"].goes(channels.OpPay, refused)
		w.banks["ali"].before = func(op channels.Operation, id string) {
			if op == channels.OpPay {
				w.mustClose(w.attempt(id).PaymentID)
			}
		}
		r := w.create(order("o-1", "qr", "", 100))
		if r.Payment.Status != payment.Closed || len(r.Attempts) != 1 || w.banks["wx"].count(channels.OpPay) != 0 {
			t.Errorf("want it closed without another try, got %s", w.picture(r.Payment))
		}
	})
}

func TestInvariant_5_PaidWhileBeingClosedIsPaid(t *testing.T) {
	for _, channel := range []string{"alipay", "wechatpay"} {
		t.Run(channel, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				r := w.create(order("o-1", "qr", channel, 100))
				a := r.Attempts[0]
				b := w.bankOf(a)
				b.scan(a.ID)
				b.before = func(op channels.Operation, id string) {
					if op == channels.OpClose {
						b.payerPays(id)
					}
				}
				if _, err := w.close(r.Payment.ID); codeOf(err) != payment.CodeStatusConflict {
					t.Errorf("want %s, got %v", payment.CodeStatusConflict, err)
				}
				w.wantStatus(r.Payment.ID, payment.Succeeded)
			})
		})
	}
}

func TestInvariant_5_AReversalThatReturnsMoneyIsInTheBooks(t *testing.T) {
	for _, booked := range []string{"never", "before the reversal", "before the reversal, whose answer is lost"} {
		t.Run(booked, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				b := w.banks["ali"]
				b.password = true
				r := w.create(order("o-1", "barcode", "", 100))
				a := r.Attempts[0]
				b.before = func(op channels.Operation, id string) {
					if op != channels.OpReverse || !b.payerPays(id) {
						return
					}
					if booked != "never" {
						w.callback(a)
					}
				}
				if booked == "before the reversal, whose answer is lost" {
					b.goes(channels.OpReverse, hangAfter)
				}
				p, err := w.close(r.Payment.ID)
				if booked == "never" && (err != nil || p.Status != payment.Closed) {
					t.Fatalf("want closed, got %v, %v", p, err)
				}
				w.pass(2 * time.Minute)
				p = w.get(r.Payment.ID)
				rs := w.refundsOf(p)
				if len(rs) != 1 || rs[0].Status != payment.RefundSucceeded || rs[0].Reason != "reversal" || p.RefundedMinor != 100 || p.ReservedMinor != 100 {
					t.Fatalf("the returned money is not in the books: %s, refunds %+v", w.picture(p), rs)
				}
				if b.count(channels.OpRefund) != 0 {
					t.Error("what was returned is refunded once more")
				}
				if want := map[bool]payment.Status{true: payment.Closed, false: payment.Succeeded}[booked == "never"]; p.Status != want {
					t.Errorf("want %s, got %s", want, p.Status)
				}
				if got := w.attempt(a.ID); !got.NextCheckAt.IsZero() {
					t.Errorf("the attempt is not settled: %s", w.picture(p))
				}
			})
		})
	}
}

func TestInvariant_5_AReversalIsBookedThoughTheChannelsBooksLag(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		b.password, b.lag = true, true
		r := w.create(order("o-1", "barcode", "", 100))
		b.before = func(op channels.Operation, id string) {
			if op == channels.OpReverse {
				b.payerPays(id)
			}
		}
		w.mustClose(r.Payment.ID)
		w.wantStatus(r.Payment.ID, payment.Pending)
		w.pass(10 * time.Second)
		p := w.wantStatus(r.Payment.ID, payment.Closed)
		if p.RefundedMinor != 100 || w.attempt(r.Attempts[0].ID).Status != payment.AttemptReversed {
			t.Errorf("the reversal is not in the books: %s", w.picture(p))
		}
	})
}

func TestInvariant_10_DeathInAReversalLosesNoMoneyFromTheBooks(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		b.password = true
		r := w.create(order("o-1", "barcode", "", 100))
		a := r.Attempts[0]
		b.before = func(op channels.Operation, id string) {
			if op == channels.OpReverse && b.payerPays(id) {
				w.callback(a)
			}
		}
		b.after = func(op channels.Operation, _ string) {
			if op == channels.OpReverse {
				panic(crash{})
			}
		}
		func() {
			defer func() { _ = recover() }()
			w.mustClose(r.Payment.ID)
		}()
		b.before, b.after = nil, nil
		// The look that is due finds no answer at first.
		b.goes(channels.OpQuery, hangBefore, hangAfter)
		other := w.replica("b", 0)
		for range 40 {
			w.clock.Advance(5 * time.Second)
			w.work(other)
		}
		p := w.wantStatus(r.Payment.ID, payment.Succeeded)
		if p.RefundedMinor != 100 || !w.attempt(a.ID).NextCheckAt.IsZero() {
			t.Errorf("the channel returned %d, our books %s", b.order(a.ID).returned, w.picture(p))
		}
	})
}

func TestInvariant_5_APaidOrderIsNeverReversedOnAnOldAnswer(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		b.password = true
		r := w.create(order("o-1", "barcode", "", 100))
		a := r.Attempts[0]
		// Paid and booked right after the channel said "waiting".
		b.after = func(op channels.Operation, id string) {
			if op == channels.OpQuery {
				b.after = nil
				b.payerPays(id)
				w.callback(a)
			}
		}
		if _, err := w.close(r.Payment.ID); codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("want %s, got %v", payment.CodeStatusConflict, err)
		}
		w.pass(2 * time.Minute)
		w.wantStatus(r.Payment.ID, payment.Succeeded)
		if n := b.count(channels.OpReverse); n != 0 {
			t.Errorf("a paid order was reversed %d times", n)
		}
	})
}

func TestInvariant_5_AnAttemptThatIsNotTheLivingOneDoesNotMarkThePayment(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.down["wx"] = true
		w.banks["ali"].goes(channels.OpPay, refused)
		r := w.create(order("o-1", "qr", "", 100))
		first, second := r.Attempts[0], r.Attempts[1]
		// The account that proved to have done nothing took the money all the same.
		if _, err := w.notify(w.Service, first.AccountID, channels.Notification{
			Kind: channels.NotificationPayment, AttemptID: first.ID,
			Payment: channels.PaymentState{Status: channels.StatePaid, Paid: channels.Paid{Amount: amountOf(100)}},
		}); err != nil {
			t.Fatal(err)
		}
		b := w.bankOf(second)
		b.mu.Lock()
		b.orders[second.ID].status = "failed"
		b.mu.Unlock()
		w.pass(time.Minute)
		p := w.wantStatus(r.Payment.ID, payment.Succeeded)
		if p.Failure != nil || w.attempt(second.ID).Status != payment.AttemptDeclined {
			t.Errorf("a paid payment shows the failure %+v", p.Failure)
		}
	})
}

func TestRenewalGivesANewCodeUnderTheSameAttempt(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		r := w.create(order("o-1", "qr", "alipay", 100))
		first := *r.Payment.Action
		w.clock.Advance(4 * time.Minute)
		if again := w.create(order("o-1", "qr", "alipay", 100)); again.Payment.Action.CodeURL != first.CodeURL {
			t.Error("a code that lives was renewed")
		}
		w.clock.Advance(time.Minute)
		w.bankOf(r.Attempts[0]).goes(channels.OpPay, refused)
		w.create(order("o-1", "qr", "alipay", 100))
		again := w.create(order("o-1", "qr", "alipay", 100))
		if !again.Replayed || len(again.Attempts) != 1 || again.Payment.Action.CodeURL == first.CodeURL {
			t.Errorf("want a new code under the same attempt, got %+v", again.Payment.Action)
		}
		if a := w.attempt(r.Attempts[0].ID); a.NextCheckAt.IsZero() || a.Status != payment.AttemptPending {
			t.Errorf("the renewed attempt is not looked after: %s", w.picture(again.Payment))
		}
		w.clock.Advance(5 * time.Minute)
		calls := w.bankOf(r.Attempts[0]).count(channels.OpPay)
		together(16, func(int) { w.create(order("o-1", "qr", "alipay", 100)) })
		if n := w.bankOf(r.Attempts[0]).count(channels.OpPay) - calls; n < 1 || n > 16 {
			t.Errorf("%d calls for one renewal", n)
		}
	})
}
