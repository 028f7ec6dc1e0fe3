package reconcile

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
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
	// Proposed selects what waits for a second person: open, with an explanation
	// that somebody proposed; of an old version, what waited then.
	Proposed bool
	Assignee string
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

// Accounts lists a merchant's accounts, enabled or not, oldest first; every
// merchant's for an empty id.
func (s *Service) Accounts(ctx context.Context, merchantID string) ([]Account, error) {
	list, err := s.Directory.AccountsOf(ctx, merchantID)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return list, nil
}

// List lists reconciliations.
func (s *Service) List(ctx context.Context, f ListFilter) ([]Reconciliation, error) {
	f.Limit = pageLimit(f.Limit)
	return s.Store.ListReconciliations(ctx, f)
}

// Get reads a reconciliation of a merchant, of any for an empty merchant id;
// payment.ErrNotFound.
func (s *Service) Get(ctx context.Context, merchantID, id string) (Reconciliation, error) {
	return s.Store.ReconciliationByID(ctx, merchantID, id)
}

// Discrepancies lists discrepancies.
func (s *Service) Discrepancies(ctx context.Context, f DiscrepancyFilter) ([]Discrepancy, error) {
	f.Limit = pageLimit(f.Limit)
	return s.Store.ListDiscrepancies(ctx, f)
}

// Discrepancy reads a discrepancy with its comments, oldest first;
// payment.ErrNotFound.
func (s *Service) Discrepancy(ctx context.Context, merchantID, id string) (Discrepancy, []Comment, error) {
	d, err := s.Store.DiscrepancyByID(ctx, merchantID, id)
	if err != nil {
		return Discrepancy{}, nil, err
	}
	comments, err := s.Store.CommentsOf(ctx, id)
	return d, comments, err
}

// Statements lists the versions of a merchant's statement of a day, newest first.
func (s *Service) Statements(ctx context.Context, merchantID string, day channels.Day) ([]Statement, error) {
	stored, err := s.Store.StatementsOf(ctx, merchantID, day)
	if err != nil {
		return nil, err
	}
	list := make([]Statement, len(stored))
	for i, st := range stored {
		list[i] = st.Statement
	}
	return list, nil
}

// Statement reads one version of a statement; version 0 is the newest.
// payment.ErrNotFound.
func (s *Service) Statement(ctx context.Context, merchantID string, day channels.Day, version int) (Statement, error) {
	list, err := s.Statements(ctx, merchantID, day)
	if err != nil {
		return Statement{}, err
	}
	for _, st := range list {
		if version == 0 || st.Version == version {
			return st, nil
		}
	}
	return Statement{}, fmt.Errorf("statement of %s, version %d: %w", day, version, payment.ErrNotFound)
}

// SettlementSummary adds up the days from and to, both included, for each of a
// merchant's accounts ("" = every merchant's).
func (s *Service) SettlementSummary(ctx context.Context, merchantID string, from, to channels.Day) ([]AccountSummary, error) {
	return s.Store.SummariesOf(ctx, merchantID, from, to)
}

// maxPage and defaultPage bound a page of a list.
const maxPage, defaultPage = 1000, 100

func pageLimit(n int) int {
	if n <= 0 {
		return defaultPage
	}
	return min(n, maxPage)
}
