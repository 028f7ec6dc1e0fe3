package channels

import (
	"context"
	"net/http"
	"time"

	"github.com/paymux/paymux/internal/money"
)

// Channel is one account at one provider. Implementations are safe for
// concurrent use. Every call honours ctx, which always has a deadline.
//
// Errors of the calls are *Error. A nil error means that the answer was
// verified over its raw bytes before anything read it.
type Channel interface {
	// Name is the channel's name: "alipay", "wechatpay", "unionpay".
	Name() string
	// Capabilities is what this account can do; it does not change.
	Capabilities() Capabilities
	// Pay places the order under req.Attempt.ID. A call that never leaves the
	// process (a signed link) cannot be Unknown.
	Pay(ctx context.Context, req PayRequest) (PayResult, error)
	// QueryPayment asks for the order. "No such order" is a state, not an error.
	QueryPayment(ctx context.Context, ref AttemptRef) (PaymentState, error)
	// ClosePayment asks the channel to accept no money for the order any more.
	// It only says what was answered: whether the order is closed is settled by
	// a query after it.
	ClosePayment(ctx context.Context, ref AttemptRef) (CloseResult, error)
	// Refund returns money under req.RefundID.
	Refund(ctx context.Context, req RefundRequest) (RefundState, error)
	// QueryRefund asks for one refund. "No such refund" is a state, not an error.
	QueryRefund(ctx context.Context, req RefundRequest) (RefundState, error)
	// ParseNotification verifies the raw bytes, then reads them. It makes no
	// network call. Failure of verification is an *Error with BadSignature; a
	// verified message about something else is Notification.Kind Ignored; one
	// for another app, merchant or account id is a *MismatchError.
	ParseNotification(header http.Header, body []byte) (Notification, error)
	// Acknowledge gives the answer to a notification in the channel's words.
	Acknowledge(accepted bool) Acknowledgement
}

// Reverser is a channel whose unsettled barcode payment can be taken back: what
// was paid is returned, what was not is closed.
type Reverser interface {
	ReversePayment(ctx context.Context, ref AttemptRef) (ReverseResult, error)
}

// KeyRefresher is a channel that hands out its next keys before the old ones
// end. Refreshing is done beside payments, never on a notification's path.
type KeyRefresher interface {
	RefreshKeys(ctx context.Context) error
}

// Scene is the way a payer meets the payment.
type Scene string

// The scenes of the public API.
const (
	SceneQR      Scene = "qr"
	SceneBarcode Scene = "barcode"
	SceneWeb     Scene = "web"
	SceneH5      Scene = "h5"
	SceneApp     Scene = "app"
	SceneJSAPI   Scene = "jsapi"
)

// Scenes lists every scene in the order in which documents show them.
func Scenes() []Scene {
	return []Scene{SceneQR, SceneBarcode, SceneWeb, SceneH5, SceneApp, SceneJSAPI}
}

// SceneCapability is what a channel promises about one scene.
type SceneCapability struct {
	// LocalOnly: Pay makes no network call (a signed link or string).
	LocalOnly bool
	// PayRepeatable: the channel documents that the same order under the same
	// number may be sent again and continues the first one.
	PayRepeatable bool
	// ActionTTL is how long what Pay gave to the payer lives; zero: as long as
	// the order.
	ActionTTL time.Duration
	// NoOrderUntilPayer: the channel holds no order until the payer acts, so
	// "no such order" is the normal state of an unpaid one.
	NoOrderUntilPayer bool
}

// Capabilities is what an account at a channel can do.
type Capabilities struct {
	Scenes     map[Scene]SceneCapability
	Currencies []money.Currency
	// MinAmount and MaxAmount bound one payment, in minor units, both included.
	MinAmount, MaxAmount int64
	// CanClose: the channel has a close call. Without one an order ends at its
	// own limit only.
	CanClose bool
	// RefundRepeatable: a refund under the same number may be sent again.
	RefundRepeatable bool
	// RefundNotFoundAfter: how long after a refund call "no such refund" may
	// still be wrong.
	RefundNotFoundAfter time.Duration
	// RefundSpacing is the least time between two refunds of one order.
	RefundSpacing time.Duration
	// RefundWindow is how long after the payment a refund is possible.
	RefundWindow time.Duration
}

