package payment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

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
