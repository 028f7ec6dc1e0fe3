package payment_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

func TestInvariant_2_TheAttemptIsCommittedBeforeAByteLeaves(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		seen := 0
		for _, b := range w.banks {
			b.before = func(op channels.Operation, id string) {
				if op != channels.OpPay {
					return
				}
				seen++
				a, err := w.store.AttemptByID(context.Background(), id)
				if err != nil || a.Status != payment.AttemptDispatched || a.Owner != "a" || !a.Deadline.After(w.clock.Now()) {
					t.Errorf("the channel is called while the books show %+v, %v", a, err)
				}
			}
			b.goes(channels.OpPay, refused)
		}
		if _, err := w.Create(context.Background(), w.merchant, order("o-1", "qr", "", 100)); codeOf(err) != payment.CodeNoChannel {
			t.Fatalf("want %s, got %v", payment.CodeNoChannel, err)
		}
		if seen != 3 {
			t.Errorf("want three accounts tried, got %d", seen)
		}
	})
}

func TestInvariant_2_ARefundIsCommittedBeforeAByteLeaves(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		p := w.create(order("o-1", "barcode", "", 100)).Payment
		w.banks["ali"].before = func(op channels.Operation, id string) {
			r, err := w.store.RefundByID(context.Background(), merchantID, id)
			if op == channels.OpRefund && (err != nil || r.Status != payment.RefundProcessing || w.get(p.ID).ReservedMinor != 60) {
				t.Errorf("the channel is called while the books show %+v, %v", r, err)
			}
		}
		if r := w.mustRefund(p, "r-1", 60); r.Status != payment.RefundSucceeded {
			t.Errorf("want it succeeded, got %s", r.Status)
		}
	})
}

func TestInvariant_2_NothingIsAnsweredThatIsNotCommitted(t *testing.T) {
	for _, lost := range []string{"before commit", "after commit"} {
		t.Run(lost, func(t *testing.T) {
			w, m := inMemory(t)
			commits := 0
			m.trouble = func(phase string) error {
				if phase == lost {
					commits++
				}
				if phase == lost && commits == 2 {
					return payment.ErrUnavailable
				}
				return nil
			}
			_, err := w.Create(context.Background(), w.merchant, order("o-1", "barcode", "", 100))
			if codeOf(err) != payment.CodeTemporarilyUnable {
				t.Fatalf("want %s, got %v", payment.CodeTemporarilyUnable, err)
			}
			m.trouble = nil
			r := w.create(order("o-1", "barcode", "", 100))
			if !r.Replayed {
				t.Error("the same order sent again is not taken for a repeat")
			}
			w.pass(2 * time.Minute)
			w.wantStatus(r.Payment.ID, payment.Succeeded)
			if n := w.banks["ali"].count(channels.OpPay); n != 1 {
				t.Errorf("the order was sent %d times", n)
			}
		})
	}
}

func TestInvariant_2_ACallEndsByItsDeadlineThoughTheCommitBeforeItWasSlow(t *testing.T) {
	w, m := inMemory(t)
	m.trouble = func(phase string) error {
		if phase == "after commit" && w.banks["ali"].count(channels.OpPay) == 0 {
			w.clock.Advance(9 * time.Second)
		}
		return nil
	}
	var left time.Duration
	w.banks["ali"].watch = func(ctx context.Context) {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
	}
	w.create(order("o-1", "barcode", "", 100))
	if left > time.Second {
		t.Errorf("one second before others may act, the call may take %v", left)
	}
}

