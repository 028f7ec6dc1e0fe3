package payment

import (
	"context"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
)

// Store is the core's port to the database.
type Store interface {
	Reader
	// InTx runs fn in one transaction and commits it when fn returns nil. fn
	// may run more than once (a deadlock is tried again), so it must only touch
	// what it got and what it can overwrite. A nonce of ctx (see WithNonce) is
	// inserted first; ErrNonceReused when it was used before. A database that
	// cannot be reached is ErrUnavailable: then the outcome is not known.
	InTx(ctx context.Context, fn func(Tx) error) error
	// ClaimAttempts leases attempts whose NextCheckAt has come to owner until
	// lease has passed by the database's clock; no other claim returns them
	// before. Claims are served oldest first.
	ClaimAttempts(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]Claim, error)
	// ClaimRefunds is the same for refunds.
	ClaimRefunds(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]Claim, error)
}

// Claim is a lease on a row: ID with its fencing number.
type Claim struct {
	ID        string
	PaymentID string
	Fence     int64
}

// Reader reads committed state outside of transactions.
type Reader interface {
	// PaymentByID finds a merchant's payment; ErrNotFound.
	PaymentByID(ctx context.Context, merchantID, id string) (*Payment, error)
	PaymentByOrderNo(ctx context.Context, merchantID, orderNo string) (*Payment, error)
	// ListPayments leaves out payments that are Unsent.
	ListPayments(ctx context.Context, f PaymentFilter) ([]*Payment, error)
	// AttemptsOf lists the attempts of payments, oldest first, by payment id.
	AttemptsOf(ctx context.Context, paymentIDs ...string) (map[string][]*Attempt, error)
	AttemptByID(ctx context.Context, id string) (*Attempt, error)
	RefundByID(ctx context.Context, merchantID, id string) (*Refund, error)
	RefundByNo(ctx context.Context, merchantID, refundNo string) (*Refund, error)
	ListRefunds(ctx context.Context, f RefundFilter) ([]*Refund, error)
	// FindPayment and FindRefund find a row of whichever merchant: for the
	// operator's acts only. ErrNotFound.
	FindPayment(ctx context.Context, id string) (*Payment, error)
	FindRefund(ctx context.Context, id string) (*Refund, error)
	// HistoryOf lists the changes of a payment, oldest first.
	HistoryOf(ctx context.Context, paymentID string) ([]Change, error)
}

// PaymentFilter selects a page of a merchant's payments, newest first.
type PaymentFilter struct {
	MerchantID      string
	MerchantOrderNo string
	Status          Status
	Channel         string
	CustomerID      string
	// CreatedFrom is included, CreatedTo is not; zero: open.
	CreatedFrom, CreatedTo time.Time
	// BeforeTime and BeforeID are the last item of the page before.
	BeforeTime time.Time
	BeforeID   string
	Limit      int
}

// RefundFilter selects a page of a merchant's refunds, newest first.
type RefundFilter struct {
	MerchantID       string
	MerchantRefundNo string
	PaymentID        string
	Status           RefundStatus
	BeforeTime       time.Time
	BeforeID         string
	Limit            int
}

// Tx is one transaction. Whoever changes anything of a payment locks its row
// first with LockPayment, so that all changes of one payment come one after
// the other.
type Tx interface {
	// InsertPayment fails with ErrDuplicate when the merchant has the order number.
	InsertPayment(ctx context.Context, p *Payment) error
	// LockPayment reads a payment and keeps others from changing it until the
	// transaction ends; ErrNotFound.
	LockPayment(ctx context.Context, id string) (*Payment, error)
	// UpdatePayment writes every column but ReservedMinor where Version is as
	// read, and counts Version up (in *p too); else ErrStale.
	UpdatePayment(ctx context.Context, p *Payment) error
	// Reserve adds to ReservedMinor if it then does not pass PaidMinor, in one
	// conditional UPDATE; false when it would.
	Reserve(ctx context.Context, paymentID string, minor int64) (bool, error)
	// Release takes from ReservedMinor.
	Release(ctx context.Context, paymentID string, minor int64) error

	InsertAttempt(ctx context.Context, a *Attempt) error
	// Attempt reads an attempt; its payment must be locked. ErrNotFound.
	Attempt(ctx context.Context, id string) (*Attempt, error)
	UpdateAttempt(ctx context.Context, a *Attempt) error
	// Attempts lists the attempts of a payment, oldest first.
	Attempts(ctx context.Context, paymentID string) ([]*Attempt, error)

	// InsertRefund fails with ErrDuplicate when the merchant has the refund
	// number, or the gateway the AutoKey.
	InsertRefund(ctx context.Context, r *Refund) error
	// Refund reads a refund; its payment must be locked. ErrNotFound.
	Refund(ctx context.Context, id string) (*Refund, error)
	UpdateRefund(ctx context.Context, r *Refund) error
	// Refunds lists the refunds of a payment, oldest first.
	Refunds(ctx context.Context, paymentID string) ([]*Refund, error)

	// RecordNotification keeps a notification raw and sealed; one with the same
	// account and digest is counted as a further copy and gets the new verdict.
	RecordNotification(ctx context.Context, n NotificationRecord) error
	InsertEvent(ctx context.Context, e *Event) error
	InsertChange(ctx context.Context, c Change) error
	// RecordDiscrepancy does nothing when the same one is recorded already.
	RecordDiscrepancy(ctx context.Context, d Discrepancy) error
	// InsertAudit keeps what a person did.
	InsertAudit(ctx context.Context, e audit.Entry) error
}

// Accounts gives the channels of accounts.
type Accounts interface {
	// Open gives the channel of an account, enabled or not, with what routing
	// knows of it; ErrNotFound.
	Open(ctx context.Context, accountID string) (channels.Channel, channels.Account, error)
}

// Router decides where a payment goes.
type Router interface {
	Decide(ctx context.Context, req channels.RouteRequest) (channels.Decision, error)
}

// Merchant is what the core must know of a merchant.
type Merchant struct {
	ID         string
	NotifyURL  string
	LatePolicy LatePolicy
}
