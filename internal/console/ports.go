package console

import (
	"context"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/notify"
)

// Users keeps users. Every change comes with its audit entry, in one
// transaction.
type Users interface {
	// InsertUser fails with payment.ErrDuplicate where the name is taken.
	InsertUser(ctx context.Context, u User, entry audit.Entry) error
	// UserByName and UserByID fail with payment.ErrNotFound.
	UserByName(ctx context.Context, name string) (User, error)
	UserByID(ctx context.Context, id string) (User, error)
	// ListUsers lists a merchant's users by name; all users for an empty id.
	ListUsers(ctx context.Context, merchantID string) ([]User, error)
	// SaveUser writes a user whose row still has u.Version and counts it up;
	// payment.ErrStale where it has not. With revoke it ends the user's sessions,
	// except the one whose hash is keep.
	SaveUser(ctx context.Context, u User, revoke bool, keep string, entry audit.Entry) error
	// UseTOTPStep notes a code's step as used; false where it, or a later one,
	// was used before.
	UseTOTPStep(ctx context.Context, userID string, step int64) (bool, error)
}

// Sessions keeps logins.
type Sessions interface {
	// InsertSession begins a session, ends the one with the hash ended (none for
	// an empty one), notes a full login with its user, and removes sessions that
	// ended before s.CreatedAt. payment.ErrStale where the user is disabled or
	// has another version than s.Version: what was checked holds no more.
	InsertSession(ctx context.Context, s Session, ended string, entry audit.Entry) error
	// SessionByHash finds a session with its user; payment.ErrNotFound.
	SessionByHash(ctx context.Context, hash string) (Session, User, error)
	TouchSession(ctx context.Context, hash string, at time.Time) error
	// DeleteSession ends a session; nothing happens where there is none.
	DeleteSession(ctx context.Context, hash string, entry audit.Entry) error
	// CountTry counts one more try under a key and gives how many there were
	// since the key's window began; the first try begins one.
	CountTry(ctx context.Context, key string, now time.Time, window time.Duration) (int, error)
	// ForgetTries ends a key's window.
	ForgetTries(ctx context.Context, key string) error
}

// Reconciliations is package reconcile's Service.
type Reconciliations interface {
	Run(ctx context.Context, job reconcile.Job) (reconcile.Reconciliation, error)
	Accounts(ctx context.Context, merchantID string) ([]reconcile.Account, error)
	List(ctx context.Context, f reconcile.ListFilter) ([]reconcile.Reconciliation, error)
	Get(ctx context.Context, merchantID, id string) (reconcile.Reconciliation, error)
	Discrepancies(ctx context.Context, f reconcile.DiscrepancyFilter) ([]reconcile.Discrepancy, error)
	Discrepancy(ctx context.Context, merchantID, id string) (reconcile.Discrepancy, []reconcile.Comment, error)
	Assign(ctx context.Context, id string, version int64, actor reconcile.Actor, assignee string) (reconcile.Discrepancy, error)
	Comment(ctx context.Context, id string, actor reconcile.Actor, text string) (reconcile.Comment, error)
	Resolve(ctx context.Context, id string, version int64, actor reconcile.Actor, reason string) (reconcile.Discrepancy, error)
	Approve(ctx context.Context, id string, version int64, actor reconcile.Actor) (reconcile.Discrepancy, error)
	Reject(ctx context.Context, id string, version int64, actor reconcile.Actor, reason string) (reconcile.Discrepancy, error)
	Statements(ctx context.Context, merchantID string, day channels.Day) ([]reconcile.Statement, error)
	Statement(ctx context.Context, merchantID string, day channels.Day, version int) (reconcile.Statement, error)
	SettlementSummary(ctx context.Context, merchantID string, from, to channels.Day) ([]reconcile.AccountSummary, error)
	OpenFile(ctx context.Context, digest string) (reconcile.File, int64, error)
}

// Payments reads payments with all that belongs to them.
type Payments interface {
	// SearchPayments finds the payments that a number names: a merchant's order
	// or refund number, an id of ours, or a channel's number, of a payment, an
	// attempt or a refund; newest first, at most limit. An empty merchant id
	// finds every merchant's.
	SearchPayments(ctx context.Context, merchantID, number string, limit int) ([]*payment.Payment, error)
	// ListPayments lists a merchant's.
	ListPayments(ctx context.Context, f payment.PaymentFilter) ([]*payment.Payment, error)
	// FindPayment, FindRefund and AttemptByID find whichever merchant's;
	// payment.ErrNotFound.
	FindPayment(ctx context.Context, id string) (*payment.Payment, error)
	FindRefund(ctx context.Context, id string) (*payment.Refund, error)
	AttemptByID(ctx context.Context, id string) (*payment.Attempt, error)
	AttemptsOf(ctx context.Context, paymentIDs ...string) (map[string][]*payment.Attempt, error)
	ListRefunds(ctx context.Context, f payment.RefundFilter) ([]*payment.Refund, error)
	HistoryOf(ctx context.Context, paymentID string) ([]payment.Change, error)
}

// Operator is what people may do to single attempts and refunds.
type Operator interface {
	AskAttempt(ctx context.Context, attemptID, actor string) (*payment.Attempt, error)
	AskRefund(ctx context.Context, refundID, actor string) (*payment.Refund, error)
}

// Callbacks reads stored callbacks of channels.
type Callbacks interface {
	ListNotifications(ctx context.Context, f notify.NotificationFilter) ([]notify.KeptNotification, error)
	NotificationByID(ctx context.Context, id string) (notify.KeptNotification, error)
}

// Events is package notify's Desk; who sends an event again is kept in the
// transaction that makes it due.
type Events interface {
	List(ctx context.Context, f notify.EventFilter) ([]notify.EventView, error)
	Get(ctx context.Context, merchantID, id string) (notify.EventView, error)
	Resend(ctx context.Context, merchantID, id string, entry audit.Entry) (notify.EventView, error)
}

// Audit is the trail of what people did.
type Audit interface {
	RecordAudit(ctx context.Context, e audit.Entry) error
	ListAudit(ctx context.Context, f audit.Filter) ([]audit.Entry, error)
}

// Merchant is what the pages show of a merchant.
type Merchant struct{ ID, Name string }

// Merchants lists merchants.
type Merchants interface {
	ListMerchants(ctx context.Context) ([]Merchant, error)
}
