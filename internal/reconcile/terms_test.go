package reconcile

import (
	"math/big"
	"testing"

	"github.com/paymux/paymux/channels"
)

func TestTerms_Fee(t *testing.T) {
	t.Parallel()
	returning := terms{BillCalendar: channels.BillCalendar{RefundsReturnFees: true}, ratePPM: 6000}
	keeping := terms{ratePPM: 6000}
	own := terms{BillCalendar: channels.BillCalendar{FeeOfRow: func(minor, _ int64) int64 { return minor / 10 }}, ratePPM: 1}
	for _, c := range []struct {
		terms                        terms
		refund                       bool
		minor, order, before, wanted int64
	}{
		{keeping, false, 83, 83, 0, 0}, // 0.498 fen
		{keeping, false, 84, 84, 0, 1}, // 0.504 fen
		{keeping, true, 84, 84, 0, 0},
		{returning, true, 84, 84, 0, -1},
		{returning, true, 41, 84, 0, 0},
		{returning, true, 42, 84, 0, -1},
		{returning, true, 43, 84, 41, -1},
		{returning, true, 42, 84, 42, 0},
		{returning, true, 1_000_000_000_000, 1_000_000_000_000, 0, -6_000_000_000},
		{returning, true, 999_999_999_999, 1_000_000_000_000, 0, -6_000_000_000},
		{own, false, 95, 95, 0, 9},
		{terms{BillCalendar: channels.BillCalendar{NoFees: true}, ratePPM: 6000}, false, 10000, 10000, 0, 0},
		{terms{}, false, 10000, 10000, 0, 0},
	} {
		if got := c.terms.fee(c.refund, c.minor, c.order, c.before); got != c.wanted {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// All parts of an order's fee go back with all of its money, however it is cut.
func FuzzShare(f *testing.F) {
	f.Add(int64(6), int64(3), int64(7))
	f.Add(int64(6_000_000_000), int64(999_999_999_999), int64(1_000_000_000_000))
	f.Fuzz(func(t *testing.T, amount, part, whole int64) {
		const most = 1_000_000_000_000
		if amount < 0 || amount > most || whole < 1 || whole > most || part < 0 || part > whole {
			return // no amounts of an order
		}
		twice := new(big.Int).Mul(big.NewInt(2*amount), big.NewInt(part))
		want := twice.Add(twice, big.NewInt(whole)).Div(twice, big.NewInt(2*whole))
		if got := share(amount, part, whole); got != want.Int64() {
			t.Errorf("%d of %d in %d is %d, want %s", part, whole, amount, got, want)
		}
	})
}
