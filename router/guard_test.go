package router_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/router"
)

// fake is a channel whose calls end as the test says.
type fake struct {
	channels.Channel
	mu    sync.Mutex
	err   error
	block chan struct{}
	calls map[channels.Operation]int
}

func newFake() *fake { return &fake{calls: map[channels.Operation]int{}} }

func (f *fake) end(op channels.Operation) error {
	f.mu.Lock()
	f.calls[op]++
	err, block := f.err, f.block
	f.mu.Unlock()
	if block != nil {
		<-block
	}
	return err
}

func (f *fake) setErr(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fake) count(op channels.Operation) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

func (f *fake) Name() string { return "fake" }

func (f *fake) Capabilities() channels.Capabilities {
	return channels.Capabilities{Scenes: map[channels.Scene]channels.SceneCapability{
		channels.SceneQR: {}, channels.SceneWeb: {LocalOnly: true},
	}}
}

func (f *fake) Pay(context.Context, channels.PayRequest) (channels.PayResult, error) {
	return channels.PayResult{}, f.end(channels.OpPay)
}

func (f *fake) QueryPayment(context.Context, channels.AttemptRef) (channels.PaymentState, error) {
	return channels.PaymentState{}, f.end(channels.OpQuery)
}

func (f *fake) ParseNotification(http.Header, []byte) (channels.Notification, error) {
	return channels.Notification{}, &channels.Error{Outcome: channels.BadSignature}
}

func guards(changes *[]router.State) *router.Guards {
	var mu sync.Mutex
	return router.NewGuards(router.Settings{
		Failures: 3, OpenFor: 10 * time.Second, Probes: 1, TakenOutFor: time.Minute, MaxConcurrent: 2, Now: time.Now,
		OnChange: func(_, _ string, _ channels.Operation, _, to router.State) {
			mu.Lock()
			defer mu.Unlock()
			if changes != nil {
				*changes = append(*changes, to)
			}
		},
	})
}

var qr = channels.PayRequest{Attempt: channels.AttemptRef{Scene: channels.SceneQR}}

func pay(ch channels.Channel) error {
	_, err := ch.Pay(context.Background(), qr)
	return err
}

func TestBreakerOpensOnIllHealthAndHealsByOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []router.State
		g := guards(&changes)
		f := newFake()
		ch := g.Guard("acc", f)
		f.setErr(&channels.Error{Outcome: channels.Unknown})
		for range 3 {
			_ = pay(ch)
		}
		err := pay(ch)
		if channels.OutcomeOf(err) != channels.NotProcessed {
			t.Fatalf("an open breaker let a call through: %v", err)
		}
		if f.count(channels.OpPay) != 3 {
			t.Fatalf("%d calls reached the channel, want 3", f.count(channels.OpPay))
		}
		if _, ok := g.Available("acc"); ok {
			t.Error("the account counts as available although its breaker is open")
		}
		if _, err := ch.QueryPayment(context.Background(), channels.AttemptRef{}); channels.OutcomeOf(err) == channels.NotProcessed {
			t.Error("the pay breaker stopped a query")
		}
		time.Sleep(11 * time.Second)
		f.setErr(nil)
		if err := pay(ch); err != nil {
			t.Fatalf("the probe was refused: %v", err)
		}
		if got := g.Report("acc").Breaker(channels.OpPay); got != router.BreakerClosed {
			t.Errorf("breaker is %s after a good probe", got)
		}
		want := []router.State{router.BreakerOpen, router.BreakerHalfOpen, router.BreakerClosed}
		if len(changes) != len(want) {
			t.Fatalf("changes %v, want %v", changes, want)
		}
		for i := range want {
			if changes[i] != want[i] {
				t.Errorf("changes %v, want %v", changes, want)
			}
		}
	})
}

func TestBreakerIsNotFedByRefusalsOrForgedNotifications(t *testing.T) {
	g := guards(nil)
	f := newFake()
	ch := g.Guard("acc", f)
	f.setErr(&channels.Error{Outcome: channels.Declined})
	for range 20 {
		_ = pay(ch)
		_, _ = ch.ParseNotification(nil, nil)
	}
	if got := g.Report("acc").Breaker(channels.OpPay); got != router.BreakerClosed {
		t.Errorf("breaker is %s after refusals and forged notifications", got)
	}
}

func TestMisconfiguredAccountIsTakenOutForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guards(nil)
		f := newFake()
		ch := g.Guard("acc", f)
		f.setErr(&channels.Error{Outcome: channels.Misconfigured})
		_ = pay(ch)
		if _, ok := g.Available("acc"); ok {
			t.Error("an account with a refused key is still offered")
		}
		time.Sleep(61 * time.Second)
		if _, ok := g.Available("acc"); !ok {
			t.Error("the account is never tried again")
		}
	})
}

func TestConcurrencyIsBoundedWithoutSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guards(nil)
		f := newFake()
		f.block = make(chan struct{})
		ch := g.Guard("acc", f)
		for range 2 {
			go func() { _ = pay(ch) }()
		}
		synctest.Wait()
		err := pay(ch)
		if channels.OutcomeOf(err) != channels.NotProcessed {
			t.Errorf("a call beyond the bound ended with %v", err)
		}
		if f.count(channels.OpPay) != 2 {
			t.Errorf("%d calls reached the channel, want 2", f.count(channels.OpPay))
		}
		close(f.block)
	})
}

func TestLocalSceneGoesRoundTheBreaker(t *testing.T) {
	g := guards(nil)
	f := newFake()
	f.setErr(errors.New("signing failed"))
	ch := g.Guard("acc", f)
	for range 10 {
		_, _ = ch.Pay(context.Background(), channels.PayRequest{Attempt: channels.AttemptRef{Scene: channels.SceneWeb}})
	}
	if got := g.Report("acc").Breaker(channels.OpPay); got != router.BreakerClosed {
		t.Errorf("breaker is %s after calls that never left the process", got)
	}
}