func TestInvariant_2_APausedProcessSendsNothingAfterItsDeadline(t *testing.T) {
	for _, paused := range []struct {
		name string
		by   time.Duration
		want payment.Status
	}{
		{"goes on at another account", 11 * time.Second, payment.Succeeded},
		{"ends an order whose limit passed", 2 * time.Minute, payment.Closed},
	} {
		t.Run(paused.name, func(t *testing.T) {
			w, m := inMemory(t)
			w.open("ali2", "alipay", alipayCaps())
			once := false
			m.trouble = func(phase string) error {
				if phase == "after commit" && !once {
					once = true
					w.clock.Advance(paused.by)
				}
				return nil
			}
			r := w.create(order("o-1", "barcode", "", 100))
			if r.Payment.Status != paused.want {
				t.Errorf("want %s, got %s", paused.want, w.picture(r.Payment))
			}
			if n := w.banks["ali"].count(channels.OpPay); n != 0 {
				t.Error("a byte left after the deadline")
			}
		})
	}
}

func TestInvariant_3_AnUnknownOutcomeIsNeverGuessed(t *testing.T) {
	for _, f := range []fault{hangBefore, hangAfter, badSignature, wrongAmount, wrongID} {
		for _, scene := range []string{"barcode", "qr"} {
			for _, channel := range []string{"alipay", "wechatpay", "unionpay"} {
				t.Run(f.String()+" "+scene+" "+channel, func(t *testing.T) {
					w, _ := inMemory(t)
					neverGuess(t, w, f, scene, channel)
				})
			}
		}
	}
}

// neverGuess follows an order whose placing went wrong to its end.
func neverGuess(t *testing.T, w *world, f fault, scene, channel string) {
	account := map[string]string{"alipay": "ali", "wechatpay": "wx", "unionpay": "up"}[channel]
	b := w.banks[account]
	b.goes(channels.OpPay, f)
	r := w.create(order("o-1", scene, channel, 100))
	if r.Payment.Status != payment.Processing || len(r.Attempts) != 1 {
		t.Fatalf("want processing at one account, got %s", w.picture(r.Payment))
	}
	id := r.Attempts[0].ID
	w.pass(80 * time.Second)
	o, p := b.order(id), w.get(r.Payment.ID)
	switch {
	case o.paid == 1:
		w.wantStatus(p.ID, payment.Succeeded)
	case scene == "qr" && (o.status != "" || b.caps.Scenes[channels.SceneQR].PayRepeatable):
		w.wantStatus(p.ID, payment.Pending)
		if p.Action == nil && b.caps.Scenes[channels.SceneQR].PayRepeatable {
			t.Error("the order waits for a payer who was given nothing")
		}
	default:
		w.wantStatus(p.ID, payment.Processing)
	}
	if p.Status != payment.Succeeded {
		// It never arrives, or nobody pays: the limit decides.
		w.clock.Advance(p.ExpiresAt.Sub(w.clock.Now()))
		w.pass(2 * time.Minute)
		w.wantStatus(p.ID, payment.Closed)
	}
	w.wantNoWrongs()
}

func TestInvariant_3_NoSuchOrderSettlesNothingBeforeItsLimit(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		b.goes(channels.OpPay, hangBefore)
		r := w.create(order("o-1", "barcode", "", 100))
		limit := r.Payment.ExpiresAt
		w.pass(limit.Sub(w.clock.Now()) + testConfig.CallMargin)
		w.wantStatus(r.Payment.ID, payment.Processing)
		w.pass(2 * time.Second)
		p := w.wantStatus(r.Payment.ID, payment.Closed)
		if !p.LateUntil.After(limit) {
			t.Error("an order that never arrived is not watched for late money")
		}
		// It arrives all the same, and was paid: late money.
		b.mu.Lock()
		b.orders[r.Attempts[0].ID] = &bankOrder{
			id: r.Attempts[0].ID, scene: channels.SceneBarcode, amount: 100, status: "paid", paid: 1,
			tradeNo: "T1", paidAt: w.clock.Now(), refunds: map[string]*bankRefund{},
		}
		b.mu.Unlock()
		w.pass(5 * time.Minute)
		rs := w.refundsOf(p)
		if len(rs) != 1 || rs[0].Status != payment.RefundSucceeded {
			t.Errorf("the late money is not refunded: %+v", rs)
		}
	})
}

