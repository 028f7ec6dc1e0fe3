package torture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/paymux/paymux/internal/failpoint"
)

// story drives an order so that the gateway comes to a step.
type story struct {
	tell func(ctx context.Context, d *drive) error
	// never says why an outcome can't meet the step.
	never map[Outcome]string
}

// Why some outcomes never meet a step.
const (
	answeredIsDone   = "what the channel answered is not asked or sent again"
	declinedIsDone   = "what the channel declined is final: it is not asked or sent again"
	declinedNoNotice = "no callback comes of an order that the channel declined"
	refusedReversal  = "a reversal that did not happen returns nothing"
)

// stories has one row for each step but the migrations', which no channel meets.
var stories = map[failpoint.Step]story{
	failpoint.PaymentInsert:   {tell: pays},
	failpoint.PaymentRevive:   {tell: triesAnew},
	failpoint.ChannelPay:      {tell: pays},
	failpoint.PaymentAnswer:   {tell: pays},
	failpoint.PaymentFailover: {tell: failsOver},
	failpoint.AttemptStamp:    {tell: paysByCode, never: map[Outcome]string{OK: answeredIsDone, Declined: declinedIsDone}},

	failpoint.CallbackApply:       {tell: isTold, never: map[Outcome]string{Declined: declinedNoNotice}},
	failpoint.CallbackRecord:      {tell: isTold, never: map[Outcome]string{Declined: declinedNoNotice}},
	failpoint.CallbackAcknowledge: {tell: isTold, never: map[Outcome]string{Declined: declinedNoNotice}},

	failpoint.ChangeEvent:   {tell: pays},
	failpoint.ChangePayment: {tell: pays},
	failpoint.StoreCommit:   {tell: paysCommitting},
	failpoint.OutboxClaim:   {tell: pays},
	failpoint.OutboxSend:    {tell: pays},
	failpoint.OutboxRecord:  {tell: pays},

	failpoint.LeaseClaim:     {tell: asks},
	failpoint.ChannelQuery:   {tell: asks},
	failpoint.AttemptResolve: {tell: asks},

	failpoint.CloseMark:      {tell: closes},
	failpoint.ChannelClose:   {tell: closes},
	failpoint.CloseSettle:    {tell: closes},
	failpoint.ReverseStamp:   {tell: takesBack},
	failpoint.ChannelReverse: {tell: takesBack},
	failpoint.ReverseBook:    {tell: takesBackPaid, never: map[Outcome]string{Declined: refusedReversal, TimedOutIdle: refusedReversal}},

	failpoint.RefundReserve:      {tell: refunds},
	failpoint.ChannelRefund:      {tell: refunds},
	failpoint.RefundAnswer:       {tell: refunds},
	failpoint.RefundStamp:        {tell: refundsLater},
	failpoint.ChannelRefundQuery: {tell: asksForRefund},
	failpoint.RefundResolve:      {tell: asksForRefund},
	failpoint.RefundGateway:      {tell: paysLate},
}

// Amounts by the channel's outcome; see the sandbox's fixed ones.
var outcomeAmounts = map[Outcome]int64{OK: 1000, Declined: 9001, TimedOutDone: 9003, TimedOutIdle: 9002}

const passwordAmount = 9006

var errPatience = errors.New("the merchant gave up")

// order prepares an order; an empty channel leaves it to the router.
func (d *drive) order(channel, scene string, amount int64) *shopper {
	index := len(d.shoppers)
	rng := rand.New(rand.NewPCG(d.opts.Seed, uint64(index))) //nolint:gosec // a plan, no secret
	p := plan{offer: offer{channel, scene}, amount: amount}
	s := newShopper(d.merchant(cmp.Or(d.policy, LateRefund)), d.sim, d.hook.url(), fmt.Sprintf("f%d-%d", d.opts.Seed, index), p, rng)
	s.order.Plan = d.c.String()
	if channel == "" {
		delete(s.body, "channel")
	}
	d.shoppers = append(d.shoppers, s)
	return s
}

