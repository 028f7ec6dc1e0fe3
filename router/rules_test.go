package router_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/router"
)

// everyRule uses every field.
const everyRule = `{"version":1,"strategy":"mix","mix":{"weight":1,"fee":2,"success":3,"in_flight":4},"rules":[
	{"name":"large","when":{"amount":{"min":100000,"max":500000},"currency":["CNY"],"scene":["qr","web"],"region":["shanghai"],
		"metadata":{"tier":"gold","shop":["1","2"]},"dates":{"from":"2026-11-01","to":"2026-11-30"},"weekdays":["mon","tue","sat"],"hours":["08:00-22:00"]},
	 "use":[{"account":"acc_a","weight":70},{"channel":"wechatpay","weight":30}],"strategy":"weighted"},
	{"name":"night","when":{"hours":["22:00-06:00"]},"refuse":"closed at night"},
	{"name":"rest","strategy":"mix","mix":{"fee":1}}]}`

func TestRules_EachConditionDecides(t *testing.T) {
	rs := rules(t, everyRule)
	set := accounts{account("acc_a", "alipay", 1), account("acc_w", "wechatpay", 1), account("acc_u", "unionpay", 1)}
	r := router.New(set, health{}, router.WithRules(book{"mer_1": rs}))
	good := func() channels.RouteRequest {
		req := request(t, 200_000, "order")
		req.Region, req.Metadata = "shanghai", map[string]string{"tier": "gold", "shop": "2", "more": "x"}
		req.At = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC) // Saturday noon in Shanghai
		return req
	}
	for name, c := range map[string]struct {
		change func(*channels.RouteRequest)
		want   string
	}{
		"all hold":                              {func(*channels.RouteRequest) {}, "large"},
		"least amount":                          {func(q *channels.RouteRequest) { q.Amount = request(t, 100_000, "").Amount }, "large"},
		"largest amount":                        {func(q *channels.RouteRequest) { q.Amount = request(t, 500_000, "").Amount }, "large"},
		"too small":                             {func(q *channels.RouteRequest) { q.Amount = request(t, 99_999, "").Amount }, "rest"},
		"too large":                             {func(q *channels.RouteRequest) { q.Amount = request(t, 500_001, "").Amount }, "rest"},
		"other scene":                           {func(q *channels.RouteRequest) { q.Scene = channels.SceneBarcode }, "rest"},
		"other region":                          {func(q *channels.RouteRequest) { q.Region = "Shanghai" }, "rest"},
		"no region":                             {func(q *channels.RouteRequest) { q.Region = "" }, "rest"},
		"other metadata":                        {func(q *channels.RouteRequest) { q.Metadata["tier"] = "silver" }, "rest"},
		"one of two metadata":                   {func(q *channels.RouteRequest) { delete(q.Metadata, "shop") }, "rest"},
		"day before":                            {func(q *channels.RouteRequest) { q.At = time.Date(2026, 10, 31, 4, 0, 0, 0, time.UTC) }, "rest"},
		"first minute of the month in Shanghai": {func(q *channels.RouteRequest) { q.At = time.Date(2026, 10, 31, 16, 0, 0, 0, time.UTC) }, "night"},
		"day after":                             {func(q *channels.RouteRequest) { q.At = time.Date(2026, 12, 1, 4, 0, 0, 0, time.UTC) }, "rest"},
		"wednesday":                             {func(q *channels.RouteRequest) { q.At = time.Date(2026, 11, 18, 4, 0, 0, 0, time.UTC) }, "rest"},
		"night":                                 {func(q *channels.RouteRequest) { q.At = time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC) }, "night"},
		"bound to a named channel":              {func(q *channels.RouteRequest) { q.Channel = "wechatpay" }, "large"},
		"bound to another channel":              {func(q *channels.RouteRequest) { q.Channel = "unionpay" }, "rest"},
		"night, bound to a channel": {func(q *channels.RouteRequest) {
			q.Channel, q.At = "unionpay", time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)
		}, "night"},
		"bound to what nobody knows": {func(q *channels.RouteRequest) { q.Channel = "other" }, "rest"},
	} {
		req := good()
		c.change(&req)
		d, err := r.Decide(t.Context(), req)
		if err != nil || d.Rule != c.want {
			t.Errorf("%s: rule %q, want %q (%v)", name, d.Rule, c.want, err)
		}
		_, ok := d.Chosen()
		if wantsOne := c.want != "night" && req.Channel != "other"; ok != wantsOne {
			t.Errorf("%s: chosen %v, want %v: %+v", name, ok, wantsOne, d.Candidates)
		}
	}
}

