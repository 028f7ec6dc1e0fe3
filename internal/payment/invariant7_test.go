package payment_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

func TestInvariant_7_ConcurrentRefundsNeverPassWhatWasPaid(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		a := w.attempt(p.CountedAttemptID)
		var done, refusedOnes atomic.Int64
		together(64, func(i int) {
			_, err := w.refund(p, fmt.Sprintf("r-%d", i), 7)
			switch {
			case err == nil:
				done.Add(1)
			case codeOf(err) == payment.CodeAmountExceeds:
				refusedOnes.Add(1)
			default:
				t.Errorf("refund %d: %v", i, err)
			}
		})
		w.pass(time.Minute)
		p = w.get(p.ID)
		if done.Load() != 14 || refusedOnes.Load() != 50 || p.ReservedMinor != 98 || p.RefundedMinor != 98 {
			t.Errorf("%d refunds made, %d refused, %s", done.Load(), refusedOnes.Load(), w.picture(p))
		}
		if got := w.bankOf(a).order(a.ID).returned; got != 98 {
			t.Errorf("the channel returned %d", got)
		}
		w.wantNoWrongs()
	})
}

func TestInvariant_7_ConcurrentCopiesOfARefundAreOne(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		together(32, func(i int) {
			if _, err := w.refund(p, "r-1", 30); err != nil {
				t.Errorf("refund %d: %v", i, err)
			}
		})
		if rs := w.refundsOf(p); len(rs) != 1 || w.get(p.ID).ReservedMinor != 30 || w.banks["ali"].count(channels.OpRefund) != 1 {
			t.Errorf("one refund became %d", len(rs))
		}
		if _, err := w.refund(p, "r-1", 31); codeOf(err) != payment.CodeRefundConflict {
			t.Errorf("want %s for other parameters, got %v", payment.CodeRefundConflict, err)
		}
	})
}

func TestInvariant_7_AnUnknownRefundKeepsItsReservation(t *testing.T) {
	for _, f := range []fault{hangBefore, hangAfter, badSignature, wrongAmount, wrongID} {
		for account, channel := range map[string]string{"ali": "alipay", "wx": "wechatpay", "up": "unionpay"} {
			t.Run(f.String()+" "+channel, func(t *testing.T) {
				w, _ := inMemory(t)
				b := w.banks[account]
				p := w.create(order("o-1", "barcode", channel, 100)).Payment
				b.goes(channels.OpRefund, f)
				r := w.mustRefund(p, "r-1", 60)
				if r.Status != payment.RefundProcessing {
					t.Fatalf("want processing, got %s", r.Status)
				}
				if _, err := w.refund(p, "r-2", 41); codeOf(err) != payment.CodeAmountExceeds {
					t.Errorf("want %s, got %v", payment.CodeAmountExceeds, err)
				}
				w.pass(3 * time.Minute)
				got := w.refundsOf(p)[0]
				want := payment.RefundSucceeded
				if f == hangBefore && !b.caps.RefundRepeatable {
					want = payment.RefundProcessing
				}
				if got.Status != want || w.get(p.ID).ReservedMinor != 60 {
					t.Errorf("want %s, got %s; %s", want, got.Status, w.picture(w.get(p.ID)))
				}
				w.wantNoWrongs()
			})
		}
	}
}

func TestInvariant_7_ALostRefundIsSentAgainAsSoonAsItMayBe(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		b.goes(channels.OpRefund, hangBefore)
		w.mustRefund(p, "r-1", 60)
		w.pass(testConfig.CallTimeout + testConfig.CallMargin)
		if n := b.count(channels.OpRefund); n != 1 {
			t.Fatalf("it was sent again while the first call could be under way")
		}
		w.pass(time.Second)
		if got := w.refundsOf(p)[0]; got.Status != payment.RefundSucceeded {
			t.Errorf("want it sent again at once, got %s, next look at %v", got.Status, got.NextCheckAt)
		}
	})
}

