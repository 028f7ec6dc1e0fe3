package router_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/router"
)

// decisions is how many orders a share is measured over; the order numbers are
// fixed, so that a share that is in bounds once always is.
const decisions = 100_000

// sigmas is how many standard deviations of a binomial draw a share may be off.
const sigmas = 5

// accountID makes an id as they are in an installation: they differ in a few
// letters only.
func accountID(i int) string { return fmt.Sprintf("acc_01M7YGZEA4QXFNQP38Q8TJ36%02d", i) }

// orderNumbers are the forms in which merchants number their orders.
var orderNumbers = []string{"%d", "2026112100%06d", "order-%d-a", "SHOP_7_%08x"}

func sharesOf(t *testing.T, r *router.Router, orders string, change func(*channels.RouteRequest)) map[string]int {
	t.Helper()
	got := map[string]int{}
	for i := range decisions {
		req := request(t, 100, fmt.Sprintf(orders, i))
		if change != nil {
			change(&req)
		}
		got[chosen(t, r, req)]++
	}
	return got
}

func wantShares(t *testing.T, got map[string]int, want map[string]float64) {
	t.Helper()
	for id, share := range want {
		bound := sigmas * math.Sqrt(decisions*share*(1-share))
		if diff := math.Abs(float64(got[id]) - decisions*share); diff > bound {
			t.Errorf("%s was chosen %d times, want %.0f ± %.0f", id, got[id], decisions*share, bound)
		}
		delete(got, id)
	}
	for id, n := range got {
		t.Errorf("%s was chosen %d times, want never", id, n)
	}
}

func TestShares_EveryWeightSetIsHonoured(t *testing.T) {
	for _, weights := range [][]int{
		{1}, {1, 1}, {50, 50}, {1, 2, 7}, {100, 100, 100}, {1, 9999}, {1, 10, 100, 1000}, {3, 3, 3, 3, 3, 3, 3}, {0, 1, 1}, {70, 20, 10},
	} {
		for i, orders := range orderNumbers {
			if i > 0 && weights[len(weights)-1] != 7 {
				continue // all forms for one set, all sets for one form
			}
			t.Run(fmt.Sprint(weights, " ", orders), func(t *testing.T) {
				t.Parallel()
				var set accounts
				total, want := 0, map[string]float64{}
				for _, w := range weights {
					total += w
				}
				for i, w := range weights {
					set = append(set, account(accountID(i), []string{"alipay", "wechatpay", "unionpay"}[i%3], w))
					want[accountID(i)] = float64(w) / float64(total)
				}
				wantShares(t, sharesOf(t, router.New(set, health{}), orders, nil), want)
			})
		}
	}
}

// What a decision says of shares is what many decisions show.
func TestShares_AreAsTheDecisionSays(t *testing.T) {
	set := accounts{account(accountID(1), "alipay", 30), account(accountID(2), "alipay", 10), account(accountID(3), "wechatpay", 100), account(accountID(4), "unionpay", 0)}
	set[2].FeeRatePPM = 3800
	figures := loads{
		accountID(1): {InFlight: 4, SuccessRate: 0.99, Warmth: 1}, accountID(2): {SuccessRate: 0.995, Warmth: 0.4},
		accountID(3): {InFlight: 9, SuccessRate: 0.98, Warmth: 1}, accountID(4): {SuccessRate: 1, Warmth: 1},
	}
	for name, document := range map[string]string{
		"accounts' weights":  `{"version":1}`,
		"a rule's weights":   `{"version":1,"rules":[{"name":"r","use":[{"account":"` + accountID(1) + `","weight":1},{"account":"` + accountID(3) + `","weight":4}]}]}`,
		"channels' weights":  `{"version":1,"rules":[{"name":"r","use":[{"channel":"alipay","weight":60},{"channel":"wechatpay","weight":40}]}]}`,
		"account before":     `{"version":1,"rules":[{"name":"r","use":[{"channel":"alipay","weight":60},{"account":"` + accountID(2) + `","weight":5}]}]}`,
		"last resort rises":  `{"version":1,"rules":[{"name":"r","use":[{"account":"` + accountID(4) + `","weight":3},{"account":"` + accountID(2) + `","weight":5}]}]}`,
		"lowest fee":         `{"version":1,"strategy":"lowest_fee"}`,
		"success rate":       `{"version":1,"strategy":"success_rate"}`,
		"least in flight":    `{"version":1,"strategy":"least_in_flight"}`,
		"mix":                `{"version":1,"strategy":"mix"}`,
		"mix of two":         `{"version":1,"strategy":"mix","mix":{"fee":3,"in_flight":1}}`,
		"a rule's own mix":   `{"version":1,"rules":[{"name":"r","strategy":"mix","mix":{"weight":1,"success":2}}]}`,
		"only last resort":   `{"version":1,"rules":[{"name":"r","use":[{"account":"` + accountID(1) + `","weight":0},{"account":"` + accountID(2) + `","weight":0}]}]}`,
		"a channel's spares": `{"version":1,"rules":[{"name":"r","use":[{"channel":"unionpay","weight":2},{"channel":"wechatpay","weight":1}]}]}`,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			r := router.New(set, health{}, router.WithRules(book{"mer_1": rules(t, document)}), router.WithLoads(figures))
			d, err := r.Decide(t.Context(), request(t, 100_000, "any"))
			if err != nil {
				t.Fatal(err)
			}
			want, sum := map[string]float64{}, 0.0
			for _, c := range d.Candidates {
				sum += c.Share
				if c.Share > 0 {
					want[c.AccountID] = c.Share
				}
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("the shares add up to %v", sum)
			}
			wantShares(t, sharesOf(t, r, "%d", func(q *channels.RouteRequest) { q.Amount = request(t, 100_000, "").Amount }), want)
		})
	}
}

// Accounts that are not well get nothing, and the others their shares of it.
func TestShares_NothingGoesToAnOpenBreaker(t *testing.T) {
	set := accounts{account(accountID(1), "alipay", 80), account(accountID(2), "alipay", 15), account(accountID(3), "alipay", 5)}
	for _, strategy := range router.Strategies() {
		t.Run(string(strategy), func(t *testing.T) {
			t.Parallel()
			document := `{"version":1,"strategy":"` + string(strategy) + `"}`
			r := router.New(set, health{accountID(1): "its breaker is open"}, router.WithRules(book{"mer_1": rules(t, document)}))
			got := sharesOf(t, r, "%d", nil)
			if got[accountID(1)] != 0 {
				t.Errorf("%d payments went to an open breaker", got[accountID(1)])
			}
			if got[accountID(2)]+got[accountID(3)] != decisions || got[accountID(2)] == 0 || got[accountID(3)] == 0 {
				t.Errorf("the others got %v", got)
			}
		})
	}
}

// When an account falls out, only its own orders move.
func TestShares_OnlyOrdersOfAFallenAccountMove(t *testing.T) {
	set := accounts{account(accountID(1), "alipay", 10), account(accountID(2), "alipay", 10), account(accountID(3), "alipay", 10)}
	well, ill := router.New(set, health{}), router.New(set, health{accountID(2): "its breaker is open"})
	for i := range 10_000 {
		req := request(t, 100, fmt.Sprint("order-", i))
		before, after := chosen(t, well, req), chosen(t, ill, req)
		if before != accountID(2) && after != before {
			t.Fatalf("%s moved from %s to %s", req.Sticky, before, after)
		}
	}
}