func TestInvariant_3_AnAnswerThatIsOlderThanTheLimitProvesNothingAfterIt(t *testing.T) {
	w, _ := inMemory(t)
	b := w.banks["ali"]
	b.goes(channels.OpPay, hangBefore)
	r := w.create(order("o-1", "barcode", "", 100))
	w.clock.Advance(r.Payment.ExpiresAt.Add(testConfig.CallMargin).Sub(w.clock.Now()))
	// The answer to the last query takes a second, in which the limit passes.
	b.after = func(op channels.Operation, _ string) {
		if op == channels.OpQuery {
			b.after = nil
			w.clock.Advance(time.Second)
		}
	}
	b.before = func(op channels.Operation, _ string) {
		if op == channels.OpReverse {
			t.Log("reversed")
		}
	}
	w.banks["ali"].faults = func(op channels.Operation, _ string) fault {
		if op == channels.OpReverse {
			return hangBefore
		}
		return noFault
	}
	w.work(w.Service)
	w.wantStatus(r.Payment.ID, payment.Processing)
}

func TestInvariant_3_AnUnknownOrderIsNeverSentToAnotherChannel(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.banks["ali"].goes(channels.OpPay, hangBefore, refused, refused, refused, refused)
		r := w.create(order("o-1", "qr", "", 100))
		w.pass(2 * time.Minute)
		as, err := w.store.AttemptsOf(context.Background(), r.Payment.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(as[r.Payment.ID]) != 1 || w.banks["wx"].count(channels.OpPay) != 0 {
			t.Errorf("an order in doubt went on: %s", w.picture(r.Payment))
		}
		w.wantStatus(r.Payment.ID, payment.Pending)
	})
}

func TestInvariant_3_ARefusalOfARepeatSettlesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["wx"]
		b.goes(channels.OpPay, hangAfter, declined)
		r := w.create(order("o-1", "qr", "wechatpay", 100))
		w.pass(2 * time.Second)
		w.wantStatus(r.Payment.ID, payment.Processing)
		w.pass(30 * time.Second)
		p := w.wantStatus(r.Payment.ID, payment.Pending)
		if p.Action == nil {
			t.Error("the repeat that was accepted brought no code")
		}
	})
}

func TestInvariant_3_OthersStayAwayUntilTheDeadlineThoughTheirClockIsAhead(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		ahead := w.replica("ahead", 60*time.Second)
		b := w.banks["wx"]
		b.before = func(op channels.Operation, _ string) {
			if op != channels.OpPay {
				t.Errorf("%s while the owner's call is under way", op)
				return
			}
			for range 9 {
				w.clock.Advance(time.Second)
				if n := w.work(ahead); n != 0 {
					t.Errorf("a replica whose clock is ahead took %d looks", n)
				}
			}
		}
		r := w.create(order("o-1", "qr", "wechatpay", 100))
		if r.Payment.Status != payment.Pending {
			t.Errorf("want pending, got %s", r.Payment.Status)
		}
	})
}

func TestInvariant_3_AStampedRepeatIsRefusedOnceTheOrderMovedOn(t *testing.T) {
	for _, moved := range []string{"paid", "closed", "a close was asked for"} {
		t.Run(moved, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				b := w.banks["wx"]
				b.goes(channels.OpPay, hangAfter)
				r := w.create(order("o-1", "qr", "wechatpay", 100))
				a := r.Attempts[0]
				before := b.count(channels.OpPay)
				// Between the worker's query and its repeat the order moves on.
				b.after = func(op channels.Operation, id string) {
					if op != channels.OpQuery {
						return
					}
					b.after = nil
					if moved == "paid" {
						b.payerPays(id)
						w.callback(a)
						return
					}
					if moved == "a close was asked for" {
						b.goes(channels.OpClose, hangBefore)
					}
					if _, err := w.Close(context.Background(), merchantID, r.Payment.ID); err != nil {
						t.Errorf("close: %v", err)
					}
				}
				w.pass(3 * time.Second)
				if n := b.count(channels.OpPay) - before; n != 0 {
					t.Errorf("the order was sent again after it was %s", moved)
				}
				if got := w.attempt(a.ID); moved != "a close was asked for" && !got.NextCheckAt.IsZero() {
					t.Errorf("a settled attempt is to be looked at: %s", w.picture(r.Payment))
				}
			})
		})
	}
}