func TestInvariant_7_ARefusedRepeatIsSettledByTheNextQuery(t *testing.T) {
	for _, arrived := range []bool{false, true} {
		t.Run(fmt.Sprintf("the first call arrived %v", arrived), func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				b := w.banks["ali"]
				p := w.create(order("o-1", "barcode", "", 100)).Payment
				b.goes(channels.OpRefund, hangBefore, declined)
				r := w.mustRefund(p, "r-1", 60)
				for b.count(channels.OpRefund) < 2 {
					w.pass(time.Second)
				}
				got := w.refundsOf(p)[0]
				if got.Status != payment.RefundProcessing || w.get(p.ID).ReservedMinor != 60 {
					t.Fatalf("a refused repeat settled the refund: %s", got.Status)
				}
				want, reserved := payment.RefundFailed, int64(0)
				if arrived {
					b.mu.Lock()
					o := b.orders[r.AttemptID]
					o.refunds[r.ID] = &bankRefund{id: r.ID, amount: 60, status: "succeeded"}
					o.returned = 60
					b.mu.Unlock()
					want, reserved = payment.RefundSucceeded, 60
				}
				w.pass(2 * time.Minute)
				got = w.refundsOf(p)[0]
				if got.Status != want || w.get(p.ID).ReservedMinor != reserved || b.count(channels.OpRefund) != 2 {
					t.Errorf("want %s, got %s after %d calls", want, got.Status, b.count(channels.OpRefund))
				}
			})
		})
	}
}

func TestInvariant_7_ARepeatThatWasNotProcessedProvesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		b.goes(channels.OpRefund, hangBefore, refused, misconfigured)
		w.mustRefund(p, "r-1", 60)
		for b.count(channels.OpRefund) < 4 {
			w.pass(time.Second)
			if got := w.refundsOf(p)[0]; b.count(channels.OpRefund) < 4 && got.Status != payment.RefundProcessing {
				t.Fatalf("a repeat without effect made it %s", got.Status)
			}
		}
		if got := w.refundsOf(p)[0]; got.Status != payment.RefundSucceeded {
			t.Errorf("want it succeeded, got %s", got.Status)
		}
	})
}

func TestInvariant_7_ARefundIsSentWhenItsChannelAnswersAgain(t *testing.T) {
	for _, f := range []fault{refused, misconfigured} {
		t.Run(f.String(), func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				b := w.banks["up"]
				p := w.create(order("o-1", "barcode", "unionpay", 100)).Payment
				b.goes(channels.OpRefund, f, f)
				r := w.mustRefund(p, "r-1", 60)
				if r.Status != payment.RefundPending || w.get(p.ID).ReservedMinor != 60 {
					t.Fatalf("want pending with its reservation, got %s", r.Status)
				}
				w.pass(time.Minute)
				if got := w.refundsOf(p)[0]; got.Status != payment.RefundSucceeded || got.Failure != nil {
					t.Errorf("want it sent, got %s", got.Status)
				}
				w.wantNoWrongs()
			})
		})
	}
}

func TestInvariant_7_ARefundThatCouldNotBeSentStaysPending(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["up"]
		p := w.create(order("o-1", "barcode", "unionpay", 100)).Payment
		b.goes(channels.OpRefund, refused)
		w.mustRefund(p, "r-1", 60)
		// Its account opens for the look and fails for the call.
		w.failOpen = map[string][]bool{"up": {false, true}}
		w.pass(2 * time.Second)
		if got := w.refundsOf(p)[0]; got.Status != payment.RefundPending {
			t.Errorf("a refund that was not sent is %s", got.Status)
		}
		w.pass(30 * time.Second)
		if got := w.refundsOf(p)[0]; got.Status != payment.RefundSucceeded || b.count(channels.OpRefund) != 2 {
			t.Errorf("want it sent, got %s", got.Status)
		}
	})
}

