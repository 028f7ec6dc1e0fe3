package unionpay_test

import (
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/channeltest"
	"github.com/paymux/paymux/channels/unionpay"
	"github.com/paymux/paymux/internal/money"
)

// TestConformance runs the suite over real HTTP against the simulator.
func TestConformance(t *testing.T) {
	box := adaptertest.StartSandbox(t, unionpay.Name)
	cfg, err := unionpay.FromSandbox(box.Credentials(t))
	if err != nil {
		t.Fatal(err)
	}
	// Another merchant's key, under the number of this one.
	wrong := cfg
	wrong.PFXBase64, wrong.PFXPassword = otherPFX(t)
	logs := &adaptertest.Logs{}
	channeltest.Run(t, channeltest.Harness{
		Channel: open(t, cfg, logs), WrongKey: open(t, wrong, logs), Sandbox: box, AuthCode: adaptertest.AuthCodes("62", 19),
		Secrets: []string{cfg.PFXBase64, wrong.PFXBase64, wrong.PFXPassword},
		Logs:    logs.String, Hang: 250 * time.Millisecond,
	})
}

// TestUndoAtTheSandbox: a full refund on the same day as an undo, and what is
// refused after it. In the last minutes of a settlement day it is a refund.
func TestUndoAtTheSandbox(t *testing.T) {
	box := adaptertest.StartSandbox(t, unionpay.Name)
	cfg, err := unionpay.FromSandbox(box.Credentials(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.SameDayUndo = true
	c := open(t, cfg, &adaptertest.Logs{})
	now := time.Now().UTC()
	amount, err := money.New(8880, money.CNY)
	if err != nil {
		t.Fatal(err)
	}
	ref := channels.AttemptRef{ID: rand.Text(), SubmittedAt: now, Scene: channels.SceneWeb, Amount: amount, ExpiresAt: now.Add(time.Hour)}
	res, err := c.Pay(t.Context(), channels.PayRequest{Attempt: ref, Subject: "undo", NotifyURL: "http://127.0.0.1:9/notify", ReturnURL: "http://127.0.0.1:9/back"})
	if err != nil {
		t.Fatal(err)
	}
	if status := box.Payer(t, res.Action, "pay"); status != http.StatusOK && status != http.StatusNoContent {
		t.Fatalf("the payer could not pay: HTTP status %d", status)
	}
	// UnionPay's number of the order is not known here: it is asked for.
	req := channels.RefundRequest{
		Attempt: ref, RefundID: rand.Text(), SubmittedAt: now, Amount: amount, NotifyURL: "http://127.0.0.1:9/notify",
		Others: money.Amount{},
	}
	state, err := c.Refund(t.Context(), req)
	if err != nil || state.Status != channels.RefundUncertain || state.ChannelRefundNo == "" {
		t.Fatalf("state %+v, error %v", state, err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for state.Status == channels.RefundUncertain && time.Now().Before(deadline) {
		if state, err = c.QueryRefund(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if state.Status != channels.RefundSucceeded || !state.Amount.Equal(amount) || state.SucceededAt.IsZero() {
		t.Errorf("state %+v", state)
	}
	if trade, _ := box.Trade(t, ref.ID); trade.Refunded() != 8880 || len(trade.Refunds) != 1 {
		t.Errorf("the books have %+v", trade)
	}
	req.RefundID = rand.Text()
	if _, err = c.Refund(t.Context(), req); channels.OutcomeOf(err) != channels.Declined || err == nil {
		t.Errorf("a second one: %v", err)
	}
}

// otherPFX is the .pfx of a merchant of another sandbox.
func otherPFX(t *testing.T) (pfx, password string) {
	t.Helper()
	box := adaptertest.StartSandbox(t, unionpay.Name)
	cfg, err := unionpay.FromSandbox(box.Credentials(t))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(cfg.PFXBase64)
	if err != nil {
		t.Fatal(err)
	}
	key, cert, others, err := pkcs12.DecodeChain(raw, cfg.PFXPassword)
	if err != nil {
		t.Fatal(err)
	}
	password = rand.Text()
	raw, err = pkcs12.Modern.Encode(key, cert, others, password)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw), password
}

func open(t *testing.T, cfg unionpay.Config, logs *adaptertest.Logs) *unionpay.Client {
	t.Helper()
	c, err := unionpay.New(cfg, unionpay.Deps{Now: time.Now, Logger: slog.New(slog.NewJSONHandler(logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
