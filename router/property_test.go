package router_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/router"
)

// The values are few, so that rules and payments meet often.
var (
	someAmounts  = []int64{1, 10, 11, 20, 21, 500}
	someScenes   = []channels.Scene{channels.SceneQR, channels.SceneBarcode, channels.SceneWeb}
	someRegions  = []string{"", "bj", "sh"}
	someHours    = []string{"00:00-08:00", "08:00-24:00", "22:00-06:00", "07:00-09:00"}
	someDays     = []string{"2026-11-20", "2026-11-21", "2026-11-22"}
	someChannels = []string{"alipay", "wechatpay", "unionpay"}
	someMoments  = []string{"2026-11-19T23:00:00Z", "2026-11-20T00:30:00Z", "2026-11-20T14:00:00Z", "2026-11-21T15:59:59Z", "2026-11-22T16:00:00Z"}
)

func sub[T any](t *rapid.T, of []T, label string) []T {
	var out []T
	for i, v := range of {
		if rapid.Bool().Draw(t, fmt.Sprint(label, i)) {
			out = append(out, v)
		}
	}
	return out
}

func drawConditions(t *rapid.T) router.Conditions {
	var c router.Conditions
	if rapid.Bool().Draw(t, "has min") {
		c.MinAmount = rapid.SampledFrom(someAmounts).Draw(t, "min")
	}
	if rapid.Bool().Draw(t, "has max") {
		c.MaxAmount = max(c.MinAmount, rapid.SampledFrom(someAmounts).Draw(t, "max"))
	}
	if rapid.IntRange(0, 2).Draw(t, "limited") == 0 {
		c.Scenes, c.Regions = sub(t, someScenes, "scene"), sub(t, someRegions, "region")
	}
	if rapid.IntRange(0, 3).Draw(t, "has metadata") == 0 {
		c.Metadata = []router.Pair{{Key: "k", Values: append(sub(t, []string{"a"}, "value"), "b")}}
	}
	if rapid.IntRange(0, 3).Draw(t, "timed") == 0 {
		for _, text := range sub(t, someHours, "hours") {
			h, _ := channels.ParseHours(text)
			c.Hours = append(c.Hours, h)
		}
		c.From, _ = channels.ParseDay(rapid.SampledFrom(someDays).Draw(t, "from"))
		if rapid.Bool().Draw(t, "ends") {
			c.To = c.From.Add(rapid.IntRange(0, 2).Draw(t, "days"))
		}
		c.Weekdays = sub(t, []time.Weekday{time.Friday, time.Saturday, time.Sunday}, "weekday")
	}
	return c
}

func drawRules(t *rapid.T, set []channels.Account) *router.Rules {
	rs := &router.Rules{Strategy: rapid.SampledFrom(router.Strategies()).Draw(t, "default")}
	for i := range rapid.IntRange(0, 5).Draw(t, "rules") {
		r := router.Rule{Name: fmt.Sprint("rule-", i), When: drawConditions(t)}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			r.Refuse = "no"
		case 1:
			r.Strategy = rapid.SampledFrom(router.Strategies()).Draw(t, "strategy")
		default:
			weighs := rapid.Bool().Draw(t, "weighs")
			for _, a := range sub(t, set, "use account") {
				r.Use = append(r.Use, router.Target{Account: a.ID, Weighs: weighs, Weight: rapid.IntRange(0, 5).Draw(t, "weight")})
			}
			for _, name := range sub(t, someChannels, "use channel") {
				r.Use = append(r.Use, router.Target{Channel: name, Weighs: weighs, Weight: rapid.IntRange(0, 5).Draw(t, "weight")})
			}
		}
		rs.List = append(rs.List, r)
	}
	return rs
}