func TestInvariant_7_ARefundThatWaitedIsSubmittedWhenItIsSent(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["up"]
		p := w.create(order("o-1", "barcode", "unionpay", 100)).Payment
		b.goes(channels.OpRefund, refused)
		first := w.mustRefund(p, "r-1", 60)
		if !first.SubmittedAt.IsZero() {
			t.Errorf("a refund that was not sent is submitted at %s", first.SubmittedAt)
		}
		w.pass(30 * time.Second)
		got := w.refundsOf(p)[0]
		if got.Status != payment.RefundSucceeded || !got.SubmittedAt.After(first.CreatedAt) {
			t.Errorf("want it sent later than it was asked for (%s), got %s submitted at %s", first.CreatedAt, got.Status, got.SubmittedAt)
		}
	})
}

func TestInvariant_7_ARefundIsToldWhereItsPaymentWas(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		req := order("o-1", "barcode", "", 100)
		req.NotifyURL = "https://shop.example/own"
		p := w.create(req).Payment
		if r := w.mustRefund(p, "r-1", 60); r.NotifyURL != req.NotifyURL {
			t.Errorf("the refund is told at %q, its payment at %q", r.NotifyURL, req.NotifyURL)
		}
	})
}

func TestInvariant_7_ADeclinedRefundReleasesItsReservation(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		w.banks["ali"].goes(channels.OpRefund, declined)
		r := w.mustRefund(p, "r-1", 60)
		if r.Status != payment.RefundFailed || r.Failure == nil || w.get(p.ID).ReservedMinor != 0 {
			t.Fatalf("want it failed and released, got %s; %s", r.Status, w.picture(w.get(p.ID)))
		}
		if got := w.mustRefund(p, "r-2", 100); got.Status != payment.RefundSucceeded {
			t.Errorf("want the whole refunded, got %s", got.Status)
		}
	})
}

func TestInvariant_7_RefundsOfOneOrderKeepTheChannelsSpacing(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		const spacing = time.Minute
		for i := range w.accounts {
			w.accounts[i].Capabilities.RefundSpacing = spacing
		}
		b := w.banks["ali"]
		var sent []time.Time
		b.before = func(op channels.Operation, _ string) {
			if op == channels.OpRefund {
				b.mu.Lock()
				defer b.mu.Unlock()
				sent = append(sent, w.clock.Now())
			}
		}
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		if r := w.mustRefund(p, "r-1", 10); r.Status != payment.RefundSucceeded {
			t.Errorf("the first refund is %s", r.Status)
		}
		for i := range 4 {
			if r := w.mustRefund(p, fmt.Sprintf("w-%d", i), 10); r.Status != payment.RefundPending {
				t.Errorf("a refund that must wait is %s", r.Status)
			}
		}
		// No worker for a while: all of them are due together.
		w.clock.Advance(10 * time.Minute)
		w.pass(6 * time.Minute)
		if len(sent) != 5 {
			t.Fatalf("want five sent, got %v", sent)
		}
		for i := 1; i < len(sent); i++ {
			if gap := sent[i].Sub(sent[i-1]); gap < spacing {
				t.Errorf("%v between two refunds of one order", gap)
			}
		}
		if got := w.get(p.ID).RefundedMinor; got != 50 {
			t.Errorf("want 50 refunded, got %d", got)
		}
	})
}

func TestInvariant_7_ACallbackAboutARefundThoughtUnsentIsBooked(t *testing.T) {
	for status, want := range map[string]payment.RefundStatus{
		"succeeded": payment.RefundSucceeded, "failed": payment.RefundFailed, "processing": payment.RefundProcessing,
	} {
		t.Run(status, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				b := w.banks["ali"]
				p := w.create(order("o-1", "barcode", "", 100)).Payment
				b.goes(channels.OpRefund, refused)
				r := w.mustRefund(p, "r-1", 60)
				b.mu.Lock()
				b.orders[r.AttemptID].refunds[r.ID] = &bankRefund{id: r.ID, amount: 60, status: status}
				b.mu.Unlock()
				if v, err := w.notify(w.Service, "ali", b.saysRefund(r.AttemptID, r.ID)); err != nil || v != payment.VerdictApplied {
					t.Fatalf("callback: %s, %v", v, err)
				}
				if got := w.refundsOf(p)[0]; got.Status != want {
					t.Errorf("want %s, got %s", want, got.Status)
				}
			})
		})
	}
}

