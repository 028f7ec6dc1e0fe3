package payment

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// LatePolicy is what happens to money that arrives after the payment ended.
type LatePolicy string

// The policies of a merchant.
const (
	LateRefund LatePolicy = "refund"
	LateAccept LatePolicy = "accept"
)

// Initiator says who asked for a refund.
type Initiator string

// The initiators of a refund.
const (
	ByMerchant Initiator = "merchant"
	ByGateway  Initiator = "gateway"
	ByOperator Initiator = "operator"
)

// Failure is why something was refused, in our words and in the channel's.
type Failure struct {
	Code           string `json:"code"`
	Message        string `json:"message"`
	ChannelCode    string `json:"channel_code,omitempty"`
	ChannelMessage string `json:"channel_message,omitempty"`
}

// Payment is a merchant's order. Times are UTC, to the millisecond.
type Payment struct {
	ID              string
	MerchantID      string
	MerchantOrderNo string
	Amount          money.Amount
	Subject         string
	Scene           channels.Scene
	// PinnedChannel is the channel that the request or the payer's code asked
	// for; empty: the router decided.
	PinnedChannel string
	PayerID       string
	ClientIP      string
	ReturnURL     string
	NotifyURL     string
	CustomerID    string
	Region        string
	Metadata      map[string]string
	LatePolicy    LatePolicy
	// RequestHash is over all parameters that a repeat must have in common.
	RequestHash string

	Status Status
	// Channel, AccountID and ChannelTradeNo are those of the counted attempt, or
	// else of the current one.
	Channel          string
	AccountID        string
	ChannelTradeNo   string
	CurrentAttemptID string
	// CountedAttemptID is the first paid attempt that was booked.
	CountedAttemptID string
	Action           *channels.Action
	ActionExpiresAt  time.Time
	Failure          *Failure
	CloseRequested   bool

	// PaidMinor, ReservedMinor and RefundedMinor belong to the counted attempt.
	// ReservedMinor is the sum of its refunds that have not failed and is moved
	// by Tx.Reserve and Tx.Release alone.
	PaidMinor     int64
	ReservedMinor int64
	RefundedMinor int64
	FeeMinor      int64

	// Sequence is the number of the last event of this payment.
	Sequence int64
	// Version is the compare-and-set counter of the row.
	Version int64

	CreatedAt time.Time
	ExpiresAt time.Time
	PaidAt    time.Time
	ClosedAt  time.Time
	LateUntil time.Time
}

// Attempt is one try of a payment at one account. Its id is the order number
// that the channel sees.
type Attempt struct {
	ID         string
	PaymentID  string
	MerchantID string
	Channel    string
	AccountID  string
	Scene      channels.Scene
	Amount     money.Amount
	Status     AttemptStatus
	// Counted: the paid attempt that counts.
	Counted        bool
	ChannelTradeNo string
	Failure        *Failure
	// Decision is the router's, with a reason for each candidate.
	Decision channels.Decision
	// Owner is the process that may act until Deadline; afterwards any worker.
	Owner    string
	Deadline time.Time
	// SubmittedAt is when the attempt was stamped dispatched, to the second.
	SubmittedAt time.Time
	// ExpiresAt is the limit that the channel was given.
	ExpiresAt time.Time
	// LateUntil: closed here, but the channel could take money until then.
	LateUntil time.Time
	// NextCheckAt is when a worker looks at it again; zero: never.
	NextCheckAt time.Time
	Checks      int
	CreatedAt   time.Time
	PaidAt      time.Time
	UpdatedAt   time.Time
}

// Ref names the attempt to its channel.
func (a *Attempt) Ref() channels.AttemptRef {
	return channels.AttemptRef{
		ID: a.ID, SubmittedAt: a.SubmittedAt, ChannelTradeNo: a.ChannelTradeNo,
		Scene: a.Scene, Amount: a.Amount, ExpiresAt: a.ExpiresAt,
	}
}

