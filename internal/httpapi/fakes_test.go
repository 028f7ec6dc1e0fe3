package httpapi

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// fakeKeys is a KeySource.
type fakeKeys struct {
	mu        sync.Mutex
	merchants map[string]signing.Merchant
	live      map[string]crypto.PublicKey
	err       error
}

func (k *fakeKeys) VerificationKey(_ context.Context, merchantID, serial string) (crypto.PublicKey, signing.Merchant, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return nil, signing.Merchant{}, k.err
	}
	pub, ok := k.live[merchantID+"/"+serial]
	if !ok {
		return nil, signing.Merchant{}, signing.ErrKeyUnknown
	}
	return pub, k.merchants[merchantID], nil
}

func (k *fakeKeys) set(change func(k *fakeKeys)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

// fakeNonces is the durable set of nonces, shared by the fake core.
type fakeNonces struct {
	mu      sync.Mutex
	used    map[string]bool
	reads   map[string]bool
	err     error
	readErr error
	commits int // by itself
}

func newFakeNonces() *fakeNonces {
	return &fakeNonces{used: map[string]bool{}, reads: map[string]bool{}}
}

func (n *fakeNonces) take(c *payment.NonceClaim) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return n.err
	}
	key := c.MerchantID + "/" + c.Nonce
	if n.used[key] {
		return payment.ErrNonceReused
	}
	n.used[key] = true
	c.MarkCommitted()
	return nil
}

func (n *fakeNonces) CommitNonce(ctx context.Context, c *payment.NonceClaim) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n.mu.Lock()
	n.commits++
	n.mu.Unlock()
	return n.take(c)
}

func (n *fakeNonces) BeginWrite(context.Context, string, string, time.Time) bool { return true }

func (n *fakeNonces) UseRead(_ context.Context, merchantID, nonce string, _ time.Time) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.readErr != nil {
		return false, n.readErr
	}
	key := merchantID + "/" + nonce
	first := !n.reads[key]
	n.reads[key] = true
	return first, nil
}

func (n *fakeNonces) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
}

func (n *fakeNonces) wasUsed(merchantID, nonce string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.used[merchantID+"/"+nonce]
}

type fakeLimiter struct{ wait atomic.Int64 }

func (l *fakeLimiter) Allow(context.Context, string) (bool, time.Duration) {
	wait := time.Duration(l.wait.Load())
	return wait == 0, wait
}

// fakeCore keeps payments and refunds in memory. It validates with the real
// core's rules and commits nonces like the real store: with its first change.
type fakeCore struct {
	*payment.Service
	now    func() time.Time
	nonces *fakeNonces

	mu       sync.Mutex
	seq      int
	payments []*payment.Payment
	requests map[string]payment.CreateRequest
	refunds  []*payment.Refund
	asked    map[string]payment.RefundRequest
	// status is what new payments and refunds become.
	status       payment.Status
	refundStatus payment.RefundStatus
	action       *channels.Action
	err          error
	// before runs at the beginning of a create, outside of the lock.
	before   func(ctx context.Context)
	creates  int
	decision channels.Decision
	profile  error
}

func newFakeCore(now func() time.Time, nonces *fakeNonces) *fakeCore {
	return &fakeCore{
		Service: payment.New(payment.Config{MinExpiry: 2 * time.Minute, MaxExpiry: 24 * time.Hour}, payment.Deps{}),
		now:     now, nonces: nonces, requests: map[string]payment.CreateRequest{}, asked: map[string]payment.RefundRequest{},
		status: payment.Pending, refundStatus: payment.RefundSucceeded,
		action: &channels.Action{Type: channels.ActionQRCode, CodeURL: "https://qr.test/?a=1&b=<2>"},
	}
}