// insist repeats a request until it is answered as wanted.
func (d *drive) insist(ctx context.Context, ask func() bool) error {
	deadline := now().Add(d.patience)
	for !ask() {
		if now().After(deadline) {
			return errPatience
		}
		if !pause(ctx, lookEvery) {
			return ctx.Err()
		}
	}
	return nil
}

// placed creates an order until it is there.
func (d *drive) placed(ctx context.Context, s *shopper) (Payment, error) {
	var got Payment
	err := d.insist(ctx, func() bool {
		_, got = s.create(ctx, s.somewhere())
		return got.ID != ""
	})
	return got, err
}

// until reads a payment until it is as wanted.
func (d *drive) until(ctx context.Context, s *shopper, got Payment, as func(Payment) bool) (Payment, error) {
	err := d.insist(ctx, func() bool {
		if as(got) {
			return true
		}
		if r, read := s.get(ctx, got.ID); r.answered() {
			got = read
		}
		return as(got)
	})
	return got, err
}

func ended(p Payment) bool { return final(p.Status) }

func payable(p Payment) bool {
	return final(p.Status) || len(p.Action) > 0 && string(p.Action) != "null"
}

// bought has the payer pay an order as soon as there is something to pay, and
// waits for the end.
func (d *drive) bought(ctx context.Context, s *shopper, got Payment) error {
	got, err := d.until(ctx, s, got, payable)
	if err == nil && !final(got.Status) {
		_, err = d.sim.act(ctx, got.Action, "pay")
	}
	if err != nil {
		return err
	}
	_, err = d.until(ctx, s, got, ended)
	return err
}

// paid makes a paid order of a barcode.
func (d *drive) paid(ctx context.Context, channel string) (*shopper, Payment, error) {
	s := d.order(channel, "barcode", 2000)
	got, err := d.placed(ctx, s)
	if err == nil {
		got, err = d.until(ctx, s, got, ended)
	}
	if err == nil && got.Status != succeeded {
		err = fmt.Errorf("an ordinary payment ended %s", got.Status)
	}
	return s, got, err
}

// pays drives a payment to its end. A barcode is paid by the placing itself; an
// order that never arrived is a code's, which is placed again.
func pays(ctx context.Context, d *drive) error { return d.pays(ctx, 1) }

// paysCommitting dies at the second commit: that of the channel's answer, or
// whatever comes beside it.
func paysCommitting(ctx context.Context, d *drive) error { return d.pays(ctx, 2) }

func (d *drive) pays(ctx context.Context, nth int) error {
	if d.c.Outcome == TimedOutIdle {
		return paysByCode(ctx, d)
	}
	return d.paysByBarcode(ctx, nth, d.one("alipay", "wechatpay", "unionpay"))
}

func (d *drive) paysByBarcode(ctx context.Context, nth int, channel string) error {
	s := d.order(channel, "barcode", outcomeAmounts[d.c.Outcome])
	if err := d.arm(nth); err != nil {
		return err
	}
	got, err := d.placed(ctx, s)
	if err != nil {
		return err
	}
	_, err = d.until(ctx, s, got, ended)
	return err
}

// paysByCode drives an order whose payer scans a code.
func paysByCode(ctx context.Context, d *drive) error {
	s := d.order(d.one("alipay", "wechatpay"), "qr", outcomeAmounts[d.c.Outcome])
	if err := d.arm(1); err != nil {
		return err
	}
	got, err := d.placed(ctx, s)
	if err != nil {
		return err
	}
	return d.bought(ctx, s, got)
}

// triesAnew drives an order that is tried again after no account could take it.
func triesAnew(ctx context.Context, d *drive) error {
	channel, scene := d.one("alipay", "wechatpay"), "barcode"
	if d.c.Outcome == TimedOutIdle {
		scene = "qr"
	}
	s := d.order(channel, scene, outcomeAmounts[d.c.Outcome])
	_, err := d.sim.call(ctx, http.MethodPost, "/_control/faults", map[string]any{"channel": channel, "kind": "refuse_connection"}, nil)
	if err != nil {
		return err
	}
	err = d.insist(ctx, func() bool {
		r, _ := s.create(ctx, s.somewhere())
		return r.Code == "no_channel_available"
	})
	if err != nil {
		return err
	}
	if err := errors.Join(d.sim.calm(ctx), d.arm(1)); err != nil {
		return err
	}
	got, err := d.placed(ctx, s)
	if err != nil {
		return err
	}
	return d.bought(ctx, s, got)
}