func drawAccounts(t *rapid.T) []channels.Account {
	var set []channels.Account
	for i := range rapid.IntRange(0, 5).Draw(t, "accounts") {
		a := account(fmt.Sprint("acc_", i), rapid.SampledFrom(someChannels).Draw(t, "channel"), rapid.IntRange(0, 3).Draw(t, "own weight"))
		a.Enabled = rapid.IntRange(0, 4).Draw(t, "disabled") > 0
		a.FeeRatePPM = rapid.Int64Range(0, 20_000).Draw(t, "fee")
		if rapid.IntRange(0, 3).Draw(t, "limited") == 0 {
			a.MaxAmount = 20
		}
		set = append(set, a)
	}
	return set
}

func drawRequest(t *rapid.T) channels.RouteRequest {
	amount, err := money.New(rapid.SampledFrom(someAmounts).Draw(t, "amount"), money.CNY)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339, rapid.SampledFrom(someMoments).Draw(t, "at"))
	if err != nil {
		t.Fatal(err)
	}
	req := channels.RouteRequest{
		MerchantID: "mer_1", Amount: amount, Scene: rapid.SampledFrom(someScenes).Draw(t, "scene"), Region: rapid.SampledFrom(someRegions).Draw(t, "region"),
		Channel: rapid.SampledFrom(append([]string{""}, someChannels...)).Draw(t, "bound"), Sticky: rapid.StringMatching(`[a-z]{1,6}`).Draw(t, "order"), At: at,
	}
	if rapid.Bool().Draw(t, "with metadata") {
		req.Metadata = map[string]string{"k": rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "metadata")}
	}
	return req
}

// holds says by itself, in other words than the router, whether a rule is for a
// payment.
func holds(r *router.Rule, req channels.RouteRequest, set []channels.Account) bool {
	c := r.When
	in := func(ok bool, n int) bool { return n == 0 || ok }
	minor, local := req.Amount.Minor(), req.At.Add(8*time.Hour).UTC()
	if minor < c.MinAmount || c.MaxAmount != 0 && minor > c.MaxAmount || !in(slices.Contains(c.Scenes, req.Scene), len(c.Scenes)) ||
		!in(slices.Contains(c.Regions, req.Region), len(c.Regions)) || !in(slices.Contains(c.Weekdays, local.Weekday()), len(c.Weekdays)) {
		return false
	}
	for _, p := range c.Metadata {
		if v, ok := req.Metadata[p.Key]; !ok || !slices.Contains(p.Values, v) {
			return false
		}
	}
	date := local.Format(time.DateOnly)
	if !c.From.IsZero() && date < c.From.String() || !c.To.IsZero() && date > c.To.String() {
		return false
	}
	clock, inHours := local.Format("15:04"), false
	for _, h := range c.Hours {
		from, to := h.String()[:5], h.String()[6:]
		if from < to && from <= clock && clock < to || from > to && (from <= clock || clock < to) {
			inHours = true
		}
	}
	return in(inHours, len(c.Hours)) && speaks(r, req.Channel, set)
}

func speaks(r *router.Rule, bound string, set []channels.Account) bool {
	if bound == "" || len(r.Use) == 0 {
		return true
	}
	return slices.ContainsFunc(set, func(a channels.Account) bool { return a.Channel == bound && named(r, a) })
}

func named(r *router.Rule, a channels.Account) bool {
	return slices.ContainsFunc(r.Use, func(t router.Target) bool {
		return t.Account == a.ID || t.Account == "" && t.Channel == a.Channel
	})
}