func (c *fakeCore) change(f func(c *fakeCore)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

func (c *fakeCore) nextID() string {
	c.seq++
	return fmt.Sprintf("01CORE%020d", c.seq)
}

func (c *fakeCore) commit(ctx context.Context) error {
	if claim := payment.NonceFrom(ctx); claim != nil {
		return c.nonces.take(claim)
	}
	return nil
}

func (c *fakeCore) Profile(_ context.Context, merchantID string) (payment.Merchant, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return payment.Merchant{ID: merchantID, LatePolicy: payment.LateRefund}, c.profile
}

func (c *fakeCore) Create(ctx context.Context, m payment.Merchant, req payment.CreateRequest) (payment.Result, error) {
	c.mu.Lock()
	before := c.before
	c.mu.Unlock()
	if before != nil {
		before(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return payment.Result{}, c.err
	}
	faults := c.ValidateCreate(req, c.now())
	key := m.ID + "/" + req.MerchantOrderNo
	for _, p := range c.payments {
		if p.MerchantID == m.ID && p.MerchantOrderNo == req.MerchantOrderNo {
			if fmt.Sprint(c.requests[key]) != fmt.Sprint(req) {
				return payment.Result{}, &payment.Error{Code: payment.CodeOrderConflict, Message: "this order number was used with other parameters"}
			}
			return c.result(p, true), nil
		}
	}
	if len(faults) > 0 {
		return payment.Result{}, &payment.Error{Code: payment.CodeInvalidRequest, Message: "the request has wrong fields", Fields: faults}
	}
	if err := c.commit(ctx); err != nil {
		return payment.Result{}, err
	}
	c.creates++
	amount, err := money.New(req.Amount, money.CNY)
	if err != nil {
		return payment.Result{}, err
	}
	p := &payment.Payment{
		ID: c.nextID(), MerchantID: m.ID, MerchantOrderNo: req.MerchantOrderNo, Amount: amount, Subject: req.Subject,
		Scene: channels.Scene(req.Scene), Status: c.status, Channel: "alipay", AccountID: "acc_1", Action: c.action,
		CustomerID: req.CustomerID, Metadata: req.Metadata, CreatedAt: c.now(), ExpiresAt: c.now().Add(30 * time.Minute),
	}
	if c.status == payment.Failed {
		p.Failure = &payment.Failure{Code: "declined", Message: "the channel refused", ChannelCode: "X", ChannelMessage: "no"}
	}
	c.payments = append(c.payments, p)
	c.requests[key] = req
	return c.result(p, false), nil
}

func (c *fakeCore) result(p *payment.Payment, replayed bool) payment.Result {
	copied := *p
	return payment.Result{Payment: &copied, Replayed: replayed, Attempts: []*payment.Attempt{{
		ID: p.ID, PaymentID: p.ID, Channel: p.Channel, AccountID: p.AccountID, Amount: p.Amount, Status: payment.AttemptPending,
		CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt,
		Decision: channels.Decision{Candidates: []channels.Candidate{{AccountID: "acc_1", Channel: "alipay", Chosen: true, Reason: "the only one"}}},
	}}}
}

func (c *fakeCore) find(merchantID, id string) (*payment.Payment, error) {
	for _, p := range c.payments {
		if p.MerchantID == merchantID && p.ID == id {
			return p, nil
		}
	}
	return nil, &payment.Error{Code: payment.CodeNotFound, Message: "there is no such payment"}
}

func (c *fakeCore) Get(_ context.Context, merchantID, id string) (payment.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return payment.Result{}, c.err
	}
	p, err := c.find(merchantID, id)
	if err != nil {
		return payment.Result{}, err
	}
	return c.result(p, false), nil
}

func (c *fakeCore) List(_ context.Context, f payment.PaymentFilter) ([]payment.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []payment.Result
	for i := len(c.payments) - 1; i >= 0 && len(out) < f.Limit; i-- {
		p := c.payments[i]
		switch {
		case p.MerchantID != f.MerchantID,
			f.MerchantOrderNo != "" && p.MerchantOrderNo != f.MerchantOrderNo,
			f.Status != "" && p.Status != f.Status,
			f.CustomerID != "" && p.CustomerID != f.CustomerID,
			!f.CreatedFrom.IsZero() && p.CreatedAt.Before(f.CreatedFrom),
			!f.CreatedTo.IsZero() && !p.CreatedAt.Before(f.CreatedTo),
			f.BeforeID != "" && (p.CreatedAt.After(f.BeforeTime) || p.CreatedAt.Equal(f.BeforeTime) && p.ID >= f.BeforeID):
		default:
			out = append(out, c.result(p, false))
		}
	}
	return out, nil
}

func (c *fakeCore) Close(ctx context.Context, merchantID, id string) (payment.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.find(merchantID, id)
	if err != nil {
		return payment.Result{}, err
	}
	if p.Status == payment.Succeeded || p.Status == payment.Failed {
		return payment.Result{}, &payment.Error{Code: payment.CodeStatusConflict, Message: "the payment is " + string(p.Status)}
	}
	if err := c.commit(ctx); err != nil {
		return payment.Result{}, err
	}
	if p.Status == payment.Pending {
		p.Status, p.ClosedAt = payment.Closed, c.now()
	}
	return c.result(p, false), nil
}

func (c *fakeCore) Explain(_ context.Context, _ payment.Merchant, req payment.CreateRequest) (channels.Decision, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if faults := c.ValidateCreate(req, c.now()); len(faults) > 0 {
		return channels.Decision{}, &payment.Error{Code: payment.CodeInvalidRequest, Message: "the request has wrong fields", Fields: faults}
	}
	return c.decision, c.err
}

func (c *fakeCore) CreateRefund(ctx context.Context, m payment.Merchant, req payment.RefundRequest) (payment.RefundResult, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return payment.RefundResult{}, c.err
	}
	if faults := c.ValidateRefund(req); len(faults) > 0 {
		return payment.RefundResult{}, &payment.Error{Code: payment.CodeInvalidRequest, Message: "the request has wrong fields", Fields: faults}
	}
	for _, r := range c.refunds {
		if r.MerchantID == m.ID && r.MerchantRefundNo == req.MerchantRefundNo {
			if c.asked[r.ID] != req {
				return payment.RefundResult{}, &payment.Error{Code: payment.CodeRefundConflict, Message: "this refund number was used with other parameters"}
			}
			return payment.RefundResult{Refund: r, Replayed: true}, nil
		}
	}
	p, err := c.find(m.ID, req.PaymentID)
	if err != nil {
		return payment.RefundResult{}, err
	}
	if err := c.commit(ctx); err != nil {
		return payment.RefundResult{}, err
	}
	amount, err := money.New(req.Amount, money.CNY)
	if err != nil {
		return payment.RefundResult{}, err
	}
	r := &payment.Refund{
		ID: c.nextID(), PaymentID: p.ID, AttemptID: p.ID, MerchantID: m.ID, MerchantRefundNo: req.MerchantRefundNo,
		Initiator: payment.ByMerchant, Amount: amount, Reason: req.Reason, Status: c.refundStatus, CreatedAt: c.now(),
	}
	c.refunds = append(c.refunds, r)
	c.asked[r.ID] = req
	return payment.RefundResult{Refund: r}, nil
}

