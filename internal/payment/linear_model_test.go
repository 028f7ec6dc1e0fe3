package payment_test

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// This file says what a merchant's order is, as a sequential specification: one
// thing that moves at one moment of each operation. A history of concurrent
// operations is right when there is an order of such moments, each between its
// operation's beginning and end, that the specification allows.

// orderTotal is what every order of the histories costs.
const orderTotal = 100

// action is what a client asks for.
type action struct {
	kind    string // create, get, pay, notify, close, refund
	order   string
	channel string
	// variant tells requests with the same order number and other parameters apart.
	variant int
	// number and amount are a refund's.
	number int
	amount int64
}

// answer is what it got. Kind "unknown" is an answer that never came: what was
// asked for may have happened, then or later.
type answer struct {
	kind           string // ok, unknown, absent, no, conflict, exceeds, unpaid, ended, open
	id, status     string
	replayed       bool
	paid, refunded int64
}

// Statuses of the model; live is pending or processing.
const (
	absent = "absent"
	live   = "live"
	paid   = "paid"
	closed = "closed"
	failed = "failed"
)

// refundModel is one refund; id is empty while nobody was told it.
type refundModel struct {
	amount int64
	id     string
}

// orderModel is the state of one order.
type orderModel struct {
	status, id, channel string
	variant             int
	// charged: the channel took the payer's money. booked: we know it.
	charged, booked bool
	closeAsked      bool
	reserved        int64
	refunds         [4]refundModel
	// seen is the refunded amount that was shown last; it never shrinks.
	seen int64
}

// moves are what the gateway does by itself between two operations: it finds
// out what the channel did, and carries out what it was asked for.
func (s orderModel) moves() []orderModel {
	states := []orderModel{s}
	for i := 0; i < len(states); i++ {
		s := states[i]
		add := func(change func(s *orderModel)) {
			next := s
			change(&next)
			for _, known := range states {
				if known == next {
					return
				}
			}
			states = append(states, next)
		}
		switch {
		case s.status == live && s.charged:
			add(func(s *orderModel) { s.status, s.booked = paid, true })
		case s.status == live && s.channel == refusing:
			add(func(s *orderModel) { s.status = failed })
		case (s.status == closed || s.status == failed) && s.charged && !s.booked:
			// Late money goes back by itself.
			add(func(s *orderModel) { s.booked, s.reserved = true, orderTotal })
		}
		if s.status == live && s.closeAsked {
			add(func(s *orderModel) { s.status = closed })
		}
	}
	return states
}

// refusing is the channel that may refuse orders finally.
const refusing = "unionpay"

// step gives the states in which an operation with this answer can leave an order.
func (s orderModel) step(in action, out answer) []any {
	steps := map[string]func(orderModel, action, answer) []orderModel{
		"create": orderModel.create, "get": orderModel.get, "pay": orderModel.pay,
		"notify": orderModel.notify, "close": orderModel.close, "refund": orderModel.refund,
	}
	var next []any
	for _, from := range s.moves() {
		for _, to := range steps[in.kind](from, in, out) {
			next = append(next, to)
		}
	}
	return next
}

// named fits an id that was answered to the order's; the first one told is its.
func (s orderModel) named(id string) []orderModel {
	if s.id != "" && s.id != id {
		return nil
	}
	s.id = id
	return []orderModel{s}
}

func (s orderModel) create(in action, out answer) []orderModel {
	made := s
	made.status, made.variant, made.channel = live, in.variant, in.channel
	switch {
	case out.kind == "unknown" && s.status == absent:
		return []orderModel{s, made}
	case out.kind == "unknown":
		return []orderModel{s}
	case s.status == absent:
		// What it became until the answer left is not this moment's.
		if out.kind == "ok" && !out.replayed {
			return made.named(out.id)
		}
		return nil
	case out.kind == "conflict":
		return keepIf(s, in.variant != s.variant)
	case out.kind == "ok" && out.replayed && in.variant == s.variant:
		return s.get(in, out)
	default:
		return nil
	}
}