// failsOver drives orders until one is refused without effect by an account and
// goes to the next.
func failsOver(ctx context.Context, d *drive) error {
	if err := d.arm(1); err != nil {
		return err
	}
	// The router may well choose another account first.
	for i := range 40 {
		_, err := d.sim.call(ctx, http.MethodDelete, "/_control/faults", map[string]any{}, nil)
		busy, next := "alipay", "wechatpay"
		if i%2 == 1 {
			busy, next = next, busy
		}
		if err := errors.Join(err, d.fault(ctx, busy, "pay", "rate_limited"), d.strike(ctx, next, "pay")); err != nil {
			return err
		}
		s := d.order("", "qr", outcomeAmounts[OK])
		got, err := d.placed(ctx, s)
		if err != nil {
			return err
		}
		if got.Status == processing && got.Channel == "unionpay" {
			continue // only its limit tells what became of it
		}
		if err := d.bought(ctx, s, got); err != nil {
			return err
		}
		if d.hit() {
			return nil
		}
	}
	return nil // the case says that the step was not reached
}

// isTold drives a payment of which the channel's callback tells.
func isTold(ctx context.Context, d *drive) error {
	if d.c.Outcome == TimedOutDone {
		return d.paysByBarcode(ctx, 1, d.one("alipay", "unionpay")) // WeChat Pay tells nothing of barcodes
	}
	channel := d.one("alipay", "wechatpay", "unionpay")
	if d.c.Outcome == TimedOutIdle {
		channel = d.one("alipay", "wechatpay")
	}
	s := d.order(channel, "qr", outcomeAmounts[d.c.Outcome])
	if err := d.arm(1); err != nil {
		return err
	}
	got, err := d.placed(ctx, s)
	if err != nil {
		return err
	}
	return d.bought(ctx, s, got)
}

// asks drives a payment whose callback is lost, so that the channel is asked.
func asks(ctx context.Context, d *drive) error {
	if err := d.mute(ctx); err != nil {
		return err
	}
	if d.c.Outcome == TimedOutDone || d.c.Outcome == TimedOutIdle {
		return pays(ctx, d)
	}
	channel := d.one("alipay", "wechatpay")
	s := d.order(channel, "qr", outcomeAmounts[OK])
	got, err := d.placed(ctx, s)
	if err != nil {
		return err
	}
	if err := errors.Join(d.strike(ctx, channel, "query"), d.arm(1)); err != nil {
		return err
	}
	return d.bought(ctx, s, got)
}

// closed asks for a close until the payment is closed, or can't be.
func (d *drive) closed(ctx context.Context, s *shopper, id string) error {
	return d.insist(ctx, func() bool {
		r, got := s.closeOrder(ctx, s.somewhere(), id)
		return got.Status == closed || r.Code == "status_conflict"
	})
}

// closes drives an order that nobody pays and the merchant closes.
func closes(ctx context.Context, d *drive) error {
	const channel = "wechatpay" // it has an order as soon as it has given a code
	s := d.order(channel, "qr", outcomeAmounts[OK])
	got, err := d.placed(ctx, s)
	if err == nil {
		got, err = d.until(ctx, s, got, payable)
	}
	if err := errors.Join(err, d.strike(ctx, channel, "close"), d.arm(1)); err != nil {
		return err
	}
	return d.closed(ctx, s, got.ID)
}

// takesBack drives a barcode payment whose payer never types the password.
func takesBack(ctx context.Context, d *drive) error {
	channel := d.one("alipay", "wechatpay")
	s := d.order(channel, "barcode", passwordAmount)
	got, err := d.placed(ctx, s)
	if err == nil {
		got, err = d.until(ctx, s, got, func(p Payment) bool { return p.Status == pending })
	}
	if err := errors.Join(err, d.strike(ctx, channel, "cancel"), d.arm(1)); err != nil {
		return err
	}
	return d.closed(ctx, s, got.ID)
}

