package channeltest

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

func (s *suite) refundOf(t *testing.T, ref channels.AttemptRef, minor, others int64) channels.RefundRequest {
	t.Helper()
	id := newID()
	return channels.RefundRequest{
		Attempt: ref, RefundID: id, SubmittedAt: time.Now().UTC(),
		Amount: s.amount(t, minor), Others: s.amount(t, others), Reason: "conformance / a=b & c", NotifyURL: s.notes.address(id),
	}
}

// succeeded drives a refund to its end and checks what is said of it.
func (s *suite) succeeded(t *testing.T, req channels.RefundRequest, state channels.RefundState) {
	t.Helper()
	s.eventually(t, "the refund succeeds", func() bool {
		switch state.Status {
		case channels.RefundSucceeded:
			return true
		case channels.RefundFailed, channels.RefundAbnormal:
			t.Fatalf("refund state %+v", state)
		case channels.RefundUncertain, channels.RefundNotFound:
		}
		if state.ChannelRefundNo != "" {
			req.ChannelRefundNo = state.ChannelRefundNo
		}
		var err error
		if state, err = s.ch.QueryRefund(s.ctx(t), req); err != nil {
			t.Fatal(err)
		}
		return state.Status == channels.RefundSucceeded
	})
	if state.RefundID != "" && state.RefundID != req.RefundID {
		t.Errorf("refund id %q, want %q", state.RefundID, req.RefundID)
	}
	if !state.Amount.IsZero() && !state.Amount.Equal(req.Amount) {
		t.Errorf("amount %v, want %v: is it the sum of all refunds?", state.Amount, req.Amount)
	}
}

func (s *suite) refundNow(t *testing.T, req channels.RefundRequest) {
	t.Helper()
	state, err := s.ch.Refund(s.ctx(t), req)
	if err != nil {
		t.Fatal(err)
	}
	s.succeeded(t, req, state)
}

func (s *suite) books(t *testing.T, ref channels.AttemptRef, refunded int64, rows int) {
	t.Helper()
	trade, _ := s.Sandbox.Trade(t, ref.ID)
	if trade.Refunded() != refunded || len(trade.Refunds) != rows {
		t.Errorf("the books have %d refunded in %d refunds, want %d in %d", trade.Refunded(), len(trade.Refunds), refunded, rows)
	}
}

func (s *suite) refunds(t *testing.T) {
	t.Run("PartRepeatRestOver", s.refundInParts)
	t.Run("Fails", func(t *testing.T) {
		ref := s.paidOrder(t, magicRefundFails)
		req := s.refundOf(t, ref, 100, 0)
		state, err := s.ch.Refund(s.ctx(t), req)
		if err != nil {
			wantOutcome(t, err, channels.Declined, channels.Unknown)
		}
		s.never(t, req, state)
		// A channel may accept it first and say later that it failed.
		s.eventually(t, "the refund has failed", func() bool {
			trade, _ := s.Sandbox.Trade(t, ref.ID)
			return trade.Refunded() == 0
		})
		s.never(t, req, state)
		s.books(t, ref, 0, len(s.failedRows(t, ref)))
	})
	t.Run("NoSuchRefund", func(t *testing.T) {
		req := s.refundOf(t, s.paidOrder(t, orderAmount), 100, 0)
		state, err := s.ch.QueryRefund(s.ctx(t), req)
		if err != nil || state.Status != channels.RefundNotFound {
			t.Errorf("state %+v, error %v of a refund that nobody sent", state, err)
		}
	})
	t.Run("UnknownThenSettled", s.refundUnknown)
	for _, f := range faultCases() {
		t.Run("Faults/"+f.name(), func(t *testing.T) {
			req := s.refundOf(t, s.paidOrder(t, orderAmount), 100, 0)
			_, err := s.ch.Refund(s.strike(t, "refund", f), req)
			wantOutcome(t, err, f.allowed...)
			s.Sandbox.ClearFaults(t)
			s.settleRefund(t, req)
		})
		if f.effect == "after" {
			continue
		}
		t.Run("QueryFaults/"+f.name(), func(t *testing.T) {
			req := s.refundOf(t, s.paidOrder(t, orderAmount), 100, 0)
			s.refundNow(t, req)
			_, err := s.ch.QueryRefund(s.strike(t, "refund_query", f), req)
			f.wantOfQuestion(t, err)
		})
	}
	for _, kind := range []string{"wrong_id", "wrong_amount", "stale"} {
		t.Run("QueryFaults/"+kind, func(t *testing.T) {
			earlier := s.refundOf(t, s.paidOrder(t, orderAmount), 300, 0)
			s.refundNow(t, earlier)
			if _, err := s.ch.QueryRefund(s.ctx(t), earlier); err != nil {
				t.Fatal(err)
			}
			req := s.refundOf(t, s.paidOrder(t, orderAmount), 100, 0)
			s.Sandbox.SetFault(t, Fault{Operation: "refund_query", Kind: kind, Count: 1})
			state, err := s.ch.QueryRefund(s.ctx(t), req)
			if err == nil && state.Status == channels.RefundSucceeded && state.RefundID == req.RefundID {
				t.Errorf("a refund that was never sent succeeded: %+v", state)
			}
		})
	}
	t.Run("Faults/stale", func(t *testing.T) {
		ref := s.paidOrder(t, orderAmount)
		s.refundNow(t, s.refundOf(t, ref, 300, 0))
		req := s.refundOf(t, ref, 100, 300)
		s.Sandbox.SetFault(t, Fault{Operation: "refund", Kind: "stale", Count: 1})
		state, err := s.ch.Refund(s.ctx(t), req)
		if err == nil && state.Status == channels.RefundSucceeded && (state.RefundID == req.RefundID || state.RefundID == "") {
			t.Errorf("the answer to an earlier refund was taken for this one's: %+v", state)
		}
	})
}