func keepIf(s orderModel, ok bool) []orderModel {
	if ok {
		return []orderModel{s}
	}
	return nil
}

func (s orderModel) get(_ action, out answer) []orderModel {
	if out.kind == "absent" {
		return keepIf(s, s.status == absent)
	}
	var most, took int64
	if s.booked {
		most, took = s.reserved, orderTotal
	}
	if s.status == absent || out.status != s.status || out.paid != took || out.refunded < s.seen || out.refunded > most {
		return nil
	}
	s.seen = out.refunded
	return s.named(out.id)
}

// pay is the payer at the channel.
func (s orderModel) pay(_ action, out answer) []orderModel {
	if out.kind == "no" {
		return []orderModel{s}
	}
	if s.status == absent || s.charged {
		return nil
	}
	s.charged = true
	return []orderModel{s}
}

func (s orderModel) notify(_ action, out answer) []orderModel {
	if !s.charged {
		return nil
	}
	told := s
	switch {
	case s.status == live:
		told.status, told.booked = paid, true
	case !s.booked:
		told.booked, told.reserved = true, orderTotal
	}
	if out.kind == "unknown" {
		return []orderModel{s, told}
	}
	return keepIf(told, out.kind == "ok")
}

func (s orderModel) close(_ action, out answer) []orderModel {
	asked := s
	asked.closeAsked = s.closeAsked || s.status == live
	switch out.kind {
	case "unknown":
		return []orderModel{s, asked}
	case "open":
		return keepIf(asked, s.status == live)
	case "ended":
		return keepIf(s, s.status == paid || s.status == failed)
	case "ok":
		asked.status = closed
		return keepIf(asked, s.status == live || s.status == closed)
	default:
		return nil
	}
}

func (s orderModel) refund(in action, out answer) []orderModel {
	known := s.refunds[in.number]
	made := s
	made.reserved += in.amount
	made.refunds[in.number] = refundModel{amount: in.amount, id: out.id}
	fits := s.status == paid && known.amount == 0 && made.reserved <= orderTotal
	switch out.kind {
	case "unknown":
		if fits {
			return []orderModel{s, made}
		}
		return []orderModel{s}
	case "conflict":
		return keepIf(s, known.amount != 0 && known.amount != in.amount)
	case "exceeds":
		return keepIf(s, s.status == paid && known.amount == 0 && made.reserved > orderTotal)
	case "unpaid":
		return keepIf(s, s.status != paid && known.amount == 0)
	case "ok":
		if known.amount == 0 {
			return keepIf(made, fits && !out.replayed)
		}
		if known.id == "" {
			known.id = out.id
			s.refunds[in.number] = known
		}
		return keepIf(s, out.replayed && known == refundModel{in.amount, out.id})
	default:
		return nil
	}
}

// specification is the model for the checker, one order at a time.
func specification() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			var names []string
			parts := map[string][]porcupine.Operation{}
			for _, op := range history {
				name := op.Input.(action).order
				if parts[name] == nil {
					names = append(names, name)
				}
				parts[name] = append(parts[name], op)
			}
			var out [][]porcupine.Operation
			for _, name := range names {
				out = append(out, parts[name])
			}
			return out
		},
		Init: func() []any { return []any{orderModel{status: absent}} },
		Step: func(state, input, output any) []any { return state.(orderModel).step(input.(action), output.(answer)) },
		DescribeOperation: func(input, output any) string {
			in, out := input.(action), output.(answer)
			return fmt.Sprintf("%s %s v%d #%d %d → %s %s %s replayed=%v paid=%d refunded=%d",
				in.kind, in.order, in.variant, in.number, in.amount, out.kind, out.status, out.id, out.replayed, out.paid, out.refunded)
		},
	}
	return model.ToModel()
}
