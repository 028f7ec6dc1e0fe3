package reconcile

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// Status is how far the reconciliation of an account's day is.
type Status string

// The statuses of a reconciliation.
const (
	// StatusPending: the bill is not there yet.
	StatusPending Status = "pending"
	// StatusBalanced: no discrepancy is open.
	StatusBalanced Status = "balanced"
	// StatusDifferences: discrepancies are open.
	StatusDifferences Status = "differences"
	// StatusFailed: the bill is broken or cannot be had; Failure says why.
	StatusFailed Status = "failed"
)

// Reconciliation is the result for one account and business day, in one
// version. Times are UTC, to the millisecond.
type Reconciliation struct {
	ID         string // "rec_" and a ULID
	Day        channels.Day
	MerchantID string
	Channel    string
	AccountID  string
	// Version counts results that differ, from 1.
	Version int
	Status  Status
	// Matched is how many rows of ours stand in the bill and agree with it.
	Matched int64
	// Carried is how many rows of ours near the end of the day wait for the next
	// day's bill; they stand in no total yet.
	Carried int64
	// Open, Repaired and Resolved count discrepancies by their status.
	Open, Repaired, Resolved int64
	Totals                   Totals
	// Bills names the originals that were read.
	Bills []Bill
	// Failure says for people why it is pending or failed, and what to do; of a
	// result that was matched, why the newest run could not match it again.
	Failure Message
	// ResultDigest is over everything that makes a result: runs with the same
	// digest are the same version.
	ResultDigest string
	CreatedAt    time.Time
	UpdatedAt    time.Time
	// FinishedAt is when the bill was matched last; zero while it was not.
	FinishedAt time.Time
}

// Totals is a day's sums on both sides.
type Totals struct {
	Currency money.Currency
	Ours     Side
	Theirs   Side
}

// Side is what one side's books say of a day. Sums are minor units and never
// negative, but for fees given back.
type Side struct {
	Payments, Refunds         int64
	PaymentMinor, RefundMinor int64
	FeeMinor                  int64
}

// NetMinor is what the account gains: payments less refunds less fees.
func (s Side) NetMinor() int64 { return s.PaymentMinor - s.RefundMinor - s.FeeMinor }

// AccountSummary is what an account's days add up to, as its bills say and as we
// do: gross, refunds, fees and net of both sides.
type AccountSummary struct {
	MerchantID string
	AccountID  string
	Channel    string
	Currency   money.Currency
	Ours       Side
	Theirs     Side
	// Status is the worst of the days: failed, then pending, then differences.
	Status Status
	// Days counts business days that were reconciled; Open counts discrepancies
	// that nobody has explained yet.
	Days int
	Open int64
}

// Bill is an original file that was fetched and kept.
type Bill struct {
	Kind channels.BillKind
	// Name is the channel's own name of the file.
	Name string
	// Digest is the lower-case hex SHA-256 of the original, by which it is kept;
	// empty: there was no business that day, so there is no file.
	Digest    string
	Size      int64
	Rows      int64
	FetchedAt time.Time
}

// Kind names a difference between the books.
type Kind string

// The kinds of the public API.
const (
	MissingAtChannel Kind = "missing_at_channel"
	MissingLocally   Kind = "missing_locally"
	AmountMismatch   Kind = "amount_mismatch"
	StatusMismatch   Kind = "status_mismatch"
	FeeMismatch      Kind = "fee_mismatch"
	DuplicatePayment Kind = "duplicate_payment"
	LateSuccess      Kind = "late_success"
)

// DiscrepancyStatus says whether somebody must still look at it.
type DiscrepancyStatus string

// The statuses of a discrepancy.
const (
	// Open: a person must act.
	Open DiscrepancyStatus = "open"
	// Repaired: settled by the gateway itself, with evidence.
	Repaired DiscrepancyStatus = "repaired"
	// Resolved: a person explained it.
	Resolved DiscrepancyStatus = "resolved"
)

