package router_test

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/router"
)

// shares gives the share that each account has in a decision.
func shares(t *testing.T, r *router.Router, minor int64) map[string]float64 {
	t.Helper()
	d, err := r.Decide(t.Context(), request(t, minor, "order"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, c := range d.Candidates {
		out[c.AccountID] = c.Share
	}
	return out
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestStrategy_LowestFeeIsThatOfThisPayment(t *testing.T) {
	cheap, dear, spare := account("cheap", "alipay", 1), account("dear", "wechatpay", 3), account("spare", "unionpay", 0)
	cheap.FeeRatePPM, dear.FeeRatePPM, spare.FeeRatePPM = 3800, 6000, 100
	r := router.New(accounts{cheap, dear, spare}, health{}, router.WithRules(book{"mer_1": rules(t, `{"version":1,"strategy":"lowest_fee"}`)}))
	if got := shares(t, r, 100_000); got["cheap"] != 1 {
		t.Errorf("of a large payment: %v", got)
	}
	// Both take 0 fen of 50: then weights decide.
	if got := shares(t, r, 50); !near(got["cheap"], 0.25) || !near(got["dear"], 0.75) {
		t.Errorf("of a tiny payment: %v", got)
	}
	ill := router.New(accounts{cheap, dear, spare}, health{"cheap": "ill", "dear": "ill"}, router.WithRules(book{"mer_1": rules(t, `{"version":1,"strategy":"lowest_fee"}`)}))
	if got := shares(t, ill, 100_000); got["spare"] != 1 {
		t.Errorf("with nothing else left: %v", got)
	}
}

func TestFee_RoundsHalfUpAndDoesNotOverflow(t *testing.T) {
	for _, c := range []struct{ minor, ppm, want int64 }{
		{1, 6000, 0}, {83, 6000, 0}, {84, 6000, 1}, {250, 6000, 2}, {100_000, 6000, 600}, {1_000_000_000_000, 999_999, 999_999_000_000}, {0, 6000, 0},
	} {
		if got := router.Fee(c.minor, c.ppm); got != c.want {
			t.Errorf("fee of %d at %d: %d, want %d", c.minor, c.ppm, got, c.want)
		}
	}
}

func TestStrategy_SuccessRateSharesAmongTheBest(t *testing.T) {
	set := accounts{account("best", "alipay", 1), account("near", "wechatpay", 1), account("poor", "unionpay", 100)}
	r := router.New(set, health{}, router.WithRules(book{"mer_1": rules(t, `{"version":1,"strategy":"success_rate"}`)}),
		router.WithLoads(loads{"best": {SuccessRate: 0.999, Warmth: 1}, "near": {SuccessRate: 0.985, Warmth: 0.5}, "poor": {SuccessRate: 0.9, Warmth: 1}}))
	got := shares(t, r, 100)
	if got["poor"] != 0 || !near(got["best"], 2.0/3) || !near(got["near"], 1.0/3) {
		t.Errorf("shares %v", got)
	}
}

func TestStrategy_LeastInFlight(t *testing.T) {
	set := accounts{account("busy", "alipay", 1000), account("free", "wechatpay", 1)}
	decide := func(l loads) map[string]float64 {
		return shares(t, router.New(set, health{}, router.WithRules(book{"mer_1": rules(t, `{"version":1,"strategy":"least_in_flight"}`)}), router.WithLoads(l)), 100)
	}
	busy := router.Load{InFlight: 9, SuccessRate: 1, Warmth: 1}
	got := decide(loads{"busy": busy, "free": {InFlight: 1, SuccessRate: 1, Warmth: 1}})
	if want := (1 / 9.1) / (1/9.1 + 1/1.1); !near(got["busy"], want) {
		t.Errorf("by calls in flight: %v, want %v for the busy one", got, want)
	}
	// An idle account is not handed ninety times as much, but a tenth of a share.
	got = decide(loads{"busy": busy, "free": {SuccessRate: 1, Warmth: 0.1}})
	if want := 0.1 / 1.1; !near(got["free"], want) {
		t.Errorf("a cold account gets %v, want %v", got["free"], want)
	}
	// Half warm it gets at most half of what a warm one gets.
	got = decide(loads{"busy": busy, "free": {SuccessRate: 1, Warmth: 0.5}})
	if !near(got["free"], 0.5/1.5) {
		t.Errorf("a half warm account gets %v", got["free"])
	}
	// Where all are cold nobody is favoured.
	got = decide(loads{"busy": {SuccessRate: 1, Warmth: 0.1}, "free": {SuccessRate: 1, Warmth: 0.1}})
	if !near(got["free"], 0.5) {
		t.Errorf("two cold accounts get %v", got)
	}
}

func TestStrategy_MixIsLinear(t *testing.T) {
	a, b := account("a", "alipay", 10), account("b", "wechatpay", 40)
	a.FeeRatePPM, b.FeeRatePPM = 2000, 6000
	l := loads{"a": {InFlight: 3, SuccessRate: 0.9, Warmth: 1}, "b": {InFlight: 1, SuccessRate: 1, Warmth: 1}}
	for document, want := range map[string]float64{
		// Of a to b: weight 1/4 to 1, fee 1 to 0, success 0.9 to 1, in flight 1.1/3.1 to 1.
		`{"weight":1}`:                         0.25 / 1.25,
		`{"fee":1}`:                            1,
		`{"success":1}`:                        0.9 / 1.9,
		`{"in_flight":1}`:                      (1.1 / 3.1) / (1 + 1.1/3.1),
		`{"weight":1,"fee":1}`:                 1.25 / 2.25,
		`{"weight":2,"fee":1,"success":3}`:     (0.5 + 1 + 2.7) / (0.5 + 1 + 2.7 + 2 + 3),
		`{"success":100,"weight":0,"fee":100}`: 1.9 / 2.9,
	} {
		r := router.New(accounts{a, b}, health{}, router.WithLoads(l),
			router.WithRules(book{"mer_1": rules(t, `{"version":1,"strategy":"mix","mix":`+document+`}`)}))
		if got := shares(t, r, 100_000); !near(got["a"], want) {
			t.Errorf("mix %s: a gets %v, want %v", document, got["a"], want)
		}
	}
}

// Figures that leave nobody in the draw must not stop a payment.
func TestStrategy_FiguresNeverStopAPayment(t *testing.T) {
	set := accounts{account("a", "alipay", 1), account("b", "wechatpay", 3)}
	zero := loads{"a": {}, "b": {}}
	for _, strategy := range router.Strategies() {
		r := router.New(set, health{}, router.WithLoads(zero), router.WithRules(book{"mer_1": rules(t, `{"version":1,"strategy":"`+string(strategy)+`"}`)}))
		if got := shares(t, r, 100); !near(got["a"]+got["b"], 1) || got["a"] <= 0 {
			t.Errorf("%s: %v", strategy, got)
		}
	}
}

// Slow start as an account lives it: cold at first, warm after its time in use,
// cold again when it was idle or its breaker has closed.
func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := router.NewGuards(router.Settings{
			Failures: 3, OpenFor: 10 * time.Second, Probes: 1, TakenOutFor: time.Minute, MaxConcurrent: 5,
			SlowStart: 30 * time.Second, Idle: 20 * time.Second, Recent: time.Minute, Now: time.Now,
		})
		f := newFake()
		ch := g.Guard("acc", f)
		warmth := func(want float64, when string) {
			t.Helper()
			if got := g.Load("acc").Warmth; math.Abs(got-want) > 0.001 {
				t.Errorf("%s: warmth %.3f, want %.3f", when, got, want)
			}
		}
		use := func(d time.Duration) {
			for range int(d / (5 * time.Second)) {
				_ = pay(ch)
				time.Sleep(5 * time.Second)
			}
		}
		warmth(0.1, "never used")
		use(15 * time.Second)
		warmth(0.55, "half of its time")
		use(20 * time.Second)
		warmth(1, "warm")
		time.Sleep(30 * time.Second)
		warmth(0.1, "idle")
		use(40 * time.Second)
		warmth(1, "warm again")
		f.setErr(&channels.Error{Outcome: channels.Unknown})
		for range 3 {
			_ = pay(ch)
		}
		if rate := g.Load("acc").SuccessRate; rate > 0.9 {
			t.Errorf("after three failures the success rate is %v", rate)
		}
		time.Sleep(11 * time.Second)
		f.setErr(nil)
		if err := pay(ch); err != nil {
			t.Fatal(err)
		}
		warmth(0.1, "healed just now")
		time.Sleep(10 * time.Second)
		warmth(0.4, "a third of its time after healing")
		time.Sleep(2 * time.Minute)
		if rate := g.Load("acc").SuccessRate; rate != 1 {
			t.Errorf("failures of long ago still count: %v", rate)
		}
		if r := g.Report("acc"); r.SuccessRate != -1 || r.Latency != 0 {
			t.Errorf("figures of long ago still show: %+v", r)
		}
	})
}

