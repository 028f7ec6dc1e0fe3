package reconcile_test

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

// A row that stands in the bills of three days is matched in one of them, however
// far they are from each other.
func TestMatch_RowInThreeBills(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		d := day(t, "2026-11-20")
		days := []channels.Day{d, d.Next(), d.Add(3)}
		a := w.book(100, noon)
		w.clock.set(d.Add(5).Start().Add(12 * time.Hour))
		for _, x := range days {
			w.bill(x, row(a))
		}
		for range 2 { // the second time nothing is another
			for _, x := range days {
				w.run(x)
			}
		}
		further := "missing_locally open bill:" + a.ChannelTradeNo + "#2 -/100"
		w.want(w.newest(d), reconcile.StatusDifferences, 2, 0, further)
		w.want(w.newest(d.Next()), reconcile.StatusBalanced, 1, 1)
		w.want(w.newest(d.Add(3)), reconcile.StatusDifferences, 1, 0, further)
	})
}
