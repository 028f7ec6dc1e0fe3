package console_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/internal/wording"
	"github.com/paymux/paymux/router"
)

var han = regexp.MustCompile(`\p{Han}`)

// Each sentence is in both languages with the same arguments, and is written
// like that where it is made.
func TestTold_SentencesAreThoseOfTheSources(t *testing.T) {
	sources := literals(t, "../payment/*.go", "../../router/*.go", "../../notify/*.go", "../../channels/*.go", "../reconcile/*.go")
	argument := regexp.MustCompile(`\{[a-z]+\}`)
	for i, s := range console.ToldSentences() {
		en, zh := s.Args(wording.English), s.Args(wording.Chinese)
		slices.Sort(en)
		slices.Sort(zh)
		if !slices.Equal(en, zh) || han.MatchString(s.En) || !han.MatchString(s.Zh) {
			t.Errorf("%q and %q have the arguments %q and %q", s.En, s.Zh, en, zh)
		}
		for _, part := range argument.Split(s.En, -1) {
			if !strings.Contains(sources, strings.TrimSuffix(part, ": ")) {
				t.Errorf("nothing writes %q any more, of %q", part, s.En)
			}
		}
		for _, before := range console.ToldSentences()[:i] {
			if _, hidden := before.Read(s.En); hidden {
				t.Errorf("%q stands behind %q, which fits too", s.En, before.En)
			}
		}
	}
}

// literals are the texts in packages' sources.
func literals(t *testing.T, patterns ...string) string {
	t.Helper()
	var out strings.Builder
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if text, err := strconv.Unquote(l.Value); err == nil {
						out.WriteString(text + "\n")
					}
				}
				return true
			})
		}
	}
	return out.String()
}

type routes []channels.Account

func (r routes) Routes(context.Context, string) ([]channels.Account, error) { return r, nil }

// ill is the health of accounts: why they take nothing now.
type ill map[string]string

func (h ill) Available(id string) (string, bool) { return h[id], h[id] == "" }

type book struct{ rules router.Rules }

func (b book) RulesOf(string) *router.Rules { return &b.rules }

// What the router says of an account is told in Chinese, whatever decides.
func TestTold_EveryReasonOfTheRouter(t *testing.T) {
	account := func(id, channel string, weight int, fee int64) channels.Account {
		return channels.Account{ID: id, MerchantID: mineID, Channel: channel, Enabled: true, Weight: weight, FeeRatePPM: fee, Capabilities: channels.Capabilities{
			Scenes: map[channels.Scene]channels.SceneCapability{channels.SceneQR: {}}, Currencies: []money.Currency{money.CNY}, MinAmount: 1, MaxAmount: 1_000_000,
		}}
	}
	small, off, closed, deaf, poor := account("small", "alipay", 1, 0), account("off", "alipay", 1, 0), account("closed", "alipay", 1, 0), account("deaf", "alipay", 1, 0), account("poor", "alipay", 1, 0)
	small.MaxAmount, off.Enabled = 5, false
	night, err := channels.ParseHours("01:00-01:01")
	if err != nil {
		t.Fatal(err)
	}
	closed.Hours = []channels.Hours{night}
	deaf.Capabilities.Scenes, poor.Capabilities.Currencies = nil, nil
	all := routes{
		account("a", "alipay", 3, 6000), account("b", "wechatpay", 7, 7000), account("c", "unionpay", 0, 5000), account("tried", "alipay", 1, 0), account("ill", "alipay", 1, 0),
		small, off, closed, deaf, poor,
	}
	english := regexp.MustCompile(`[a-z]{2,}`)
	told := map[string]bool{}
	look := func(d channels.Decision) {
		for _, c := range d.Candidates {
			text := strings.ReplaceAll(console.Told(c.Reason, money.CNY), "big-orders", "")
			if told[c.Reason] = true; english.MatchString(text) {
				t.Errorf("%q is told as %q", c.Reason, text)
			}
		}
	}
	for _, strategy := range router.Strategies() {
		for _, channel := range []string{"", "alipay", "unionpay"} {
			for _, set := range []routes{all, all[2:3]} {
				for _, rule := range []router.Rule{{Name: "big-orders"}, {Name: "big-orders", Refuse: "金额过大"}, {Name: "big-orders", Use: []router.Target{{Channel: "unionpay"}}}} {
					rules := router.Rules{Strategy: strategy, Mix: router.Mix{Weight: 1, Fee: 1, Success: 1, InFlight: 1}, List: []router.Rule{rule}}
					r := router.New(set, ill{"ill": "its breaker is open after repeated failures"}, router.WithRules(book{rules}))
					d, err := r.Decide(t.Context(), channels.RouteRequest{
						MerchantID: mineID, Amount: cny(10_000), Scene: channels.SceneQR, Channel: channel, Sticky: "x", At: time.Unix(0, 0), Tried: []string{"tried"},
					})
					if err != nil {
						t.Fatal(err)
					}
					look(d)
				}
			}
		}
	}
	if len(told) < 20 {
		t.Errorf("only %d reasons came up: %v", len(told), told)
	}
}

