package channeltest

import (
	"net/http"
	"testing"

	"github.com/paymux/paymux/channels"
)

func (s *suite) closing(t *testing.T) {
	if !s.caps.CanClose {
		t.Run("Unsupported", func(t *testing.T) {
			res, err := s.ch.ClosePayment(s.ctx(t), s.order(t, s.anyPayable(t), orderAmount).Attempt)
			if err == nil && res != channels.CloseUnsupported {
				t.Errorf("result %v of a channel without a close", res)
			}
		})
		return
	}
	t.Run("Open", func(t *testing.T) {
		ref, action := s.openOrder(t)
		res, err := s.ch.ClosePayment(s.ctx(t), ref)
		if err != nil || res != channels.CloseAcknowledged {
			t.Fatalf("result %v, error %v", res, err)
		}
		if state := s.agrees(t, ref); state.Status != channels.StateClosed {
			t.Errorf("state %v after a close that was acknowledged", state.Status)
		}
		if status := s.Sandbox.Payer(t, action, "pay"); status/100 == 2 {
			t.Error("the payer could pay a closed order")
		}
	})
	t.Run("Again", func(t *testing.T) {
		ref, _ := s.openOrder(t)
		for range 2 {
			if res, err := s.ch.ClosePayment(s.ctx(t), ref); err == nil && res == channels.CloseAlreadyPaid {
				t.Error("a closed order is said to be paid")
			}
		}
		s.agrees(t, ref)
	})
	t.Run("NobodyCame", func(t *testing.T) {
		req := s.order(t, s.anyPayable(t), orderAmount)
		if _, err := s.ch.Pay(s.ctx(t), req); err != nil {
			t.Fatal(err)
		}
		res, err := s.ch.ClosePayment(s.ctx(t), req.Attempt)
		if err != nil || res == channels.CloseAlreadyPaid {
			t.Fatalf("result %v, error %v", res, err)
		}
		noOrder := s.caps.Scenes[req.Attempt.Scene].NoOrderUntilPayer
		if noOrder != (res == channels.CloseNoOrder) {
			t.Errorf("result %v, where the channel holds no order before the payer comes: %v", res, noOrder)
		}
	})
	t.Run("Paid", func(t *testing.T) {
		ref := s.paidOrder(t, orderAmount)
		res, err := s.ch.ClosePayment(s.ctx(t), ref)
		if err == nil && (res == channels.CloseAcknowledged || res == channels.CloseNoOrder) {
			t.Errorf("result %v for a paid order", res)
		}
		if state := s.agrees(t, ref); state.Status != channels.StatePaid {
			t.Errorf("state %v", state.Status)
		}
	})
	t.Run("RaceWithThePayer", s.closeRace)
	for _, f := range faultCases() {
		t.Run("Faults/"+f.name(), func(t *testing.T) {
			ref, _ := s.openOrder(t)
			res, err := s.ch.ClosePayment(s.strike(t, "close", f), ref)
			wantOutcome(t, err, f.allowed...)
			if res != channels.CloseUncertain {
				t.Errorf("result %v beside an error", res)
			}
			s.agrees(t, ref)
		})
	}
	for _, kind := range []string{"stale", "wrong_id"} {
		t.Run("Faults/"+kind, func(t *testing.T) {
			earlier, _ := s.openOrder(t)
			if _, err := s.ch.ClosePayment(s.ctx(t), earlier); err != nil {
				t.Fatal(err)
			}
			ref, _ := s.openOrder(t)
			s.Sandbox.SetFault(t, Fault{Operation: "close", Kind: kind, Count: 1})
			if res, err := s.ch.ClosePayment(s.ctx(t), ref); err == nil && res == channels.CloseAcknowledged {
				t.Error("an answer about another order closed this one")
			}
		})
	}
}

// openOrder is an order that the channel holds and nobody has paid.
func (s *suite) openOrder(t *testing.T) (channels.AttemptRef, *channels.Action) {
	t.Helper()
	req := s.order(t, s.anyPayable(t), orderAmount)
	res, err := s.ch.Pay(s.ctx(t), req)
	if err != nil {
		t.Fatal(err)
	}
	// Opening it makes the order; giving up leaves it open.
	if status := s.Sandbox.Payer(t, res.Action, "cancel"); status/100 != 2 {
		t.Fatalf("the payer could not open the order: HTTP status %d", status)
	}
	if trade, ok := s.Sandbox.Trade(t, req.Attempt.ID); !ok || trade.Status != "waiting" {
		t.Skipf("an order that the payer gave up is %q, so none stays open", trade.Status)
	}
	return req.Attempt, res.Action
}

