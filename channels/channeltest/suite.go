package channeltest

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// Harness is a channel at a running sandbox.
type Harness struct {
	// Channel is the account under test.
	Channel channels.Channel
	Sandbox *Sandbox
	// WrongKey is the same account with a key that the channel does not know;
	// nil skips its case.
	WrongKey channels.Channel
	// AuthCode makes a payer's code of the channel's form (barcode).
	AuthCode func() string
	// PayerID is a payer at the channel (jsapi).
	PayerID string
	// Silent are scenes whose payments the channel never calls back about.
	Silent []channels.Scene
	// NoBills says that the channel is no BillSource. It must say what is true.
	NoBills bool
	// Secrets are texts that must be in no error and no log. Keys are searched
	// for line by line.
	Secrets []string
	// Logs is everything that the accounts have logged.
	Logs func() string
	// Hang is the deadline of calls that get no answer; default 500 ms.
	Hang time.Duration
}

// Run is the whole suite.
func Run(t *testing.T, h Harness) {
	if h.Hang <= 0 {
		h.Hang = 500 * time.Millisecond
	}
	s := &suite{Harness: h, ch: &recorder{Channel: h.Channel, t: t}, caps: h.Channel.Capabilities()}
	s.notes = newReceiver(t, h.Channel)
	t.Run("Bills", s.bills)
	t.Run("Capabilities", s.capabilities)
	for _, scene := range channels.Scenes() {
		t.Run("Scene/"+string(scene), func(t *testing.T) { s.scene(t, scene) })
	}
	t.Run("PayFaults", s.payFaults)
	t.Run("QueryFaults", s.queryFaults)
	t.Run("Close", s.closing)
	t.Run("Reverse", s.reversing)
	t.Run("Refund", s.refunds)
	t.Run("Notification", s.notifications)
	t.Run("WrongKey", s.wrongKey)
	t.Run("Secrets", s.secrets)
}

type suite struct {
	Harness
	ch    *recorder
	caps  channels.Capabilities
	notes *receiver
}

// orderAmount is what orders cost; its last digits are none that the sandbox
// gives a meaning to.
const orderAmount = 8880

// callLimit bounds a call that is to be answered.
const callLimit = 15 * time.Second

func (s *suite) ctx(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callLimit)
	t.Cleanup(cancel)
	return ctx
}

// short is the context of a call that will hang.
func (s *suite) short(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.Hang)
	t.Cleanup(cancel)
	return ctx
}

// newID makes a number as the core does: 26 letters and digits.
func newID() string { return rand.Text() }

