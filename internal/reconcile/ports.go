package reconcile

import (
	"context"
	"io"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
)

// Movement is money that moved by our books: a paid attempt or a refund.
type Movement struct {
	Refund bool
	// ID is the attempt's or refund's; AttemptID is the attempt's in both cases.
	ID, AttemptID string
	// Number is the channel's own number of it; empty: not known.
	Number string
	Status string
	Amount money.Amount
	// OrderMinor is the attempt's amount, BeforeMinor the sum of its refunds that
	// were sent before this one and have not failed.
	OrderMinor, BeforeMinor int64
	// At is when the money moved, or for a refund, where the channel's bills go
	// by it, when it was sent; zero: it did not.
	At time.Time
	// Own: the channel has never seen the refund's ID, because the refund books
	// what the channel did by itself (a reversal).
	Own bool
}

// Place is where a page of movements begins: behind this one.
type Place struct {
	At time.Time
	ID string
}

// Books reads our payments and refunds as they are committed.
type Books interface {
	// PaidAttempts lists attempts of an account that were paid (or paid and
	// reversed) from from on and before to, by time and id, behind after.
	PaidAttempts(ctx context.Context, accountID string, from, to time.Time, after Place, limit int) ([]Movement, error)
	// DoneRefunds is the same for refunds that succeeded; bySent: by the time at
	// which they were sent.
	DoneRefunds(ctx context.Context, accountID string, bySent bool, from, to time.Time, after Place, limit int) ([]Movement, error)
	// DoubtfulRefunds lists refunds that were sent in the time and are not settled.
	DoubtfulRefunds(ctx context.Context, accountID string, from, to time.Time, after Place, limit int) ([]Movement, error)
	// MovementsByID reads attempts and refunds of an account, whatever their
	// status; those that are not there are left out.
	MovementsByID(ctx context.Context, accountID string, bySent bool, attempts, refunds []string) ([]Movement, error)
	// ReturnsOf lists the refunds that book what the channel gave back by itself
	// of attempts of an account.
	ReturnsOf(ctx context.Context, accountID string, bySent bool, attempts []string) ([]Movement, error)
	// Describe gives the merchant's numbers of attempts and refunds, by their ids.
	Describe(ctx context.Context, attempts, refunds []string) (map[string]Description, error)
	// CoreFindings lists what the core found by itself on an account in a time.
	CoreFindings(ctx context.Context, accountID string, from, to time.Time, limit int) ([]CoreFinding, error)
	// StatementPage lists the rows of an account's statement in a time.
	StatementPage(ctx context.Context, q StatementQuery) ([]StatementLine, error)
	// StatementByID reads the rows of single attempts and refunds of an account.
	StatementByID(ctx context.Context, accountID string, bySent bool, attempts, refunds []string) ([]StatementLine, error)
}

// StatementLine is a statement's row with what its fee is computed from.
type StatementLine struct {
	StatementRow
	// OrderMinor and BeforeMinor are those of [Movement].
	OrderMinor, BeforeMinor int64
}

// Description is what people know a movement by.
type Description struct {
	PaymentID, AttemptID, RefundID string
	MerchantOrderNo                string
	ChannelTradeNo                 string
	ChannelRefundNo                string
}

// CoreFinding is a discrepancy that the core recorded, with what became of it.
type CoreFinding struct {
	payment.Discrepancy
	// Accepted: the merchant's policy took the money as the payment's. RefundedBy
	// is the refund that gave it back; empty: none yet.
	Accepted   bool
	RefundedBy string
}

// StatementQuery selects a page of one account's statement rows by time and
// number.
type StatementQuery struct {
	AccountID string
	Refunds   bool
	// BySent takes a refund's time of sending.
	BySent   bool
	From, To time.Time
	After    Place
	Limit    int
}

// DayKey names an account's business day.
type DayKey struct {
	AccountID string
	Day       channels.Day
}

