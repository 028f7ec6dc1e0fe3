package channeltest

import (
	"net/http"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

// Tamper falsifies a row of a bill; see the control API.
type Tamper struct {
	Kind       string `json:"kind"`
	OutTradeNo string `json:"out_trade_no"`
}

// AdvanceCalendar moves on which days are over; it cannot be taken back.
func (s *Sandbox) AdvanceCalendar(t testing.TB, by time.Duration) {
	t.Helper()
	s.must(t, http.MethodPost, "/_control/clock", map[string]any{"advance": by.String()}, nil)
}

// FalsifyBill falsifies a day's bill until the test ends, or is called again.
func (s *Sandbox) FalsifyBill(t testing.TB, day channels.Day, tampers ...Tamper) {
	t.Helper()
	falsify := func(tampers []Tamper) {
		t.Helper()
		body := map[string]any{"channel": s.Channel, "date": day.String(), "tamper": tampers}
		s.must(t, http.MethodPost, "/_control/bills", body, nil)
	}
	falsify(append([]Tamper{}, tampers...))
	t.Cleanup(func() { falsify([]Tamper{}) })
}
