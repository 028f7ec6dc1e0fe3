package app

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/router"
)

// deaf is a channel that never answers.
type deaf struct{ channels.Channel }

func (deaf) Name() string { return "alipay" }

func (deaf) Capabilities() channels.Capabilities { return channels.Capabilities{} }

func (deaf) Pay(context.Context, channels.PayRequest) (channels.PayResult, error) {
	return channels.PayResult{}, &channels.Error{Outcome: channels.Unknown}
}

// A breaker that opens shows in the metrics, with its move, and in the log.
func TestRoutingMetrics_ShowABreakerThatOpens(t *testing.T) {
	var log strings.Builder
	in := &Installation{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	guards := router.NewGuards(router.Settings{
		Failures: 2, OpenFor: time.Hour, Probes: 1, TakenOutFor: time.Minute, MaxConcurrent: 2, Now: time.Now, OnChange: in.breakerMoved,
	})
	guards.Available("acc_2") // seen, not opened yet
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newRoutingMetrics(guards, newRuleBook(nil, in.Logger, time.Now)))
	ch := guards.Guard("acc_1", deaf{})
	if got := gathered(t, registry); got["paymux_breaker_state account=acc_1 channel=alipay operation=pay"] != 0 ||
		len(got) != 2+3+2 {
		t.Errorf("before any call: %v", got)
	}
	for range 3 {
		_, _ = ch.Pay(t.Context(), channels.PayRequest{})
	}
	got := gathered(t, registry)
	for name, want := range map[string]float64{
		"paymux_breaker_state account=acc_1 channel=alipay operation=pay":                                 2,
		"paymux_breaker_state account=acc_1 channel=alipay operation=refund":                              0,
		"paymux_breaker_transitions_total account=acc_1 channel=alipay from=closed operation=pay to=open": 1,
		"paymux_account_success_rate account=acc_1 channel=alipay":                                        0,
		"paymux_account_calls_in_flight account=acc_1 channel=alipay":                                     0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", name, v, ok, want)
		}
	}
	for _, part := range []string{"account_id=acc_1", "channel=alipay", "operation=pay", "from=closed", "to=open"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s: %s", part, log.String())
		}
	}
}

// gathered gives every value by its name and labels.
func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			out[name] = m.GetGauge().GetValue()
			if c := m.GetCounter(); c != nil {
				out[name] = c.GetValue()
			}
		}
	}
	return out
}
