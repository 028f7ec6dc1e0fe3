package payment_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// Sizes of a history.
const (
	historyClients = 6
	historyActions = 40
	historyOrders  = 4
)

// recorder runs clients on two processes and records what they saw.
type recorder struct {
	pair
	// ticks gives each beginning and end a place in one order.
	ticks atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
	// turn is held by whoever works and taken by the clock, so that no call's
	// deadline passes while it is made.
	turn sync.RWMutex
}

// dice are seeded random decisions for many goroutines.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, 1))} }

// happens is true once in a while: n times of a hundred.
func (d *dice) happens(n int) bool { return d.among(100) < n }

func (d *dice) among(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// losing is a database whose answers get lost, before or after the commit.
type losing struct {
	payment.Store
	dice *dice
}

func (s losing) InTx(ctx context.Context, fn func(payment.Tx) error) error {
	if s.dice.happens(4) {
		return fmt.Errorf("%w: lost before the commit", payment.ErrUnavailable)
	}
	err := s.Store.InTx(ctx, fn)
	if err == nil && s.dice.happens(4) {
		return fmt.Errorf("%w: lost after the commit", payment.ErrUnavailable)
	}
	return err
}

// trouble scripts the channels.
func (r *recorder) trouble(d *dice) {
	faults := map[channels.Operation][]fault{
		channels.OpPay:         {hangBefore, hangAfter, badSignature, wrongID},
		channels.OpQuery:       {hangBefore, badSignature, wrongAmount, wrongID},
		channels.OpClose:       {hangBefore, hangAfter},
		channels.OpRefund:      {hangBefore, hangAfter, badSignature, wrongAmount},
		channels.OpRefundQuery: {hangBefore, wrongID},
	}
	for _, b := range r.banks {
		b.faults = func(op channels.Operation, _ string) fault {
			switch list := faults[op]; {
			case op == channels.OpPay && b.name == refusing && d.happens(40):
				return declined
			case len(list) > 0 && d.happens(25):
				return list[d.among(len(list))]
			default:
				return noFault
			}
		}
	}
}

// record makes a history from a seed and gives it.
func record(t *testing.T, p pair, seed uint64) []porcupine.Operation {
	t.Helper()
	r := &recorder{pair: p}
	r.trouble(newDice(seed))
	ctx, stop := context.WithCancel(context.Background())
	var background, clients sync.WaitGroup
	for i := range p.svc {
		background.Go(func() {
			for ctx.Err() == nil {
				r.look(t, p.svc[i])
			}
		})
	}
	for client := range historyClients {
		d := newDice(seed<<8 + uint64(client))
		clients.Go(func() {
			for range historyActions {
				r.act(t, client, d)
			}
		})
	}
	clients.Wait()
	stop()
	background.Wait()
	return r.ops
}

// look is a worker's round, and then time goes by.
func (r *recorder) look(t *testing.T, svc *payment.Service) {
	func() {
		r.turn.RLock()
		defer r.turn.RUnlock()
		ctx := context.Background()
		attempts, err := svc.Store.ClaimAttempts(ctx, svc.Owner, svc.Now(), r.lease, 100)
		if err != nil {
			t.Errorf("claim attempts: %v", err)
		}
		refunds, err := svc.Store.ClaimRefunds(ctx, svc.Owner, svc.Now(), r.lease, 100)
		if err != nil {
			t.Errorf("claim refunds: %v", err)
		}
		for _, c := range attempts {
			if err := svc.ResolveAttempt(ctx, c); err != nil && !tolerable(err) {
				t.Errorf("resolve attempt: %v", err)
			}
		}
		for _, c := range refunds {
			if err := svc.ResolveRefund(ctx, c); err != nil && !tolerable(err) {
				t.Errorf("resolve refund: %v", err)
			}
		}
	}()
	r.turn.Lock()
	defer r.turn.Unlock()
	r.clock.Advance(2 * time.Second)
}

// act does one random thing and records it.
func (r *recorder) act(t *testing.T, client int, d *dice) {
	r.turn.RLock()
	defer r.turn.RUnlock()
	n := d.among(historyOrders)
	in := action{order: fmt.Sprintf("o-%d", n), channel: []string{"alipay", "wechatpay", refusing}[n%3]}
	svc := r.of(client)
	do := map[string]func(*payment.Service, action) answer{
		"create": r.doCreate, "get": r.doGet, "pay": r.doPay, "notify": r.doNotify, "close": r.doClose, "refund": r.doRefund,
	}
	switch dice := d.among(100); {
	case dice < 20:
		in.kind = "create"
		if d.happens(20) {
			in.variant = 1
		}
	case dice < 45:
		in.kind = "get"
	case dice < 57:
		in.kind = "pay"
	case dice < 67:
		in.kind = "notify"
	case dice < 70 && n%2 == 1:
		in.kind = "close"
	default:
		in.kind, in.number = "refund", d.among(4)
		in.amount = []int64{20, 30, 60, 90}[(in.number+d.among(5)/4)%4]
	}
	call := r.ticks.Add(1)
	out := do[in.kind](svc, in)
	end := r.ticks.Add(1)
	switch {
	case out.kind == "skip":
		return
	case out.kind == "unknown" && in.kind == "get":
		return // it says nothing
	case out.kind == "unknown":
		// What was begun may take effect at any later time.
		end = 1 << 60
	case slices.Contains([]string{"", "wrong"}, out.kind):
		t.Errorf("%+v: unexpected answer", in)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: end})
}

