package notify

import "time"

// OutboundConfig holds the limits of the webhooks' sending. Every number must
// be positive.
type OutboundConfig struct {
	// AllowLoopback lets webhooks go to this machine.
	AllowLoopback bool
	// Ports that webhooks may go to; empty: any.
	Ports []uint16
	// Timeout is how long an endpoint has for its answer.
	Timeout time.Duration
	// Lease is how long a claimed event belongs to this process. It must be
	// longer than Timeout and what writing the result down takes.
	Lease time.Duration
	// Poll is how often due events are looked for when nobody wakes the loop;
	// Gap is the least time between two looks.
	Poll, Gap time.Duration
	// Senders bounds the deliveries under way in this process; PerMerchant and
	// PerEndpoint those of one merchant and one endpoint.
	Senders, PerMerchant, PerEndpoint int
	// SlowAfter is how long a failed try must have taken to count as slow.
	// SlowTries slow ones in a row make an endpoint slow: it then gets one
	// sender. A merchant is slow after SlowMerchantTries in a row and then gets
	// PerSlowMerchant. All the slow ones together get SlowSenders.
	SlowAfter                    time.Duration
	SlowTries, SlowMerchantTries int
	PerSlowMerchant, SlowSenders int
	// EndpointsPerLook bounds the endpoints that one look considers.
	EndpointsPerLook int
}

// DefaultOutboundConfig gives the documented defaults.
func DefaultOutboundConfig() OutboundConfig {
	return OutboundConfig{
		Timeout: 5 * time.Second, Lease: 15 * time.Second,
		Poll: time.Second, Gap: 10 * time.Millisecond,
		Senders: 512, PerMerchant: 64, PerEndpoint: 32,
		SlowAfter: time.Second, SlowTries: 3, SlowMerchantTries: 12,
		PerSlowMerchant: 4, SlowSenders: 64,
		EndpointsPerLook: 500,
	}
}

// InboundConfig holds the limits of callbacks. Every number must be positive.
type InboundConfig struct {
	// MaxBody is the largest body in bytes.
	MaxBody int64
	// ApplyTimeout bounds storing and applying: channels wait about 5 s.
	ApplyTimeout time.Duration
	// SamplesKept is how many rejected callbacks an account keeps.
	SamplesKept int
	// SampleBody is how much of each one's body is kept, in bytes.
	SampleBody int
	// SampleQueue bounds the samples that wait to be written, SampleBatch those
	// written at once, SampleEvery is the least time between two writes.
	SampleQueue, SampleBatch int
	SampleEvery              time.Duration
}

// DefaultInboundConfig gives the documented defaults.
func DefaultInboundConfig() InboundConfig {
	return InboundConfig{
		MaxBody: 64 << 10, ApplyTimeout: 4 * time.Second,
		SamplesKept: 1000, SampleBody: 16 << 10,
		SampleQueue: 256, SampleBatch: 64, SampleEvery: time.Second,
	}
}
