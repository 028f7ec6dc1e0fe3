package console

import (
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// moment is one thing that happened to a payment.
type moment struct {
	At time.Time
	// Sort says what it is: "change", "routing", "callback", "event", "delivery"
	// or "act".
	Sort string
	// rank orders what happened in the same millisecond: cause before effect.
	rank int

	Change   *payment.Change
	Attempt  *payment.Attempt
	Decision *channels.Decision
	Callback *notify.KeptNotification
	Event    *notify.EventView
	Delivery *notify.DeliveryView
	Act      *audit.Entry
}

// Ranks of what happened at the same time.
const (
	rankAct = iota
	rankCallback
	rankRouting
	rankChange
	rankEvent
	rankDelivery
)

// timeline puts everything in the order in which it happened.
func timeline(view *paymentView, history []payment.Change, acts []audit.Entry) []moment {
	var all []moment
	for i := range history {
		all = append(all, moment{At: history[i].At, Sort: "change", rank: rankChange, Change: &history[i]})
	}
	for _, a := range view.Attempts {
		all = append(all, moment{At: a.CreatedAt, Sort: "routing", rank: rankRouting, Attempt: a, Decision: &a.Decision})
	}
	for i := range view.Callbacks {
		n := &view.Callbacks[i]
		all = append(all, moment{At: n.ReceivedAt, Sort: "callback", rank: rankCallback, Callback: n})
	}
	for i := range view.Events {
		e := &view.Events[i]
		all = append(all, moment{At: e.CreatedAt, Sort: "event", rank: rankEvent, Event: e})
		for j := range e.Deliveries {
			d := &e.Deliveries[j]
			all = append(all, moment{At: d.At, Sort: "delivery", rank: rankDelivery, Event: e, Delivery: d})
		}
	}
	for i := range acts {
		all = append(all, moment{At: acts[i].At, Sort: "act", rank: rankAct, Act: &acts[i]})
	}
	slices.SortStableFunc(all, func(a, b moment) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return a.rank - b.rank
	})
	return all
}
