package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// ErrBusy says that another process reconciles the same account and day now.
var ErrBusy = errors.New("this account's day is being reconciled by another process; try again when it is done")

// ErrNoBills says that an account's channel publishes no bills.
var ErrNoBills = errors.New("the account's channel publishes no bills that this version reads")

// actor is who asks and settles on behalf of a run.
const actor = "reconciliation"

// Config holds the limits of reconciliation. All must be positive, but for
// KeepOriginals, SecondEyesAbove and StatementLanguage.
type Config struct {
	// RetryLadder is how long after each try at a bill that is not there the
	// next one follows; the last step repeats.
	RetryLadder []time.Duration
	// DueMargin is added to the moment at which a bill is due by the channel's
	// documentation.
	DueMargin time.Duration
	// LateAfter is how long after it was due a missing bill is an alarm.
	LateAfter time.Duration
	// EdgeMargin is how near to a day's end a row of ours may stand in the next
	// day's bill instead.
	EdgeMargin time.Duration
	// CatchUpDays is how many days back missed days are made good.
	CatchUpDays int
	// FetchTimeout bounds fetching one file.
	FetchTimeout time.Duration
	// MaxBillBytes bounds an original file.
	MaxBillBytes int64
	// MaxDifferences bounds the rows of either side without a counterpart; above
	// it the bill is taken for another account's.
	MaxDifferences int
	// MaxRepairs bounds the questions to the channel in one run.
	MaxRepairs int
	// KeepOriginals is how long fetched bills are kept; 0: for ever.
	KeepOriginals time.Duration
	// SpillDir is where rows are sorted into files that are removed at once;
	// empty: the system's folder for temporary files.
	SpillDir string
	// SecondEyesAbove is the amount in minor units above which a second person
	// must approve a resolution; 0: always.
	SecondEyesAbove int64
	// StatementQuiet is how long after the last explanation of a discrepancy the
	// schedule writes the day's statement anew.
	StatementQuiet time.Duration
	// StatementLanguage is zh or en; empty: Chinese.
	StatementLanguage string
	// Lease is how long a day belongs to a process that does not say it lives.
	Lease time.Duration
	// BusyWait is how long Run waits for another process that works on the day.
	BusyWait time.Duration
	// Poll is how often due days are looked for, Concurrency how many are worked
	// on at a time.
	Poll        time.Duration
	Concurrency int
}

// Deps are what reconciliation needs from outside; all are required.
type Deps struct {
	Store     Store
	Directory Directory
	Core      Core
	// WriteCSV and WriteXLSX write a merchant's statement.
	WriteCSV, WriteXLSX StatementWriter
	// NewID makes 26 letters and digits, ordered by time.
	NewID func() string
	Now   func() time.Time
	// Owner names this process in leases.
	Owner  string
	Logger *slog.Logger
	// Wake is told when an event was written; it must not block.
	Wake func()
	// Sleep waits, or ends with ctx.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Service is the use cases of reconciliation. It is safe for concurrent use.
type Service struct {
	cfg Config
	Deps
}

// New makes the service.
func New(cfg Config, deps Deps) *Service { return &Service{cfg: cfg, Deps: deps} }

// now is the clock at the precision that is stored.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
