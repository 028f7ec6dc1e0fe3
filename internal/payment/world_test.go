package payment_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
)

// clock is the tests' time; each replica may be off by its own skew.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Ladders and limits of the tests.
var testConfig = payment.Config{
	DefaultExpiry: 30 * time.Minute, BarcodeExpiry: 90 * time.Second, MinExpiry: 2 * time.Minute, MaxExpiry: 24 * time.Hour,
	CallTimeout: 10 * time.Second, CallMargin: 65 * time.Second, LateMargin: 10 * time.Minute, MaxAttempts: 3,
	UnknownLadder: []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second},
	PendingLadder: []time.Duration{10 * time.Second, time.Minute},
	BarcodeLadder: []time.Duration{3 * time.Second},
	RefundLadder:  []time.Duration{2 * time.Second, 10 * time.Second},
	LateLadder:    []time.Duration{30 * time.Second, 2 * time.Minute},
}

const merchantID = "mer_1"

// failer is what tests and property tests have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// world is a gateway of one merchant with scripted channels.
type world struct {
	t     failer
	store payment.Store
	clock *clock
	cfg   payment.Config
	*payment.Service
	merchant payment.Merchant
	banks    map[string]*bank // by account id
	accounts []channels.Account
	mu       sync.Mutex
	ids      int
	prefix   string
	down     map[string]bool   // accounts that the router does not offer
	failOpen map[string][]bool // whether the next openings of an account fail
	routing  func()            // runs before each decision
	// lease is how long a claimed look keeps others away: longer than its calls.
	lease time.Duration
}

// Kinds of accounts.
func alipayCaps() channels.Capabilities {
	link := channels.SceneCapability{LocalOnly: true, PayRepeatable: true, NoOrderUntilPayer: true}
	return channels.Capabilities{
		Scenes: map[channels.Scene]channels.SceneCapability{
			channels.SceneQR:      {PayRepeatable: true, ActionTTL: 5 * time.Minute, NoOrderUntilPayer: true},
			channels.SceneBarcode: {}, channels.SceneWeb: link, channels.SceneJSAPI: {PayRepeatable: true},
		},
		Currencies: []money.Currency{money.CNY}, MinAmount: 1, MaxAmount: 5_000_000,
		CanClose: true, RefundRepeatable: true, RefundNotFoundAfter: 10 * time.Second,
	}
}

func wechatCaps() channels.Capabilities {
	return channels.Capabilities{
		Scenes: map[channels.Scene]channels.SceneCapability{
			channels.SceneQR: {PayRepeatable: true}, channels.SceneBarcode: {}, channels.SceneH5: {PayRepeatable: true},
		},
		Currencies: []money.Currency{money.CNY}, MinAmount: 1, MaxAmount: 5_000_000, CanClose: true, RefundRepeatable: true,
	}
}

func unionpayCaps() channels.Capabilities {
	return channels.Capabilities{
		Scenes: map[channels.Scene]channels.SceneCapability{
			channels.SceneQR: {}, channels.SceneBarcode: {},
			channels.SceneWeb: {LocalOnly: true, PayRepeatable: true, NoOrderUntilPayer: true},
		},
		Currencies: []money.Currency{money.CNY}, MinAmount: 1, MaxAmount: 5_000_000,
	}
}

// newWorld has one account at each channel: ali, wx, up.
func newWorld(t failer, store payment.Store, clock *clock) *world {
	w := &world{
		t: t, store: store, cfg: testConfig, clock: clock,
		merchant: payment.Merchant{ID: merchantID, NotifyURL: "https://shop.example/hook", LatePolicy: payment.LateRefund},
		lease:    2 * time.Minute, banks: map[string]*bank{}, down: map[string]bool{}, prefix: fmt.Sprintf("%06X", worldNumber()),
	}
	w.Service = w.replica("a", 0)
	w.open("ali", "alipay", alipayCaps())
	w.open("wx", "wechatpay", wechatCaps())
	w.open("up", "unionpay", unionpayCaps())
	return w
}

func (w *world) open(id, name string, caps channels.Capabilities) *bank {
	b := &bank{name: name, caps: caps, now: w.clock.Now, orders: map[string]*bankOrder{}, calls: map[channels.Operation]int{}}
	w.banks[id] = b
	w.accounts = append(w.accounts, channels.Account{
		ID: id, MerchantID: merchantID, Channel: name, Enabled: true, Weight: 1, FeeRatePPM: 6000, Capabilities: caps,
	})
	return b
}