// What comes from a closed set is told in Chinese; the channel's own words and
// technical errors stay.
func TestTold(t *testing.T) {
	for written, want := range map[string]string{
		"chosen by the lowest fee, 60 in minor units, and weight 3 of 10 among the accounts at alipay":                                                               "选中（支付宝的账户之中）：手续费最低（0.60 CNY），权重 3 / 10",
		"refused a statement of payment: the channel says 1.00 CNY, the order is 2.00 CNY":                                                                           "未采信付款结果：渠道金额为 1.00 CNY，订单金额为 2.00 CNY",
		"settled with evidence: bill of 2026-11-20 (SHA-256 ab12), line 7; it tells the time 2026-11-20T16:00:00Z, booked at 2026-11-20T16:30:00Z, when it was sent": "凭依据确认：2026-11-20 的账单（SHA-256 ab12）第 7 行；所述时间为 2026-11-21 00:00:00，按发出时间 2026-11-21 00:30:00 入账",
		"settled with evidence: seen in the channel's console":                                                                                                       "凭依据确认：seen in the channel's console",
		"the endpoint answered 301: redirects are not followed; name the final address as notify_url":                                                                "接收方应答 301：不跟随跳转，请把最终地址填为 notify_url",
		"address is refused: 10.0.0.1 is not globally routable":                                                                                                      "地址不被允许：10.0.0.1 不是公网地址",
		"ACQ.SYSTEM_ERROR": "ACQ.SYSTEM_ERROR", "系统繁忙": "系统繁忙", "": "",
	} {
		if got := console.Told(written, money.CNY); got != want {
			t.Errorf("%q is told as %q, want %q", written, got, want)
		}
	}
}

// The pages tell in their language what reconciliation, the router and the core
// found; nothing of it is left in English on a Chinese page.
func TestPages_TellFindingsInTheirLanguage(t *testing.T) {
	w := newWorld(t)
	w.user("root", console.Admin, "")
	w.memory.trail = append(w.memory.trail, audit.Entry{
		ID: audit.IDPrefix + newID(), At: w.start, Actor: "root", Action: "refund.ask", MerchantID: mineID, Subject: theRefund,
		Detail: `{"payment_id":"` + thePayment + `","from":"processing","answer":"no answer: unknown"}`,
	})
	b := w.as("root")
	var failed, pending string
	for _, r := range w.books.results {
		switch r.Status {
		case reconcile.StatusFailed:
			failed = "/days/" + r.Day.String()
		case reconcile.StatusPending:
			pending = "/days/" + r.Day.String()
		case reconcile.StatusBalanced, reconcile.StatusDifferences:
		}
	}
	pages := []struct{ path, zh, en string }{
		{failed, "账单第 88 行有误：the row has 20 cells", "the bill is broken at line 88: the row has 20 cells"},
		{pending, "渠道尚未生成当日账单", "the channel has not published the bill of this day yet"},
		{"/payments/" + thePayment, "选中：权重 100 / 150", "chosen by weight 100 of 150"},
		{"/payments/" + thePayment, "渠道答复：没有应答：结果未知 · 原状态：退款中", "no answer: unknown · before: Processing"},
	}
	for _, d := range w.books.found {
		switch d.Kind {
		case reconcile.MissingAtChannel:
			pages = append(pages, struct{ path, zh, en string }{"/discrepancies/" + d.ID, "我方有该笔付款", "our books have this payment"}, struct{ path, zh, en string }{"/discrepancies/" + d.ID, "<td class=\"\">已付款</td>", "<td class=\"\">Succeeded</td>"})
		case reconcile.FeeMismatch:
			pages = append(pages, struct{ path, zh, en string }{"/discrepancies/" + d.ID, "按签约费率 0.6% 计算手续费为 6.63 CNY", "by the contracted rate of 0.6% the fee is 6.63 CNY"})
		case reconcile.LateSuccess:
			pages = append(pages, struct{ path, zh, en string }{"/discrepancies/" + d.ID, "退款 01M7Y", "refund 01M7Y"})
		case reconcile.MissingLocally, reconcile.AmountMismatch, reconcile.StatusMismatch, reconcile.DuplicatePayment:
		}
	}
	for _, p := range pages {
		if body := b.get(p.path).body; !strings.Contains(body, p.zh) || strings.Contains(body, p.en) {
			t.Errorf("%s lacks %q or has %q", p.path, p.zh, p.en)
		}
	}
	req, err := http.NewRequest(http.MethodGet, w.server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(req.URL, []*http.Cookie{{Name: "paymux-console-lang", Value: "en", Path: console.Prefix}})
	for _, p := range pages {
		if body := b.get(p.path).body; !strings.Contains(body, p.en) || strings.Contains(body, p.zh) {
			t.Errorf("in English %s lacks %q or has %q", p.path, p.en, p.zh)
		}
	}
}
