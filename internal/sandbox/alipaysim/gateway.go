package alipaysim

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// gateway serves gateway.do.
func (s *Simulator) gateway(w http.ResponseWriter, r *http.Request) {
	p, err := readParams(r)
	if err != nil {
		s.answer(w, nil, unsigned(invalid("isv.invalid-parameter", "参数无效："+err.Error())).node(), envelope{})
		return
	}
	switch s.methods[p["method"]].by {
	case byBrowser:
		s.openLink(w, r, p)
		return
	case byWallet:
		s.answer(w, nil, unsigned(invalid("isv.invalid-method", "不存在的方法名")).node(), envelope{})
		return
	case byServer:
	}
	c, err := s.admit(p)
	if err != nil {
		s.refuse(w, c, err)
		return
	}
	s.serve(w, r, c)
}

// serve carries an admitted call out, or whatever fault strikes it.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request, c *call) {
	fault, struck, err := s.strike(c)
	if err != nil {
		s.refuse(w, c, err)
		return
	}
	if struck {
		s.env.Logger.Info("fault", "channel", Channel, "method", c.name, "kind", fault.Kind, "out_trade_no", c.content.get("out_trade_no"))
		s.env.Wait(fault.Delay())
		if s.failBefore(w, r, c, fault) {
			return
		}
	}
	n, err := c.method.handle(s, c)
	var no *refusal
	if err != nil && !errors.As(err, &no) {
		s.refuse(w, c, err)
		return
	}
	if no != nil {
		n = no.node()
	}
	if struck {
		var done bool
		if n, done = s.failAfter(w, r, c, fault, n); done {
			return
		}
	}
	if n.text("code") == codeSuccess && !struck {
		c.account.recent.Add(c.name, n.text("out_trade_no"), n)
	}
	s.answer(w, c, n, c.envelope)
}

// strike decides what goes wrong with a call: a fault that was set, else what its amount brings at the first call of its
// order number.
func (s *Simulator) strike(c *call) (faults.Fault, bool, error) {
	if c.method.op == "" {
		return faults.Fault{}, false, nil // none of the operations that faults are set for
	}
	if fault, struck := s.env.Faults.Take(Channel, c.method.op, c.method.shows); struck {
		return fault, true, nil
	}
	amount, ok := parseYuan(c.content.get("total_amount"))
	number := c.content.get("out_trade_no")
	if !c.method.pays || !ok || !validOrderNumber(number) {
		return faults.Fault{}, false, nil
	}
	return s.env.FirstCall(c.key(number), amount)
}

// failBefore shows the faults that leave nothing done; it reports whether that was the answer.
func (s *Simulator) failBefore(w http.ResponseWriter, r *http.Request, c *call, f faults.Fault) bool {
	switch f.Kind {
	case faults.RateLimited:
		s.answer(w, c, limited().node(), c.envelope)
	case faults.HangBefore:
		s.env.Hang(r)
	case faults.Decline:
		s.answer(w, c, declined(c.name).node(), c.envelope)
	case faults.SystemError, faults.HTTP500, faults.HTML502:
		if f.EffectAfter() {
			return false
		}
		if !sim.Broken(w, f.Kind) {
			s.answer(w, c, unavailable().node(), c.envelope)
		}
	case faults.HangAfter, faults.ResetAfter, faults.BadSignature, faults.Unsigned, faults.Stale, faults.WrongAmount,
		faults.WrongID, faults.Slow, faults.EscapedSlashes, faults.RefuseConnection, faults.RefundAbnormal:
		return false
	}
	return true
}

// failAfter shows the faults of calls that are done: it reports that nothing is left to answer, or answers the node to
// send instead.
func (s *Simulator) failAfter(w http.ResponseWriter, r *http.Request, c *call, f faults.Fault, n node) (node, bool) {
	switch f.Kind {
	case faults.HangAfter:
		s.env.Hang(r)
	case faults.ResetAfter:
		sim.Reset(w)
	case faults.SystemError:
		return busyAfter(c.name).node(), false
	case faults.HTTP500, faults.HTML502:
		return n, sim.Broken(w, f.Kind)
	case faults.BadSignature:
		c.envelope.badSignature = true
	case faults.Unsigned:
		c.envelope.unsigned = true
	case faults.EscapedSlashes:
		c.envelope.escapedSign = true
	case faults.Stale, faults.WrongAmount, faults.WrongID:
		changed, ok := s.falsify(c, f.Kind, n)
		if !ok {
			s.env.Faults.GiveBack(f)
		}
		return changed, false
	case faults.RefuseConnection, faults.RateLimited, faults.HangBefore, faults.Decline, faults.Slow, faults.RefundAbnormal:
	}
	return n, false
}

// falsify makes a rightly signed answer of another order or amount out of a good one; it reports false where the answer
// has no room for that.
func (s *Simulator) falsify(c *call, kind faults.Kind, n node) (node, bool) {
	number := n.text("out_trade_no")
	if n.text("code") != codeSuccess || number == "" {
		return n, false
	}
	switch kind {
	case faults.Stale:
		if earlier, ok := c.account.recent.Other(c.name, number); ok {
			return earlier, true
		}
		return n.with(map[string]string{
			"out_trade_no": parts.OtherNumber(number), "trade_no": tradeNumber(c.now.AddDate(0, 0, -1)),
			"qr_code": s.env.PayerBase + parts.CodePage + newToken(),
		}), true
	case faults.WrongID:
		return n.with(map[string]string{"out_trade_no": parts.OtherNumber(number)}), true
	case faults.WrongAmount:
		values := make(map[string]string)
		for _, name := range []string{"total_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount", "refund_fee", "refund_amount"} {
			if fen, ok := parseYuan(n.text(name)); ok && fen > 0 {
				values[name] = formatYuan(fen + 1)
			}
		}
		return n.with(values), len(values) > 0
	default:
		return n, false
	}
}

// declined is the channel's final no to a method.
func declined(name string) *refusal {
	switch name {
	case methodPay:
		return business(acqBalance)
	case methodRefund:
		return business(acqRefundNotAllowed)
	default:
		return business(acqFeeExceed)
	}
}

// busyAfter is the channel's "busy" to a call that was done all the same.
func busyAfter(name string) *refusal {
	if name == methodCancel {
		return business(aqcSystemError)
	}
	return business(acqSystemError)
}

// refuse answers a refusal; anything else is a failure of our own.
func (s *Simulator) refuse(w http.ResponseWriter, c *call, err error) {
	var no *refusal
	if !errors.As(err, &no) {
		s.env.Fail(Channel, err)
	}
	if c == nil || no.unsigned {
		s.answer(w, nil, no.node(), envelope{})
		return
	}
	s.answer(w, c, no.node(), c.envelope)
}

// answer writes and sends an answer; without a call it is an unsigned error_response.
func (s *Simulator) answer(w http.ResponseWriter, c *call, n node, e envelope) {
	var signer *account
	if c == nil {
		e = envelope{name: "error_response", unsigned: true}
	} else {
		signer = c.account
		e.escaped = escapesSlashes(n.text("out_trade_no"))
	}
	body, err := signer.seal(n, e)
	if err != nil {
		s.env.Fail(Channel, fmt.Errorf("write an answer: %w", err))
	}
	writeAnswer(w, e.charset, body)
}
