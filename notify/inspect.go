package notify

import (
	"context"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// KeptNotification is a stored callback with how often it came.
type KeptNotification struct {
	payment.NotificationRecord
	Copies int64
	LastAt time.Time
}

// NotificationFilter selects a page of stored callbacks, newest first.
type NotificationFilter struct {
	// AccountID must be given, or PaymentID.
	AccountID string
	PaymentID string
	Verdict   payment.Verdict
	// BeforeTime and BeforeID are the last item of the page before.
	BeforeTime time.Time
	BeforeID   string
	Limit      int
}

// Inspection reads what people look at: stored callbacks and samples of
// rejected ones. Headers and bodies may hold personal data.
type Inspection interface {
	// ListNotifications leaves headers and bodies out.
	ListNotifications(ctx context.Context, f NotificationFilter) ([]KeptNotification, error)
	// NotificationByID gives a callback with its header and body;
	// payment.ErrNotFound.
	NotificationByID(ctx context.Context, id string) (KeptNotification, error)
	// ListRejected gives the latest samples of an account, newest first, with
	// headers and bodies.
	ListRejected(ctx context.Context, accountID string, limit int) ([]Rejected, error)
}
