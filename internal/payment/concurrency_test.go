package payment_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// pair is two processes on one database, each with a connection of its own,
// which know nothing of each other.
type pair struct {
	*world
	svc [2]*payment.Service
}

// eachPair runs a test on each database.
func eachPair(t *testing.T, test func(t *testing.T, p pair)) {
	t.Helper()
	for _, driver := range []string{store.SQLite, store.MySQL} {
		t.Run(driver, func(t *testing.T) { test(t, newPair(t, driver, func(s payment.Store) payment.Store { return s })) })
	}
}

func newPair(t *testing.T, driver string, wrap func(payment.Store) payment.Store) pair {
	t.Helper()
	cfg := store.Config{Driver: driver}
	if driver == store.MySQL {
		cfg.DSN = testenv.MySQL(t)
	} else {
		cfg.Path = filepath.Join(t.TempDir(), "paymux.db")
	}
	clock := newClock()
	withClock := func(c *store.Config) { c.Now = clock.Now }
	first, second := storetest.Open(t, cfg, withClock), storetest.Open(t, cfg, withClock)
	if _, err := first.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, first, clock)
	if driver == store.MySQL {
		// Leases there go by the server's clock, which the tests cannot move.
		w.lease = time.Millisecond
	}
	return pair{world: w, svc: [2]*payment.Service{w.process("a", wrap(first)), w.process("b", wrap(second))}}
}

// process is a further process with a connection of its own.
func (w *world) process(owner string, on payment.Store) *payment.Service {
	deps := w.Deps
	deps.Store, deps.Owner, deps.Logger = on, owner, slog.New(slog.DiscardHandler)
	return payment.New(w.cfg, deps)
}

// of gives the i-th caller's process.
func (p pair) of(i int) *payment.Service { return p.svc[i%2] }

// crowd is how many callers do the same at once.
const crowd = 64

func TestConcurrency_OneOrderOnTwoProcesses(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		for _, scene := range []string{"qr", "barcode"} {
			var ids sync.Map
			var made atomic.Int64
			together(crowd, func(i int) {
				r, err := p.of(i).Create(context.Background(), p.merchant, order("same-"+scene, scene, "", 100))
				if err != nil {
					t.Errorf("create %d: %v", i, err)
					return
				}
				ids.Store(r.Payment.ID, true)
				if !r.Replayed {
					made.Add(1)
				}
			})
			n := 0
			ids.Range(func(any, any) bool { n++; return true })
			if n != 1 || made.Load() != 1 {
				t.Errorf("%s: %d payments, made by %d callers", scene, n, made.Load())
			}
		}
		if n := p.banks["ali"].count(channels.OpPay); n != 2 || len(p.banks["ali"].orders) != 2 {
			t.Errorf("the channel got %d orders in %d calls, want one for each scene", len(p.banks["ali"].orders), n)
		}
		p.wantNoWrongs()
	})
}

func TestConcurrency_RefundsOnTwoProcessesNeverPassWhatWasPaid(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		paid := p.create(order("o-1", "barcode", "", 100)).Payment
		var done, refusedOnes atomic.Int64
		together(crowd, func(i int) {
			_, err := p.of(i).CreateRefund(context.Background(), p.merchant, payment.RefundRequest{
				MerchantRefundNo: fmt.Sprintf("r-%d", i), PaymentID: paid.ID, Amount: 7,
			})
			switch {
			case err == nil:
				done.Add(1)
			case codeOf(err) == payment.CodeAmountExceeds:
				refusedOnes.Add(1)
			default:
				t.Errorf("refund %d: %v", i, err)
			}
		})
		p.pass(time.Minute)
		got, returned := p.get(paid.ID), p.banks["ali"].order(paid.CountedAttemptID).returned
		if done.Load() != 14 || refusedOnes.Load() != crowd-14 || got.ReservedMinor != 98 || got.RefundedMinor != 98 || returned != 98 {
			t.Errorf("%d refunds made, %d refused, %d returned by the channel; %s", done.Load(), refusedOnes.Load(), returned, p.picture(got))
		}
		p.wantNoWrongs()
	})
}

// Copies of one refund that is more than half of the payment: whoever loses
// finds the winner's, and is not told that there is too little left for it.
func TestConcurrency_CopiesOfALargeRefundAreOne(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		paid := p.create(order("o-1", "barcode", "", 100)).Payment
		together(crowd, func(i int) {
			_, err := p.of(i).CreateRefund(context.Background(), p.merchant, payment.RefundRequest{
				MerchantRefundNo: "r-1", PaymentID: paid.ID, Amount: 60,
			})
			if err != nil {
				t.Errorf("refund %d: %v", i, err)
			}
		})
		if rs := p.refundsOf(paid); len(rs) != 1 || p.banks["ali"].count(channels.OpRefund) != 1 {
			t.Errorf("one refund became %d", len(rs))
		}
	})
}

func TestConcurrency_CallbacksOnTwoProcessesAreAppliedOnce(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		r := p.create(order("o-1", "qr", "", 100))
		a := p.attempt(r.Payment.CurrentAttemptID)
		p.bankOf(a).payerPays(a.ID)
		together(crowd, func(i int) {
			if v, err := p.notify(p.of(i), a.AccountID, p.bankOf(a).says(a.ID)); err != nil || v != payment.VerdictApplied {
				t.Errorf("callback %d: %s, %v", i, v, err)
			}
		})
		got := p.wantStatus(r.Payment.ID, payment.Succeeded)
		if got.Sequence != 1 || len(p.refundsOf(got)) != 0 {
			t.Errorf("%d events and %d refunds of one payment", got.Sequence, len(p.refundsOf(got)))
		}
	})
}

