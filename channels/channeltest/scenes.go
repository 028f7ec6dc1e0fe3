package channeltest

import (
	"slices"
	"testing"

	"github.com/paymux/paymux/channels"
)

// scene walks the whole life of an order: placed, asked for, paid, asked for,
// called back.
func (s *suite) scene(t *testing.T, scene channels.Scene) {
	can := s.has(t, scene)
	if scene == channels.SceneBarcode {
		t.Run("Pay", s.barcode)
		t.Run("Password", s.barcodePassword)
		t.Run("Decline", func(t *testing.T) { s.declined(t, scene) })
		return
	}
	t.Run("Pay", func(t *testing.T) {
		req := s.order(t, scene, orderAmount)
		res, err := s.ch.Pay(s.ctx(t), req)
		if err != nil {
			t.Fatal(err)
		}
		if res.Status != channels.PayWaiting || res.Action == nil {
			t.Fatalf("result %+v, want one that waits for the payer with an action", res)
		}
		if state := s.query(t, req.Attempt); !unpaid(state.Status, can.NoOrderUntilPayer) {
			t.Errorf("state %v before the payer acted", state.Status)
		}
		if status := s.Sandbox.Payer(t, res.Action, "pay"); status/100 != 2 {
			t.Fatalf("the payer could not pay with %+v: HTTP status %d", res.Action, status)
		}
		s.settled(t, req.Attempt)
	})
	t.Run("PayerCancels", func(t *testing.T) {
		req := s.order(t, scene, orderAmount)
		res, err := s.ch.Pay(s.ctx(t), req)
		if err != nil {
			t.Fatal(err)
		}
		if status := s.Sandbox.Payer(t, res.Action, "cancel"); status/100 != 2 {
			t.Fatalf("the payer could not cancel: HTTP status %d", status)
		}
		if state := s.agrees(t, req.Attempt); state.Status == channels.StatePaid {
			t.Error("paid, although the payer cancelled")
		}
	})
	t.Run("Repeat", func(t *testing.T) {
		if !can.PayRepeatable {
			t.Skip("the same order is not sent again")
		}
		req := s.order(t, scene, orderAmount)
		var last *channels.Action
		for range 2 {
			res, err := s.ch.Pay(s.ctx(t), req)
			if err != nil {
				t.Fatal(err)
			}
			last = res.Action
		}
		if status := s.Sandbox.Payer(t, last, "pay"); status/100 != 2 {
			t.Fatalf("the payer could not pay the repeated order: HTTP status %d", status)
		}
		s.agrees(t, req.Attempt)
	})
	if !can.LocalOnly {
		t.Run("Decline", func(t *testing.T) { s.declined(t, scene) })
	}
}

// unpaid are the states of an order before its payer acted.
func unpaid(s channels.PaymentStatus, noOrder bool) bool {
	return s == channels.StateWaiting || s == channels.StateUncertain || (s == channels.StateNotFound && noOrder)
}

// settled checks a paid order: the query, the callback and the books agree.
func (s *suite) settled(t *testing.T, ref channels.AttemptRef) {
	t.Helper()
	state := s.agrees(t, ref)
	if state.Status != channels.StatePaid {
		t.Fatalf("state %v, want paid", state.Status)
	}
	trade, _ := s.Sandbox.Trade(t, ref.ID)
	if state.AttemptID != ref.ID || !state.Paid.Amount.Equal(ref.Amount) ||
		state.Paid.ChannelTradeNo == "" || state.Paid.ChannelTradeNo != trade.ChannelTradeNo || state.Paid.PaidAt.IsZero() {
		t.Errorf("state %+v, books %+v", state, trade)
	}
	if slices.Contains(s.Silent, ref.Scene) {
		return
	}
	m := s.notes.next(t, ref.ID)
	n, err := s.ch.ParseNotification(m.header, m.body)
	if err != nil {
		t.Fatalf("the callback was refused: %v", err)
	}
	p := n.Payment
	if n.Kind != channels.NotificationPayment || n.AttemptID != ref.ID || p.Status != channels.StatePaid ||
		!p.Paid.Amount.Equal(ref.Amount) || p.Paid.ChannelTradeNo != trade.ChannelTradeNo {
		t.Errorf("notification %+v, books %+v", n, trade)
	}
}

func (s *suite) barcode(t *testing.T) {
	req := s.order(t, channels.SceneBarcode, orderAmount)
	res, err := s.ch.Pay(s.ctx(t), req)
	if err != nil {
		t.Fatal(err)
	}
	switch res.Status {
	case channels.PayPaid:
		if !res.Paid.Amount.Equal(req.Attempt.Amount) || res.Paid.ChannelTradeNo == "" {
			t.Errorf("paid %+v", res.Paid)
		}
	case channels.PayUncertain, channels.PayWaiting:
		// A channel may say so later only.
		s.eventually(t, "the barcode payment is paid", func() bool {
			return s.query(t, req.Attempt).Status == channels.StatePaid
		})
	}
	s.settled(t, req.Attempt)
}

func (s *suite) barcodePassword(t *testing.T) {
	req := s.order(t, channels.SceneBarcode, magicPassword)
	res, err := s.ch.Pay(s.ctx(t), req)
	if err != nil {
		// A channel may say "password asked" as a refusal that a query resolves.
		wantOutcome(t, err, channels.Unknown)
	} else if res.Status == channels.PayPaid || res.Action != nil {
		t.Fatalf("result %+v, want one that waits without an action", res)
	}
	if state := s.agrees(t, req.Attempt); !unpaid(state.Status, false) {
		t.Errorf("state %v while the payer types", state.Status)
	}
	if status := s.Sandbox.PayTrade(t, req.Attempt.ID); status/100 != 2 {
		t.Fatalf("the payer could not type the password: HTTP status %d", status)
	}
	s.settled(t, req.Attempt)
}

// The amounts to which the sandbox gives a meaning.
const (
	magicPassword    = 9006
	magicRefundFails = 9007
)

func (s *suite) declined(t *testing.T, scene channels.Scene) {
	req := s.order(t, scene, orderAmount)
	s.Sandbox.SetFault(t, Fault{Operation: "pay", Kind: "decline", Count: 1})
	_, err := s.ch.Pay(s.ctx(t), req)
	wantOutcome(t, err, channels.Declined)
	if trade, _ := s.Sandbox.Trade(t, req.Attempt.ID); trade.TimesPaid > 0 {
		t.Error("declined, yet the money moved")
	}
}
