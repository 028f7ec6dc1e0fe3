package torture

import (
	"encoding/json"
	"time"
)

// Trade is an order in a simulator's own books. Amounts are minor units.
type Trade struct {
	Channel        string         `json:"channel"`
	OutTradeNo     string         `json:"out_trade_no"`
	ChannelTradeNo string         `json:"channel_trade_no"`
	Amount         int64          `json:"amount"`
	Status         string         `json:"status"`
	TimesPaid      int64          `json:"times_paid"`
	Refunds        []TradeRefund  `json:"refunds"`
	Notifications  []Notification `json:"notifications"`
}

// TradeRefund is a refund in a simulator's books.
type TradeRefund struct {
	OutRefundNo string `json:"out_refund_no"`
	Amount      int64  `json:"amount"`
	Status      string `json:"status"`
}

// Notification is a callback that a simulator sent; status 0: no answer came.
type Notification struct {
	HTTPStatus   int  `json:"http_status"`
	Acknowledged bool `json:"acknowledged"`
}

// Payment is a payment as the gateway shows it.
type Payment struct {
	ID              string          `json:"id"`
	MerchantOrderNo string          `json:"merchant_order_no"`
	Amount          int64           `json:"amount"`
	Scene           string          `json:"scene"`
	Status          string          `json:"status"`
	Channel         string          `json:"channel"`
	ChannelTradeNo  string          `json:"channel_trade_no"`
	Action          json.RawMessage `json:"action"`
	RefundedAmount  int64           `json:"refunded_amount"`
	ExpiresAt       time.Time       `json:"expires_at"`
	LateUntil       *time.Time      `json:"late_until"`
	Attempts        []Attempt       `json:"attempts"`
}

// Attempt is one try of a payment at a channel.
type Attempt struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Status  string `json:"status"`
	Counted bool   `json:"counted"`
}

// Refund is a refund as the gateway shows it.
type Refund struct {
	ID               string `json:"id"`
	PaymentID        string `json:"payment_id"`
	AttemptID        string `json:"attempt_id"`
	MerchantRefundNo string `json:"merchant_refund_no"`
	Initiator        string `json:"initiator"`
	Amount           int64  `json:"amount"`
	Status           string `json:"status"`
}

// Event is an event of the gateway's outbox.
type Event struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Sequence  int64           `json:"sequence"`
	PaymentID string          `json:"payment_id"`
	RefundID  string          `json:"refund_id"`
	Status    string          `json:"status"`
	Data      json.RawMessage `json:"data"`
}

// Received is a webhook that reached a merchant.
type Received struct {
	ID       string
	Type     string
	Sequence int64
	Subject  string // the id of the payment or refund that it tells of
	Body     string
	Fault    string // why it can't be trusted; empty: its signature holds
	Answered int    // the HTTP status that the merchant answered; 0: none
}

// Books are both sides' records at one moment, and what merchants were told.
type Books struct {
	At       time.Time // when they were read
	Trades   []Trade
	Payments []Payment
	Refunds  []Refund
	Events   []Event
	Received []Received
	Orders   []Order
}

// LatePolicy is what becomes of money that comes after its order's end, in the
// contract's words. The empty one is LateRefund.
type LatePolicy string

// The policies.
const (
	LateRefund LatePolicy = "refund"
	LateAccept LatePolicy = "accept"
)

// Order is what a merchant asked of one order and what it was told, oldest
// first.
type Order struct {
	No       string
	Channel  string
	Scene    string
	Amount   int64
	Plan     string
	Late     LatePolicy
	Requests []Request
}

// Request is one request of a merchant and its answer.
type Request struct {
	// Began and Ended are the time since the run's start. Requests of one order
	// overlap where its merchant is hasty.
	Began, Ended time.Duration
	Gateway      int
	What         What
	RefundNo     string
	Amount       int64
	// Status is the HTTP status; 0: no answer came, Fault says why.
	Status int
	Code   string
	Fault  string
	// Resource, State and Refunded are of the payment or refund answered.
	Resource string
	State    string
	Refunded int64
}

// What says what a request was for.
type What string

// The requests.
const (
	Create   What = "create"
	Conflict What = "create with another amount"
	Get      What = "get"
	Close    What = "close"
	Return   What = "refund"
)

// answered reports whether the gateway answered with a resource.
func (r Request) answered() bool { return r.Status/100 == 2 && r.Resource != "" }

// same reports whether two requests asked and were told the same.
func (r Request) same(o Request) bool {
	r.Began, r.Ended, r.Gateway, o.Began, o.Ended, o.Gateway = 0, 0, 0, 0, 0, 0
	return r == o
}
