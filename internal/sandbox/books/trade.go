package books

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Status of a trade in the books.
type Status string

// The statuses of a trade. A full refund leaves StatusPaid.
const (
	StatusIssued  Status = "issued"  // a code or link that nobody opened yet
	StatusWaiting Status = "waiting" // the payer has to act
	StatusPaid    Status = "paid"
	StatusClosed  Status = "closed" // never paid, and never will be
)

// RefundStatus is the status of a refund in the books.
type RefundStatus string

// The statuses of a refund.
const (
	RefundProcessing RefundStatus = "processing"
	RefundSucceeded  RefundStatus = "succeeded"
	RefundFailed     RefundStatus = "failed"
)

// Key names a trade: the same number at two accounts is two trades.
type Key struct {
	Channel    string `json:"channel"`
	Account    string `json:"account"` // the account's identity at the channel, such as app_id, mchid, merId
	OutTradeNo string `json:"out_trade_no"`
}

// Trade is one order at a channel as the channel itself sees it. Amounts are in the currency's minor unit.
type Trade struct {
	Key
	ChannelTradeNo string         `json:"channel_trade_no,omitempty"` // empty: the channel holds no trade yet
	Product        string         `json:"product"`                    // the channel's own word for how it was ordered
	Subject        string         `json:"subject"`
	Amount         int64          `json:"amount"`
	Currency       string         `json:"currency"`
	Fee            int64          `json:"fee,omitempty"`
	Status         Status         `json:"status"`
	TimesPaid      int            `json:"times_paid,omitempty"`
	NotifyURL      string         `json:"notify_url,omitempty"`
	ReturnURL      string         `json:"return_url,omitempty"`
	CreatedAt      time.Time      `json:"created_at"`
	ExpiresAt      time.Time      `json:"expires_at,omitzero"`
	PaidAt         time.Time      `json:"paid_at,omitzero"`
	ClosedAt       time.Time      `json:"closed_at,omitzero"`
	WakeAt         time.Time      `json:"wake_at,omitzero"`  // when the simulator wants to look again, whatever the status
	Refunds        []Refund       `json:"refunds,omitempty"` // in the order in which they came
	Notifications  []Notification `json:"notifications,omitempty"`
	// Attrs holds what only the channel's simulator understands.
	Attrs map[string]string `json:"attrs,omitempty"`
}

// Refund is one refund of a trade.
type Refund struct {
	OutRefundNo     string            `json:"out_refund_no"`
	ChannelRefundNo string            `json:"channel_refund_no,omitempty"`
	Amount          int64             `json:"amount"`
	Status          RefundStatus      `json:"status"`
	CreatedAt       time.Time         `json:"created_at"`
	SettledAt       time.Time         `json:"settled_at,omitzero"`
	Attrs           map[string]string `json:"attrs,omitempty"`
}

// Notification is one try to send a callback. HTTPStatus 0: no answer came.
type Notification struct {
	At           time.Time `json:"at"`
	HTTPStatus   int       `json:"http_status"`
	Acknowledged bool      `json:"acknowledged"`
}

// Callback is one event that the merchant is still to be told of.
type Callback struct {
	ID        string    `json:"id"`
	Trade     Key       `json:"trade"`
	Event     string    `json:"event"`         // the simulator's own word
	Ref       string    `json:"ref,omitempty"` // such as the refund's number
	URL       string    `json:"url"`
	CreatedAt time.Time `json:"created_at"`
	NextAt    time.Time `json:"next_at"`
	Tries     int       `json:"tries,omitempty"`
}

// Code is what a payer scans or opens: a token that leads to a trade.
type Code struct {
	Token     string    `json:"token"`
	Trade     Key       `json:"trade"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Account is one merchant's account at a simulated channel; Secrets is the simulator's own, test keys included.
type Account struct {
	Channel   string          `json:"channel"`
	ID        string          `json:"id"`
	CreatedAt time.Time       `json:"created_at"`
	Secrets   json.RawMessage `json:"secrets"`
}

// due reports whether time has something to do: the limit of an open trade has come, or what the simulator waits for.
func (t *Trade) due(now time.Time) bool {
	return (t.Open() && !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(now)) || (!t.WakeAt.IsZero() && !t.WakeAt.After(now))
}

// Open reports whether the trade can still be paid as far as its status goes.
func (t *Trade) Open() bool { return t.Status == StatusIssued || t.Status == StatusWaiting }

// AsOf is the trade as it stands at now: one whose limit has passed is closed, whether or not that is in the books yet.
func (t *Trade) AsOf(now time.Time) Trade {
	late := *t
	if t.Open() && !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) {
		late.Status, late.ClosedAt = StatusClosed, t.ExpiresAt
	}
	return late
}

// Refunded is the sum of what went back, in the currency's minor unit; what is on its way counts, what failed does not.
func (t *Trade) Refunded() int64 {
	var sum int64
	for _, r := range t.Refunds {
		if r.Status != RefundFailed {
			sum += r.Amount
		}
	}
	return sum
}

// Refund finds a refund by the merchant's number.
func (t *Trade) Refund(outRefundNo string) (*Refund, bool) {
	for i := range t.Refunds {
		if t.Refunds[i].OutRefundNo == outRefundNo {
			return &t.Refunds[i], true
		}
	}
	return nil, false
}

// Attr reads one of the simulator's own values.
func (t *Trade) Attr(name string) string { return t.Attrs[name] }

// SetAttr writes one of the simulator's own values.
func (t *Trade) SetAttr(name, value string) {
	if t.Attrs == nil {
		t.Attrs = make(map[string]string)
	}
	t.Attrs[name] = value
}

// clone copies what a change may write to, so that readers of the former state are not disturbed.
func (t *Trade) clone() Trade {
	c := *t
	c.Refunds = slices.Clone(t.Refunds)
	c.Notifications = slices.Clone(t.Notifications)
	c.Attrs = maps.Clone(t.Attrs)
	return c
}