// AttemptRef names an order at the channel.
type AttemptRef struct {
	// ID is our number of the order: 26 letters and digits.
	ID string
	// SubmittedAt is when the attempt was made, to the second; with the id it
	// identifies the order at UnionPay (txnTime).
	SubmittedAt time.Time
	// ChannelTradeNo is the channel's own number where it is known.
	ChannelTradeNo string
	// Scene is the scene in which the order was placed: some channels ask and
	// close by scene.
	Scene Scene
	// Amount is what was asked for.
	Amount money.Amount
	// ExpiresAt is the limit sent with the order.
	ExpiresAt time.Time
}

// PayRequest is an order to place.
type PayRequest struct {
	Attempt AttemptRef
	Subject string
	// AuthCode is the payer's code (barcode).
	AuthCode string
	// PayerID is the payer's id at this channel (jsapi).
	PayerID string
	// ClientIP is the payer's address (h5).
	ClientIP string
	// NotifyURL is where the channel calls back; it has no query.
	NotifyURL string
	// ReturnURL is where the payer's browser goes afterwards (web, h5).
	ReturnURL string
}

// PayStatus is what is certain after a verified answer to Pay.
type PayStatus int

// The statuses of a verified answer.
const (
	// PayUncertain: the order may exist; ask.
	PayUncertain PayStatus = iota
	// PayWaiting: the payer must act; Action says how, where there is one.
	PayWaiting
	// PayPaid: the money moved.
	PayPaid
)

// PayResult is a verified answer to Pay.
type PayResult struct {
	Status PayStatus
	// AttemptID is the order number that the answer names; empty where the
	// channel's answer does not name one.
	AttemptID string
	Action    *Action
	// Paid is filled in for PayPaid.
	Paid Paid
}

// ActionType says what an Action is.
type ActionType string

// The actions of the public API.
const (
	ActionQRCode   ActionType = "qr_code"
	ActionRedirect ActionType = "redirect"
	ActionForm     ActionType = "form"
	ActionApp      ActionType = "app"
	ActionJSAPI    ActionType = "jsapi"
)