// Discrepancy is a difference between our books and the channel's. It belongs
// to an account's day; its identity (account, subject, kind) outlives versions,
// so that what people did about it stays.
type Discrepancy struct {
	ID               string // "dis_" and a ULID
	ReconciliationID string
	Day              channels.Day
	MerchantID       string
	Channel          string
	AccountID        string
	Kind             Kind
	Status           DiscrepancyStatus
	// SubjectID is the attempt or refund, or for a row that is not ours the
	// channel's number (else the number in the file), prefixed by "bill:" and the
	// day.
	SubjectID string
	// Ours and Theirs are the two sides; nil where a side has nothing.
	Ours, Theirs *Entry
	// Detail says for people what is wrong.
	Detail Message
	// Evidence is what settled it: a query's answer, a transition.
	Evidence Message
	// Assignee is the staff member who looks into it; empty: nobody yet.
	Assignee string
	// ProposedBy and Resolution are a person's explanation; above the limit for
	// a single pair of eyes it waits, open, for ApprovedBy, who is another one.
	ProposedBy, ApprovedBy, Resolution string
	FoundAt, UpdatedAt, ResolvedAt     time.Time
	// Version is the compare-and-set counter of the row.
	Version int64
}

// Type is what the discrepancy is about; empty where neither side says, as
// those do that were found before there were types.
func (d Discrepancy) Type() StatementRowType {
	for _, e := range []*Entry{d.Ours, d.Theirs} {
		if e != nil && e.Type != "" {
			return e.Type
		}
	}
	return ""
}

// Entry is one side of a discrepancy.
type Entry struct {
	Type            StatementRowType `json:"type,omitempty"`
	PaymentID       string           `json:"payment_id,omitempty"`
	MerchantOrderNo string           `json:"merchant_order_no,omitempty"`
	AttemptID       string           `json:"attempt_id,omitempty"`
	RefundID        string           `json:"refund_id,omitempty"`
	ChannelTradeNo  string           `json:"channel_trade_no,omitempty"`
	ChannelRefundNo string           `json:"channel_refund_no,omitempty"`
	Amount          money.Amount     `json:"-"`
	FeeMinor        int64            `json:"-"`
	// Status is the side's own word for the state.
	Status string    `json:"status,omitempty"`
	At     time.Time `json:"-"`
}

// Comment is what a person wrote beside a discrepancy.
type Comment struct {
	ID            string
	DiscrepancyID string
	Author        string
	Text          string
	At            time.Time
}

// Statement is a merchant's file of one day, in one version. Both forms are
// kept by their digests.
type Statement struct {
	MerchantID string
	Day        channels.Day
	Version    int
	// CSVDigest and XLSXDigest are lower-case hex SHA-256 of the files.
	CSVDigest, XLSXDigest string
	CSVSize, XLSXSize     int64
	Rows                  int64
	CreatedAt             time.Time
}

// StatementRow is one payment or refund in a statement.
type StatementRow struct {
	// Type is payment or refund.
	Type            StatementRowType
	At              time.Time
	MerchantOrderNo string
	// MerchantRefundNo is empty for payments and for refunds that the gateway started.
	MerchantRefundNo string
	PaymentID        string
	// Number is the attempt's or the refund's id: what the channel sees.
	Number        string
	Channel       string
	AccountID     string
	ChannelNumber string
	Subject       string
	Scene         string
	Status        string
	// Amount is negative for refunds; FeeMinor is what the channel takes by the
	// contracted rate, negative where it is given back.
	AmountMinor int64
	FeeMinor    int64
	Currency    money.Currency
	// Result is "matched", "pending" (the bill is not there, or the row waits for
	// the next day's), or the kind of its discrepancy.
	Result string
	// Remark says more for people; nil: nothing.
	Remark Message
}

// NetMinor is what the row adds to the account.
func (r StatementRow) NetMinor() int64 { return r.AmountMinor - r.FeeMinor }

// StatementRowType says what a row of a statement, or a side of a discrepancy,
// is.
type StatementRowType string

// The types of rows.
const (
	RowPayment StatementRowType = "payment"
	RowRefund  StatementRowType = "refund"
)
