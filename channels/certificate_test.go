package channels_test

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

func TestCertificateEndsSoon(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for left, want := range map[time.Duration]bool{
		30*day + time.Second: false, 30 * day: false, 30*day - time.Second: true, 0: true, -day: true,
	} {
		e := channels.CertificateExpiry{NotAfter: now.Add(left)}
		if got := e.EndsSoon(now); got != want {
			t.Errorf("%v before its end: %v", left, got)
		}
	}
}
