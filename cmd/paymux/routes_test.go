package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

// rulesFile writes a document beside the test.
func rulesFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// accountAt is the merchant's account at a channel.
func (c console) accountAt(channel string) string {
	c.t.Helper()
	var list struct{ Data []accountView }
	c.json(&list, "account", "list")
	for _, a := range list.Data {
		if a.Channel == channel {
			return a.ID
		}
	}
	c.t.Fatalf("no account at %s", channel)
	return ""
}

// explained asks where a payment of an amount would go.
func (c console) explained(minor int64) (rule, channel string, version float64) {
	c.t.Helper()
	got := c.call(http.MethodPost, "/v1/routes/explain", fmt.Sprintf(`{"amount":%d,"scene":"qr"}`, minor))
	rule, _ = got["rule"].(string)
	version, _ = got["rules_version"].(float64)
	if chosen, ok := got["chosen"].(map[string]any); ok {
		channel = chosen["channel"].(string)
	}
	return rule, channel, version
}

func TestRoutesBesideARunningServe(t *testing.T) {
	t.Parallel()
	c, p := serving(t)
	c.on("routes", "show", "--merchant", p.MerchantID)
	account := c.accountAt("unionpay")
	first := rulesFile(t, "# first\nversion: 1\nrules:\n- {name: large, when: {amount: {min: 5000}}, use: [{account: "+account+"}]}\n- {name: small, use: [{channel: wechatpay}]}\n")

	var set struct {
		Version int64
		Actor   string
		Issues  []any
	}
	c.json(&set, "routes", "set", "--merchant", p.MerchantID, "--file", first, "--reason", "try")
	if set.Version != 1 || !strings.HasPrefix(set.Actor, "cli:") || len(set.Issues) != 0 {
		t.Errorf("set gave %+v", set)
	}
	c.json(&set, "routes", "set", "--merchant", p.MerchantID, "--file", first)
	if set.Version != 1 {
		t.Errorf("the same file again made version %d", set.Version)
	}
	follows := func(version float64) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if _, _, got := c.explained(1); got == version {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the running gateway does not follow version %v", version)
			}
		}
	}
	follows(1)
	if rule, channel, _ := c.explained(5000); rule != "large" || channel != "unionpay" {
		t.Errorf("a large payment goes to %s by %s", channel, rule)
	}
	if rule, channel, _ := c.explained(4999); rule != "small" || channel != "wechatpay" {
		t.Errorf("a small payment goes to %s by %s", channel, rule)
	}
	day := channels.DayAt(time.Now())
	for i, minor := range []int{1000, 2000, 6000} {
		c.call(http.MethodPost, "/v1/payments", fmt.Sprintf(`{"merchant_order_no":"o-%d","amount":%d,"subject":"tea","scene":"qr"}`, i, minor))
	}
	c.replays(p.MerchantID, day)

	bad := rulesFile(t, "version: 1\nrules:\n- {name: a, use: [{account: acc_unknown}]}\n")
	for _, command := range []string{"check", "set", "replay"} {
		code, stdout, _ := c.run("routes", command, "--merchant", p.MerchantID, "--file", bad, "--data", c.data)
		if code != exitFailed || !strings.Contains(stdout, ":3") || !strings.Contains(stdout, "acc_unknown") || !strings.Contains(stdout, account) {
			t.Errorf("%s of an unknown account: exit %d, %q", command, code, stdout)
		}
	}
	if code, _, stderr := c.run("routes", "set", "--merchant", p.MerchantID, "--file", bad, "--if-version", "7", "--data", c.data); code != exitFailed {
		t.Errorf("exit %d, %s", code, stderr)
	}
	second := rulesFile(t, "version: 1\nrules:\n- {name: closed, refuse: no sales}\n- {name: dead, strategy: lowest_fee}\n")
	if code, _, stderr := c.run("routes", "set", "--merchant", p.MerchantID, "--file", second, "--if-version", "0", "--data", c.data); code != exitFailed || !strings.Contains(stderr, "version 1 holds") {
		t.Errorf("set in the place of a version that does not hold: exit %d, %s", code, stderr)
	}
	if text := c.on("routes", "set", "--merchant", p.MerchantID, "--file", second, "--if-version", "1"); !strings.Contains(text, "never reached") {
		t.Errorf("no warning in %q", text)
	}
	if code, _, _ := c.run("routes", "check", "--strict", "--merchant", p.MerchantID, "--file", second, "--data", c.data); code != exitFailed {
		t.Errorf("check --strict with a warning: exit %d", code)
	}
	follows(2)
	code, stdout, _ := c.run("call", "--profile", filepath.Join(c.data, "profile.json"), http.MethodPost, "/v1/payments",
		"-d", `{"merchant_order_no":"refused","amount":1,"subject":"tea","scene":"qr"}`)
	if code != exitFailed || !strings.Contains(stdout, "no_channel_available") {
		t.Errorf("a refused payment: exit %d, %s", code, stdout)
	}
	c.restores(p.MerchantID)
	c.wantRoutingActs(3)
}

