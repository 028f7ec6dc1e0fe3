package payment

import (
	"encoding/json"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// View is a payment as the public API and the webhooks show it.
type View struct {
	ID              string            `json:"id"`
	MerchantID      string            `json:"merchant_id"`
	MerchantOrderNo string            `json:"merchant_order_no"`
	Amount          int64             `json:"amount"`
	Currency        money.Currency    `json:"currency"`
	Subject         string            `json:"subject"`
	Scene           channels.Scene    `json:"scene"`
	Status          Status            `json:"status"`
	Channel         *string           `json:"channel"`
	AccountID       *string           `json:"account_id"`
	ChannelTradeNo  *string           `json:"channel_trade_no"`
	Action          *channels.Action  `json:"action"`
	Failure         *Failure          `json:"failure"`
	RefundedAmount  int64             `json:"refunded_amount"`
	FeeAmount       int64             `json:"fee_amount"`
	CustomerID      *string           `json:"customer_id"`
	Metadata        map[string]string `json:"metadata"`
	CreatedAt       time.Time         `json:"created_at"`
	ExpiresAt       time.Time         `json:"expires_at"`
	PaidAt          *time.Time        `json:"paid_at"`
	ClosedAt        *time.Time        `json:"closed_at"`
	LateUntil       *time.Time        `json:"late_until"`
	Attempts        []AttemptView     `json:"attempts"`
}

// AttemptView is an attempt as the public API shows it.
type AttemptView struct {
	ID             string        `json:"id"`
	Channel        string        `json:"channel"`
	AccountID      string        `json:"account_id"`
	Status         AttemptStatus `json:"status"`
	Counted        bool          `json:"counted"`
	ChannelTradeNo *string       `json:"channel_trade_no"`
	Failure        *Failure      `json:"failure"`
	Reason         string        `json:"reason"`
	CreatedAt      time.Time     `json:"created_at"`
	ExpiresAt      time.Time     `json:"expires_at"`
	PaidAt         *time.Time    `json:"paid_at"`
}

// RefundView is a refund as the public API and the webhooks show it.
type RefundView struct {
	ID               string         `json:"id"`
	PaymentID        string         `json:"payment_id"`
	AttemptID        string         `json:"attempt_id"`
	MerchantRefundNo *string        `json:"merchant_refund_no"`
	Initiator        Initiator      `json:"initiator"`
	Amount           int64          `json:"amount"`
	Currency         money.Currency `json:"currency"`
	Status           RefundStatus   `json:"status"`
	ChannelRefundNo  *string        `json:"channel_refund_no"`
	Failure          *Failure       `json:"failure"`
	Reason           *string        `json:"reason"`
	CreatedAt        time.Time      `json:"created_at"`
	SucceededAt      *time.Time     `json:"succeeded_at"`
}

// NewView renders a payment; attempts are oldest first.
func NewView(p *Payment, attempts []*Attempt) View {
	v := View{
		ID: p.ID, MerchantID: p.MerchantID, MerchantOrderNo: p.MerchantOrderNo,
		Amount: p.Amount.Minor(), Currency: p.Amount.Currency(), Subject: p.Subject, Scene: p.Scene, Status: p.Status,
		Channel: optional(p.Channel), AccountID: optional(p.AccountID), ChannelTradeNo: optional(p.ChannelTradeNo),
		Failure: p.Failure, RefundedAmount: p.RefundedMinor, FeeAmount: p.FeeMinor,
		CustomerID: optional(p.CustomerID), Metadata: p.Metadata,
		CreatedAt: p.CreatedAt.UTC(), ExpiresAt: p.ExpiresAt.UTC(),
		PaidAt: moment(p.PaidAt), ClosedAt: moment(p.ClosedAt), LateUntil: moment(p.LateUntil),
		Attempts: make([]AttemptView, len(attempts)),
	}
	if p.Status == Pending {
		v.Action = p.Action
	}
	if v.Metadata == nil {
		v.Metadata = map[string]string{}
	}
	for i, a := range attempts {
		v.Attempts[i] = newAttemptView(a)
	}
	return v
}

func newAttemptView(a *Attempt) AttemptView {
	v := AttemptView{
		ID: a.ID, Channel: a.Channel, AccountID: a.AccountID, Status: a.Status, Counted: a.Counted,
		ChannelTradeNo: optional(a.ChannelTradeNo), Failure: a.Failure,
		CreatedAt: a.CreatedAt.UTC(), ExpiresAt: a.ExpiresAt.UTC(), PaidAt: moment(a.PaidAt),
	}
	if c, ok := a.Decision.Chosen(); ok {
		v.Reason = c.Reason
	}
	return v
}

// NewRefundView renders a refund.
func NewRefundView(r *Refund) RefundView {
	return RefundView{
		ID: r.ID, PaymentID: r.PaymentID, AttemptID: r.AttemptID, MerchantRefundNo: optional(r.MerchantRefundNo),
		Initiator: r.Initiator, Amount: r.Amount.Minor(), Currency: r.Amount.Currency(), Status: r.Status,
		ChannelRefundNo: optional(r.ChannelRefundNo), Failure: r.Failure, Reason: optional(r.Reason),
		CreatedAt: r.CreatedAt.UTC(), SucceededAt: moment(r.SucceededAt),
	}
}

// eventBody is the body of a webhook.
type eventBody struct {
	ID        string    `json:"id"`
	Type      EventType `json:"type"`
	CreatedAt time.Time `json:"created_at"`
	Sequence  int64     `json:"sequence"`
	Data      any       `json:"data"`
}

func renderEvent(id string, typ EventType, at time.Time, sequence int64, data any) ([]byte, error) {
	return json.Marshal(eventBody{ID: id, Type: typ, CreatedAt: at.UTC(), Sequence: sequence, Data: data})
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