// Who pays by a code of one wallet is never sent to another one, whatever rules say.
func TestRules_NeverMixWallets(t *testing.T) {
	set := accounts{account("acc_a", "alipay", 1), account("acc_w", "wechatpay", 1)}
	for _, document := range []string{
		`{"version":1,"rules":[{"name":"r","use":[{"channel":"alipay"}]}]}`,
		`{"version":1,"rules":[{"name":"r","use":[{"account":"acc_a","weight":9},{"account":"acc_w","weight":0}]}]}`,
		`{"version":1,"strategy":"lowest_fee"}`,
	} {
		r := router.New(set, health{}, router.WithRules(book{"mer_1": rules(t, document)}))
		req := request(t, 100, "order")
		req.Channel, req.Scene = "wechatpay", channels.SceneBarcode
		if got := chosen(t, r, req); got != "acc_w" {
			t.Errorf("%s sends a payer of wechatpay to %s", document, got)
		}
	}
}

func TestRules_RefusalsAndNamesHaveTheirReasons(t *testing.T) {
	off := account("acc_off", "alipay", 1)
	off.Enabled = false
	shut := account("acc_shut", "alipay", 1)
	night, err := channels.ParseHours("22:00-06:00")
	if err != nil {
		t.Fatal(err)
	}
	shut.Hours = []channels.Hours{night}
	set := accounts{off, shut, account("acc_a", "alipay", 1), account("acc_b", "wechatpay", 1)}
	req := request(t, 100, "order")
	req.At = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	rejections := func(document string) map[string]channels.Rejection {
		rs := rules(t, document)
		rs.Version = 12
		d, err := router.New(set, health{}, router.WithRules(book{"mer_1": rs})).Decide(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if d.RulesVersion != 12 || d.Rule != "r" {
			t.Errorf("decided by version %d, rule %q", d.RulesVersion, d.Rule)
		}
		out := map[string]channels.Rejection{}
		for _, c := range d.Candidates {
			out[c.AccountID] = c.Rejection
			if c.Reason == "" {
				t.Errorf("%s has no reason", c.AccountID)
			}
		}
		return out
	}
	for document, want := range map[string]map[string]channels.Rejection{
		`{"version":1,"rules":[{"name":"r","use":[{"account":"acc_a"}]}]}`: {
			"acc_off": channels.RejectedDisabled, "acc_shut": channels.RejectedWindow, "acc_a": "", "acc_b": channels.RejectedRule,
		},
		`{"version":1,"rules":[{"name":"r","refuse":"sold out"}]}`: {
			"acc_off": channels.RejectedDisabled, "acc_shut": channels.RejectedWindow, "acc_a": channels.RejectedRefused, "acc_b": channels.RejectedRefused,
		},
	} {
		if got := rejections(document); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", document, got, want)
		}
	}
}

