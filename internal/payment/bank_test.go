package payment_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// bank is a channel of the tests with books of its own: what it says of orders
// and refunds is the truth that the core's books are compared with.
type bank struct {
	name   string
	caps   channels.Capabilities
	now    func() time.Time
	mu     sync.Mutex
	orders map[string]*bankOrder
	// faults are asked before each call that leaves the process.
	faults func(op channels.Operation, id string) fault
	// before and after run around the effect of a call, outside of the lock.
	before, after func(op channels.Operation, id string)
	calls         map[channels.Operation]int
	// watch sees the context of each Pay.
	watch func(ctx context.Context)
	// wrongs lists what a gateway must never do.
	wrongs []string
	// slowRefunds: a refund is settled by settle alone.
	slowRefunds bool
	// password: a barcode's payer must act.
	password bool
	// lag: the next query after a reversal still shows the order as paid.
	lag bool
}

type bankOrder struct {
	id       string
	scene    channels.Scene
	amount   int64
	expires  time.Time
	status   string // issued, waiting, paid, closed, reversed, failed
	paid     int    // how often money was taken
	placed   int    // how often the order was sent
	closed   bool   // a close was acknowledged: no money may come after it
	tradeNo  string
	codes    int
	paidAt   time.Time
	refunds  map[string]*bankRefund
	returned int64
}

type bankRefund struct {
	id     string
	amount int64
	status string // processing, succeeded, failed
	calls  int
}

// fault is how a call goes wrong.
type fault int

const (
	noFault fault = iota
	hangBefore
	hangAfter
	refused // proven without effect
	declined
	misconfigured
	badSignature
	wrongAmount
	wrongID
)

var faultNames = map[fault]string{
	noFault: "works", hangBefore: "hangs before", hangAfter: "hangs after", refused: "refuses", declined: "declines",
	misconfigured: "misconfigured", badSignature: "bad signature", wrongAmount: "wrong amount", wrongID: "wrong id",
}

func (f fault) String() string { return faultNames[f] }

var errScripted = errors.New("scripted")

func (b *bank) fail(op channels.Operation, o channels.Outcome, code string) error {
	return &channels.Error{Outcome: o, Channel: b.name, Op: op, Code: code, Err: errScripted}
}

// call runs an effect with the fault that the script wants for it.
func call[T any](b *bank, op channels.Operation, id string, effect func() (T, error)) (T, fault, error) {
	var none T
	b.mu.Lock()
	b.calls[op]++
	faults, before, after := b.faults, b.before, b.after
	b.mu.Unlock()
	f := noFault
	if faults != nil {
		f = faults(op, id)
	}
	if before != nil {
		before(op, id)
	}
	switch f {
	case hangBefore:
		return none, f, b.fail(op, channels.Unknown, "")
	case refused:
		return none, f, b.fail(op, channels.NotProcessed, "RATE_LIMITED")
	case declined:
		return none, f, b.fail(op, channels.Declined, "NO")
	case misconfigured:
		return none, f, b.fail(op, channels.Misconfigured, "KEY")
	case noFault, hangAfter, badSignature, wrongAmount, wrongID:
	}
	b.mu.Lock()
	res, err := effect()
	b.mu.Unlock()
	if after != nil {
		after(op, id)
	}
	switch {
	case err != nil:
		return none, f, err
	case f == hangAfter:
		return none, f, b.fail(op, channels.Unknown, "")
	case f == badSignature:
		return none, f, b.fail(op, channels.BadSignature, "")
	}
	return res, f, nil
}

func (b *bank) Name() string                        { return b.name }
func (b *bank) Capabilities() channels.Capabilities { return b.caps }

func (b *bank) ParseNotification(http.Header, []byte) (channels.Notification, error) {
	return channels.Notification{}, errScripted
}
func (b *bank) Acknowledge(bool) channels.Acknowledgement { return channels.Acknowledgement{} }

