package router_test

import (
	"fmt"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/router"
)

func TestReplay_ShowsWhatWouldChange(t *testing.T) {
	a, b, gone := account("acc_a", "alipay", 1), account("acc_b", "wechatpay", 1), account("acc_gone", "alipay", 1)
	a.FeeRatePPM, b.FeeRatePPM, gone.Enabled = 6000, 3800, false
	b.MaxAmount = 5000
	rs := rules(t, `{"version":1,"rules":[
		{"name":"large","when":{"amount":{"min":5000}},"use":[{"account":"acc_b"}]},
		{"name":"barcode","when":{"scene":["barcode"]},"refuse":"not here"},
		{"name":"rest","use":[{"account":"acc_b"}]}]}`)
	replay := router.NewReplay(rs, []channels.Account{a, b, gone})
	order := func(n int, minor int64, scene channels.Scene, bound, account string, paid bool) {
		req := request(t, minor, fmt.Sprint("order-", n))
		req.Scene, req.Channel = scene, bound
		o := router.PastOrder{Request: req, AccountID: account, Channel: "alipay"}
		if account == "acc_b" {
			o.Channel = "wechatpay"
		}
		if paid {
			o.PaidMinor = minor
		}
		replay.Add(o)
	}
	order(1, 1000, channels.SceneQR, "", "acc_a", true)       // moves, cheaper
	order(2, 1000, channels.SceneQR, "", "acc_b", true)       // stays
	order(3, 1000, channels.SceneQR, "alipay", "acc_a", true) // bound: no rule speaks of alipay
	order(4, 2000, channels.SceneQR, "", "acc_a", false)      // moves, was not paid
	order(5, 5000, channels.SceneQR, "", "acc_a", true)       // moves, the largest that is taken
	order(6, 9000, channels.SceneQR, "", "acc_a", true)       // above the account's limit
	order(7, 9000, channels.SceneQR, "", "acc_old", true)     // likewise, from an account of the past
	order(8, 700, channels.SceneBarcode, "alipay", "acc_a", true)
	got := replay.Report()

	if got.Orders != 8 || got.Amount != 28_700 || got.Moved != 3 || got.MovedAmount != 8000 {
		t.Errorf("orders %d of %d, moved %d of %d", got.Orders, got.Amount, got.Moved, got.MovedAmount)
	}
	// Taken and paid: 1000 + 1000 + 1000 + 5000.
	if was, would := int64(6+4+6+30), int64(4+4+6+19); got.FeesWas != was || got.FeesWould != would {
		t.Errorf("fees %d and %d, want %d and %d", got.FeesWas, got.FeesWould, was, would)
	}
	if got.Untaken != 3 || got.UntakenAmount != 18_700 || len(got.UntakenWhy) != 2 {
		t.Fatalf("untaken %d of %d: %+v", got.Untaken, got.UntakenAmount, got.UntakenWhy)
	}
	limit, refused := got.UntakenWhy[0], got.UntakenWhy[1]
	if limit.Why != channels.RejectedAmount || limit.Orders != 2 || fmt.Sprint(limit.Examples) != "[order-6 order-7]" {
		t.Errorf("above the limit: %+v", limit)
	}
	if refused.Why != channels.RejectedRefused || refused.Orders != 1 || refused.Amount != 700 {
		t.Errorf("refused: %+v", refused)
	}
	flows := map[string]router.ReplayShare{}
	for _, s := range append(got.Accounts, got.Channels...) {
		flows[s.Channel+s.AccountID] = s
	}
	for place, want := range map[string][2]router.Flow{
		"alipayacc_a":    {{Orders: 6, Amount: 18_700, Paid: 16_700, Fee: 6 + 6 + 30 + 54 + 4}, {Orders: 1, Amount: 1000, Paid: 1000, Fee: 6}},
		"wechatpayacc_b": {{Orders: 1, Amount: 1000, Paid: 1000, Fee: 4}, {Orders: 4, Amount: 9000, Paid: 7000, Fee: 4 + 4 + 19}},
		"alipayacc_gone": {},
		"alipayacc_old":  {{Orders: 1, Amount: 9000, Paid: 9000}, {}},
		"alipay":         {{Orders: 7, Amount: 27_700, Paid: 25_700, Fee: 100}, {Orders: 1, Amount: 1000, Paid: 1000, Fee: 6}},
		"wechatpay":      {{Orders: 1, Amount: 1000, Paid: 1000, Fee: 4}, {Orders: 4, Amount: 9000, Paid: 7000, Fee: 27}},
	} {
		if s := flows[place]; s.Was != want[0] || s.Would != want[1] {
			t.Errorf("%s: was %+v, would %+v; want %+v", place, s.Was, s.Would, want)
		}
	}
	if fmt.Sprint(got.Rules) != "[{large 3 23000} {barcode 1 700} {rest 3 4000} { 1 1000}]" {
		t.Errorf("rules %v", got.Rules)
	}
}

// Without a change of rules nothing moves: a decision of the past is found again.
func TestReplay_OfTheSameRulesMovesNothing(t *testing.T) {
	set := accounts{account("acc_a", "alipay", 3), account("acc_b", "wechatpay", 5), account("acc_c", "unionpay", 2)}
	rs := rules(t, `{"version":1,"rules":[{"name":"some","when":{"amount":{"max":500}},"use":[{"account":"acc_a","weight":1},{"account":"acc_c","weight":1}]}]}`)
	r := router.New(set, health{}, router.WithRules(book{"mer_1": rs}))
	replay := router.NewReplay(rs, set)
	for i := range 5000 {
		req := request(t, int64(i%1000+1), fmt.Sprint("order-", i))
		d, err := r.Decide(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := d.Chosen()
		replay.Add(router.PastOrder{Request: req, AccountID: c.AccountID, Channel: c.Channel, PaidMinor: req.Amount.Minor()})
	}
	if got := replay.Report(); got.Orders != 5000 || got.Moved != 0 || got.Untaken != 0 || got.FeesWas != got.FeesWould {
		t.Errorf("%+v", got)
	}
}