// Action is what the merchant hands to the payer; its JSON form is the public
// API's `action`.
type Action struct {
	Type    ActionType        `json:"type"`
	CodeURL string            `json:"code_url,omitempty"`
	URL     string            `json:"url,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
	// Params is a string or an object, as the channel's own client wants it.
	Params any `json:"params,omitempty"`
}

// Paid is what the channel says of money that it took.
type Paid struct {
	ChannelTradeNo string
	// Amount is the order's amount as the channel states it; the zero value
	// where the message does not say it.
	Amount money.Amount
	PaidAt time.Time
}

// PaymentStatus is the state of an order at the channel.
type PaymentStatus int

// The states of an order at the channel.
const (
	// StateUncertain: the channel itself is not sure yet; ask again.
	StateUncertain PaymentStatus = iota
	// StateNotFound: the channel knows no such order (now).
	StateNotFound
	// StateWaiting: the order exists and is unpaid.
	StateWaiting
	// StatePaid: the money was taken (refunds of it do not change this).
	StatePaid
	// StateClosed: the order can take no money any more and took none.
	StateClosed
	// StateReversed: the money was taken and given back in full by a reversal.
	StateReversed
	// StateFailed: the channel says finally that this order failed.
	StateFailed
)

var paymentStatusNames = [...]string{"uncertain", "not_found", "waiting", "paid", "closed", "reversed", "failed"}

// String is the state's name in logs and timelines.
func (s PaymentStatus) String() string {
	if s < 0 || int(s) >= len(paymentStatusNames) {
		return paymentStatusNames[StateUncertain]
	}
	return paymentStatusNames[s]
}

// PaymentState is a verified statement about an order.
type PaymentState struct {
	Status PaymentStatus
	// AttemptID is the order number that the channel names; empty where it does
	// not name one.
	AttemptID string
	Paid      Paid
	// Code and Message are the channel's own, for StateFailed and for people.
	Code, Message string
}

// CloseResult is a verified answer to ClosePayment.
type CloseResult int

// The answers to a close.
const (
	// CloseUncertain: ask for the order.
	CloseUncertain CloseResult = iota
	// CloseAcknowledged: the channel says that it closed the order.
	CloseAcknowledged
	// CloseNoOrder: the channel holds no such order, so nothing was closed.
	CloseNoOrder
	// CloseAlreadyPaid: the channel says that the order is paid; ask for it.
	CloseAlreadyPaid
	// CloseUnsupported: the channel has no close call.
	CloseUnsupported
)

// ReverseResult is a verified answer to ReversePayment.
type ReverseResult int

// The answers to a reversal.
const (
	// ReverseUncertain: ask for the order, then reverse again.
	ReverseUncertain ReverseResult = iota
	// ReverseClosed: nothing had been paid; the order is closed.
	ReverseClosed
	// ReverseReturned: the order had been paid; the money is returned in full.
	ReverseReturned
)

// RefundRequest names a refund. The same values under the same id always.
type RefundRequest struct {
	Attempt AttemptRef
	// RefundID is our number of the refund: 26 letters and digits.
	RefundID    string
	SubmittedAt time.Time
	// ChannelRefundNo is the channel's own number where it is known.
	ChannelRefundNo string
	Amount          money.Amount
	// Others is the sum of this order's other refunds that have not failed: where
	// a channel answers with a cumulative sum only, an answer is about this
	// refund only if it says Others plus Amount.
	Others    money.Amount
	Reason    string
	NotifyURL string
}

// RefundStatus is the state of a refund at the channel.
type RefundStatus int

// The states of a refund at the channel.
const (
	// RefundUncertain: accepted or in doubt; ask again.
	RefundUncertain RefundStatus = iota
	// RefundNotFound: the channel knows no such refund (now), or it did not
	// succeed: where refunds are repeatable, send it again under its number.
	RefundNotFound
	// RefundSucceeded: the money went back.
	RefundSucceeded
	// RefundFailed: the channel says finally that no money goes back.
	RefundFailed
	// RefundAbnormal: accepted, but the money could not be delivered; a person
	// must act at the channel. It can still succeed.
	RefundAbnormal
)

// RefundState is a verified statement about a refund.
type RefundState struct {
	Status          RefundStatus
	RefundID        string
	ChannelRefundNo string
	// Amount is this refund's amount as the channel states it; zero where it
	// does not say it.
	Amount        money.Amount
	SucceededAt   time.Time
	Code, Message string
}

// NotificationKind says what a verified notification is about.
type NotificationKind int

// The kinds of notifications.
const (
	// NotificationIgnored: verified, but nothing that changes our books.
	NotificationIgnored NotificationKind = iota
	// NotificationPayment: about an order.
	NotificationPayment
	// NotificationRefund: about a refund.
	NotificationRefund
)

// Notification is a verified callback of a channel.
type Notification struct {
	Kind NotificationKind
	// AttemptID is our order number that the message names.
	AttemptID string
	Payment   PaymentState
	Refund    RefundState
	// EventID is the channel's own id of the message, for people.
	EventID string
}

// MismatchError is a verified notification that names another app, merchant or
// account than ours.
type MismatchError struct {
	Field string
	// Notification is what could be read, kept for inspection.
	AttemptID string
}

// Error says which field disagrees, not what it holds.
func (e *MismatchError) Error() string {
	return "notification is verified but its " + e.Field + " is not this account's"
}

// Acknowledgement is an HTTP answer to a notification.
type Acknowledgement struct {
	Status      int
	ContentType string
	Body        []byte
}