func TestReasons_ShowTheFiguresThatDecided(t *testing.T) {
	set := accounts{account("acc_a", "alipay", 30), account("acc_b", "alipay", 70), account("acc_0", "alipay", 0)}
	set[0].FeeRatePPM, set[1].FeeRatePPM = 3800, 6000
	l := loads{"acc_a": {InFlight: 2, SuccessRate: 0.991, Warmth: 1}, "acc_b": {InFlight: 7, SuccessRate: 0.5, Warmth: 1}}
	for strategy, want := range map[string][]string{
		"weighted":        {"weight 30 of 100", "weight 70 of 100", "nothing else is left"},
		"lowest_fee":      {"380 in minor units", "its fee of 600", "nothing else is left"},
		"success_rate":    {"99.1 %", "50.0 % lately is below the best", "nothing else is left"},
		"least_in_flight": {"2 calls in flight", "7 calls in flight", "nothing else is left"},
		"mix":             {"fee 380, success 99.1 %, in flight 2", "fee 600, success 50.0 %, in flight 7", "nothing else is left"},
	} {
		r := router.New(set, health{}, router.WithLoads(l), router.WithRules(book{"mer_1": rules(t, `{"version":1,"strategy":"`+strategy+`"}`)}))
		req := request(t, 100_000, "x")
		req.Channel = "alipay"
		d, err := r.Decide(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range d.Candidates {
			if !strings.Contains(c.Reason, want[i]) {
				t.Errorf("%s, %s: %q lacks %q", strategy, c.AccountID, c.Reason, want[i])
			}
			if c.Chosen && !strings.HasSuffix(c.Reason, "among the accounts at alipay") {
				t.Errorf("%s: %q does not say that the channel was asked for", strategy, c.Reason)
			}
		}
		if d.Strategy != strategy {
			t.Errorf("strategy %q, want %q", d.Strategy, strategy)
		}
	}
}
