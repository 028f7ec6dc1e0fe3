package channeltest

import (
	"context"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

// faultCase is a kind of trouble and the outcomes that a call which it strikes
// may have. No outcome means that the call may also succeed, in which case what
// it says must be handed on as it stands.
type faultCase struct {
	kind, effect string
	hangs        bool
	allowed      []channels.Outcome
}

// faultCases are the troubles that leave the outcome open, or prove that
// nothing was done.
func faultCases() []faultCase {
	unknown := []channels.Outcome{channels.Unknown}
	unverified := []channels.Outcome{channels.BadSignature, channels.Unknown}
	nothing := []channels.Outcome{channels.NotProcessed}
	return []faultCase{
		{kind: "hang_before", hangs: true, allowed: unknown},
		{kind: "hang_after", hangs: true, allowed: unknown},
		{kind: "reset_after", allowed: unknown},
		{kind: "http_500", allowed: unknown},
		{kind: "html_502", allowed: unknown},
		{kind: "system_error", effect: "before", allowed: unknown},
		{kind: "system_error", effect: "after", allowed: unknown},
		{kind: "bad_signature", allowed: unverified},
		{kind: "unsigned", allowed: unverified},
		{kind: "rate_limited", allowed: nothing},
		{kind: "refuse_connection", allowed: nothing},
	}
}

func (f faultCase) name() string {
	if f.effect != "" {
		return f.kind + "_" + f.effect
	}
	return f.kind
}

// wantOfQuestion is wantOutcome for a question that has no body. When the
// connection under one dies, net/http asks again by itself, which harms nobody:
// the second question, which the fault does not strike, may be answered.
func (f faultCase) wantOfQuestion(t *testing.T, err error) {
	t.Helper()
	if err == nil && f.kind == "reset_after" {
		return
	}
	wantOutcome(t, err, f.allowed...)
}

// strike sets the fault and gives the context for the call that it strikes.
func (s *suite) strike(t *testing.T, op string, f faultCase) context.Context {
	t.Helper()
	if f.kind == "refuse_connection" {
		s.refuse(t)
		return s.ctx(t)
	}
	s.Sandbox.SetFault(t, Fault{Operation: op, Kind: f.kind, Effect: f.effect, Count: 1})
	if f.hangs {
		return s.short(t)
	}
	return s.ctx(t)
}

// refuse closes the channel's own listener, for all operations. A connection
// that was in use a moment ago may outlive it by one call, whose outcome is
// honestly unknown; so questions are asked until none does.
func (s *suite) refuse(t *testing.T) {
	t.Helper()
	none := s.order(t, s.anyPayable(t), orderAmount).Attempt
	s.Sandbox.SetFault(t, Fault{Kind: "refuse_connection"})
	s.eventually(t, "no connection is left", func() bool {
		_, err := s.ch.QueryPayment(s.ctx(t), none)
		return err != nil && channels.OutcomeOf(err) == channels.NotProcessed
	})
}

// payFaults strikes the call that places an order in each scene that makes one.
// Whatever happens, a query afterwards tells what the books hold.
func (s *suite) payFaults(t *testing.T) {
	scenes := s.networked()
	if len(scenes) == 0 {
		t.Skip("no scene calls the channel")
	}
	for _, scene := range scenes {
		for _, f := range faultCases() {
			t.Run(string(scene)+"/"+f.name(), func(t *testing.T) {
				req := s.order(t, scene, orderAmount)
				_, err := s.ch.Pay(s.strike(t, "pay", f), req)
				wantOutcome(t, err, f.allowed...)
				s.agrees(t, req.Attempt)
				if trade, _ := s.Sandbox.Trade(t, req.Attempt.ID); channels.OutcomeOf(err).WithoutEffect() && trade.TimesPaid > 0 {
					t.Error("said to be without effect, yet the money moved")
				}
			})
		}
		t.Run(string(scene)+"/stale", func(t *testing.T) { s.payStale(t, scene) })
		t.Run(string(scene)+"/wrong_id", func(t *testing.T) { s.payWrongID(t, scene) })
		t.Run(string(scene)+"/wrong_amount", func(t *testing.T) { s.payWrongAmount(t, scene) })
		t.Run(string(scene)+"/slow", func(t *testing.T) {
			req := s.order(t, scene, orderAmount)
			s.Sandbox.SetFault(t, Fault{Operation: "pay", Kind: "slow", Count: 1, DelayMS: 300})
			if _, err := s.ch.Pay(s.ctx(t), req); err != nil {
				t.Error(err)
			}
		})
	}
}

// payStale: an answer of earlier, rightly signed, must not place this order.
func (s *suite) payStale(t *testing.T, scene channels.Scene) {
	if _, err := s.ch.Pay(s.ctx(t), s.order(t, scene, orderAmount)); err != nil {
		t.Fatal(err)
	}
	req := s.order(t, scene, orderAmount)
	s.Sandbox.SetFault(t, Fault{Operation: "pay", Kind: "stale", Count: 1})
	res, err := s.ch.Pay(s.ctx(t), req)
	if err != nil {
		wantOutcome(t, err, channels.Unknown, channels.BadSignature)
	} else if res.AttemptID == req.Attempt.ID || res.AttemptID == "" {
		t.Errorf("an earlier answer was taken for this order's: %+v", res)
	}
	s.agrees(t, req.Attempt)
}

func (s *suite) payWrongID(t *testing.T, scene channels.Scene) {
	req := s.order(t, scene, orderAmount)
	s.Sandbox.SetFault(t, Fault{Operation: "pay", Kind: "wrong_id", Count: 1})
	res, err := s.ch.Pay(s.ctx(t), req)
	if err != nil {
		wantOutcome(t, err, channels.Unknown, channels.BadSignature)
	} else if res.AttemptID == req.Attempt.ID {
		t.Errorf("the answer names another order, the result ours: %+v", res)
	}
}

func (s *suite) payWrongAmount(t *testing.T, scene channels.Scene) {
	req := s.order(t, scene, orderAmount)
	s.Sandbox.SetFault(t, Fault{Operation: "pay", Kind: "wrong_amount", Count: 1})
	res, err := s.ch.Pay(s.ctx(t), req)
	if err != nil {
		wantOutcome(t, err, channels.Unknown, channels.BadSignature)
	} else if res.Status == channels.PayPaid && res.Paid.Amount.Equal(req.Attempt.Amount) {
		t.Errorf("the answer names another amount, the result ours: %+v", res)
	}
}

// queryFaults strikes the question for a paid order.
func (s *suite) queryFaults(t *testing.T) {
	ref := s.paidOrder(t, orderAmount)
	for _, f := range faultCases() {
		if f.effect == "after" {
			continue // a question has no effect
		}
		t.Run(f.name(), func(t *testing.T) {
			_, err := s.ch.QueryPayment(s.strike(t, "query", f), ref)
			f.wantOfQuestion(t, err)
		})
	}
	t.Run("stale", func(t *testing.T) {
		other := s.paidOrder(t, orderAmount)
		s.query(t, other)
		s.Sandbox.SetFault(t, Fault{Operation: "query", Kind: "stale", Count: 1})
		state, err := s.ch.QueryPayment(s.ctx(t), ref)
		if err == nil && state.AttemptID == ref.ID && state.Status != channels.StatePaid {
			t.Errorf("state %+v from an answer about another order", state)
		}
	})
	t.Run("wrong_amount", func(t *testing.T) {
		s.Sandbox.SetFault(t, Fault{Operation: "query", Kind: "wrong_amount", Count: 1})
		state, err := s.ch.QueryPayment(s.ctx(t), ref)
		if err == nil && state.Paid.Amount.Equal(ref.Amount) {
			t.Error("another amount became the asked one")
		}
	})
	t.Run("wrong_id", func(t *testing.T) {
		s.Sandbox.SetFault(t, Fault{Operation: "query", Kind: "wrong_id", Count: 1})
		state, err := s.ch.QueryPayment(s.ctx(t), ref)
		if err == nil && state.AttemptID == ref.ID {
			t.Error("another order's number became the asked one")
		}
	})
	t.Run("NoSuchOrder", func(t *testing.T) {
		none := s.order(t, s.anyPayable(t), orderAmount).Attempt
		if state := s.query(t, none); state.Status != channels.StateNotFound {
			t.Errorf("state %v of an order that nobody placed", state.Status)
		}
	})
}

// eventually asks again until it holds; a channel that settles later has no
// event to wait for.
func (s *suite) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(callLimit)
	defer deadline.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", callLimit, what)
		}
	}
}