func TestInvariant_3_TwoWorkersRepeatAnOrderOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["wx"]
		b.goes(channels.OpPay, hangAfter)
		r := w.create(order("o-1", "qr", "wechatpay", 100))
		other := w.replica("b", 0)
		// The second worker's whole look falls between the first one's query and
		// its repeat; its own repeat is lost, so that the order stays in doubt.
		b.after = func(op channels.Operation, id string) {
			if op == channels.OpQuery {
				b.after = nil
				b.goes(channels.OpPay, hangAfter)
				if err := other.ResolveAttempt(context.Background(), payment.Claim{ID: id, PaymentID: r.Payment.ID}); err != nil {
					t.Errorf("resolve: %v", err)
				}
			}
		}
		w.pass(2 * time.Second)
		if n := b.count(channels.OpPay); n != 2 {
			t.Errorf("want one repeat, got %d", n-1)
		}
	})
}

func TestInvariant_3_AnAnswerAfterOthersActedConcludesNothing(t *testing.T) {
	for _, f := range []fault{refused, declined, hangAfter} {
		t.Run(f.String(), func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) {
				b := w.banks["ali"]
				b.goes(channels.OpPay, f)
				b.before = func(op channels.Operation, _ string) {
					if op == channels.OpPay {
						w.clock.Advance(testConfig.CallTimeout + testConfig.CallMargin)
						w.work(w.replica("b", 0))
					}
				}
				r := w.create(order("o-1", "barcode", "alipay", 100))
				if a := w.attempt(r.Attempts[0].ID); a.Status != payment.AttemptUnknown || r.Payment.Status != payment.Processing {
					t.Errorf("want it in doubt, got %s", w.picture(r.Payment))
				}
			})
		})
	}
}

func TestInvariant_3_ASettledAttemptIsLeftAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		b := w.banks["ali"]
		// The callback comes before the create's own answer, which says nothing.
		b.after = func(op channels.Operation, id string) {
			if op == channels.OpPay {
				b.after = nil
				w.callback(w.attempt(id))
			}
		}
		b.goes(channels.OpPay, wrongAmount)
		r := w.create(order("o-1", "barcode", "", 100))
		w.wantStatus(r.Payment.ID, payment.Succeeded)
		if a := w.attempt(r.Attempts[0].ID); !a.NextCheckAt.IsZero() {
			t.Errorf("a settled attempt is to be looked at: %s", w.picture(r.Payment))
		}
		queries := b.count(channels.OpQuery)
		w.pass(5 * time.Minute)
		if n := b.count(channels.OpQuery); n != queries {
			t.Errorf("a settled order was asked about %d times", n-queries)
		}
	})
}

func TestInvariant_3_AFailedStoreKeepsTheAttemptForAWorker(t *testing.T) {
	w, m := inMemory(t)
	m.trouble = func(string) error {
		if w.banks["ali"].count(channels.OpPay) > 0 {
			return errors.Join(payment.ErrUnavailable, errScripted)
		}
		return nil
	}
	if _, err := w.Create(context.Background(), w.merchant, order("o-1", "barcode", "", 100)); codeOf(err) != payment.CodeTemporarilyUnable {
		t.Fatalf("want %s, got %v", payment.CodeTemporarilyUnable, err)
	}
	m.trouble = nil
	w.pass(testConfig.CallTimeout + testConfig.CallMargin)
	p, err := w.store.PaymentByOrderNo(context.Background(), merchantID, "o-1")
	if err != nil || p.Status != payment.Succeeded {
		t.Errorf("want it succeeded by a query, got %v, %v", p, err)
	}
}
