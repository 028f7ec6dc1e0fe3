package wechatpaysim

import (
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// api carries one call out, or whatever fault strikes it.
func (s *Simulator) api(w http.ResponseWriter, r *http.Request, e *endpoint) {
	c, err := s.admit(r, e)
	if err != nil {
		s.refuse(w, err)
		return
	}
	fault, struck, err := s.strike(c)
	if err != nil {
		s.refuse(w, err)
		return
	}
	if struck {
		s.env.Logger.Info("fault", "channel", Channel, "path", e.path, "kind", fault.Kind, "out_trade_no", c.number())
		s.env.Wait(fault.Delay())
		if s.failBefore(w, r, c, fault) {
			return
		}
	}
	answer, err := e.handle(s, c)
	if _, refused := isRefusal(err); err != nil && !refused {
		s.refuse(w, err)
		return
	}
	if struck && s.failAfter(w, r, c, fault, &answer) {
		return
	}
	if err != nil {
		if struck && c.flaw != sound {
			s.env.Faults.GiveBack(fault) // refusals are not signed anyway
		}
		s.refuse(w, err)
		return
	}
	s.answer(w, c, answer)
}

// strike decides what goes wrong with a call: a fault that was set, else what its amount brings at the first call of its
// order number.
func (s *Simulator) strike(c *call) (faults.Fault, bool, error) {
	if c.endpoint.op == "" {
		return faults.Fault{}, false, nil // none of the operations that faults are set for
	}
	if fault, struck := s.env.Faults.Take(Channel, c.endpoint.op, c.endpoint.shows); struck {
		return fault, true, nil
	}
	if c.endpoint.product == "" {
		return faults.Fault{}, false, nil
	}
	return s.env.FirstCall(c.key(c.number()), integerAt(c.body, "amount", "total"))
}

// failBefore shows the faults that leave nothing done; it reports whether that was the answer. What the other kinds need
// is noted in the call.
func (s *Simulator) failBefore(w http.ResponseWriter, r *http.Request, c *call, f faults.Fault) bool {
	switch f.Kind {
	case faults.RateLimited:
		s.refuse(w, frequencyLimited())
	case faults.HangBefore:
		s.env.Hang(r)
	case faults.Decline:
		s.refuse(w, declined(c.endpoint))
	case faults.SystemError, faults.HTTP500, faults.HTML502:
		if f.EffectAfter() {
			return false
		}
		s.broken(w, f.Kind)
	case faults.BadSignature:
		c.flaw = wrong
		return false
	case faults.Unsigned:
		c.flaw = unsigned
		return false
	case faults.Stale:
		c.flaw = old
		return false
	case faults.RefundAbnormal:
		c.abnormal = true
		return false
	case faults.HangAfter, faults.ResetAfter, faults.WrongAmount, faults.WrongID, faults.Slow, faults.EscapedSlashes,
		faults.RefuseConnection:
		return false
	}
	return true
}

// failAfter shows the faults of calls that are done: it reports that nothing is left to answer, or changes the answer.
func (s *Simulator) failAfter(w http.ResponseWriter, r *http.Request, c *call, f faults.Fault, answer *reply) bool {
	switch f.Kind {
	case faults.HangAfter:
		s.env.Hang(r)
	case faults.ResetAfter:
		sim.Reset(w)
	case faults.SystemError, faults.HTTP500, faults.HTML502:
		s.broken(w, f.Kind)
		return true
	case faults.WrongAmount, faults.WrongID:
		if !falsify(f.Kind, answer.object) {
			s.env.Faults.GiveBack(f)
		}
	case faults.RefundAbnormal:
		if !c.abnormalShown {
			s.env.Faults.GiveBack(f)
		}
	case faults.BadSignature, faults.Unsigned, faults.Stale, faults.RefuseConnection, faults.RateLimited, faults.HangBefore,
		faults.Decline, faults.Slow, faults.EscapedSlashes:
	}
	return false
}

func (s *Simulator) broken(w http.ResponseWriter, kind faults.Kind) {
	if !sim.Broken(w, kind) {
		s.refuse(w, systemError())
	}
}

// falsify makes a good answer tell of another amount or order; it reports false where the answer has no room for that.
func falsify(kind faults.Kind, o object) bool {
	changed := false
	if kind == faults.WrongAmount {
		amount := child(o, "amount")
		for _, name := range []string{"total", "payer_total", "refund", "payer_refund", "settlement_refund"} {
			if fen, ok := amount[name].(int64); ok {
				amount[name] = fen + 1
				changed = true
			}
		}
		return changed
	}
	for _, name := range []string{"out_trade_no", "out_refund_no"} {
		if number, ok := o[name].(string); ok && number != "" {
			o[name] = parts.OtherNumber(number)
			changed = true
		}
	}
	return changed
}

// declined is the channel's final no to a payment or refund.
func declined(e *endpoint) *refusal {
	switch {
	case e.product == codePay:
		return forbidden("NOT_ENOUGH", "用户余额不足，请用户换卡支付")
	case e.op == faults.Refund:
		return forbidden("USER_ACCOUNT_ABNORMAL", "用户账户异常或已注销，退款请求失败")
	default:
		return forbidden("RULE_LIMIT", "业务规则限制，交易被拒绝")
	}
}

// refuse answers a refusal; anything else is a failure of our own.
func (s *Simulator) refuse(w http.ResponseWriter, err error) {
	no, refused := isRefusal(err)
	if !refused {
		s.env.Fail(Channel, err)
	}
	body, err := marshal(no.object())
	if err != nil {
		s.refuse(w, err)
	}
	s.write(w, no.status, no.fine, body)
}

// answer writes and signs a good answer.
func (s *Simulator) answer(w http.ResponseWriter, c *call, a reply) {
	if c.endpoint.file {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(a.file)
		return
	}
	var body []byte
	if a.object != nil {
		var err error
		if body, err = marshal(a.object); err != nil {
			s.refuse(w, err)
		}
	}
	if err := s.signMessage(w.Header(), c.signer, body, c.flaw); err != nil {
		s.refuse(w, err)
	}
	s.write(w, a.status, 0, body)
}

func (s *Simulator) write(w http.ResponseWriter, status int, fine int64, body []byte) {
	h := w.Header()
	h["Request-ID"] = []string{requestID(s.env.Now(), fine)} // so written by the channel
	h.Set("Cache-Control", "no-cache, must-revalidate")
	if status != http.StatusNoContent {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
