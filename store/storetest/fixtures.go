package storetest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
)

// Start is the time at which fixtures are made.
func Start() time.Time { return time.Date(2026, 11, 21, 4, 5, 6, 789e6, time.UTC) }

var lastID atomic.Int64

// NewID makes 26 letters and digits, each greater than the one before.
func NewID() string { return fmt.Sprintf("01TEST%020d", lastID.Add(1)) }

// CNY makes an amount of fen.
func CNY(t testing.TB, fen int64) money.Amount {
	t.Helper()
	a, err := money.New(fen, money.CNY)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// NewPayment makes a payment with every field filled in, with texts that a
// database could trip over.
func NewPayment(t testing.TB, merchantID string) *payment.Payment {
	t.Helper()
	id := NewID()
	return &payment.Payment{
		ID: id, MerchantID: merchantID, MerchantOrderNo: "order-" + id, Amount: CNY(t, 8880),
		Subject: Hostile, Scene: channels.SceneJSAPI, PinnedChannel: "wechatpay", PayerID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", ClientIP: "2001:db8::1",
		ReturnURL: "https://shop.example/back?a=1&b='2'", NotifyURL: "https://shop.example/hook", CustomerID: "客户-1", Region: "CN-31",
		Metadata: map[string]string{"k": Hostile, "": "", "emoji": "💴"}, LatePolicy: payment.LateAccept, RequestHash: strings.Repeat("ab", 32),
		Status: payment.Pending, Channel: "wechatpay", AccountID: "acc_1", ChannelTradeNo: "4200001", CurrentAttemptID: NewID(),
		Action:          &channels.Action{Type: channels.ActionJSAPI, Params: map[string]any{"package": "prepay_id=wx<>&\u2028", "nested": map[string]any{"a": "b"}}},
		ActionExpiresAt: Start().Add(2 * time.Hour), Failure: &payment.Failure{Code: "declined", Message: "余额不足", ChannelCode: "NOTENOUGH", ChannelMessage: Hostile},
		CloseRequested: true, PaidMinor: 8880, RefundedMinor: 10, FeeMinor: 53, Sequence: 7, Version: 1,
		CountedAttemptID: NewID(),
		CreatedAt:        Start(), ExpiresAt: Start().Add(30 * time.Minute), PaidAt: Start().Add(time.Second), ClosedAt: Start().Add(time.Minute),
		LateUntil: Start().Add(24 * time.Hour),
	}
}

// NewBarePayment makes a payment with nothing but what it must have.
func NewBarePayment(t testing.TB, merchantID string) *payment.Payment {
	t.Helper()
	id := NewID()
	return &payment.Payment{
		ID: id, MerchantID: merchantID, MerchantOrderNo: "order-" + id, Amount: CNY(t, 1), Subject: "x", Scene: channels.SceneQR,
		LatePolicy: payment.LateRefund, RequestHash: "h", Status: payment.Processing, Version: 1, CreatedAt: Start(),
	}
}

// NewAttempt makes an attempt of the payment with every field filled in.
func NewAttempt(t testing.TB, p *payment.Payment) *payment.Attempt {
	t.Helper()
	return &payment.Attempt{
		ID: NewID(), PaymentID: p.ID, MerchantID: p.MerchantID, Channel: "wechatpay", AccountID: "acc_1", Scene: p.Scene, Amount: p.Amount,
		Status: payment.AttemptDispatched, Counted: true, ChannelTradeNo: "4200001", Failure: &payment.Failure{Code: "c", Message: Hostile},
		Decision: channels.Decision{Strategy: "weight", Rule: "r", Candidates: []channels.Candidate{
			{AccountID: "acc_1", Channel: "wechatpay", Chosen: true, Reason: "the only one", Weight: 3},
			{AccountID: "acc_2", Channel: "alipay", Rejection: channels.RejectedChannel, Reason: "another channel is asked for"},
		}},
		Owner: "host-1/42", Deadline: Start().Add(10 * time.Second), SubmittedAt: Start().Truncate(time.Second), ExpiresAt: p.ExpiresAt,
		LateUntil: Start().Add(time.Hour), NextCheckAt: Start().Add(5 * time.Second), Checks: 3, CreatedAt: Start(), PaidAt: Start().Add(time.Second),
		UpdatedAt: Start().Add(2 * time.Second),
	}
}

// NewRefund makes a refund of the attempt with every field filled in.
func NewRefund(t testing.TB, a *payment.Attempt) *payment.Refund {
	t.Helper()
	id := NewID()
	return &payment.Refund{
		ID: id, PaymentID: a.PaymentID, AttemptID: a.ID, MerchantID: a.MerchantID, Channel: a.Channel, AccountID: a.AccountID,
		MerchantRefundNo: "refund-" + id, AutoKey: "late:" + id, Initiator: payment.ByGateway, Amount: CNY(t, 10), Reason: Hostile,
		NotifyURL: "https://shop.example/hook", RequestHash: strings.Repeat("cd", 32), Status: payment.RefundProcessing, ChannelRefundNo: "5030001",
		Failure: &payment.Failure{Code: "c", Message: "m"}, Reserved: true, Owner: "host-1/42", Deadline: Start().Add(10 * time.Second),
		SubmittedAt: Start().Truncate(time.Second), NextCheckAt: Start().Add(5 * time.Second), Checks: 2, Version: 4,
		CreatedAt: Start(), SucceededAt: Start().Add(time.Minute), UpdatedAt: Start().Add(time.Hour),
	}
}

// Hostile is a text that must come back as it went in.
const Hostile = "'; DROP TABLE payments; -- \" ` \\ \\' %s ? :name {{x}} 💴👩‍👧 é e\u0301 \u202e中文\u0000 end \u00a0"