// replica is a further process on the same database with a clock of its own.
func (w *world) replica(owner string, skew time.Duration) *payment.Service {
	return payment.New(w.cfg, payment.Deps{
		Store: w.store, Accounts: w, Router: w,
		NotifyURL: func(channel, account string) string { return "https://pay.example/notify/" + channel + "/" + account },
		ReturnURL: "https://pay.example/return",
		Now:       func() time.Time { return w.clock.Now().Add(skew) },
		NewID:     w.newID, Owner: owner, Logger: slog.New(slog.DiscardHandler), Wake: func() {},
	})
}

func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("01TEST%s%014d", w.prefix, w.ids)
}

// Open is payment.Accounts.
func (w *world) Open(_ context.Context, id string) (channels.Channel, channels.Account, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if next := w.failOpen[id]; len(next) > 0 {
		w.failOpen[id] = next[1:]
		if next[0] {
			return nil, channels.Account{}, payment.ErrUnavailable
		}
	}
	for _, a := range w.accounts {
		if a.ID != id {
			continue
		}
		if a.Channel == "alipay" {
			return reversing{w.banks[id]}, a, nil
		}
		return w.banks[id], a, nil
	}
	return nil, channels.Account{}, payment.ErrNotFound
}

// Decide is payment.Router: the first account that fits.
func (w *world) Decide(_ context.Context, req channels.RouteRequest) (channels.Decision, error) {
	if w.routing != nil {
		w.routing()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := channels.Decision{Strategy: "first"}
	chosen := false
	for _, a := range w.accounts {
		c := channels.Candidate{AccountID: a.ID, Channel: a.Channel, FeeRatePPM: a.FeeRatePPM, Reason: "first that fits"}
		_, offered := a.Capabilities.Scenes[req.Scene]
		switch {
		case req.Channel != "" && req.Channel != a.Channel:
			c.Rejection = channels.RejectedChannel
		case !offered:
			c.Rejection = channels.RejectedScene
		case !slices.Contains(a.Capabilities.Currencies, req.Amount.Currency()):
			c.Rejection = channels.RejectedCurrency
		case req.Amount.Minor() > a.Capabilities.MaxAmount:
			c.Rejection = channels.RejectedAmount
		case slices.Contains(req.Tried, a.ID):
			c.Rejection = channels.RejectedTried
		case w.down[a.ID]:
			c.Rejection = channels.RejectedBreaker
		case chosen:
			c.Rejection = channels.NotChosen
		default:
			c.Chosen, chosen = true, true
		}
		d.Candidates = append(d.Candidates, c)
	}
	return d, nil
}

func order(no, scene, channel string, amount int64) payment.CreateRequest {
	req := payment.CreateRequest{MerchantOrderNo: no, Amount: amount, Subject: "tea", Scene: scene, Channel: channel}
	switch scene {
	case "barcode":
		req.AuthCode = map[string]string{"wechatpay": "130000000000000001", "unionpay": "6200000000000000001"}[channel]
		if req.AuthCode == "" {
			req.AuthCode = "280000000000000001"
		}
	case "h5":
		req.ClientIP = "203.0.113.7"
	case "jsapi":
		req.PayerID = "2088000000000001"
	}
	return req
}

func (w *world) create(req payment.CreateRequest) payment.Result {
	w.t.Helper()
	r, err := w.Create(context.Background(), w.merchant, req)
	if err != nil {
		w.t.Fatalf("create %s: %v", req.MerchantOrderNo, err)
	}
	return r
}

func (w *world) get(id string) *payment.Payment {
	w.t.Helper()
	p, err := w.store.PaymentByID(context.Background(), merchantID, id)
	if err != nil {
		w.t.Fatalf("read payment: %v", err)
	}
	return p
}

func (w *world) attempt(id string) *payment.Attempt {
	w.t.Helper()
	a, err := w.store.AttemptByID(context.Background(), id)
	if err != nil {
		w.t.Fatalf("read attempt: %v", err)
	}
	return a
}

func (w *world) refundsOf(p *payment.Payment) []*payment.Refund {
	w.t.Helper()
	rs, err := w.store.ListRefunds(context.Background(), payment.RefundFilter{MerchantID: merchantID, PaymentID: p.ID, Limit: 200})
	if err != nil {
		w.t.Fatalf("list refunds: %v", err)
	}
	return rs
}

func (w *world) refund(p *payment.Payment, no string, amount int64) (*payment.Refund, error) {
	r, err := w.CreateRefund(context.Background(), w.merchant, payment.RefundRequest{MerchantRefundNo: no, PaymentID: p.ID, Amount: amount})
	return r.Refund, err
}

func (w *world) mustRefund(p *payment.Payment, no string, amount int64) *payment.Refund {
	w.t.Helper()
	r, err := w.refund(p, no, amount)
	if err != nil {
		w.t.Fatalf("refund: %v", err)
	}
	return r
}

func (w *world) bankOf(a *payment.Attempt) *bank { return w.banks[a.AccountID] }

// notify delivers a notification as the inbound side does after verifying it.
func (w *world) notify(svc *payment.Service, accountID string, n channels.Notification) (payment.Verdict, error) {
	body, err := json.Marshal(n)
	if err != nil {
		w.t.Fatalf("render notification: %v", err)
	}
	sum := sha256.Sum256(body)
	rec := payment.NotificationRecord{
		ID: "ntf_" + w.newID(), Channel: w.banks[accountID].name, AccountID: accountID, Digest: hex.EncodeToString(sum[:]),
		Body: body, ReceivedAt: w.clock.Now().UTC().Truncate(time.Millisecond),
	}
	_, account, err := w.Open(context.Background(), accountID)
	if err != nil {
		return "", err
	}
	return svc.ApplyNotification(context.Background(), account, rec, n)
}

// callback delivers what the bank says of an attempt now.
func (w *world) callback(a *payment.Attempt) payment.Verdict {
	w.t.Helper()
	v, err := w.notify(w.Service, a.AccountID, w.bankOf(a).says(a.ID))
	if err != nil {
		w.t.Fatalf("callback: %v", err)
	}
	return v
}

// work runs every due look of one replica once; it tells how many there were.
func (w *world) work(svc *payment.Service) int {
	ctx, now := context.Background(), svc.Now()
	attempts, err := w.store.ClaimAttempts(ctx, svc.Owner, now, w.lease, 1000)
	if err != nil {
		w.t.Fatalf("claim attempts: %v", err)
	}
	for _, c := range attempts {
		if err := svc.ResolveAttempt(ctx, c); err != nil && !tolerable(err) {
			w.t.Fatalf("resolve attempt: %v", err)
		}
	}
	refunds, err := w.store.ClaimRefunds(ctx, svc.Owner, now, w.lease, 1000)
	if err != nil {
		w.t.Fatalf("claim refunds: %v", err)
	}
	for _, c := range refunds {
		if err := svc.ResolveRefund(ctx, c); err != nil && !tolerable(err) {
			w.t.Fatalf("resolve refund: %v", err)
		}
	}
	return len(attempts) + len(refunds)
}

func tolerable(err error) bool { return errors.Is(err, payment.ErrUnavailable) }

// pass lets time go by in small steps, with a worker at work.
func (w *world) pass(d time.Duration) {
	for left := d; left > 0; left -= time.Second {
		w.clock.Advance(min(left, time.Second))
		w.work(w.Service)
	}
}

// statusOf is a short picture of a payment for messages of failed tests.
func (w *world) picture(p *payment.Payment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "payment %s paid=%d reserved=%d refunded=%d late_until=%v", p.Status, p.PaidMinor, p.ReservedMinor, p.RefundedMinor, p.LateUntil)
	as, err := w.store.AttemptsOf(context.Background(), p.ID)
	if err != nil {
		w.t.Fatalf("read attempts: %v", err)
	}
	for _, a := range as[p.ID] {
		fmt.Fprintf(&b, "; attempt %s at %s next=%v late=%v", a.Status, a.AccountID, a.NextCheckAt, a.LateUntil)
	}
	return b.String()
}

func (w *world) wantStatus(id string, want payment.Status) *payment.Payment {
	w.t.Helper()
	p := w.get(id)
	if p.Status != want {
		w.t.Fatalf("want %s, got %s", want, w.picture(p))
	}
	return p
}

// wantNoWrongs fails when a bank saw what a gateway must never do.
func (w *world) wantNoWrongs() {
	w.t.Helper()
	for id, b := range w.banks {
		for _, wrong := range b.wrongs {
			w.t.Errorf("%s: %s", id, wrong)
		}
	}
}

func codeOf(err error) payment.Code {
	var e *payment.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

var worlds struct {
	sync.Mutex
	n int
}

// worldNumber keeps the ids of worlds apart that share a database.
func worldNumber() int {
	worlds.Lock()
	defer worlds.Unlock()
	worlds.n++
	return worlds.n
}