// The first rule that is for a payment decides, every candidate has a reason, and
// nobody is chosen who is not allowed to be.
func TestProperty_FirstMatchDecidesAndEveryCandidateHasAReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := drawAccounts(t)
		rs, req := drawRules(t, set), drawRequest(t)
		ill := health{}
		for _, a := range sub(t, set, "ill") {
			ill[a.ID] = "its breaker is open"
		}
		for _, a := range sub(t, set, "tried") {
			req.Tried = append(req.Tried, a.ID)
		}
		d, err := router.New(accounts(set), ill, router.WithRules(book{"mer_1": rs})).Decide(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var rule *router.Rule
		for i := range rs.List {
			if holds(&rs.List[i], req, set) {
				rule = &rs.List[i]
				break
			}
		}
		switch {
		case rule == nil && d.Rule != "", rule != nil && d.Rule != rule.Name:
			t.Fatalf("decided by %q, want %+v", d.Rule, rule)
		case len(d.Candidates) != len(set):
			t.Fatalf("%d candidates of %d accounts", len(d.Candidates), len(set))
		}
		eligible, chosen, sum := 0, 0, 0.0
		for i, c := range d.Candidates {
			a := set[i]
			if c.AccountID != a.ID || c.Reason == "" || c.Chosen == (c.Rejection != "") {
				t.Fatalf("candidate %+v of account %s", c, a.ID)
			}
			may := a.Enabled && ill[a.ID] == "" && !slices.Contains(req.Tried, a.ID) && (req.Channel == "" || a.Channel == req.Channel) &&
				req.Scene != channels.SceneWeb && (a.MaxAmount == 0 || req.Amount.Minor() <= a.MaxAmount) &&
				(rule == nil || rule.Refuse == "" && (len(rule.Use) == 0 || named(rule, a)))
			if got := c.Rejection == "" || c.Rejection == channels.NotChosen; got != may {
				t.Fatalf("%s: eligible %v, want %v: %+v", a.ID, got, may, c)
			}
			if may {
				eligible++
			}
			if c.Chosen {
				chosen++
				if c.Share <= 0 {
					t.Fatalf("chosen without a share: %+v", c)
				}
			}
			sum += c.Share
		}
		if chosen != min(eligible, 1) || eligible > 0 && !near(sum, 1) {
			t.Fatalf("%d chosen of %d eligible, shares of %v: %+v", chosen, eligible, sum, d.Candidates)
		}
	})
}

// A rule that the check calls unreachable is the first match of no payment; one
// that is the first match of some payment is not called so.
func TestProperty_UnreachableRulesMatchNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := drawAccounts(t)
		rs := drawRules(t, set)
		dead, bound := map[string]bool{}, map[string]bool{}
		for _, i := range rs.Check(set, time.Unix(0, 0)) {
			for k := range rs.List {
				if i.Field == fmt.Sprintf("rules[%d]", k) {
					dead[rs.List[k].Name] = len(i.Message) > 15 && i.Message[:16] == "is never reached"
					bound[rs.List[k].Name] = !dead[rs.List[k].Name]
				}
			}
		}
		r := router.New(accounts(set), health{}, router.WithRules(book{"mer_1": rs}))
		for range 30 {
			req := drawRequest(t)
			d, err := r.Decide(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if dead[d.Rule] || bound[d.Rule] && req.Channel == "" {
				t.Fatalf("%s decides %+v although it is called unreachable", d.Rule, req)
			}
		}
	})
}

// Where rules look at amounts alone the check finds every rule that is out of reach.
func TestProperty_EveryUnreachableRuleIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := &router.Rules{}
		for i := range rapid.IntRange(1, 6).Draw(t, "rules") {
			least := rapid.Int64Range(1, 12).Draw(t, "min")
			rs.List = append(rs.List, router.Rule{Name: fmt.Sprint(i), Refuse: "x", When: router.Conditions{
				MinAmount: least, MaxAmount: least + rapid.Int64Range(0, 6).Draw(t, "width"), Regions: sub(t, []string{"a", "b"}, "region"),
			}})
		}
		reached := map[string]bool{}
		for minor := int64(1); minor < 20; minor++ {
			for _, region := range []string{"a", "b", "c"} {
				for _, r := range rs.List {
					if r.When.MinAmount <= minor && minor <= r.When.MaxAmount && (len(r.When.Regions) == 0 || slices.Contains(r.When.Regions, region)) {
						reached[r.Name] = true
						break
					}
				}
			}
		}
		found := map[string]bool{}
		for _, i := range rs.Check(nil, time.Unix(0, 0)) {
			found[i.Field] = true
		}
		for i, r := range rs.List {
			if found[fmt.Sprintf("rules[%d]", i)] == reached[r.Name] {
				t.Fatalf("rule %d of %+v: reached %v, called unreachable %v", i, rs.List, reached[r.Name], !reached[r.Name])
			}
		}
	})
}
