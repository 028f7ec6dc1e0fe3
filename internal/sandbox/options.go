package sandbox

import (
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"time"
)

// Defaults of Options.
const (
	// DefaultNotifyScale turns Alipay's first waiting time of four minutes into one second.
	DefaultNotifyScale = 1.0 / 240
	// DefaultHangLimit bounds how long a call that never gets an answer is held.
	DefaultHangLimit = 60 * time.Second

	defaultListen = "127.0.0.1:0"
)

// Options say where and how a sandbox runs.
type Options struct {
	// Dir holds books, keys and ports; it is made if need be. One process at a time uses it.
	Dir string
	// Listen is the address of the sandbox's own listener. Port 0 picks a free one, keeps it in Dir and takes it again.
	Listen string
	// ChannelListen is the address of each channel's own listener, by channel; absent: the host of Listen, port 0.
	ChannelListen map[string]string
	// PublicURL stands in codes and links in the place of the sandbox's own address, where payers reach it by another
	// name.
	PublicURL string
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Random answers numbers in [0,1) for faults with a rate; nil is the system's source.
	Random func() float64
	// Logger gets what goes on; nil discards it.
	Logger *slog.Logger
	// NotifyScale scales the channels' retry schedules; 1 is real, 0 is DefaultNotifyScale.
	NotifyScale float64
	// HangLimit bounds how long a call without an answer is held; 0 is DefaultHangLimit.
	HangLimit time.Duration
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = defaultListen
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = systemRandom
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.NotifyScale <= 0 {
		o.NotifyScale = DefaultNotifyScale
	}
	if o.HangLimit <= 0 {
		o.HangLimit = DefaultHangLimit
	}
	return o
}

func systemRandom() float64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
}
