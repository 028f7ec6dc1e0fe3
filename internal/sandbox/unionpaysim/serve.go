package unionpaysim

import (
	"errors"
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// gateway serves the merchants' calls.
func (s *Simulator) gateway(w http.ResponseWriter, r *http.Request) {
	in, err := readForm(r)
	if err != nil {
		s.env.Logger.Info("not a message", "channel", Channel, "error", err)
		badRequest(w)
		return
	}
	c, err := s.admit(r.URL.Path, in)
	if err != nil {
		s.refuse(w, in, seal{}, err)
		return
	}
	s.serve(w, r, c)
}

// serve carries an admitted call out, or whatever fault strikes it.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request, c *call) {
	s.classify(c)
	fault, struck, err := s.strike(c)
	if err != nil {
		s.refuse(w, c.in, c.seal, err)
		return
	}
	if struck {
		s.env.Logger.Info("fault", "channel", Channel, "transaction", c.name, "kind", fault.Kind, "order_id", c.in["orderId"])
		s.env.Wait(fault.Delay())
		if s.failBefore(w, r, c, fault) {
			return
		}
	}
	out, err := c.handle(s, c)
	var no *refusal
	if err != nil && !errors.As(err, &no) {
		s.refuse(w, c.in, c.seal, err)
		return
	}
	if no != nil {
		out = refused(c.in, no)
	}
	if struck {
		var done bool
		if out, done = s.failAfter(w, r, c, fault, out); done {
			return
		}
	} else if good(out) && out["orderId"] != "" {
		c.merchant.recent.Add(c.name, out["orderId"], out)
	}
	s.answer(w, out, c.seal)
}

// classify tells a query about a refund from one about a payment, which only their numbers do.
func (s *Simulator) classify(c *call) {
	orderID := c.in["orderId"]
	switch c.name {
	case nameRefund, nameUndo:
		c.merchant.asked.add(orderID)
	case nameQuery:
		if _, known := s.env.Books.Code(refundToken(c.merchant.merID, orderID)); known || c.merchant.asked.has(orderID) {
			c.op = faults.RefundQuery
		}
	}
}

// strike decides what goes wrong with a call: a fault that was set, else what its amount brings at the first call of its
// order number.
func (s *Simulator) strike(c *call) (faults.Fault, bool, error) {
	if fault, struck := s.env.Faults.Take(Channel, c.op, c.shows); struck {
		return fault, true, nil
	}
	if !c.orders {
		return faults.Fault{}, false, nil
	}
	amount, _ := parseAmount(c.in["txnAmt"])
	return s.env.FirstCall(c.key(), amount)
}

// failBefore shows the faults that leave nothing done; it reports whether that was the answer.
func (s *Simulator) failBefore(w http.ResponseWriter, r *http.Request, c *call, f faults.Fault) bool {
	say := func(code string) { s.answer(w, refused(c.in, refuse(code)), c.seal) }
	switch f.Kind {
	case faults.RateLimited:
		say(codeFrequent)
	case faults.HangBefore:
		s.env.Hang(r)
	case faults.Decline:
		say(declineCode(c.name))
	case faults.SystemError, faults.HTTP500, faults.HTML502:
		if f.EffectAfter() {
			return false
		}
		if !sim.Broken(w, f.Kind) {
			say(codeBusy)
		}
	default:
		return false
	}
	return true
}

// failAfter shows the faults of calls that are done: it reports that nothing is left to answer, or answers the fields to
// send instead.
func (s *Simulator) failAfter(w http.ResponseWriter, r *http.Request, c *call, f faults.Fault, out fields) (fields, bool) {
	switch f.Kind {
	case faults.HangAfter:
		s.env.Hang(r)
	case faults.ResetAfter:
		sim.Reset(w)
	case faults.SystemError:
		return refused(c.in, refuse(codeTimeout)), false
	case faults.HTTP500, faults.HTML502:
		return out, sim.Broken(w, f.Kind)
	case faults.BadSignature:
		c.seal.badSignature = true
	case faults.Unsigned:
		c.seal.unsigned = true
	case faults.Stale, faults.WrongAmount, faults.WrongID:
		changed, ok := s.falsify(c, f.Kind, out)
		if !ok {
			s.env.Faults.GiveBack(f)
		}
		return changed, false
	default:
	}
	return out, false
}

// good reports whether an answer tells of a transaction that was found or taken in.
func good(out fields) bool { return out["respCode"] == codeSuccess || out["respCode"] == codeAccepted }

// falsify makes a rightly signed answer of another order or amount out of a good one; it reports false where the answer
// has no room for that.
func (s *Simulator) falsify(c *call, kind faults.Kind, out fields) (fields, bool) {
	orderID := out["orderId"]
	if !good(out) || orderID == "" {
		return out, false
	}
	changed := out.with(nil)
	switch kind {
	case faults.Stale:
		if earlier, ok := c.merchant.recent.Other(c.name, orderID); ok {
			return earlier, true
		}
		changed["orderId"] = parts.OtherNumber(orderID)
		for _, name := range []string{"tn", "qrCode", "queryId"} {
			if out[name] != "" {
				changed[name] = parts.OtherNumber(out[name])
			}
		}
	case faults.WrongID:
		changed["orderId"] = parts.OtherNumber(orderID)
	case faults.WrongAmount:
		wrong := false
		for _, name := range []string{"txnAmt", "settleAmt"} {
			if fen, ok := parseAmount(out[name]); ok && fen > 0 {
				changed[name], wrong = formatAmount(fen+1), true
			}
		}
		return changed, wrong
	default:
		return out, false
	}
	return changed, true
}

// declineCode is the channel's final no to a transaction.
func declineCode(name string) string {
	switch name {
	case nameScan:
		return codeBalance
	case nameRefund, nameUndo:
		return codeIssuer
	default:
		return codeLimit
	}
}

// refuse answers a refusal; anything else is a failure of our own.
func (s *Simulator) refuse(w http.ResponseWriter, in fields, how seal, err error) {
	var no *refusal
	switch {
	case errors.As(err, &no):
	case errors.Is(err, errExpired):
		no = refuseField(codeFormat, "payTimeout")
	default:
		s.env.Fail(Channel, err)
	}
	s.answer(w, refused(in, no), how)
}
