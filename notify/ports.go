package notify

import (
	"context"
	"errors"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// ErrLeaseLost: another process holds the event now; the try is logged, its
// consequence is not taken.
var ErrLeaseLost = errors.New("lease on the event was lost")

// Due is an endpoint with at least one event that is due and not leased.
type Due struct {
	Endpoint Endpoint
	// Since is when its first such event became due.
	Since time.Time
}

// Want asks for events of one endpoint.
type Want struct {
	Endpoint Endpoint
	Most     int
}

// Queue is the store of events on their way out. Leases are measured by the
// database's clock, due times by the caller's.
type Queue interface {
	// DueEndpoints lists endpoints after the given one, in order of their names,
	// that have due events. It only reads.
	DueEndpoints(ctx context.Context, now time.Time, after Endpoint, limit int) ([]Due, error)
	// ClaimDeliveries leases due events, each endpoint's oldest first, at most
	// as many as wanted. No other claim returns them until lease has passed.
	// Events of a disabled endpoint become dead instead, a bounded number at a
	// time, except those that a person asked to resend.
	ClaimDeliveries(ctx context.Context, owner string, now time.Time, lease time.Duration, wants []Want) ([]Claim, error)
	// RecordDelivery logs a try and, in the same transaction, moves the event as
	// next says and ends the lease; where a resend was asked for meanwhile, the
	// event is due again at once instead. ErrLeaseLost when the fence has moved:
	// then only the log is written.
	RecordDelivery(ctx context.Context, c Claim, d Delivery, next Next) error
	// ReleaseDeliveries gives unsent claims back, due again at the given time.
	ReleaseDeliveries(ctx context.Context, claims []Claim, at time.Time) error
	// BuryQueued makes at most limit pending events of a disabled endpoint dead
	// and tells how many it found; 0 for an endpoint that is not disabled.
	BuryQueued(ctx context.Context, endpoint Endpoint, limit int) (int, error)
}

// Events reads events and takes people's requests.
type Events interface {
	// ListEvents gives a page, newest first, each with its deliveries.
	ListEvents(ctx context.Context, f EventFilter) ([]*Event, error)
	// EventByID finds a merchant's event with its deliveries; payment.ErrNotFound.
	EventByID(ctx context.Context, merchantID, id string) (*Event, error)
	// ResendEvent makes an event due at now in whatever state, at the beginning
	// of the ladder. One without an address gets defaultURL; without that
	// either it stays as it is. payment.ErrNotFound.
	ResendEvent(ctx context.Context, merchantID, id, defaultURL string, now time.Time) error
	// EnableEndpoint ends the disabling; nothing happens where there is none.
	EnableEndpoint(ctx context.Context, endpoint Endpoint) error
}

// Secrets gives a merchant's live webhook secrets, the one to show first first.
type Secrets interface {
	Secrets(ctx context.Context, merchantID string) ([][]byte, error)
}

// Accounts gives the channels of accounts.
type Accounts interface {
	// Open gives an account's channel, enabled or not; payment.ErrNotFound.
	Open(ctx context.Context, accountID string) (channels.Channel, channels.Account, error)
}

// Applier is the core: it stores a verified notification and applies it with
// all its consequences in one transaction.
type Applier interface {
	// ApplyNotification returns after the commit. A quarantined one changed
	// nothing but is kept. An error means that nothing is certain to be kept.
	ApplyNotification(ctx context.Context, account channels.Account, rec payment.NotificationRecord, n channels.Notification) (payment.Verdict, error)
	// Quarantine keeps a verified notification that is about somebody else; a
	// repeat is counted.
	Quarantine(ctx context.Context, rec payment.NotificationRecord) error
}

// Rejected is a sample of what failed verification.
type Rejected struct {
	ID        string
	Channel   string
	AccountID string
	// Header is JSON; Body is cut to the sample's size.
	Header, Body []byte
	// Reason is without any part of the body.
	Reason     string
	ReceivedAt time.Time
}

// Samples keeps what failed verification for people who look for the cause.
type Samples interface {
	// KeepRejected adds samples and removes the oldest ones of their accounts
	// beyond keep.
	KeepRejected(ctx context.Context, samples []Rejected, keep int) error
}