func (b *bank) expire(o *bankOrder) {
	if (o.status == "issued" || o.status == "waiting") && !b.now().Before(o.expires) {
		if o.status == "waiting" {
			o.closed = true
		}
		o.status = "closed"
	}
}

func (b *bank) Pay(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	if b.watch != nil {
		b.watch(ctx)
	}
	id, scene := req.Attempt.ID, b.caps.Scenes[req.Attempt.Scene]
	effect := func() (channels.PayResult, error) { return b.place(req, scene) }
	if scene.LocalOnly {
		b.mu.Lock()
		defer b.mu.Unlock()
		return effect()
	}
	res, f, err := call(b, channels.OpPay, id, effect)
	switch f {
	case wrongAmount:
		res.Paid.Amount = amountOf(req.Attempt.Amount.Minor() + 1)
		if res.Status != channels.PayPaid {
			res.Status = channels.PayUncertain
		}
	case wrongID:
		res.AttemptID = "SOMEBODYELSESORDER00000000"
	case noFault, hangBefore, hangAfter, refused, declined, misconfigured, badSignature:
	}
	return res, err
}

func (b *bank) place(req channels.PayRequest, scene channels.SceneCapability) (channels.PayResult, error) {
	id, amount := req.Attempt.ID, req.Attempt.Amount.Minor()
	o, ok := b.orders[id]
	if !ok {
		o = &bankOrder{
			id: id, scene: req.Attempt.Scene, amount: amount, expires: req.Attempt.ExpiresAt, status: "waiting",
			tradeNo: "T" + id, refunds: map[string]*bankRefund{},
		}
		b.orders[id] = o
		if scene.NoOrderUntilPayer {
			o.status = "issued"
		}
	}
	o.placed++
	if o.placed > 1 && !scene.PayRepeatable {
		b.wrongs = append(b.wrongs, "order "+id+" was sent twice where the channel does not allow it")
	}
	if o.amount != amount {
		b.wrongs = append(b.wrongs, "order "+id+" was sent with two amounts")
	}
	b.expire(o)
	switch o.status {
	case "paid", "reversed":
		return channels.PayResult{}, b.fail(channels.OpPay, channels.Unknown, "ORDER_PAID")
	case "closed":
		return channels.PayResult{}, b.fail(channels.OpPay, channels.Declined, "ORDER_CLOSED")
	}
	if req.Attempt.Scene == channels.SceneBarcode {
		if b.password {
			return channels.PayResult{Status: channels.PayWaiting, AttemptID: id}, nil
		}
		b.take(o)
		return channels.PayResult{Status: channels.PayPaid, AttemptID: id, Paid: b.paidOf(o)}, nil
	}
	o.codes++
	return channels.PayResult{
		Status: channels.PayWaiting, AttemptID: id,
		Action: &channels.Action{Type: channels.ActionQRCode, CodeURL: fmt.Sprintf("code://%s/%d", id, o.codes)},
	}, nil
}

func (b *bank) take(o *bankOrder) {
	if o.closed {
		b.wrongs = append(b.wrongs, "the bank itself took money for the closed order "+o.id)
	}
	o.status, o.paidAt = "paid", b.now()
	o.paid++
}

func amountOf(minor int64) money.Amount {
	a, err := money.New(minor, money.CNY)
	if err != nil {
		panic(err)
	}
	return a
}

func (b *bank) paidOf(o *bankOrder) channels.Paid {
	return channels.Paid{ChannelTradeNo: o.tradeNo, Amount: amountOf(o.amount), PaidAt: o.paidAt}
}

