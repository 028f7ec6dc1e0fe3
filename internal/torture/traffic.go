package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// offer is an account's channel and a scene of it.
type offer struct{ channel, scene string }

// Codes and ids of payers, by the forms that each channel gives them.
var (
	authCodes = map[string]string{"alipay": "28123456789012", "wechatpay": "13123456789012", "unionpay": "621234567890123"}
	payerIDs  = map[string]string{"alipay": "2088102146225135", "wechatpay": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
)

// act is what the payer and the merchant do once the order is there.
type act string

const (
	actPay        act = "pays"
	actPayTwice   act = "pays twice at once"
	actCancel     act = "cancels"
	actChangeMind act = "cancels, then pays"
	actLeave      act = "leaves"
	actClose      act = "merchant closes"
	actLate       act = "merchant closes, then pays"
	actRace       act = "pays while the merchant closes"
)

// giveBack is what the merchant returns of a paid order.
type giveBack string

const (
	keepAll     giveBack = "keeps all"
	returnPart  giveBack = "returns a part"
	returnAll   giveBack = "returns all"
	returnTwice giveBack = "returns two parts"
	returnOver  giveBack = "returns too much"
	returnRace  giveBack = "returns halves at once"
	returnAgain giveBack = "returns the same twice, then another sum under its number"
)

// weighted picks by weight.
func weighted[T any](rng *rand.Rand, choices []choice[T]) T {
	sum := 0
	for _, c := range choices {
		sum += c.weight
	}
	n := rng.IntN(sum)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			return c.value
		}
	}
	panic("unreachable: the weights add up to the sum")
}

type choice[T any] struct {
	weight int
	value  T
}

var acts = []choice[act]{
	{50, actPay}, {6, actPayTwice}, {6, actCancel}, {6, actChangeMind}, {8, actLeave}, {6, actClose}, {9, actLate}, {9, actRace},
}

var giveBacks = []choice[giveBack]{
	{40, keepAll}, {15, returnPart}, {10, returnAll}, {10, returnTwice}, {8, returnOver}, {10, returnRace}, {7, returnAgain},
}

// fixedOutcomes are endings of amounts for which the simulators have an outcome
// of their own.
var fixedOutcomes = []int64{9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009}

// plan is one order as the seed wants it.
type plan struct {
	offer    offer
	amount   int64
	act      act
	back     giveBack
	hasty    int  // creates at once
	conflict bool // the same number with another amount
	repeat   bool // the same again, later
	minutes  bool // a limit of its own
	accepts  bool // its merchant takes late money
}

// planned draws an order's plan. Every order has a source of its own, so that
// the plans do not depend on how the orders meet.
func planned(seed uint64, index int, offers []offer) (plan, *rand.Rand) {
	rng := rand.New(rand.NewPCG(seed, uint64(index)+1)) //nolint:gosec // a plan, no secret; an index is not negative
	p := plan{
		offer: offers[rng.IntN(len(offers))], amount: 2 + rng.Int64N(8000), act: weighted(rng, acts), back: weighted(rng, giveBacks),
		hasty: 1, conflict: rng.IntN(5) == 0, repeat: rng.IntN(3) == 0, minutes: rng.IntN(2) == 0,
	}
	if rng.IntN(6) == 0 {
		p.hasty = 2 + rng.IntN(4)
	}
	if rng.IntN(12) == 0 {
		p.amount = 10_000*rng.Int64N(3) + fixedOutcomes[rng.IntN(len(fixedOutcomes))]
	}
	p.accepts = rng.IntN(3) == 0
	return p, rng
}

func (p plan) text() string {
	return fmt.Sprintf("%s; %s; %d creates; conflict %t, repeat %t, accepts late money %t", p.act, p.back, p.hasty, p.conflict, p.repeat, p.accepts)
}

// newShopper prepares an order's merchant.
func newShopper(m *merchants, sim *simulators, hook, no string, p plan, rng *rand.Rand) *shopper {
	body := map[string]any{
		"merchant_order_no": no, "amount": p.amount, "subject": "茶 " + no, "scene": p.offer.scene, "channel": p.offer.channel,
		"notify_url": hook,
	}
	switch p.offer.scene {
	case "barcode":
		body["auth_code"] = authCodes[p.offer.channel] + fmt.Sprintf("%04d", rng.IntN(10_000))
	case "jsapi":
		body["payer_id"] = payerIDs[p.offer.channel]
	case "h5":
		body["client_ip"] = "203.0.113.7"
	}
	if p.minutes && p.offer.scene != "barcode" {
		// The least that the contract allows, and a moment for the way there.
		body["expires_at"] = now().Add(2*time.Minute + 10*time.Second).UTC().Format(time.RFC3339)
	}
	return &shopper{m: m, sim: sim, rng: rng, body: body, order: Order{
		No: no, Channel: p.offer.channel, Scene: p.offer.scene, Amount: p.amount, Plan: p.text(), Late: m.policy,
	}}
}

// Steps of a merchant's patience.
const (
	lookEvery  = 150 * time.Millisecond
	createFor  = 8 * time.Second
	settledFor = 4 * time.Second
)