func (c *fakeCore) GetRefund(_ context.Context, merchantID, id string) (*payment.Refund, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.refunds {
		if r.MerchantID == merchantID && r.ID == id {
			return r, nil
		}
	}
	return nil, &payment.Error{Code: payment.CodeNotFound, Message: "there is no such refund"}
}

func (c *fakeCore) ListRefunds(_ context.Context, f payment.RefundFilter) ([]*payment.Refund, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*payment.Refund
	for i := len(c.refunds) - 1; i >= 0 && len(out) < f.Limit; i-- {
		r := c.refunds[i]
		if r.MerchantID == f.MerchantID && (f.MerchantRefundNo == "" || r.MerchantRefundNo == f.MerchantRefundNo) &&
			(f.BeforeID == "" || r.ID < f.BeforeID) {
			out = append(out, r)
		}
	}
	return out, nil
}

// fakeEvents is an outbox of two events of the shop.
type fakeEvents struct {
	mu      sync.Mutex
	events  []EventView
	resends int
	enabled []string
}

func newFakeEvents() *fakeEvents {
	at := time.Date(2025, 11, 21, 3, 0, 0, 0, time.UTC)
	url, failed, status, zero := "https://shop.test/hook", "the endpoint answered 502", 502, 200
	return &fakeEvents{events: []EventView{
		{ID: "01EVENT00000000000000000002", Type: "payment.closed", CreatedAt: at, Sequence: 2, Data: json.RawMessage(`{"id":"x"}`), Status: "none"},
		{
			ID: "01EVENT00000000000000000001", Type: "payment.succeeded", CreatedAt: at, Sequence: 1, Data: json.RawMessage(`{"id":"x"}`),
			NotifyURL: &url, Status: "delivered", Deliveries: []DeliveryView{
				{At: at, HTTPStatus: &status, Error: &failed, DurationMS: 3}, {At: at, HTTPStatus: &zero, DurationMS: 2},
			},
		},
	}}
}

func (e *fakeEvents) List(_ context.Context, f EventFilter) ([]EventView, error) {
	if f.MerchantID != shop {
		return nil, nil
	}
	var out []EventView
	for _, ev := range e.events {
		if (f.Type == "" || ev.Type == f.Type) && (f.BeforeID == "" || ev.ID < f.BeforeID) && len(out) < f.Limit {
			out = append(out, ev)
		}
	}
	return out, nil
}

func (e *fakeEvents) Get(_ context.Context, merchantID, id string) (EventView, error) {
	for _, ev := range e.events {
		if merchantID == shop && ev.ID == id {
			return ev, nil
		}
	}
	return EventView{}, payment.ErrNotFound
}

func (e *fakeEvents) Resend(ctx context.Context, merchantID, id string) (EventView, error) {
	e.mu.Lock()
	e.resends++
	e.mu.Unlock()
	return e.Get(ctx, merchantID, id)
}

func (e *fakeEvents) EnableEndpoint(_ context.Context, _, url string) (EndpointView, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.enabled = append(e.enabled, url)
	return EndpointView{URL: url, Enabled: true}, nil
}

type fakeStates struct{ err error }

func (s *fakeStates) ChannelStates(context.Context, string) ([]ChannelState, error) {
	rate, latency := 0.99, int64(120)
	return []ChannelState{
		{
			AccountID: "acc_1", Channel: "alipay", Enabled: true, Scenes: channels.Scenes(), Weight: 100,
			Limits: AccountLimits{1, 5_000_000, "CNY"}, Breaker: BreakerClosed, SuccessRate: &rate, LatencyMS: &latency,
		},
		{AccountID: "acc_2", Channel: "unionpay", Limits: AccountLimits{1, 5_000_000, "CNY"}, Breaker: BreakerHalfOpen},
	}, s.err
}