// replays tries out other rules on the payments just made.
func (c console) replays(merchantID string, day channels.Day) {
	c.t.Helper()
	next := rulesFile(c.t, "version: 1\nrules:\n- {name: big, when: {amount: {min: 2000}}, use: [{channel: alipay}]}\n- {name: none, refuse: too small}\n")
	var got replayView
	c.json(&got, "routes", "replay", "--merchant", merchantID, "--file", next, "--date", day.String())
	if channels.DayAt(time.Now()) != day {
		c.t.Log("midnight passed; the replay is not looked at")
		return
	}
	if got.Orders != 3 || got.Amount != 9000 || got.Moved != 2 || got.Untaken != 1 || got.UntakenWhy[0].Examples[0] != "o-0" {
		c.t.Errorf("replay %+v", got)
	}
	text := c.on("routes", "replay", "--merchant", merchantID, "--file", next, "--date", day.String())
	for _, part := range []string{"3 of 90.00", "too small", "alipay", "66.7 %", "o-0"} {
		if !strings.Contains(text, part) {
			c.t.Errorf("the table lacks %q:\n%s", part, text)
		}
	}
	c.json(&got, "routes", "replay", "--merchant", merchantID, "--date", day.String())
	if got.Source != "version 1" || got.Moved != 0 || got.Untaken != 0 {
		c.t.Errorf("replay of the rules that hold: %+v", got)
	}
	c.json(&got, "routes", "replay", "--merchant", merchantID)
	if got.Orders != 0 || got.Date != channels.DayAt(time.Now()).Add(-1).String() {
		c.t.Errorf("replay of yesterday: %+v", got)
	}
}

// restores takes the first version from the history and sets it anew.
func (c console) restores(merchantID string) {
	c.t.Helper()
	old := c.on("routes", "show", "--merchant", merchantID, "--version", "1")
	c.on("routes", "set", "--merchant", merchantID, "--file", rulesFile(c.t, old))
	var history struct{ Data []revisionView }
	c.json(&history, "routes", "history", "--merchant", merchantID)
	if len(history.Data) != 3 || history.Data[0].Version != 3 || history.Data[0].Document != history.Data[2].Document || history.Data[2].Note != "try" {
		c.t.Errorf("history %+v", history.Data)
	}
	if code, _, stderr := c.run("routes", "show", "--merchant", merchantID, "--version", "9", "--data", c.data); code != exitFailed || !strings.Contains(stderr, "routes history") {
		c.t.Errorf("an unknown version: exit %d, %s", code, stderr)
	}
}

func (c console) wantRoutingActs(n int) {
	c.t.Helper()
	var page struct {
		Data []struct {
			Detail json.RawMessage
		}
	}
	c.json(&page, "audit", "list", "--action", "routing.set")
	if len(page.Data) != n || !strings.Contains(string(page.Data[n-1].Detail), `"reason":"try"`) {
		c.t.Errorf("the audit trail has %s", page.Data)
	}
}

func TestAccountHours(t *testing.T) {
	t.Parallel()
	c, p := serving(t)
	account := c.accountAt("alipay")
	var view accountView
	c.json(&view, "account", "hours", "--account", account, "--hours", "08:00-12:00,13:00-22:30")
	if len(view.Hours) != 2 || view.Hours[1].String() != "13:00-22:30" {
		t.Errorf("hours %v", view.Hours)
	}
	if got := c.call(http.MethodGet, "/v1/channels", ""); !strings.Contains(fmt.Sprint(got), "13:00-22:30") {
		t.Errorf("the running gateway shows %v", got)
	}
	c.json(&view, "account", "hours", "--account", account, "--always")
	if len(view.Hours) != 0 {
		t.Errorf("hours %v after --always", view.Hours)
	}
	for _, args := range [][]string{{"--hours", "8-9"}, {}, {"--hours", "08:00-09:00", "--always"}} {
		if code, _, _ := c.run(append([]string{"account", "hours", "--account", account, "--data", c.data}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d", args, code)
		}
	}
	if code, _, _ := c.run("routes", "check", "--merchant", p.MerchantID, "--file", "not-there", "--data", c.data); code != exitUsage {
		t.Errorf("a file that is not there: exit %d", code)
	}
}