// work takes the order through its plan as far as the adversary lets it.
func (s *shopper) work(ctx context.Context, p plan) {
	got, ok := s.place(ctx, p)
	if !ok {
		return
	}
	if p.conflict {
		other := map[string]any{}
		for k, v := range s.body {
			other[k] = v
		}
		other["amount"] = p.amount + 1
		s.ask(ctx, Request{Gateway: s.somewhere(), What: Conflict, Amount: p.amount + 1}, http.MethodPost, "/v1/payments", other)
	}
	if got.Status == processing || (got.Status == pending && got.Action == nil) {
		got = s.await(ctx, got, func(p Payment) bool { return p.Action != nil || final(p.Status) })
	}
	s.pay(ctx, p.act, got)
	if p.repeat {
		s.create(ctx, s.somewhere())
	}
	got = s.await(ctx, got, func(p Payment) bool { return final(p.Status) })
	if got.Status == succeeded || s.rng.IntN(20) == 0 {
		s.giveBack(ctx, p.back, got.ID)
	}
	s.get(ctx, got.ID)
}

// place creates the order, several times at once where the merchant is hasty,
// and again until there is a payment.
func (s *shopper) place(ctx context.Context, p plan) (Payment, bool) {
	deadline := now().Add(createFor)
	for n := p.hasty; ; n = 1 {
		answers := make([]Payment, n)
		var all sync.WaitGroup
		for i := range n {
			gateway := s.somewhere()
			all.Go(func() { _, answers[i] = s.create(ctx, gateway) })
		}
		all.Wait()
		for _, a := range answers {
			if a.ID != "" {
				return a, true
			}
		}
		if now().After(deadline) || !pause(ctx, 2*lookEvery) {
			return Payment{}, false
		}
	}
}

// await reads the payment until it is as wanted, or the merchant has no more
// patience.
func (s *shopper) await(ctx context.Context, got Payment, as func(Payment) bool) Payment {
	deadline := now().Add(settledFor)
	for !as(got) && now().Before(deadline) && pause(ctx, lookEvery) {
		if r, read := s.get(ctx, got.ID); r.answered() {
			got = read
		}
	}
	return got
}

func (s *shopper) pay(ctx context.Context, what act, got Payment) {
	if got.Action == nil || string(got.Action) == "null" {
		if got.Status == pending && len(got.Attempts) > 0 {
			_, _ = s.sim.typePassword(ctx, got.Attempts[len(got.Attempts)-1].ID)
		}
		if what == actClose || what == actRace || what == actLate {
			s.closeOrder(ctx, s.somewhere(), got.ID)
		}
		return
	}
	// What a payer does may be refused: declined, closed, expired. The books
	// tell what came of it.
	payer := func(result string) { _, _ = s.sim.act(ctx, got.Action, result) }
	gateway := s.somewhere()
	switch what {
	case actPay:
		payer("pay")
	case actPayTwice:
		both(func() { payer("pay") }, func() { payer("pay") })
	case actCancel:
		payer("cancel")
	case actChangeMind:
		payer("cancel")
		payer("pay")
	case actLeave:
	case actClose:
		s.closeOrder(ctx, gateway, got.ID)
	case actLate:
		s.closeOrder(ctx, gateway, got.ID)
		payer("pay")
	case actRace:
		both(func() { payer("pay") }, func() { s.closeOrder(ctx, gateway, got.ID) })
	}
}

func both(a, b func()) {
	var all sync.WaitGroup
	all.Go(a)
	all.Go(b)
	all.Wait()
}

func (s *shopper) giveBack(ctx context.Context, what giveBack, id string) {
	amount := s.order.Amount
	no := s.order.No + "-r"
	here := s.somewhere()
	half := max(amount/2, 1)
	switch what {
	case keepAll:
	case returnPart:
		s.insist(ctx, id, no, half)
	case returnAll:
		s.insist(ctx, id, no, amount)
	case returnTwice:
		s.insist(ctx, id, no+"1", half)
		s.insist(ctx, id, no+"2", half)
	case returnOver:
		s.refund(ctx, here, id, no, amount+1)
		s.insist(ctx, id, no+"2", half)
		s.refund(ctx, here, id, no+"3", amount)
	case returnRace:
		var all sync.WaitGroup
		for i := range 5 {
			gateway := s.somewhere()
			all.Go(func() { s.refund(ctx, gateway, id, fmt.Sprintf("%s%d", no, i), half) })
		}
		all.Wait()
	case returnAgain:
		s.insist(ctx, id, no, half)
		s.refund(ctx, here, id, no, half)
		s.refund(ctx, here, id, no, half+1)
	}
}

// insist asks for a refund until it is answered.
func (s *shopper) insist(ctx context.Context, id, no string, amount int64) {
	for range 4 {
		r, _ := s.refund(ctx, s.somewhere(), id, no, amount)
		if r.Status != 0 && r.Status < http.StatusInternalServerError {
			return
		}
		if !pause(ctx, 2*lookEvery) {
			return
		}
	}
}

// pause waits and reports whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// offered reads which scenes of which channels the merchant's accounts have.
func offered(ctx context.Context, m *merchants) ([]offer, error) {
	got, err := m.clients[0].Do(ctx, http.MethodGet, "/v1/channels", nil)
	if err != nil {
		return nil, err
	}
	var page struct {
		Data []struct {
			Channel string   `json:"channel"`
			Scenes  []string `json:"scenes"`
		} `json:"data"`
	}
	if err := json.Unmarshal(got.Body, &page); err != nil {
		return nil, err
	}
	var offers []offer
	for _, c := range page.Data {
		for _, scene := range c.Scenes {
			offers = append(offers, offer{c.Channel, scene})
		}
	}
	if len(offers) == 0 {
		return nil, fmt.Errorf("GET /v1/channels offers nothing: %s", got.Body)
	}
	return offers, nil
}