// Refund returns money of one attempt. Its id is the refund number that the
// channel sees.
type Refund struct {
	ID         string
	PaymentID  string
	AttemptID  string
	MerchantID string
	Channel    string
	AccountID  string
	// MerchantRefundNo is empty for refunds that the gateway started.
	MerchantRefundNo string
	// AutoKey makes a refund of the gateway unique ("late:<attempt>",
	// "duplicate:<attempt>", "reversal:<attempt>"); empty for a merchant's.
	AutoKey     string
	Initiator   Initiator
	Amount      money.Amount
	Reason      string
	NotifyURL   string
	RequestHash string

	Status          RefundStatus
	ChannelRefundNo string
	Failure         *Failure
	// Reserved: its amount is part of the payment's ReservedMinor.
	Reserved bool

	Owner       string
	Deadline    time.Time
	SubmittedAt time.Time
	NextCheckAt time.Time
	Checks      int
	Version     int64

	CreatedAt   time.Time
	SucceededAt time.Time
	UpdatedAt   time.Time
}

// EventType is a type of the merchant webhooks.
type EventType string

// The event types.
const (
	PaymentSucceeded    EventType = "payment.succeeded"
	PaymentFailed       EventType = "payment.failed"
	PaymentClosed       EventType = "payment.closed"
	RefundSucceededType EventType = "refund.succeeded"
	RefundFailedType    EventType = "refund.failed"
)

// Event is something that the merchant is told. Body is frozen when the event
// is written, in the same transaction as the state.
type Event struct {
	ID         string
	MerchantID string
	Type       EventType
	PaymentID  string
	RefundID   string
	Sequence   int64
	// Body is the whole JSON body of the webhook.
	Body []byte
	// NotifyURL is where it goes; empty: nowhere, it is only listed.
	NotifyURL string
	CreatedAt time.Time
}

// Change is a row of the history: one move of a status, or a fact worth keeping.
type Change struct {
	PaymentID string
	AttemptID string
	RefundID  string
	// Kind is "payment", "attempt", "refund" or "note".
	Kind     string
	From, To string
	// Cause says what led to it: "api", "channel answer", "notification",
	// "query", "close", "reversal", …, or who asked for it: "cli:root".
	Cause string
	// Detail is a short text for people, without secrets.
	Detail string
	At     time.Time
}

// DiscrepancyKind names a difference between the books.
type DiscrepancyKind string

// The discrepancies that the core itself finds.
const (
	DiscrepancyLateSuccess      DiscrepancyKind = "late_success"
	DiscrepancyDuplicatePayment DiscrepancyKind = "duplicate_payment"
	DiscrepancyAmountMismatch   DiscrepancyKind = "amount_mismatch"
	DiscrepancyStatusMismatch   DiscrepancyKind = "status_mismatch"
)

// Discrepancy is a difference that the core found. It is unique per attempt (or
// refund) and kind.
type Discrepancy struct {
	Kind       DiscrepancyKind
	MerchantID string
	PaymentID  string
	AttemptID  string
	RefundID   string
	AccountID  string
	Ours       money.Amount
	Theirs     money.Amount
	Detail     string
	At         time.Time
}

// Verdict is what became of a channel's notification.
type Verdict string

// The verdicts.
const (
	// VerdictApplied: it agreed with our row and is part of the books (perhaps it
	// changed nothing, because it was known).
	VerdictApplied Verdict = "applied"
	// VerdictIgnored: verified, but about nothing that the books hold.
	VerdictIgnored Verdict = "ignored"
	// VerdictQuarantined: verified, but it disagrees with our row; nothing was
	// changed and it is kept for a person.
	VerdictQuarantined Verdict = "quarantined"
)

// NotificationRecord is a verified notification as it came in.
type NotificationRecord struct {
	ID        string
	Channel   string
	AccountID string
	// Digest is the SHA-256 of the body in hex: a repeat has the same one.
	Digest     string
	Header     []byte
	Body       []byte
	AttemptID  string
	PaymentID  string
	Verdict    Verdict
	Detail     string
	ReceivedAt time.Time
}