// The payer pays, the merchant closes, the limit passes, callbacks come and two
// processes' workers look, all at the same time and for many orders.
func TestConcurrency_CloseRacesPayAndExpiryOnTwoProcesses(t *testing.T) {
	for _, c := range []struct{ channel, scene string }{{"alipay", "qr"}, {"wechatpay", "qr"}, {"unionpay", "qr"}, {"alipay", "barcode"}} {
		t.Run(c.channel+" "+c.scene, func(t *testing.T) {
			eachPair(t, func(t *testing.T, p pair) { raceManyOrders(t, p, c.channel, c.scene) })
		})
	}
}

func raceManyOrders(t *testing.T, p pair, channel, scene string) {
	const orders = 12
	b := p.banks[map[string]string{"alipay": "ali", "wechatpay": "wx", "unionpay": "up"}[channel]]
	b.password = true
	ids := make([]string, orders)
	for i := range ids {
		ids[i] = p.create(order(fmt.Sprintf("o-%d", i), scene, channel, 100)).Payment.CurrentAttemptID
		if i%3 == 0 {
			b.scan(ids[i])
		}
	}
	var acts []func()
	for i, id := range ids {
		a := p.attempt(id)
		say := func() {
			if _, err := p.notify(p.of(i), a.AccountID, b.says(id)); err != nil {
				t.Errorf("callback: %v", err)
			}
		}
		closing := func() {
			if _, err := p.of(i+1).Close(context.Background(), merchantID, a.PaymentID); err != nil && codeOf(err) != payment.CodeStatusConflict {
				t.Errorf("close: %v", err)
			}
		}
		acts = append(acts, func() { b.payerPays(id); say() }, say, closing, closing)
	}
	acts = append(acts, func() { p.clock.Advance(2 * time.Hour) })
	for range 3 {
		acts = append(acts, func() { p.work(p.svc[0]) }, func() { p.work(p.svc[1]) })
	}
	together(len(acts), func(i int) { acts[i]() })
	p.clock.Advance(time.Hour)
	p.pass(5 * time.Minute)
	for _, id := range ids {
		wantBooksAgree(t, p, b, id)
	}
	p.wantNoWrongs()
}

// wantBooksAgree compares an order with the channel's books.
func wantBooksAgree(t *testing.T, w pair, b *bank, id string) {
	t.Helper()
	o, p := b.order(id), w.get(w.attempt(id).PaymentID)
	var back int64
	for _, r := range w.refundsOf(p) {
		if r.Status == payment.RefundSucceeded {
			back += r.Amount.Minor()
		}
	}
	kept := int64(o.paid)*o.amount - o.returned
	want := p.Status == payment.Closed || p.Status == payment.Succeeded
	if o.paid > 1 || !want || p.PaidMinor != int64(o.paid)*o.amount || p.PaidMinor-back != kept || (kept > 0) != (p.Status == payment.Succeeded) {
		t.Errorf("the channel took %d times and keeps %d (%s); our books: %s, refunded %d", o.paid, kept, o.status, w.picture(p), back)
	}
}

// Two processes work off one backlog, claiming small batches at the same time:
// each item is looked at once and none is left.
func TestConcurrency_TwoWorkersShareABacklog(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		const items = 120
		p.lease = time.Hour // a lease of its own length on MySQL's clock
		b := p.banks["wx"]
		b.slowRefunds = true
		var want []string
		for i := range items {
			r := p.create(order(fmt.Sprintf("o-%d", i), []string{"qr", "barcode"}[i%2], "wechatpay", 100))
			if i%2 == 0 {
				b.payerPays(r.Payment.CurrentAttemptID)
				want = append(want, r.Payment.CurrentAttemptID)
				continue
			}
			want = append(want, p.mustRefund(r.Payment, fmt.Sprintf("r-%d", i), 10).ID)
		}
		b.settle("succeeded")
		var mu sync.Mutex
		asked := map[string]int{}
		b.before = func(op channels.Operation, id string) {
			if op == channels.OpQuery || op == channels.OpRefundQuery {
				mu.Lock()
				defer mu.Unlock()
				asked[id]++
			}
		}
		p.clock.Advance(30 * time.Second)
		var workers sync.WaitGroup
		for i := range 4 {
			workers.Go(func() { drainBacklog(t, p, p.of(i)) })
		}
		workers.Wait()
		for _, id := range want {
			if asked[id] != 1 {
				t.Errorf("item %s was looked at %d times", id, asked[id])
			}
		}
		if len(asked) != items {
			t.Errorf("%d items were looked at, want %d", len(asked), items)
		}
	})
}

// drainBacklog claims and resolves until nothing is due.
func drainBacklog(t *testing.T, p pair, svc *payment.Service) {
	ctx, now := context.Background(), svc.Now()
	for {
		attempts, err := svc.Store.ClaimAttempts(ctx, svc.Owner, now, p.lease, 7)
		if err != nil {
			t.Errorf("claim attempts: %v", err)
			return
		}
		refunds, err := svc.Store.ClaimRefunds(ctx, svc.Owner, now, p.lease, 7)
		if err != nil {
			t.Errorf("claim refunds: %v", err)
			return
		}
		for _, c := range attempts {
			if err := svc.ResolveAttempt(ctx, c); err != nil {
				t.Errorf("resolve attempt: %v", err)
			}
		}
		for _, c := range refunds {
			if err := svc.ResolveRefund(ctx, c); err != nil {
				t.Errorf("resolve refund: %v", err)
			}
		}
		if len(attempts)+len(refunds) == 0 {
			return
		}
	}
}