// state is what the bank truthfully says of an order now.
func (b *bank) state(id string) channels.PaymentState {
	o, ok := b.orders[id]
	if !ok {
		return channels.PaymentState{Status: channels.StateNotFound}
	}
	b.expire(o)
	st := channels.PaymentState{AttemptID: id}
	switch o.status {
	case "issued":
		return channels.PaymentState{Status: channels.StateNotFound}
	case "waiting":
		st.Status = channels.StateWaiting
	case "paid":
		st.Status, st.Paid = channels.StatePaid, b.paidOf(o)
	case "closed":
		if !o.closed {
			// A code that died unscanned never was an order.
			return channels.PaymentState{Status: channels.StateNotFound}
		}
		st.Status = channels.StateClosed
	case "reversed":
		st.Status, st.Paid = channels.StateReversed, b.paidOf(o)
		if b.lag {
			b.lag, st.Status = false, channels.StatePaid
		}
	case "failed":
		st.Status = channels.StateFailed
	}
	return st
}

func (b *bank) QueryPayment(_ context.Context, ref channels.AttemptRef) (channels.PaymentState, error) {
	st, f, err := call(b, channels.OpQuery, ref.ID, func() (channels.PaymentState, error) { return b.state(ref.ID), nil })
	switch f {
	case wrongAmount:
		if st.Status == channels.StatePaid {
			st.Paid.Amount = amountOf(st.Paid.Amount.Minor() + 1)
		}
	case wrongID:
		st.AttemptID = "SOMEBODYELSESORDER00000000"
	case noFault, hangBefore, hangAfter, refused, declined, misconfigured, badSignature:
	}
	return st, err
}

func (b *bank) ClosePayment(_ context.Context, ref channels.AttemptRef) (channels.CloseResult, error) {
	res, _, err := call(b, channels.OpClose, ref.ID, func() (channels.CloseResult, error) {
		o, ok := b.orders[ref.ID]
		if !b.caps.CanClose {
			b.wrongs = append(b.wrongs, "a close was sent where the channel has none")
			return channels.CloseUnsupported, nil
		}
		if !ok {
			return channels.CloseNoOrder, nil
		}
		b.expire(o)
		switch o.status {
		case "waiting":
			o.status, o.closed = "closed", true
			return channels.CloseAcknowledged, nil
		case "closed":
			if o.closed {
				return channels.CloseAcknowledged, nil
			}
			return channels.CloseNoOrder, nil
		case "paid", "reversed":
			return channels.CloseAlreadyPaid, nil
		default:
			return channels.CloseNoOrder, nil
		}
	})
	return res, err
}

// reversing is a bank that can take a barcode payment back.
type reversing struct{ *bank }

func (b reversing) ReversePayment(_ context.Context, ref channels.AttemptRef) (channels.ReverseResult, error) {
	res, _, err := call(b.bank, channels.OpReverse, ref.ID, func() (channels.ReverseResult, error) {
		o, ok := b.orders[ref.ID]
		if !ok {
			return channels.ReverseClosed, nil
		}
		switch o.status {
		case "paid":
			if len(o.refunds) > 0 {
				return channels.ReverseUncertain, nil
			}
			o.status, o.returned = "reversed", o.amount
			return channels.ReverseReturned, nil
		case "reversed":
			return channels.ReverseReturned, nil
		default:
			o.status, o.closed = "closed", true
			return channels.ReverseClosed, nil
		}
	})
	return res, err
}

func (b *bank) refundState(o *bankOrder, id string) channels.RefundState {
	if o == nil || o.refunds[id] == nil {
		return channels.RefundState{Status: channels.RefundNotFound}
	}
	r := o.refunds[id]
	st := channels.RefundState{RefundID: id, Amount: amountOf(r.amount), ChannelRefundNo: "R" + id}
	switch r.status {
	case "succeeded":
		st.Status, st.SucceededAt = channels.RefundSucceeded, b.now()
	case "failed":
		st.Status, st.Code = channels.RefundFailed, "ACCOUNT_CLOSED"
	default:
		st.Status = channels.RefundUncertain
	}
	return st
}

