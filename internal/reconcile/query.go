package reconcile

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/paymux/paymux/channels"
)

// ListFilter selects a page of reconciliations, newest day first, then by
// account and newest version first. Empty fields select everything.
type ListFilter struct {
	MerchantID string
	AccountID  string
	Channel    string
	// Day is one day; From and To are a range, both included.
	Day      channels.Day
	From, To channels.Day
	// AllVersions lists old versions too, not only each day's newest.
	AllVersions bool
	Status      Status
	// After is the last item of the page before.
	After *Reconciliation
	// Limit is the page's size, 1 to 1000; 0: 100.
	Limit int
}

// DiscrepancyFilter selects a page of discrepancies, newest found first. Empty
// fields select everything.
type DiscrepancyFilter struct {
	MerchantID string
	// ReconciliationID selects what that version of a day found.
	ReconciliationID string
	AccountID        string
	Day              channels.Day
	From, To         channels.Day
	Kind             Kind
	Status           DiscrepancyStatus
	Assignee         string
	// BeforeTime and BeforeID are FoundAt and ID of the last item of the page
	// before.
	BeforeTime time.Time
	BeforeID   string
	// Limit is the page's size, 1 to 1000; 0: 100.
	Limit int
}

// File is an archived file: a reader with random access to its bytes.
type File interface {
	io.ReaderAt
	io.ReadSeekCloser
}

// Account is what reconciliation knows of a merchant's account at a channel.
type Account struct {
	ID           string
	MerchantID   string
	MerchantName string
	Channel      string
	Enabled      bool
	// FeeRatePPM is the contracted fee in millionths of the amount.
	FeeRatePPM int64
	CreatedAt  time.Time
}

var errUnbuilt = errors.New("not built")

// Accounts lists a merchant's accounts, enabled or not, oldest first; every
// merchant's for an empty id.
func (s *Service) Accounts(ctx context.Context, merchantID string) ([]Account, error) {
	return nil, errUnbuilt
}

// List lists reconciliations.
func (s *Service) List(ctx context.Context, f ListFilter) ([]Reconciliation, error) {
	return nil, errUnbuilt
}

// Get reads a reconciliation of a merchant, of any for an empty merchant id;
// payment.ErrNotFound.
func (s *Service) Get(ctx context.Context, merchantID, id string) (Reconciliation, error) {
	return Reconciliation{}, errUnbuilt
}

// Discrepancies lists discrepancies.
func (s *Service) Discrepancies(ctx context.Context, f DiscrepancyFilter) ([]Discrepancy, error) {
	return nil, errUnbuilt
}

// Discrepancy reads a discrepancy with its comments, oldest first;
// payment.ErrNotFound.
func (s *Service) Discrepancy(ctx context.Context, merchantID, id string) (Discrepancy, []Comment, error) {
	return Discrepancy{}, nil, errUnbuilt
}

// Statements lists the versions of a merchant's statement of a day, newest first.
func (s *Service) Statements(ctx context.Context, merchantID string, day channels.Day) ([]Statement, error) {
	return nil, errUnbuilt
}

// Statement reads one version of a statement; version 0 is the newest.
// payment.ErrNotFound.
func (s *Service) Statement(ctx context.Context, merchantID string, day channels.Day, version int) (Statement, error) {
	return Statement{}, errUnbuilt
}

// StatementRows gives the rows of a merchant's day as they are now, ordered by
// time and number, one by one. An error of each ends it and is returned.
func (s *Service) StatementRows(ctx context.Context, merchantID string, day channels.Day, each func(StatementRow) error) error {
	return errUnbuilt
}

// SettlementSummary adds up the days from and to, both included, for each of a
// merchant's accounts ("" = every merchant's).
func (s *Service) SettlementSummary(ctx context.Context, merchantID string, from, to channels.Day) ([]AccountSummary, error) {
	return nil, errUnbuilt
}

// OpenFile opens an archived file by its digest and gives its size in bytes;
// payment.ErrNotFound. The caller closes it.
func (s *Service) OpenFile(ctx context.Context, digest string) (File, int64, error) {
	return nil, 0, errUnbuilt
}
