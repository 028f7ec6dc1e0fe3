package channels_test

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

func TestHours_HoldTheirFirstMinuteAndNotTheirLast(t *testing.T) {
	// Midnight in Asia/Shanghai is 16:00 UTC.
	at := func(clock string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-11-21 "+clock, time.FixedZone("", 8*60*60))
		if err != nil {
			t.Fatal(err)
		}
		return moment.UTC()
	}
	for _, c := range []struct {
		hours, clock string
		want         bool
	}{
		{"08:00-22:30", "07:59:59", false},
		{"08:00-22:30", "08:00:00", true},
		{"08:00-22:30", "22:29:59", true},
		{"08:00-22:30", "22:30:00", false},
		{"22:00-06:00", "23:59:59", true},
		{"22:00-06:00", "00:00:00", true},
		{"22:00-06:00", "05:59:59", true},
		{"22:00-06:00", "06:00:00", false},
		{"00:00-24:00", "23:59:59", true},
		{"20:00-24:00", "00:00:00", false},
	} {
		h, err := channels.ParseHours(c.hours)
		if err != nil {
			t.Fatal(err)
		}
		if h.String() != c.hours {
			t.Errorf("%s is written as %s", c.hours, h)
		}
		if got := channels.OpenAt([]channels.Hours{h}, at(c.clock)); got != c.want {
			t.Errorf("%s at %s: %v, want %v", c.hours, c.clock, got, c.want)
		}
	}
	if !channels.OpenAt(nil, at("03:00:00")) {
		t.Error("without hours it must always be open")
	}
}

func FuzzParseHours(f *testing.F) {
	for _, s := range []string{"08:00-22:30", "22:00-06:00", "00:00-24:00", "00:00-00:00", "24:00-01:00", "8:00-9:00", "08:60-09:00", "08:00–22:30", "\xff\xff:00-09:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := channels.ParseHours(s)
		if err != nil {
			return
		}
		if h.IsZero() || h.String() != s {
			t.Fatalf("%q was read as %q", s, h)
		}
		from, to := h.Bounds()
		if !h.Holds(from) || h.Holds(to%1440) && to != 1440 {
			t.Fatalf("%s does not hold its first minute, or holds its end", h)
		}
	})
}