// closeRace has the payer and the merchant act at once: one of them wins, and
// afterwards everybody says the same.
func (s *suite) closeRace(t *testing.T) {
	for range 5 {
		ref, action := s.openOrder(t)
		paid := make(chan int, 1)
		go func() {
			status, _, err := s.Sandbox.send(http.MethodPost, "/_control/pay", map[string]any{"action": action, "result": "pay"})
			if err != nil {
				status = 0
			}
			paid <- status
		}()
		res, err := s.ch.ClosePayment(s.ctx(t), ref)
		status := <-paid
		state := s.agrees(t, ref)
		closed := err == nil && res == channels.CloseAcknowledged
		if closed && state.Status != channels.StateClosed {
			t.Errorf("acknowledged the close, then %v", state.Status)
		}
		if (status/100 == 2) != (state.Status == channels.StatePaid) {
			t.Errorf("the payer's page said HTTP %d, the channel says %v", status, state.Status)
		}
	}
}

func (s *suite) reversing(t *testing.T) {
	if _, ok := s.Channel.(channels.Reverser); !ok {
		t.Skipf("%s cannot reverse", s.ch.Name())
	}
	s.has(t, channels.SceneBarcode)
	t.Run("Paid", func(t *testing.T) {
		req := s.order(t, channels.SceneBarcode, orderAmount)
		if _, err := s.ch.Pay(s.ctx(t), req); err != nil {
			t.Fatal(err)
		}
		s.reversed(t, req.Attempt)
	})
	t.Run("PaidButNobodyKnew", func(t *testing.T) {
		req := s.order(t, channels.SceneBarcode, orderAmount)
		s.Sandbox.SetFault(t, Fault{Operation: "pay", Kind: "hang_after", Count: 1})
		_, err := s.ch.Pay(s.short(t), req)
		wantOutcome(t, err, channels.Unknown)
		s.reversed(t, req.Attempt)
	})
	t.Run("Password", func(t *testing.T) {
		req := s.order(t, channels.SceneBarcode, magicPassword)
		_, _ = s.ch.Pay(s.ctx(t), req)
		res, err := s.ch.ReversePayment(s.ctx(t), req.Attempt)
		if err != nil || res == channels.ReverseReturned {
			t.Fatalf("result %v, error %v", res, err)
		}
		if status := s.Sandbox.PayTrade(t, req.Attempt.ID); status/100 == 2 {
			t.Error("the payer could pay an order that was reversed")
		}
		s.agrees(t, req.Attempt)
	})
	t.Run("NeverArrived", func(t *testing.T) {
		ref := s.order(t, channels.SceneBarcode, orderAmount).Attempt
		if res, err := s.ch.ReversePayment(s.ctx(t), ref); err == nil && res == channels.ReverseReturned {
			t.Error("money of an order that never was is said to be returned")
		}
	})
	for _, f := range faultCases() {
		t.Run("Faults/"+f.name(), func(t *testing.T) {
			req := s.order(t, channels.SceneBarcode, orderAmount)
			if _, err := s.ch.Pay(s.ctx(t), req); err != nil {
				t.Fatal(err)
			}
			_, err := s.ch.ReversePayment(s.strike(t, "cancel", f), req.Attempt)
			wantOutcome(t, err, f.allowed...)
			s.agrees(t, req.Attempt)
		})
	}
}

// reversed reverses a paid order and checks that all its money went back.
func (s *suite) reversed(t *testing.T, ref channels.AttemptRef) {
	t.Helper()
	s.Sandbox.ClearFaults(t)
	res, err := s.ch.ReversePayment(s.ctx(t), ref)
	if err != nil || res == channels.ReverseClosed {
		t.Fatalf("result %v, error %v for a paid order", res, err)
	}
	s.eventually(t, "the reversal is settled", func() bool {
		return s.query(t, ref).Status == channels.StateReversed
	})
	if trade, _ := s.Sandbox.Trade(t, ref.ID); trade.Refunded() != trade.Amount {
		t.Errorf("%d of %d went back", trade.Refunded(), trade.Amount)
	}
}
