package payment_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// together runs fn n times at once.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	wg.Wait()
}

func TestInvariant_1_ConcurrentCreatesOfOneOrderMakeOneOrder(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		replicas := []*payment.Service{w.Service, w.replica("b", 25*time.Second), w.replica("c", -25*time.Second)}
		const n = 64
		results, errs := make([]payment.Result, n), make([]error, n)
		together(n, func(i int) {
			results[i], errs[i] = replicas[i%len(replicas)].Create(context.Background(), w.merchant, order("o-1", "barcode", "", 100))
		})
		fresh := 0
		for i := range n {
			if errs[i] != nil {
				t.Fatalf("create %d: %v", i, errs[i])
			}
			if !results[i].Replayed {
				fresh++
			}
			if results[i].Payment.ID != results[0].Payment.ID {
				t.Fatalf("answers name the payments %s and %s", results[i].Payment.ID, results[0].Payment.ID)
			}
		}
		if fresh != 1 {
			t.Errorf("want one answer that is no repeat, got %d", fresh)
		}
		if orders, paid := len(w.banks["ali"].orders), w.banks["ali"].order(results[0].Attempts[0].ID).paid; orders != 1 || paid != 1 {
			t.Errorf("want one order paid once at the channel, got %d orders, paid %d times", orders, paid)
		}
		w.wantNoWrongs()
	})
}

func TestInvariant_1_MoneyOnASecondAttemptIsReturned(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		// The first account proves that it did nothing, yet took the order.
		lying := w.banks["ali"]
		lying.before = func(op channels.Operation, id string) {
			if op == channels.OpPay {
				lying.mu.Lock()
				defer lying.mu.Unlock()
				lying.orders[id] = &bankOrder{
					id: id, scene: channels.SceneQR, amount: 100, status: "issued", tradeNo: "T" + id,
					expires: w.clock.Now().Add(time.Hour), refunds: map[string]*bankRefund{},
				}
			}
		}
		lying.goes(channels.OpPay, refused)
		r := w.create(order("o-1", "qr", "", 100))
		if len(r.Attempts) != 2 || r.Payment.Status != payment.Pending {
			t.Fatalf("want a second attempt that waits, got %s", w.picture(r.Payment))
		}
		first, second := r.Attempts[0], r.Attempts[1]
		if !w.bankOf(second).payerPays(second.ID) || !lying.payerPays(first.ID) {
			t.Fatal("the payer could not pay twice")
		}
		w.callback(second)
		w.callback(first)
		p := w.wantStatus(r.Payment.ID, payment.Succeeded)
		if p.CountedAttemptID != second.ID {
			t.Error("the first money that was booked does not count")
		}
		w.pass(time.Minute)
		p = w.get(p.ID)
		rs := w.refundsOf(p)
		if len(rs) != 1 || rs[0].AttemptID != first.ID || rs[0].Status != payment.RefundSucceeded || rs[0].Initiator != payment.ByGateway {
			t.Fatalf("want the second money refunded by the gateway, got %+v", rs)
		}
		if p.ReservedMinor != 0 || p.RefundedMinor != 0 {
			t.Errorf("the refund of money that does not count changed the reservation: %s", w.picture(p))
		}
		if got := lying.order(first.ID).returned; got != 100 {
			t.Errorf("want 100 returned at the channel, got %d", got)
		}
		// The merchant's own refund of the counted money is untouched by it.
		if _, err := w.refund(p, "r-1", 100); err != nil {
			t.Errorf("refund of the counted attempt: %v", err)
		}
	})
}