func (s *suite) refundInParts(t *testing.T) {
	ref := s.paidOrder(t, orderAmount)
	part := s.refundOf(t, ref, 3000, 0)
	s.refundNow(t, part)
	s.books(t, ref, 3000, 1)
	if state := s.agrees(t, ref); state.Status != channels.StatePaid {
		t.Errorf("state %v after a part was refunded", state.Status)
	}
	if s.caps.RefundRepeatable {
		state, err := s.ch.Refund(s.ctx(t), part)
		if err != nil {
			wantOutcome(t, err, channels.Unknown, channels.Declined)
		}
		s.succeeded(t, part, state)
		s.books(t, ref, 3000, 1)
	}
	rest := s.refundOf(t, ref, orderAmount-3000, 3000)
	s.refundNow(t, rest)
	s.books(t, ref, orderAmount, 2)
	over := s.refundOf(t, ref, 1, orderAmount)
	state, err := s.ch.Refund(s.ctx(t), over)
	if err != nil {
		wantOutcome(t, err, channels.Declined, channels.Unknown)
	}
	s.never(t, over, state)
	trade, _ := s.Sandbox.Trade(t, ref.ID)
	if trade.Refunded() > trade.Amount {
		t.Errorf("%d of %d went back", trade.Refunded(), trade.Amount)
	}
	s.agrees(t, ref)
}

// never checks that a refund which the channel refuses is never said to have
// succeeded, now or when it is asked for.
func (s *suite) never(t *testing.T, req channels.RefundRequest, state channels.RefundState) {
	t.Helper()
	if state.Status == channels.RefundSucceeded {
		t.Error("a refund that cannot succeed did")
	}
	state, err := s.ch.QueryRefund(s.ctx(t), req)
	if err == nil && state.Status == channels.RefundSucceeded {
		t.Error("a refund that cannot succeed is found")
	}
}

func (s *suite) failedRows(t *testing.T, ref channels.AttemptRef) []string {
	t.Helper()
	trade, _ := s.Sandbox.Trade(t, ref.ID)
	var ids []string
	for _, r := range trade.Refunds {
		ids = append(ids, r.OutRefundNo)
	}
	return ids
}

// refundUnknown loses the answer before and after the money moved; the query
// tells which, and where refunds are repeatable the same number does it once.
func (s *suite) refundUnknown(t *testing.T) {
	for _, kind := range []string{"hang_before", "hang_after"} {
		t.Run(kind, func(t *testing.T) {
			ref := s.paidOrder(t, orderAmount)
			req := s.refundOf(t, ref, 100, 0)
			s.Sandbox.SetFault(t, Fault{Operation: "refund", Kind: kind, Count: 1})
			_, err := s.ch.Refund(s.short(t), req)
			wantOutcome(t, err, channels.Unknown)
			s.Sandbox.ClearFaults(t)
			s.settleRefund(t, req)
			if s.caps.RefundRepeatable || kind == "hang_after" {
				s.books(t, ref, 100, 1)
			}
		})
	}
}

// settleRefund does what the core does with a refund in doubt.
func (s *suite) settleRefund(t *testing.T, req channels.RefundRequest) {
	t.Helper()
	state, err := s.ch.QueryRefund(s.ctx(t), req)
	if err != nil {
		t.Fatal(err)
	}
	trade, _ := s.Sandbox.Trade(t, req.Attempt.ID)
	if state.Status == channels.RefundNotFound {
		if len(trade.Refunds) > 0 {
			t.Errorf("not found, yet the books have %+v", trade.Refunds)
		}
		if !s.caps.RefundRepeatable {
			return
		}
		if state, err = s.ch.Refund(s.ctx(t), req); err != nil {
			t.Fatal(err)
		}
	}
	s.succeeded(t, req, state)
	s.books(t, req.Attempt, req.Amount.Minor(), 1)
}