// DayLease is the right to work on an account's day. Fence grows with each
// lease; what is written under an older one is refused with ErrBusy.
type DayLease struct {
	DayKey
	Fence int64
	// Scheduled: the schedule had the day due, or will.
	Scheduled bool
	// DueAt is when the day was due as it was leased: where it is another by the
	// end, something was booked on the day meanwhile.
	DueAt time.Time
	// Tries is how often in a row the bill was not there.
	Tries int
	// LateAt is when the alarm was raised; zero: not yet.
	LateAt time.Time
}

// PlannedDay is a day whose bill should be there.
type PlannedDay struct {
	DayKey
	MerchantID, Channel string
	TryAt               time.Time
}

// DayState is how far an account's day is, for schedules and statements.
type DayState struct {
	DayKey
	MerchantID, Channel string
	FinishedAt          time.Time
	NextTryAt           time.Time
	Leased, Waiting     bool
	// StatementDue is how often the statement became due since it was written;
	// zero: it has everything.
	StatementDue int64
	LateAt       time.Time
	// Fence and Owner are of the newest lease; one that ended has no owner.
	// While both stay, no run has written a result.
	Fence int64
	Owner string
}

// Days is the schedule: who works on which account's day, and when.
type Days interface {
	// PlanDays takes up days that the schedule has not taken up yet.
	PlanDays(ctx context.Context, days []PlannedDay) (taken int, err error)
	// ClaimDays leases days whose time has come to owner.
	ClaimDays(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]DayLease, error)
	// AcquireDay leases one day, due or not, and makes it where it is not there;
	// ErrBusy while another holds it. Until the run ends it is due, from now on.
	AcquireDay(ctx context.Context, a Account, day channels.Day, owner string, now time.Time, lease time.Duration) (DayLease, error)
	// RenewDay keeps a lease that has not ended; ErrBusy when it is lost.
	RenewDay(ctx context.Context, l DayLease, lease time.Duration) error
	// ReleaseDay ends a lease without a result; a day that is in the schedule is
	// tried again at next. A lease that ended is left as it is.
	ReleaseDay(ctx context.Context, l DayLease, next time.Time) error
	// DayStates lists the known days of a merchant's accounts ("" = all), from
	// and to included.
	DayStates(ctx context.Context, merchantID string, from, to channels.Day) ([]DayState, error)
	// DueStatements lists merchants' days, behind after, whose statement is older
	// than the result and on which no account is being worked on or due at now,
	// and no explanation is younger than quiet.
	DueStatements(ctx context.Context, now, quiet time.Time, after MerchantDay, limit int) ([]MerchantDay, error)
	// LateDays counts the days whose alarm was raised and that are not closed, by
	// account: those too that are not tried any more.
	LateDays(ctx context.Context) (map[string]int, error)
}

// MerchantDay names a merchant's business day.
type MerchantDay struct {
	MerchantID string
	Day        channels.Day
}

// PoolRow is a movement of ours whose own day and whose bill's day are two.
type PoolRow struct {
	SubjectID string
	Refund    bool
	// Home is the day on which it moved by our books; Bill is the day in whose
	// bill it stands, zero while the next day's bill is still to decide.
	Home, Bill channels.Day
}

// Neighbours is what a day's run builds on besides its bill and our books.
type Neighbours struct {
	// BeforeFinished: a bill of the day before was matched.
	BeforeFinished bool
	// Pool has the pool's rows whose own day, or whose bill's day, is this one or
	// the day before, by subject.
	Pool []PoolRow
}