func (s *suite) amount(t *testing.T, minor int64) money.Amount {
	t.Helper()
	a, err := money.New(minor, s.caps.Currencies[0])
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// order makes a request to pay; the times are real, as the simulator's are.
func (s *suite) order(t *testing.T, scene channels.Scene, minor int64) channels.PayRequest {
	t.Helper()
	now := time.Now().UTC()
	id := newID()
	req := channels.PayRequest{
		Attempt: channels.AttemptRef{
			ID: id, SubmittedAt: now, Scene: scene, Amount: s.amount(t, minor), ExpiresAt: now.Add(30 * time.Minute),
		},
		Subject:   "conformance / a=b & c",
		NotifyURL: s.notes.address(id),
	}
	switch scene {
	case channels.SceneBarcode:
		if s.AuthCode == nil {
			t.Skip("the harness makes no payer's codes")
		}
		req.AuthCode = s.AuthCode()
	case channels.SceneJSAPI:
		req.PayerID = s.PayerID
	case channels.SceneH5, channels.SceneWeb:
		req.ClientIP = "203.0.113.7"
		req.ReturnURL = s.notes.server.URL + "/back"
	case channels.SceneQR, channels.SceneApp:
	}
	return req
}

// has skips what needs a scene that the channel does not have.
func (s *suite) has(t *testing.T, scene channels.Scene) channels.SceneCapability {
	t.Helper()
	c, ok := s.caps.Scenes[scene]
	if !ok {
		t.Skipf("%s has no scene %s", s.ch.Name(), scene)
	}
	return c
}

// networked are the scenes whose Pay calls the channel.
func (s *suite) networked() []channels.Scene {
	return slices.DeleteFunc(channels.Scenes(), func(scene channels.Scene) bool {
		c, ok := s.caps.Scenes[scene]
		return !ok || c.LocalOnly || (scene == channels.SceneBarcode && s.AuthCode == nil)
	})
}

// anyPayable is a scene in which a payer can pay with what Pay gave.
func (s *suite) anyPayable(t *testing.T) channels.Scene {
	t.Helper()
	for _, scene := range channels.Scenes() {
		if _, ok := s.caps.Scenes[scene]; ok && scene != channels.SceneBarcode {
			return scene
		}
	}
	t.Skip("no scene gives the payer anything")
	return ""
}

// paidOrder places an order and has it paid.
func (s *suite) paidOrder(t *testing.T, minor int64) channels.AttemptRef {
	t.Helper()
	req := s.order(t, s.anyPayable(t), minor)
	res, err := s.ch.Pay(s.ctx(t), req)
	if err != nil {
		t.Fatal(err)
	}
	if status := s.Sandbox.Payer(t, res.Action, "pay"); status/100 != 2 {
		t.Fatalf("the payer could not pay: HTTP status %d", status)
	}
	state := s.query(t, req.Attempt)
	if state.Status != channels.StatePaid {
		t.Fatalf("state %v after the payer paid", state.Status)
	}
	ref := req.Attempt
	ref.ChannelTradeNo = state.Paid.ChannelTradeNo
	return ref
}

func (s *suite) query(t *testing.T, ref channels.AttemptRef) channels.PaymentState {
	t.Helper()
	state, err := s.ch.QueryPayment(s.ctx(t), ref)
	if err != nil {
		t.Fatalf("query: %v", err)
	}
	return state
}

// agrees asks the channel without any fault and holds the answer against the
// books.
func (s *suite) agrees(t *testing.T, ref channels.AttemptRef) channels.PaymentState {
	t.Helper()
	s.Sandbox.ClearFaults(t)
	state := s.query(t, ref)
	trade, known := s.Sandbox.Trade(t, ref.ID)
	allowed := map[string][]channels.PaymentStatus{
		"":        {channels.StateNotFound},
		"issued":  {channels.StateNotFound, channels.StateWaiting, channels.StateUncertain},
		"waiting": {channels.StateWaiting, channels.StateUncertain},
		"paid":    {channels.StatePaid},
		"closed":  {channels.StateClosed, channels.StateFailed, channels.StateNotFound},
	}[trade.Status]
	if trade.Status == "paid" && trade.Refunded() == trade.Amount {
		allowed = append(allowed, channels.StateReversed)
	}
	if trade.Status == "waiting" && !s.caps.CanClose && s.caps.Scenes[ref.Scene].NoOrderUntilPayer {
		// A channel that closes orders shows those that a payer opened; one that
		// does not may show them only once somebody tried to pay.
		allowed = append(allowed, channels.StateNotFound)
	}
	if !slices.Contains(allowed, state.Status) {
		t.Errorf("the channel says %v, its books say %q (known: %v)", state.Status, trade.Status, known)
	}
	if trade.TimesPaid > 1 {
		t.Errorf("the payer was charged %d times", trade.TimesPaid)
	}
	return state
}

// certain fails unless err has one of the outcomes.
func wantOutcome(t *testing.T, err error, allowed ...channels.Outcome) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want outcome %v", allowed)
	}
	if got := channels.OutcomeOf(err); !slices.Contains(allowed, got) {
		t.Fatalf("outcome %v, want %v: %v", got, allowed, err)
	}
}

func (s *suite) capabilities(t *testing.T) {
	if s.ch.Name() == "" || len(s.caps.Scenes) == 0 || len(s.caps.Currencies) == 0 {
		t.Errorf("name %q, %d scenes, %d currencies", s.ch.Name(), len(s.caps.Scenes), len(s.caps.Currencies))
	}
	if s.caps.MinAmount < 1 || s.caps.MaxAmount < s.caps.MinAmount {
		t.Errorf("amounts from %d to %d", s.caps.MinAmount, s.caps.MaxAmount)
	}
	for scene := range s.caps.Scenes {
		if !slices.Contains(channels.Scenes(), scene) {
			t.Errorf("unknown scene %q", scene)
		}
	}
	if ack := s.ch.Acknowledge(true); ack.Status/100 != 2 {
		t.Errorf("accepted is acknowledged with %d", ack.Status)
	}
}

func (s *suite) wrongKey(t *testing.T) {
	if s.WrongKey == nil {
		t.Skip("the harness has no account with a wrong key")
	}
	scenes := s.networked()
	if len(scenes) == 0 {
		t.Skip("no scene calls the channel")
	}
	req := s.order(t, scenes[0], orderAmount)
	wrong := &recorder{Channel: s.WrongKey, t: t}
	_, err := wrong.Pay(s.ctx(t), req)
	s.ch.mu.Lock()
	s.ch.texts = append(s.ch.texts, wrong.texts...)
	s.ch.mu.Unlock()
	wantOutcome(t, err, channels.Misconfigured, channels.Unknown, channels.BadSignature)
	if _, known := s.Sandbox.Trade(t, req.Attempt.ID); known {
		t.Error("the channel took an order that was signed with a wrong key")
	}
}

// secrets runs last: it searches what all other cases left.
func (s *suite) secrets(t *testing.T) {
	s.ch.mu.Lock()
	texts := slices.Clone(s.ch.texts)
	s.ch.mu.Unlock()
	if len(texts) == 0 {
		t.Error("no case made an error to search")
	}
	if s.Logs != nil {
		texts = append(texts, s.Logs())
	}
	for _, secret := range s.Secrets {
		for line := range strings.Lines(secret) {
			line = strings.TrimSpace(line)
			if len(line) < 8 || strings.HasPrefix(line, "-----") {
				continue
			}
			for _, text := range texts {
				if strings.Contains(text, line) {
					t.Errorf("a secret is in an error or a log: %.120s", strings.ReplaceAll(text, line, "***"))
				}
			}
		}
	}
}