func (b *bank) Refund(_ context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	st, f, err := call(b, channels.OpRefund, req.RefundID, func() (channels.RefundState, error) {
		o := b.orders[req.Attempt.ID]
		if o == nil || o.status != "paid" {
			return channels.RefundState{}, b.fail(channels.OpRefund, channels.Declined, "NOT_PAID")
		}
		r, ok := o.refunds[req.RefundID]
		if ok {
			r.calls++
			if !b.caps.RefundRepeatable {
				b.wrongs = append(b.wrongs, "refund "+req.RefundID+" was sent twice where the channel does not allow it")
			}
			return b.refundState(o, req.RefundID), nil
		}
		if o.returned+req.Amount.Minor() > o.amount {
			b.wrongs = append(b.wrongs, "refunds of order "+o.id+" would exceed what was paid")
			return channels.RefundState{}, b.fail(channels.OpRefund, channels.Declined, "TOO_MUCH")
		}
		r = &bankRefund{id: req.RefundID, amount: req.Amount.Minor(), status: "succeeded", calls: 1}
		if b.slowRefunds {
			r.status = "processing"
		}
		o.refunds[r.id] = r
		o.returned += r.amount
		return b.refundState(o, req.RefundID), nil
	})
	switch f {
	case wrongAmount:
		st.Amount = amountOf(req.Amount.Minor() + 1)
	case wrongID:
		st.RefundID = "SOMEBODYELSESREFUND0000000"
	case noFault, hangBefore, hangAfter, refused, declined, misconfigured, badSignature:
	}
	return st, err
}

func (b *bank) QueryRefund(_ context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	st, f, err := call(b, channels.OpRefundQuery, req.RefundID, func() (channels.RefundState, error) {
		return b.refundState(b.orders[req.Attempt.ID], req.RefundID), nil
	})
	switch {
	case f == wrongAmount && st.Status == channels.RefundSucceeded:
		st.Amount = amountOf(st.Amount.Minor() + 1)
	case f == wrongID:
		st.RefundID = "SOMEBODYELSESREFUND0000000"
	}
	return st, err
}

// scan is a payer who opens a code: now the channel holds an order.
func (b *bank) scan(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[id]
	if o == nil {
		return
	}
	b.expire(o)
	if o.status == "issued" {
		o.status = "waiting"
	}
}

// payerPays tells whether the channel took the payer's money.
func (b *bank) payerPays(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[id]
	if o == nil {
		return false
	}
	b.expire(o)
	if o.status != "issued" && o.status != "waiting" {
		return false
	}
	b.take(o)
	return true
}

// settle ends the refunds under way.
func (b *bank) settle(status string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.orders {
		for _, r := range o.refunds {
			if r.status == "processing" {
				r.status = status
				if status == "failed" {
					o.returned -= r.amount
				}
			}
		}
	}
}

// says is the notification that the bank would send of an order now.
func (b *bank) says(id string) channels.Notification {
	b.mu.Lock()
	defer b.mu.Unlock()
	return channels.Notification{Kind: channels.NotificationPayment, AttemptID: id, Payment: b.state(id)}
}

// saysRefund is the notification that the bank would send of a refund now.
func (b *bank) saysRefund(attemptID, id string) channels.Notification {
	b.mu.Lock()
	defer b.mu.Unlock()
	return channels.Notification{Kind: channels.NotificationRefund, AttemptID: attemptID, Refund: b.refundState(b.orders[attemptID], id)}
}

func (b *bank) order(id string) bankOrder {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.orders[id]; o != nil {
		return *o
	}
	return bankOrder{}
}

func (b *bank) count(op channels.Operation) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[op]
}

// goes sets how the next calls of an operation end; afterwards it works again.
func (b *bank) goes(op channels.Operation, faults ...fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var mu sync.Mutex
	b.faults = func(got channels.Operation, _ string) fault {
		mu.Lock()
		defer mu.Unlock()
		if got != op || len(faults) == 0 {
			return noFault
		}
		f := faults[0]
		faults = faults[1:]
		return f
	}
}