// refusals are the answers that the core's codes stand for.
var refusals = map[payment.Code]string{
	payment.CodeOrderConflict: "conflict", payment.CodeRefundConflict: "conflict", payment.CodeAmountExceeds: "exceeds",
	payment.CodeTemporarilyUnable: "unknown", payment.CodeStatusConflict: "ended", payment.CodeNotFound: "absent",
}

func refusal(err error) answer {
	if errors.Is(err, payment.ErrUnavailable) {
		return answer{kind: "unknown"}
	}
	return answer{kind: refusals[codeOf(err)]}
}

func shown(p *payment.Payment) answer {
	status := map[payment.Status]string{
		payment.Processing: live, payment.Pending: live, payment.Succeeded: paid, payment.Closed: closed, payment.Failed: failed,
	}[p.Status]
	return answer{kind: "ok", id: p.ID, status: status, paid: p.PaidMinor, refunded: p.RefundedMinor}
}

func (r *recorder) doCreate(svc *payment.Service, in action) answer {
	req := order(in.order, "qr", in.channel, orderTotal)
	req.Subject = fmt.Sprint("variant ", in.variant)
	res, err := svc.Create(context.Background(), r.merchant, req)
	if err != nil {
		return refusal(err)
	}
	out := shown(res.Payment)
	out.replayed = res.Replayed
	return out
}

func (r *recorder) doGet(svc *payment.Service, in action) answer {
	list, err := svc.List(context.Background(), payment.PaymentFilter{MerchantID: merchantID, MerchantOrderNo: in.order, Limit: 1})
	switch {
	case err != nil:
		return refusal(err)
	case len(list) == 0:
		return answer{kind: "absent"}
	default:
		return shown(list[0].Payment)
	}
}

// current finds what a payer or a channel would act on.
func (r *recorder) current(in action) (*payment.Payment, *payment.Attempt) {
	p, err := r.store.PaymentByOrderNo(context.Background(), merchantID, in.order)
	if err != nil {
		return nil, nil
	}
	return p, r.attempt(p.CurrentAttemptID)
}

func (r *recorder) doPay(_ *payment.Service, in action) answer {
	_, a := r.current(in)
	if a == nil {
		return answer{kind: "skip"}
	}
	if r.bankOf(a).scan(a.ID); !r.bankOf(a).payerPays(a.ID) {
		return answer{kind: "no"}
	}
	return answer{kind: "ok"}
}

func (r *recorder) doNotify(svc *payment.Service, in action) answer {
	_, a := r.current(in)
	if a == nil {
		return answer{kind: "skip"}
	}
	n := r.bankOf(a).says(a.ID)
	if n.Payment.Status != channels.StatePaid {
		return answer{kind: "skip"}
	}
	v, err := r.notify(svc, a.AccountID, n)
	switch {
	case err != nil:
		return refusal(err)
	case v != payment.VerdictApplied:
		return answer{kind: "wrong"}
	default:
		return answer{kind: "ok"}
	}
}

func (r *recorder) doClose(svc *payment.Service, in action) answer {
	p, _ := r.current(in)
	if p == nil {
		return answer{kind: "skip"}
	}
	res, err := svc.Close(context.Background(), merchantID, p.ID)
	switch {
	case err != nil:
		return refusal(err)
	case res.Payment.Status == payment.Closed:
		return answer{kind: "ok"}
	default:
		return answer{kind: "open"}
	}
}

func (r *recorder) doRefund(svc *payment.Service, in action) answer {
	res, err := svc.CreateRefund(context.Background(), r.merchant, payment.RefundRequest{
		MerchantRefundNo: fmt.Sprintf("%s-r%d", in.order, in.number), MerchantOrderNo: in.order, Amount: in.amount,
	})
	if err != nil {
		out := refusal(err)
		switch out.kind {
		case "ended":
			out.kind = "unpaid"
		case "absent":
			return answer{kind: "skip"}
		}
		return out
	}
	return answer{kind: "ok", id: res.Refund.ID, replayed: res.Replayed}
}