func TestReadRules_NamesEachFault(t *testing.T) {
	for document, fields := range map[string][]string{
		`null`:                       {""},
		`[]`:                         {""},
		`{}`:                         {"version"},
		`{"version":2}`:              {"version"},
		`{"version":"1"}`:            {"version"},
		`{"version":1.5}`:            {"version"},
		`{"version":1,"ruels":[]}`:   {"ruels"},
		`{"version":1,"rules":{}}`:   {"rules"},
		`{"version":1,"rules":[1]}`:  {"rules[0]"},
		`{"version":1,"rules":[{}]}`: {"rules[0].name", "rules[0]"},
		`{"version":1,"rules":[{"name":"a","refuse":"x"},{"name":"a","refuse":"y"}]}`:                                                            {"rules[1].name"},
		`{"version":1,"rules":[{"name":"a","refuse":""}]}`:                                                                                       {"rules[0].refuse"},
		`{"version":1,"rules":[{"name":"a","refuse":"x","use":[{"account":"b"}]}]}`:                                                              {"rules[0]"},
		`{"version":1,"rules":[{"name":"a","use":[]}]}`:                                                                                          {"rules[0].use"},
		`{"version":1,"rules":[{"name":"a","use":[{}]}]}`:                                                                                        {"rules[0].use[0]"},
		`{"version":1,"rules":[{"name":"a","use":[{"account":"b","channel":"c"}]}]}`:                                                             {"rules[0].use[0]"},
		`{"version":1,"rules":[{"name":"a","use":[{"account":"b"},{"account":"b"}]}]}`:                                                           {"rules[0].use[1]"},
		`{"version":1,"rules":[{"name":"a","use":[{"account":"b","weight":-1}]}]}`:                                                               {"rules[0].use[0].weight"},
		`{"version":1,"rules":[{"name":"a","use":[{"account":"b","weight":1},{"account":"c"}]}]}`:                                                {"rules[0].use"},
		`{"version":1,"rules":[{"name":"a","strategy":"fastest"}]}`:                                                                              {"rules[0].strategy"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","mix":{"fee":1}}]}`:                                                             {"rules[0].mix"},
		`{"version":1,"rules":[{"name":"a","strategy":"mix","mix":{}}]}`:                                                                         {"rules[0].mix"},
		`{"version":1,"rules":[{"name":"a","strategy":"mix","mix":{"fee":101}}]}`:                                                                {"rules[0].mix.fee", "rules[0].mix"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"amount":{"min":5,"max":4}}}]}`:                                         {"rules[0].when.amount"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"amount":{"min":0}}}]}`:                                                 {"rules[0].when.amount.min"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"currency":["YUAN"]}}]}`:                                                {"rules[0].when.currency[0]"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"scene":["pos"]}}]}`:                                                    {"rules[0].when.scene[0]"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"scene":"qr"}}]}`:                                                       {"rules[0].when.scene"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"region":[""]}}]}`:                                                      {"rules[0].when.region[0]"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"metadata":{"k":3}}}]}`:                                                 {"rules[0].when.metadata.k"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"dates":{}}}]}`:                                                         {"rules[0].when.dates"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"dates":{"from":"2026-02-30"}}}]}`:                                      {"rules[0].when.dates.from"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"hours":["8-9"]}}]}`:                                                    {"rules[0].when.hours[0]"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"weekdays":["monday"]}}]}`:                                              {"rules[0].when.weekdays[0]"},
		`{"version":1,"rules":[{"name":"a\u0000","strategy":"weighted"}]}`:                                                                       {"rules[0].name"},
		`{"version":1,"rules":[{"name":"` + strings.Repeat("x", 65) + `","strategy":"weighted"}],"strategy":""}`:                                 {"strategy", "rules[0].name"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"dates":{"from":"2026-11-21","to":"2026-11-21"},"weekdays":["sun"]}}]}`: {"rules[0].when.weekdays"},
		`{"version":1,"rules":[{"name":"a","strategy":"weighted","when":{"dates":{"from":"2026-11-21","to":"2026-11-20"}}}]}`:                    {"rules[0].when.dates"},
	} {
		rs, issues := read(t, document)
		var got []string
		for _, i := range issues {
			got = append(got, i.Field)
			if i.Message == "" || i.Severity != router.Fault {
				t.Errorf("%s: %+v", document, i)
			}
		}
		if rs != nil || strings.Join(got, " ") != strings.Join(fields, " ") {
			t.Errorf("%s: faults at %q, want %q: %v", document, got, fields, issues)
		}
	}
}