// takesBackPaid drives a barcode payment whose payer types the password just
// before it is taken back. Payers who are too late on a busy machine are followed
// by others.
func takesBackPaid(ctx context.Context, d *drive) error {
	for range 8 {
		inTime, err := d.takenBackPaid(ctx)
		if inTime || err != nil {
			return err
		}
	}
	return errors.New("no payer was in time")
}

func (d *drive) takenBackPaid(ctx context.Context) (inTime bool, err error) {
	channel := d.one("alipay", "wechatpay")
	s := d.order(channel, "barcode", passwordAmount)
	got, err := d.placed(ctx, s)
	if err == nil {
		got, err = d.until(ctx, s, got, func(p Payment) bool { return p.Status == pending })
	}
	err = errors.Join(err, d.mute(ctx), d.strike(ctx, channel, "cancel"),
		d.spec(fmt.Sprintf("%s:%s=delay@1,700ms#%d", failpoint.ChannelReverse, Before, len(d.shoppers))))
	if err != nil {
		return false, err
	}
	var closing error
	var all sync.WaitGroup
	all.Go(func() { closing = d.closed(ctx, s, got.ID) })
	if d.awaitHit(ctx) {
		var status int
		status, err = d.sim.typePassword(ctx, got.Attempts[len(got.Attempts)-1].ID)
		inTime = err == nil
		if inTime {
			err = d.arm(1)
		} else if status == http.StatusConflict {
			err = d.sim.calm(ctx)
		}
	}
	all.Wait()
	return inTime, errors.Join(err, closing)
}

// refunds drives a refund.
func refunds(ctx context.Context, d *drive) error {
	channel := d.one("alipay", "wechatpay", "unionpay")
	if d.c.Outcome == TimedOutIdle {
		// The other channels say later that they don't know it, or in a file.
		channel = "wechatpay"
	}
	s, got, err := d.paid(ctx, channel)
	if err := errors.Join(err, d.strike(ctx, channel, "refund"), d.arm(1)); err != nil {
		return err
	}
	return d.returned(ctx, s, got.ID)
}

// returned asks for a refund until it is taken.
func (d *drive) returned(ctx context.Context, s *shopper, id string) error {
	return d.insist(ctx, func() bool {
		r, _ := s.refund(ctx, s.somewhere(), id, s.order.No+"-r", s.order.Amount/2)
		return r.answered()
	})
}

// refundsLater drives a refund that the channel has no time for at first.
func refundsLater(ctx context.Context, d *drive) error {
	channel := d.one("alipay", "wechatpay")
	if d.c.Outcome == TimedOutIdle {
		channel = "wechatpay"
	}
	s, got, err := d.paid(ctx, channel)
	err = errors.Join(err, d.fault(ctx, channel, "refund", "rate_limited"), d.strike(ctx, channel, "refund"), d.arm(1))
	if err != nil {
		return err
	}
	return d.returned(ctx, s, got.ID)
}

// asksForRefund drives a refund about which the channel is asked.
func asksForRefund(ctx context.Context, d *drive) error {
	const channel = "wechatpay" // a refund is never settled at once
	s, got, err := d.paid(ctx, channel)
	operation := "refund"
	if d.c.Outcome == Declined {
		operation = "refund_query"
	}
	if err := errors.Join(err, d.mute(ctx), d.strike(ctx, channel, operation), d.arm(1)); err != nil {
		return err
	}
	return d.returned(ctx, s, got.ID)
}

// paysLate drives an order that is paid after its close, so that the gateway
// gives the money back.
func paysLate(ctx context.Context, d *drive) error {
	const channel = "alipay" // a code that nobody scanned can't be closed there
	s := d.order(channel, "qr", outcomeAmounts[OK])
	got, err := d.placed(ctx, s)
	if err == nil {
		got, err = d.until(ctx, s, got, payable)
	}
	if err == nil {
		err = d.closed(ctx, s, got.ID)
	}
	if err := errors.Join(err, d.strike(ctx, channel, "refund"), d.arm(1)); err != nil {
		return err
	}
	_, err = d.sim.act(ctx, got.Action, "pay")
	return err
}
