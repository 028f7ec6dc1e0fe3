package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// Payments is the core as this package uses it; it checks the content of
// requests itself. Refusals are *payment.Error; payment.ErrUnavailable and payment.ErrNonceReused are understood, any other
// error is a 500.
type Payments interface {
	ValidateCreate(req payment.CreateRequest, now time.Time) []payment.FieldError
	Create(ctx context.Context, m payment.Merchant, req payment.CreateRequest) (payment.Result, error)
	Get(ctx context.Context, merchantID, id string) (payment.Result, error)
	List(ctx context.Context, f payment.PaymentFilter) ([]payment.Result, error)
	Close(ctx context.Context, merchantID, id string) (payment.Result, error)
	Explain(ctx context.Context, m payment.Merchant, req payment.CreateRequest) (channels.Decision, error)
}

// Refunds is the core's part for refunds; errors as for Payments.
type Refunds interface {
	ValidateRefund(req payment.RefundRequest) []payment.FieldError
	CreateRefund(ctx context.Context, m payment.Merchant, req payment.RefundRequest) (payment.RefundResult, error)
	GetRefund(ctx context.Context, merchantID, id string) (*payment.Refund, error)
	ListRefunds(ctx context.Context, f payment.RefundFilter) ([]*payment.Refund, error)
}

// Merchants gives what the core must know of a merchant.
type Merchants interface {
	Profile(ctx context.Context, merchantID string) (payment.Merchant, error)
}

// Nonces remembers the nonces of signed requests.
type Nonces interface {
	// CommitNonce commits a claim by itself and marks it committed;
	// payment.ErrNonceReused, or payment.ErrUnavailable.
	CommitNonce(ctx context.Context, c *payment.NonceClaim) error
	// BeginWrite tells whether the nonce of a request that changes something was
	// not used by one that only read. It settles nothing: CommitNonce, or the
	// request's own first transaction, does. It must answer at once.
	BeginWrite(ctx context.Context, merchantID, nonce string, expires time.Time) (fresh bool)
	// UseRead uses up the nonce of a request that changes nothing. It tells
	// whether this was its first use; an error says that it cannot tell.
	UseRead(ctx context.Context, merchantID, nonce string, expires time.Time) (first bool, err error)
}

// Limiter bounds a merchant's requests. It must answer at once, also when the
// shared state behind it is gone.
type Limiter interface {
	Allow(ctx context.Context, merchantID string) (ok bool, retryAfter time.Duration)
}

// NotifyFunc serves a channel's callback: it reads the raw body itself, bounds
// it, verifies it and answers in the channel's words.
type NotifyFunc func(channel, accountID string, w http.ResponseWriter, r *http.Request)

// Events is the outbox as the API shows it. Errors: payment.ErrNotFound,
// payment.ErrUnavailable, *payment.Error.
type Events interface {
	// List gives a page of events, newest first, each with its deliveries.
	List(ctx context.Context, f EventFilter) ([]EventView, error)
	Get(ctx context.Context, merchantID, id string) (EventView, error)
	// Resend queues an event once more, in whatever state it is.
	Resend(ctx context.Context, merchantID, id string) (EventView, error)
	// EnableEndpoint lets deliveries go to an address again that answered 410.
	EnableEndpoint(ctx context.Context, merchantID, url string) (EndpointView, error)
}

// EventFilter selects a page of a merchant's events, newest first.
type EventFilter struct {
	MerchantID string
	Type       string
	PaymentID  string
	Status     string
	// CreatedFrom is included, CreatedTo is not; zero: open.
	CreatedFrom, CreatedTo time.Time
	// BeforeTime and BeforeID are the last item of the page before.
	BeforeTime time.Time
	BeforeID   string
	Limit      int
}

// EventView is an event with every delivery tried.
type EventView struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"created_at"`
	// Sequence is absent for events that belong to no payment.
	Sequence  int64   `json:"sequence,omitempty"`
	PaymentID *string `json:"payment_id"`
	RefundID  *string `json:"refund_id"`
	// Data is the resource as it was when the event was written.
	Data json.RawMessage `json:"data"`
	// NotifyURL is where it goes; null: nowhere, it is only listed.
	NotifyURL *string `json:"notify_url"`
	// Status is pending, delivered, dead, or none where it goes nowhere.
	Status string `json:"status"`
	// Reason says why it is dead.
	Reason *string `json:"reason"`
	// NextAttemptAt is when it is sent again; null when nothing is due.
	NextAttemptAt *time.Time     `json:"next_attempt_at"`
	Deliveries    []DeliveryView `json:"deliveries"`
}

// DeliveryView is one try to deliver an event.
type DeliveryView struct {
	At time.Time `json:"at"`
	// HTTPStatus is null when no answer came.
	HTTPStatus *int `json:"http_status"`
	// Error says for people why it was not delivered; null when it was.
	Error      *string `json:"error"`
	DurationMS int64   `json:"duration_ms"`
}

// EndpointView is a merchant's endpoint for webhooks.
type EndpointView struct {
	URL     string `json:"url"`
	Enabled bool   `json:"enabled"`
}

// ChannelStates gives the merchant's accounts and how they do lately.
type ChannelStates interface {
	ChannelStates(ctx context.Context, merchantID string) ([]ChannelState, error)
}

// Breaker is the state of an account's circuit breaker for payments.
type Breaker string

// The states of a breaker.
const (
	BreakerClosed   Breaker = "closed"
	BreakerHalfOpen Breaker = "half_open"
	BreakerOpen     Breaker = "open"
)

// ChannelState is an account of the merchant at a channel.
type ChannelState struct {
	AccountID string           `json:"account_id"`
	Channel   string           `json:"channel"`
	Enabled   bool             `json:"enabled"`
	Scenes    []channels.Scene `json:"scenes"`
	Weight    int              `json:"weight"`
	Limits    AccountLimits    `json:"limits"`
	// Hours is when it takes payments, each day in Asia/Shanghai; empty: always.
	Hours   []channels.Hours `json:"hours"`
	Breaker Breaker          `json:"breaker"`
	// Breakers is one for each kind of operation that has one; Breaker is that of
	// pay.
	Breakers []BreakerState `json:"breakers"`
	// CallsInFlight are those that move money.
	CallsInFlight int `json:"calls_in_flight"`
	// TakenOut: the channel refused the key, certificate or permission lately.
	TakenOut bool `json:"taken_out"`
	// SuccessRate is from 0 to 1, LatencyMS a median; null without calls lately.
	SuccessRate *float64 `json:"success_rate"`
	LatencyMS   *int64   `json:"latency_ms"`
}

// BreakerState is how an account's breaker for one kind of operation stands, on
// the replica that answers.
type BreakerState struct {
	Operation string  `json:"operation"`
	State     Breaker `json:"state"`
	// Opened is how often it opened since the replica began.
	Opened int64 `json:"opened"`
	// ChangedAt is when it moved last; null: it never did.
	ChangedAt *time.Time `json:"changed_at"`
}

// AccountLimits bounds one payment, in minor units, both ends included.
type AccountLimits struct {
	MinAmount int64  `json:"min_amount"`
	MaxAmount int64  `json:"max_amount"`
	Currency  string `json:"currency"`
}
