package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/paymux/paymux/channels"
)

// metrics are the gateway's own figures; those of the API are httpapi's.
type metrics struct {
	registry      *prometheus.Registry
	calls         *prometheus.HistogramVec
	deliveries    *prometheus.HistogramVec
	notifications *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "paymux_channel_call_seconds", Help: "Calls to channels by their outcome.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"channel", "operation", "outcome"}),
		deliveries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "paymux_webhook_seconds", Help: "Tries to deliver a webhook by their result.",
			Buckets: []float64{.005, .025, .1, .5, 1, 2.5, 5},
		}, []string{"result"}),
		notifications: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paymux_notifications_total", Help: "Callbacks of channels by their result.",
		}, []string{"channel", "result"}),
	}
	m.registry.MustRegister(m.calls, m.deliveries, m.notifications,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) channelCall(channel string, op channels.Operation, outcome string, took time.Duration) {
	m.calls.WithLabelValues(channel, string(op), outcome).Observe(took.Seconds())
}

func (m *metrics) delivery(result string, took time.Duration) {
	m.deliveries.WithLabelValues(result).Observe(took.Seconds())
}

func (m *metrics) notification(channel, result string) {
	if channel == "" {
		channel = "none"
	}
	m.notifications.WithLabelValues(channel, result).Inc()
}