// Outcome is everything that a run writes at its end, in one transaction.
type Outcome struct {
	Lease DayLease
	// Reconciliation replaces the row with its ID, or is a new version; Newest
	// says that it is the day's newest.
	Reconciliation Reconciliation
	// Gone are discrepancies of the version before that are not found any more.
	Gone []Gone
	// Pool is what the day leaves in the pool, instead of what it left before.
	Pool []PoolRow
	// Settled are subjects that another day called missing and this bill has.
	Settled []Gone
	// Seen is what a run that matched a bill built on: where it is another by now,
	// because a neighbouring day ended meanwhile, the day is due again at once.
	Seen Neighbours
	// Wake are other days of the account that are due again, if they were matched.
	Wake []Wake
	// NextTry is when the day is tried again; zero: not by itself.
	NextTry time.Time
	Tries   int
	LateAt  time.Time
	// Finished: a bill was matched. Waiting: rows wait for the day before.
	Finished, Waiting bool
	// Planned: the schedule need not take the day up any more.
	Planned bool
	// StatementDue: the merchant's statement must be written anew.
	StatementDue bool
}

// Wake makes a day due again that builds on what another day changed.
type Wake struct {
	Day channels.Day
	At  time.Time
	// OnlyWaiting: only if its rows wait for the other day.
	OnlyWaiting bool
}

// Gone is a discrepancy that settled itself.
type Gone struct {
	// ID is the discrepancy's; or, where it is empty, SubjectID and Kind are.
	ID        string
	SubjectID string
	Kind      Kind
	Evidence  Message
	At        time.Time
}

// Results keeps reconciliations and their discrepancies.
type Results interface {
	// Newest reads the newest version of an account's day; payment.ErrNotFound.
	Newest(ctx context.Context, key DayKey) (Reconciliation, error)
	// ReconciliationByID; merchantID "" = any.
	ReconciliationByID(ctx context.Context, merchantID, id string) (Reconciliation, error)
	ListReconciliations(ctx context.Context, f ListFilter) ([]Reconciliation, error)
	// SaveDiscrepancies writes discrepancies of a version under a lease. One that
	// is known by account, subject and kind keeps its id and what people did:
	// a resolved one stays resolved while both sides are as they were.
	SaveDiscrepancies(ctx context.Context, l DayLease, reconciliationID string, list []Discrepancy) error
	// CountDiscrepancies counts what a version found, by status.
	CountDiscrepancies(ctx context.Context, reconciliationID string) (open, repaired, resolved int64, err error)
	// Finish writes the outcome; ErrBusy when the lease is lost.
	Finish(ctx context.Context, o Outcome) error
	ListDiscrepancies(ctx context.Context, f DiscrepancyFilter) ([]Discrepancy, error)
	DiscrepancyByID(ctx context.Context, merchantID, id string) (Discrepancy, error)
	CommentsOf(ctx context.Context, discrepancyID string) ([]Comment, error)
	// Neighbours reads what a day's run builds on.
	Neighbours(ctx context.Context, key DayKey) (Neighbours, error)
	// Pool lists the pool's rows whose own day, or whose bill's day, is one of
	// the days.
	Pool(ctx context.Context, accountID string, days ...channels.Day) ([]PoolRow, error)
	// PoolOf lists the pool's rows of some movements.
	PoolOf(ctx context.Context, accountID string, subjects []string) ([]PoolRow, error)
	// Staff runs what a person does in one transaction.
	Staff(ctx context.Context, fn func(StaffTx) error) error
	// SummariesOf adds up the newest versions of days by account.
	SummariesOf(ctx context.Context, merchantID string, from, to channels.Day) ([]AccountSummary, error)
}

// StaffTx is a transaction of what a person does.
type StaffTx interface {
	Discrepancy(ctx context.Context, merchantID, id string) (Discrepancy, error)
	// UpdateDiscrepancy writes what people may change where Version is as read,
	// and counts it up (in *d too); else payment.ErrStale. The counts and status
	// of its reconciliation follow.
	UpdateDiscrepancy(ctx context.Context, d *Discrepancy) error
	// StatementIsDue has the statement of a day written anew.
	StatementIsDue(ctx context.Context, key DayKey) error
	InsertComment(ctx context.Context, c Comment) error
	InsertAudit(ctx context.Context, e audit.Entry) error
}