func TestInvariant_1_ConcurrentRevivalsOfAnUnsentOrderMakeOneOrder(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		for _, b := range w.banks {
			b.goes(channels.OpPay, refused)
		}
		_, err := w.Create(context.Background(), w.merchant, order("o-1", "barcode", "", 100))
		if codeOf(err) != payment.CodeNoChannel {
			t.Fatalf("want %s, got %v", payment.CodeNoChannel, err)
		}
		// All of them have seen the unsent order before the first one takes it.
		var seen sync.WaitGroup
		seen.Add(64)
		w.routing = func() { seen.Done(); seen.Wait() }
		var mu sync.Mutex
		ids := map[string]int{}
		together(64, func(i int) {
			r, err := w.Create(context.Background(), w.merchant, order("o-1", "barcode", "", 200))
			if err != nil {
				t.Errorf("create %d: %v", i, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[r.Payment.ID]++
			if r.Payment.Amount.Minor() != 200 {
				t.Errorf("the answer shows the amount %d of the try before", r.Payment.Amount.Minor())
			}
		})
		paid := 0
		for _, o := range w.banks["ali"].orders {
			paid += o.paid
		}
		if len(ids) != 1 || paid != 1 {
			t.Errorf("want one payment paid once, got the payments %v paid %d times", ids, paid)
		}
		w.wantNoWrongs()
	})
}

func TestInvariant_1_FailoverNeverTriesAnAccountTwiceThoughTheClockStepsBack(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		for _, b := range w.banks {
			b.mu.Lock()
			b.faults = func(channels.Operation, string) fault {
				w.clock.Advance(-time.Second)
				return refused
			}
			b.mu.Unlock()
		}
		if _, err := w.Create(context.Background(), w.merchant, order("o-1", "qr", "", 100)); codeOf(err) != payment.CodeNoChannel {
			t.Fatalf("want %s, got %v", payment.CodeNoChannel, err)
		}
		for id, b := range w.banks {
			if n := b.count(channels.OpPay); n != 1 {
				t.Errorf("want one try at %s, got %d", id, n)
			}
		}
	})
}

func TestInvariant_1_CreateRacesCallbackCloseAndExpiry(t *testing.T) {
	for _, scene := range []string{"barcode", "qr"} {
		for i := range 100 {
			t.Run(fmt.Sprintf("%s %d", scene, i), func(t *testing.T) {
				w, _ := inMemory(t)
				raceOneOrder(t, w, scene, i)
			})
		}
		t.Run(scene, func(t *testing.T) {
			eachStore(t, func(t *testing.T, w *world) { raceOneOrder(t, w, scene, 0) })
		})
	}
}

func raceOneOrder(t *testing.T, w *world, scene string, i int) {
	b := w.banks["ali"]
	placed := make(chan string, 1)
	b.after = func(op channels.Operation, id string) {
		if op == channels.OpPay {
			select {
			case placed <- id:
			default:
			}
		}
	}
	if i%2 == 1 {
		b.goes(channels.OpPay, hangAfter)
	}
	worker := w.replica("w", 20*time.Second)
	var wg sync.WaitGroup
	wg.Go(func() { w.create(order("o-1", scene, "", 100)) })
	id := <-placed
	b.scan(id)
	for _, act := range []func(){
		func() { b.payerPays(id) },
		func() { w.callback(w.attempt(id)) },
		func() { w.callback(w.attempt(id)) },
		func() {
			_, err := w.Close(context.Background(), merchantID, w.attempt(id).PaymentID)
			if err != nil && codeOf(err) != payment.CodeStatusConflict {
				t.Errorf("close: %v", err)
			}
		},
		func() { w.clock.Advance(2 * time.Hour) },
		func() { w.work(worker) },
		func() { w.work(w.Service) },
	} {
		wg.Go(act)
	}
	wg.Wait()
	w.pass(3 * time.Minute)
	w.clock.Advance(time.Hour)
	w.pass(5 * time.Minute)
	p := w.get(w.attempt(id).PaymentID)
	o := b.order(id)
	if o.paid > 1 {
		t.Errorf("money was taken %d times", o.paid)
	}
	back := int64(0)
	for _, r := range w.refundsOf(p) {
		if r.Status == payment.RefundSucceeded {
			back += r.Amount.Minor()
		}
	}
	kept := int64(o.paid)*o.amount - o.returned
	if p.Status == payment.Processing || p.PaidMinor != int64(o.paid)*o.amount || p.PaidMinor-back != kept {
		t.Errorf("the channel took %d times and keeps %d (%s); our books: %s, refunded %d", o.paid, kept, o.status, w.picture(p), back)
	}
	w.wantNoWrongs()
}