func TestInvariant_7_ARefundPaidOutAfterItWasRefusedNeverBreaksTheSum(t *testing.T) {
	for _, again := range []int64{40, 100} {
		t.Run(fmt.Sprint(again), func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				b := w.banks["ali"]
				p := w.create(order("o-1", "barcode", "", 100)).Payment
				b.goes(channels.OpRefund, declined)
				first := w.mustRefund(p, "r-1", 60)
				w.mustRefund(p, "r-2", again)
				b.mu.Lock()
				b.orders[first.AttemptID].refunds[first.ID] = &bankRefund{id: first.ID, amount: 60, status: "succeeded"}
				b.mu.Unlock()
				// It must be kept and acknowledged, whatever the books can hold.
				if v, err := w.notify(w.Service, "ali", b.saysRefund(first.AttemptID, first.ID)); err != nil || v != payment.VerdictApplied {
					t.Fatalf("callback: %s, %v", v, err)
				}
				if got := w.get(p.ID); got.ReservedMinor != 100 || got.RefundedMinor != 100 {
					t.Errorf("the books hold %s", w.picture(got))
				}
			})
		})
	}
}

func TestInvariant_7_NothingIsRefundedThatWasNotPaid(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		r := w.create(order("o-1", "qr", "", 100))
		if _, err := w.refund(r.Payment, "r-1", 1); codeOf(err) != payment.CodeStatusConflict {
			t.Errorf("want %s, got %v", payment.CodeStatusConflict, err)
		}
		if _, err := w.CreateRefund(context.Background(), w.merchant, payment.RefundRequest{
			MerchantRefundNo: "r-1", PaymentID: "pay_nobody", Amount: 1,
		}); codeOf(err) != payment.CodeNotFound {
			t.Errorf("want %s, got %v", payment.CodeNotFound, err)
		}
		other := w.merchant
		other.ID = "mer_2"
		if _, err := w.CreateRefund(context.Background(), other, payment.RefundRequest{
			MerchantRefundNo: "r-1", PaymentID: r.Payment.ID, Amount: 1,
		}); codeOf(err) != payment.CodeNotFound {
			t.Errorf("another merchant's payment: want %s, got %v", payment.CodeNotFound, err)
		}
	})
}

func TestInvariant_7_AnAbnormalRefundIsProcessingWithSomethingToActOn(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["wx"]
		b.slowRefunds = true
		p := w.create(order("o-1", "barcode", "wechatpay", 100)).Payment
		r := w.mustRefund(p, "r-1", 60)
		if _, err := w.notify(w.Service, "wx", channels.Notification{
			Kind: channels.NotificationRefund, AttemptID: r.AttemptID,
			Refund: channels.RefundState{Status: channels.RefundAbnormal, RefundID: r.ID, Amount: amountOf(60), Code: "ABNORMAL"},
		}); err != nil {
			t.Fatal(err)
		}
		got := w.refundsOf(p)[0]
		if got.Status != payment.RefundProcessing || got.Failure == nil || got.Failure.Code != "refund_abnormal" || w.get(p.ID).ReservedMinor != 60 {
			t.Fatalf("got %s, %+v", got.Status, got.Failure)
		}
		b.settle("succeeded")
		w.pass(time.Minute)
		if got := w.refundsOf(p)[0]; got.Status != payment.RefundSucceeded || got.Failure != nil {
			t.Errorf("it was delivered after all, yet is %s with %+v", got.Status, got.Failure)
		}
	})
}