// Statements keeps the versions of merchants' files.
type Statements interface {
	StatementsOf(ctx context.Context, merchantID string, day channels.Day) ([]StoredStatement, error)
	// SaveStatement writes a version with its event (nil: none) in one
	// transaction and clears the mark as ClearStatementDue does;
	// payment.ErrDuplicate when the version exists.
	SaveStatement(ctx context.Context, s StoredStatement, e *payment.Event, read []DayState) error
	// ClearStatementDue says that the newest version holds: it clears the
	// StatementDue mark of the days that are still as they were read before what
	// the statement says was.
	ClearStatementDue(ctx context.Context, read []DayState) error
}

// StoredStatement is a statement with the digest of what it says.
type StoredStatement struct {
	Statement
	RowsDigest string
}

// FileClass says how long a file is kept.
type FileClass string

// The classes of archived files.
const (
	ClassBill      FileClass = "bill"
	ClassStatement FileClass = "statement"
)

// FileMeta describes an archived file.
type FileMeta struct {
	// Digest is the lower-case hex SHA-256 of the bytes.
	Digest      string
	Class       FileClass
	Name        string
	ContentType string
	Size        int64
	// ChunkSize is how the bytes are cut; the last piece may be shorter.
	ChunkSize int64
	StoredAt  time.Time
}

// Archive keeps files by the digest of their bytes, cut into pieces.
type Archive interface {
	// BeginFile announces a file; true when it is there already, whole. Then it
	// counts as stored anew.
	BeginFile(ctx context.Context, m FileMeta) (there bool, err error)
	PutChunk(ctx context.Context, digest string, number int64, data []byte) error
	CompleteFile(ctx context.Context, digest string, at time.Time) error
	// FileByDigest finds a whole file; payment.ErrNotFound.
	FileByDigest(ctx context.Context, digest string) (FileMeta, error)
	Chunk(ctx context.Context, digest string, number int64) ([]byte, error)
	// RemoveFiles removes at most limit files of a class that were stored before
	// a time, whole or not.
	RemoveFiles(ctx context.Context, class FileClass, before time.Time, limit int) (int, error)
}

// Store is the database as this package needs it.
type Store interface {
	Books
	Days
	Results
	Statements
	Archive
}

// Directory is what merchants have at channels.
type Directory interface {
	// AccountsOf lists a merchant's accounts, oldest first, disabled ones too;
	// every merchant's for an empty id.
	AccountsOf(ctx context.Context, merchantID string) ([]Account, error)
	// AccountByID; payment.ErrNotFound.
	AccountByID(ctx context.Context, id string) (Account, error)
	// Bills opens an account's source of bills, and tells whether the channel
	// documents that a refund may be sent again under its number; ErrNoBills.
	Bills(ctx context.Context, accountID string) (source channels.BillSource, refundRepeatable bool, err error)
	// Merchant gives a merchant's name and where its webhooks go.
	Merchant(ctx context.Context, id string) (name, notifyURL string, err error)
}

// Core settles attempts and refunds through the same transitions as ever.
type Core interface {
	// AskAttempt and AskRefund ask the channel now and apply its answer.
	AskAttempt(ctx context.Context, attemptID, actor string) (*payment.Attempt, error)
	AskRefund(ctx context.Context, refundID, actor string) (*payment.Refund, error)
	// SettleRefund settles a refund in doubt by evidence from the channel's file.
	SettleRefund(ctx context.Context, e payment.RefundEvidence) (*payment.Refund, error)
}

// StatementInput is what a statement's file is made of. Rows and Discrepancies
// may be gone through several times.
type StatementInput struct {
	MerchantID, MerchantName string
	Day                      channels.Day
	Version                  int
	Rows                     func(each func(StatementRow) error) error
	Accounts                 []AccountSummary
	Discrepancies            func(each func(Discrepancy) error) error
	// Language is "zh" or "en"; empty: Chinese.
	Language string
}

// StatementWriter writes a file. The same input gives the same bytes.
type StatementWriter func(w io.Writer, in StatementInput) (rows int64, err error)
