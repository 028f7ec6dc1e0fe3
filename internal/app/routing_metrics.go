package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymux/paymux/router"
)

// routingMetrics collects what the router knows when it is asked for metrics.
type routingMetrics struct {
	guards *router.Guards
	book   *ruleBook

	state, transitions, inFlight, asking, takenOut, success *prometheus.Desc
	loaded, refused                                         *prometheus.Desc
}

func newRoutingMetrics(guards *router.Guards, book *ruleBook) *routingMetrics {
	account := []string{"account", "channel"}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &routingMetrics{
		guards: guards, book: book,
		state: desc("paymux_breaker_state", "State of an account's breaker: 0 closed, 1 half open, 2 open.", append(account, "operation")...),
		transitions: desc("paymux_breaker_transitions_total", "Moves of an account's breaker.",
			append(account, "operation", "from", "to")...),
		inFlight: desc("paymux_account_calls_in_flight", "Calls under way that move money.", account...),
		asking:   desc("paymux_account_questions_in_flight", "Calls under way that ask or close.", account...),
		takenOut: desc("paymux_account_taken_out", "1 while an account rests whose key, certificate or permission was refused.", account...),
		success:  desc("paymux_account_success_rate", "Share of calls that pay with a good outcome lately, 0 to 1.", account...),
		loaded:   desc("paymux_routing_rules_loaded_total", "Versions of routing rules taken in."),
		refused:  desc("paymux_routing_rules_refused_total", "Versions of routing rules that could not be read."),
	}
}

// Describe implements prometheus.Collector.
func (m *routingMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.state, m.transitions, m.inFlight, m.asking, m.takenOut, m.success, m.loaded, m.refused} {
		out <- d
	}
}

var stateNumbers = map[router.State]float64{router.BreakerClosed: 0, router.BreakerHalfOpen: 1, router.BreakerOpen: 2}

// Collect implements prometheus.Collector.
func (m *routingMetrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for _, r := range m.guards.Reports() {
		if r.Channel == "" {
			continue // not opened yet: nothing was asked of it
		}
		for _, b := range r.Breakers {
			gauge(m.state, stateNumbers[b.State], r.AccountID, r.Channel, string(b.Operation))
			for _, n := range b.Moves {
				counter(m.transitions, n.Count, r.AccountID, r.Channel, string(b.Operation), string(n.From), string(n.To))
			}
		}
		gauge(m.inFlight, float64(r.InFlight), r.AccountID, r.Channel)
		gauge(m.asking, float64(r.Asking), r.AccountID, r.Channel)
		resting := 0.0
		if r.TakenOut {
			resting = 1
		}
		gauge(m.takenOut, resting, r.AccountID, r.Channel)
		if r.SuccessRate >= 0 {
			gauge(m.success, r.SuccessRate, r.AccountID, r.Channel)
		}
	}
	counter(m.loaded, m.book.loaded.Load())
	counter(m.refused, m.book.refused.Load())
}