func TestCheck_WarnsOfWhatIsWithoutEffect(t *testing.T) {
	off := account("acc_off", "unionpay", 1)
	off.Enabled = false
	small := account("acc_small", "wechatpay", 1)
	small.MaxAmount = 500
	set := []channels.Account{account("acc_a", "alipay", 1), account("acc_b", "alipay", 1), small, off}
	now := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
	for document, want := range map[string][]string{
		everyRule: {"rules[0].use[0].account error", "rules[0].use[1] warning", "strategy warning", "mix warning"},
		`{"version":1,"rules":[{"name":"a","use":[{"account":"acc_a"}]}]}`:                                                                                                                          nil,
		`{"version":1,"rules":[{"name":"a","use":[{"account":"acc_off"}]}]}`:                                                                                                                        {"rules[0].use[0].account warning", "rules[0].use warning"},
		`{"version":1,"rules":[{"name":"a","use":[{"channel":"unionpay"},{"account":"acc_a"}]}]}`:                                                                                                   {"rules[0].use[0].channel warning"},
		`{"version":1,"rules":[{"name":"a","use":[{"channel":"stripe"}]}]}`:                                                                                                                         {"rules[0].use[0].channel error", "rules[0].use warning"},
		`{"version":1,"rules":[{"name":"a","use":[{"account":"acc_a","weight":5}]}]}`:                                                                                                               {"rules[0].use[0].weight warning"},
		`{"version":1,"rules":[{"name":"a","use":[{"account":"acc_a","weight":0},{"account":"acc_b","weight":0}]}]}`:                                                                                {"rules[0].use warning"},
		`{"version":1,"rules":[{"name":"a","strategy":"least_in_flight","use":[{"account":"acc_a","weight":5},{"account":"acc_b","weight":0}]}]}`:                                                   {"rules[0].use[0].weight warning"},
		`{"version":1,"rules":[{"name":"a","use":[{"account":"acc_a"},{"account":"acc_b"},{"channel":"alipay"}]}]}`:                                                                                 {"rules[0].use[2] warning"},
		`{"version":1,"rules":[{"name":"a","when":{"amount":{"min":501}},"use":[{"account":"acc_a"},{"channel":"wechatpay"}]}]}`:                                                                    {"rules[0].use[1] warning"},
		`{"version":1,"rules":[{"name":"a","when":{"scene":["app"]},"use":[{"account":"acc_a"}]}]}`:                                                                                                 {"rules[0].use[0] warning"},
		`{"version":1,"rules":[{"name":"a","when":{"dates":{"to":"2026-11-20"}},"strategy":"weighted"}]}`:                                                                                           {"rules[0].when.dates warning"},
		`{"version":1,"rules":[{"name":"a","when":{"dates":{"to":"2026-11-21"}},"strategy":"weighted"}]}`:                                                                                           nil,
		`{"version":1,"strategy":"mix","rules":[{"name":"a","strategy":"weighted"}]}`:                                                                                                               {"strategy warning"},
		`{"version":1,"mix":{"fee":1},"rules":[{"name":"a","strategy":"weighted"}]}`:                                                                                                                {"mix warning"},
		`{"version":1,"strategy":"mix","mix":{"fee":1}}`:                                                                                                                                            nil,
		`{"version":1,"rules":[{"name":"a","refuse":"all"},{"name":"b","when":{"region":["x"]},"refuse":"x"}]}`:                                                                                     {"rules[1] warning"},
		`{"version":1,"rules":[{"name":"a","when":{"amount":{"max":100}},"refuse":"x"},{"name":"b","when":{"amount":{"min":101}},"refuse":"x"},{"name":"c","when":{"scene":["qr"]},"refuse":"x"}]}`: {"rules[2] warning"},
		`{"version":1,"rules":[{"name":"a","when":{"amount":{"max":100}},"refuse":"x"},{"name":"b","when":{"amount":{"min":102}},"refuse":"x"},{"name":"c","when":{"scene":["qr"]},"refuse":"x"}]}`: nil,
		`{"version":1,"rules":[{"name":"a","when":{"hours":["22:00-06:00"]},"refuse":"x"},{"name":"b","when":{"hours":["06:00-22:00"]},"refuse":"x"},{"name":"c","refuse":"x"}]}`:                   {"rules[2] warning"},
		// Free payments are the first rule's; those of wechatpay's payers are not.
		`{"version":1,"rules":[{"name":"a","use":[{"channel":"alipay"}]},{"name":"b","use":[{"account":"acc_small"}]}]}`: {"rules[1] warning"},
		`{"version":1,"rules":[{"name":"a","use":[{"channel":"alipay"}]},{"name":"b","use":[{"account":"acc_b"}]}]}`:     {"rules[1] warning"},
	} {
		if document == everyRule {
			document = strings.Replace(document, `"acc_a"`, `"acc_x"`, 1)
		}
		var got []string
		for _, i := range rules(t, document).Check(set, now) {
			got = append(got, i.Field+" "+string(i.Severity))
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s:\n got %q\nwant %q", document, got, want)
		}
	}
}

func FuzzReadRules(f *testing.F) {
	f.Add(everyRule, int64(1763697600), int64(200_000))
	f.Add(`{"version":1}`, int64(0), int64(1))
	f.Add(`{"version":1,"rules":[{"name":"a","when":{"hours":["22:00-06:00"],"metadata":{"":[""]}},"refuse":"x"}]}`, int64(0), int64(5))
	f.Add(`{"version":1e0,"strategy":"mix","rules":[{"name":"a","use":[{"channel":"alipay","weight":0}]}]}`, int64(-1), int64(5))
	f.Add(`{"version":1,"rules":[{"name":null,"when":[],"use":{},"mix":1}]}`, int64(0), int64(5))
	set := accounts{account("acc_a", "alipay", 1), account("acc_w", "wechatpay", 2)}
	f.Fuzz(func(t *testing.T, document string, at, minor int64) {
		var tree any
		if json.Unmarshal([]byte(document), &tree) != nil {
			return
		}
		rs, issues := router.ReadRules(tree)
		if (rs == nil) != router.Faulty(issues) {
			t.Fatalf("rules %v with issues %v", rs, issues)
		}
		if rs == nil {
			return
		}
		now := time.Unix(at%(1<<33), 0)
		rs.Check(set, now)
		req := request(t, max(1, minor%1_000_000), "order")
		req.At, req.Metadata = now, map[string]string{"": ""}
		d, err := router.New(set, health{}, router.WithRules(book{"mer_1": rs})).Decide(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range d.Candidates {
			if c.Reason == "" || c.Chosen == (c.Rejection != "") {
				t.Fatalf("%s by %s: %+v", document, d.Rule, c)
			}
		}
	})
}
