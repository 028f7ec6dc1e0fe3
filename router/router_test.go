package router_test

import (
	"context"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/router"
)

type accounts []channels.Account

func (a accounts) Routes(context.Context, string) ([]channels.Account, error) { return a, nil }

type health map[string]string

func (h health) Available(id string) (string, bool) { return h[id], h[id] == "" }

func account(id, channel string, weight int) channels.Account {
	return channels.Account{
		ID: id, MerchantID: "mer_1", Channel: channel, Enabled: true, Weight: weight,
		Capabilities: channels.Capabilities{
			Scenes:     map[channels.Scene]channels.SceneCapability{channels.SceneQR: {}, channels.SceneBarcode: {}},
			Currencies: []money.Currency{money.CNY}, MinAmount: 1, MaxAmount: 1_000_000,
		},
	}
}

func request(t testing.TB, minor int64, sticky string) channels.RouteRequest {
	t.Helper()
	amount, err := money.New(minor, money.CNY)
	if err != nil {
		t.Fatal(err)
	}
	return channels.RouteRequest{MerchantID: "mer_1", Amount: amount, Scene: channels.SceneQR, Sticky: sticky, At: time.Unix(0, 0)}
}

func TestDecideHonoursWeights(t *testing.T) {
	set := accounts{account("acc_a", "alipay", 1), account("acc_b", "wechatpay", 2), account("acc_c", "unionpay", 7), account("acc_z", "alipay", 0)}
	r := router.New(set, health{})
	const decisions = 100_000
	got := map[string]int{}
	for i := range decisions {
		d, err := r.Decide(context.Background(), request(t, 100, "order-"+strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		c, ok := d.Chosen()
		if !ok {
			t.Fatal("nothing was chosen")
		}
		got[c.AccountID]++
	}
	for _, a := range set {
		share := float64(a.Weight) / 10
		// Four standard deviations of a binomial draw.
		bound := 4 * math.Sqrt(decisions*share*(1-share))
		if diff := math.Abs(float64(got[a.ID]) - decisions*share); diff > bound {
			t.Errorf("%s was chosen %d times, want %.0f ± %.0f", a.ID, got[a.ID], decisions*share, bound)
		}
	}
}

func TestDecideIsStickyAndFailsOverOnce(t *testing.T) {
	r := router.New(accounts{account("acc_a", "alipay", 5), account("acc_b", "wechatpay", 5)}, health{})
	req := request(t, 100, "order-1")
	first := chosen(t, r, req)
	for range 20 {
		if again := chosen(t, r, req); again != first {
			t.Fatalf("the same order went to %s, then to %s", first, again)
		}
	}
	req.Tried = []string{first}
	second := chosen(t, r, req)
	if second == first {
		t.Fatal("an account that was tried was chosen again")
	}
	req.Tried = append(req.Tried, second)
	d, err := r.Decide(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := d.Chosen(); ok {
		t.Fatalf("chose %s although all were tried", c.AccountID)
	}
}

func TestDecideUsesWeightZeroOnlyAsLastResort(t *testing.T) {
	r := router.New(accounts{account("acc_a", "alipay", 0), account("acc_b", "alipay", 1)}, health{})
	req := request(t, 100, "order-1")
	if got := chosen(t, r, req); got != "acc_b" {
		t.Fatalf("chose %s", got)
	}
	req.Tried = []string{"acc_b"}
	if got := chosen(t, r, req); got != "acc_a" {
		t.Fatalf("chose %s", got)
	}
}

func TestDecideGivesEachRejectionItsReason(t *testing.T) {
	small := account("acc_small", "alipay", 1)
	small.MaxAmount = 50
	off := account("acc_off", "alipay", 1)
	off.Enabled = false
	narrow := account("acc_narrow", "alipay", 1)
	narrow.Scenes = []channels.Scene{channels.SceneBarcode}
	foreign := account("acc_foreign", "alipay", 1)
	foreign.Capabilities.Currencies = []money.Currency{"USD"}
	r := router.New(accounts{
		small, off, narrow, foreign, account("acc_other", "unionpay", 1), account("acc_ill", "alipay", 1), account("acc_ok", "alipay", 1),
	}, health{"acc_ill": "its breaker is open"})
	req := request(t, 100, "order-1")
	req.Channel = "alipay"
	d, err := r.Decide(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]channels.Rejection{
		"acc_small": channels.RejectedAmount, "acc_off": channels.RejectedDisabled, "acc_narrow": channels.RejectedScene,
		"acc_foreign": channels.RejectedCurrency, "acc_other": channels.RejectedChannel, "acc_ill": channels.RejectedBreaker, "acc_ok": "",
	}
	for _, c := range d.Candidates {
		if c.Rejection != want[c.AccountID] {
			t.Errorf("%s: rejection %q, want %q", c.AccountID, c.Rejection, want[c.AccountID])
		}
		if c.Reason == "" {
			t.Errorf("%s has no reason", c.AccountID)
		}
		if c.Chosen != (c.AccountID == "acc_ok") {
			t.Errorf("%s: chosen %v", c.AccountID, c.Chosen)
		}
	}
}

func chosen(t *testing.T, r *router.Router, req channels.RouteRequest) string {
	t.Helper()
	d, err := r.Decide(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := d.Chosen()
	if !ok {
		t.Fatal("nothing was chosen")
	}
	return c.AccountID
}
