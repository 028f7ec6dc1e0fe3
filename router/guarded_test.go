package router_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/router"
)

func query(ch channels.Channel) error {
	_, err := ch.QueryPayment(context.Background(), channels.AttemptRef{})
	return err
}

func (f *fake) QueryRefund(context.Context, channels.RefundRequest) (channels.RefundState, error) {
	return channels.RefundState{}, f.end(channels.OpRefundQuery)
}

func (f *fake) ClosePayment(context.Context, channels.AttemptRef) (channels.CloseResult, error) {
	return channels.CloseUnsupported, f.end(channels.OpClose)
}

func (f *fake) Refund(context.Context, channels.RefundRequest) (channels.RefundState, error) {
	return channels.RefundState{}, f.end(channels.OpRefund)
}

// hold makes calls wait until the channel given back is closed.
func (f *fake) hold() chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.block = make(chan struct{})
	return f.block
}

func (f *fake) letGo() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.block = nil
}

// A half-open breaker lets as many probes through as it is told, whoever comes.
func TestHalfOpenBreakerBoundsItsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := router.NewGuards(router.Settings{
			Failures: 3, OpenFor: 10 * time.Second, Probes: 2, TakenOutFor: time.Minute, MaxConcurrent: 100, Now: time.Now,
		})
		f := newFake()
		ch := g.Guard("acc", f)
		f.setErr(&channels.Error{Outcome: channels.Unknown})
		for range 3 {
			_ = pay(ch)
		}
		time.Sleep(11 * time.Second)
		f.setErr(nil)
		if _, ok := g.Available("acc"); !ok {
			t.Error("a half-open breaker with free probes is not offered")
		}
		release := f.hold()
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() { _ = pay(ch) })
		}
		synctest.Wait()
		if n := f.count(channels.OpPay); n != 3+2 {
			t.Errorf("%d probes reached the channel, want 2", n-3)
		}
		if why, ok := g.Available("acc"); ok {
			t.Error("an account whose probes are all under way is offered")
		} else if why == "" {
			t.Error("no reason is given")
		}
		close(release)
		wg.Wait()
		f.letGo()
		r := g.Report("acc")
		if r.Breaker(channels.OpPay) != router.BreakerClosed {
			t.Errorf("breaker is %s after good probes", r.Breaker(channels.OpPay))
		}
		moves := map[router.Move]int64{}
		for _, m := range r.Breakers[0].Moves {
			moves[m.Move] = m.Count
		}
		for _, m := range []router.Move{
			{From: router.BreakerClosed, To: router.BreakerOpen}, {From: router.BreakerOpen, To: router.BreakerHalfOpen}, {From: router.BreakerHalfOpen, To: router.BreakerClosed},
		} {
			if moves[m] != 1 {
				t.Errorf("%d moves %v, want 1", moves[m], m)
			}
		}
		if !r.Breakers[0].ChangedAt.Equal(time.Now()) || r.Channel != "fake" {
			t.Errorf("report %+v", r)
		}
	})
}

// While payments are stopped and refunds under way fill the account, questions,
// closes and refunds' questions pass, and so does a refund's own breaker.
func TestQuestionsNeverStarveBehindThePayBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guards(nil)
		f := newFake()
		ch := g.Guard("acc", f)
		f.setErr(&channels.Error{Outcome: channels.Unknown})
		for range 3 {
			_ = pay(ch)
		}
		f.setErr(nil)
		if g.Report("acc").Breaker(channels.OpPay) != router.BreakerOpen {
			t.Fatal("the breaker did not open")
		}
		if _, err := ch.Refund(t.Context(), channels.RefundRequest{}); err != nil {
			t.Errorf("the breaker of paying stopped a refund: %v", err)
		}
		release := f.hold()
		for range 2 { // all that may move money
			go func() { _, _ = ch.Refund(context.Background(), channels.RefundRequest{}) }()
		}
		synctest.Wait()
		f.letGo()
		for name, ask := range map[string]func() error{
			"query": func() error { return query(ch) },
			"close": func() error { _, err := ch.ClosePayment(t.Context(), channels.AttemptRef{}); return err },
			"refund query": func() error {
				_, err := ch.QueryRefund(t.Context(), channels.RefundRequest{})
				return err
			},
		} {
			if err := ask(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		close(release)
	})
}

