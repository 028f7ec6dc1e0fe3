package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// EventReconciliationReady tells a merchant that a day's reconciliation is
// done. Such an event has no sequence and no payment.
const EventReconciliationReady payment.EventType = "reconciliation.ready"

// EventTypes lists every type of the merchant webhooks.
func EventTypes() []payment.EventType {
	return []payment.EventType{
		payment.PaymentSucceeded, payment.PaymentFailed, payment.PaymentClosed,
		payment.RefundSucceededType, payment.RefundFailedType, EventReconciliationReady,
	}
}

// Status is how far the delivery of an event is.
type Status string

// The statuses of an event's delivery.
const (
	// StatusPending: due now or at NextAt.
	StatusPending Status = "pending"
	// StatusDelivered: the endpoint answered 2xx in time.
	StatusDelivered Status = "delivered"
	// StatusDead: given up; Reason says why. It can be resent.
	StatusDead Status = "dead"
	// StatusNoEndpoint: the merchant named no address; the event is listed only.
	StatusNoEndpoint Status = "no_endpoint"
)

// Statuses lists every status of a delivery.
func Statuses() []Status {
	return []Status{StatusPending, StatusDelivered, StatusDead, StatusNoEndpoint}
}

// Reasons of [StatusDead].
const (
	ReasonLadderEnded      = "every retry failed"
	ReasonEndpointGone     = "the endpoint answered 410; enable it and resend"
	ReasonEndpointDisabled = "the endpoint is disabled since it answered 410; enable it and resend"
)

// Endpoint names where events go: one merchant's exact notify_url. It is
// "<merchant id>.<first 16 bytes of the URL's SHA-256 in hex>", so that it fits
// an index whatever the URL's length and leads with the merchant.
type Endpoint string

// EndpointOf is the endpoint of a merchant's URL; empty where there is no URL.
func EndpointOf(merchantID, url string) Endpoint {
	if url == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(url))
	return Endpoint(merchantID + "." + hex.EncodeToString(sum[:16]))
}

// Merchant is the endpoint's merchant.
func (e Endpoint) Merchant() string {
	i := strings.LastIndexByte(string(e), '.')
	if i < 0 {
		return ""
	}
	return string(e[:i])
}

// Claim is an event leased to one process for one sending.
type Claim struct {
	EventID    string
	MerchantID string
	Endpoint   Endpoint
	NotifyURL  string
	// Body is the frozen JSON body.
	Body []byte
	// Position is where on the ladder the event stands.
	Position Position
	// Owner and Fence are the lease.
	Owner string
	Fence int64
	// Resends counts the resends that were asked for until this claim; a higher
	// number at the end of the delivery means that one more was asked for
	// meanwhile.
	Resends int64
	// Disabled: the endpoint is disabled and a person asked for this delivery
	// all the same; it gets this one try.
	Disabled bool
}

// Delivery is one try to deliver an event, as it is logged.
type Delivery struct {
	// Number counts the tries of the event from 1; the store gives it.
	Number   int
	At       time.Time
	Duration time.Duration
	// HTTPStatus is 0 where no answer came.
	HTTPStatus int
	// Error says for people why it does not count as delivered; empty if it does.
	Error string
	// Response is the beginning of the endpoint's answer, as printable text.
	Response string
}

// Next is what becomes of an event after a try.
type Next struct {
	Status Status
	// At is when a pending event is due again.
	At       time.Time
	Position Position
	// Reason is filled in for StatusDead.
	Reason string
	// DisableEndpoint: the endpoint ends until it is enabled again.
	DisableEndpoint bool
}

// Event is a written event with how far its delivery is.
type Event struct {
	payment.Event
	Status Status
	// Attempts counts the tries so far.
	Attempts int
	// NextAt is zero unless pending.
	NextAt time.Time
	// DeliveredAt is when it was last delivered, zero if never.
	DeliveredAt time.Time
	// LastError is the last try's error, Reason why it is dead.
	LastError string
	Reason    string
	// Deliveries are the tries, oldest first, at most MaxDeliveriesShown of
	// the latest.
	Deliveries []Delivery
}

// MaxDeliveriesShown bounds the tries that are read with one event.
const MaxDeliveriesShown = 100

// EventFilter selects a page of a merchant's events, newest first.
type EventFilter struct {
	MerchantID string
	Type       payment.EventType
	PaymentID  string
	Status     Status
	// CreatedFrom is included, CreatedTo is not; zero: open.
	CreatedFrom, CreatedTo time.Time
	// BeforeTime and BeforeID are the last item of the page before.
	BeforeTime time.Time
	BeforeID   string
	Limit      int
}