// Questions to a channel that hangs go on a few at a time; the rest are told at
// once, and everybody asks again as soon as one was answered.
func TestMuteChannelIsAskedAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guards(nil) // two calls at once, one probe
		f := newFake()
		ch := g.Guard("acc", f)
		f.setErr(&channels.Error{Outcome: channels.Unknown})
		for range 3 {
			_ = query(ch)
		}
		if f.count(channels.OpQuery) != 3 {
			t.Fatalf("%d questions went out", f.count(channels.OpQuery))
		}
		release := f.hold()
		go func() { _ = query(ch) }()
		synctest.Wait()
		if err := query(ch); channels.OutcomeOf(err) != channels.NotProcessed {
			t.Errorf("a second question to a channel that hangs ended with %v", err)
		}
		if f.count(channels.OpQuery) != 4 {
			t.Errorf("%d questions went out, want the probe besides the first three", f.count(channels.OpQuery)-3)
		}
		f.setErr(nil)
		close(release)
		synctest.Wait()
		f.letGo()
		for range 3 {
			if err := query(ch); err != nil {
				t.Errorf("after an answer: %v", err)
			}
		}
		if err := pay(ch); err != nil {
			t.Errorf("questions without answers stopped a payment: %v", err)
		}
	})
}

// Outcomes that say nothing of the channel's health leave the breaker as it is;
// the account rests instead.
func TestBreakerIsNotFedByMisconfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guards(nil)
		f := newFake()
		ch := g.Guard("acc", f)
		f.setErr(&channels.Error{Outcome: channels.Misconfigured})
		for range 20 {
			_ = pay(ch)
			_ = query(ch)
		}
		r := g.Report("acc")
		if r.Breaker(channels.OpPay) != router.BreakerClosed || !r.TakenOut {
			t.Errorf("report %+v", r)
		}
		if err := query(ch); channels.OutcomeOf(err) != channels.Misconfigured {
			t.Errorf("a question was held back: %v", err)
		}
	})
}

// A router over real guards sends nothing to an account whose breaker is open,
// and goes back to it when it has healed.
func TestRouterFollowsTheGuards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guards(nil)
		f := newFake()
		ch := g.Guard("acc_a", f)
		r := router.New(accounts{account("acc_a", "alipay", 1000), account("acc_b", "wechatpay", 1)}, g, router.WithLoads(g))
		f.setErr(&channels.Error{Outcome: channels.Unknown})
		for range 3 {
			_ = pay(ch)
		}
		for i := range 1000 {
			if got := chosen(t, r, request(t, 100, string(rune('a'+i%26))+"x")); got != "acc_b" {
				t.Fatalf("a payment went to %s", got)
			}
		}
		time.Sleep(11 * time.Second)
		f.setErr(nil)
		if err := pay(ch); err != nil {
			t.Fatal(err)
		}
		if got := chosen(t, r, request(t, 100, "order-1")); got != "acc_a" {
			t.Errorf("after healing a payment went to %s", got)
		}
	})
}

func TestGuardsAreSafeForConcurrentUse(t *testing.T) {
	g := guards(nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			f := newFake()
			for range 200 {
				ch := g.Guard("acc", f)
				_ = pay(ch)
				_ = query(ch)
				g.Available("acc")
				g.Load("acc")
				g.Reports()
			}
		})
	}
	wg.Wait()
	if r := g.Reports(); len(r) != 1 || r[0].InFlight != 0 || r[0].Asking != 0 {
		t.Errorf("reports %+v", r)
	}
}
