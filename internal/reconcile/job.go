package reconcile

import "github.com/paymux/paymux/channels"

// Job is one account's business day to reconcile.
type Job struct {
	AccountID string
	Day       channels.Day
	// DeferStatement leaves the merchant's statement to a call of WriteStatement
	// once all of the merchant's accounts are done.
	DeferStatement bool
	// Progress is told how far the run is, from the run's own goroutine; nil:
	// nobody. It must return quickly.
	Progress func(Progress)
}

// Step is a part of a run.
type Step string

// The steps of a run, in their order.
const (
	StepWait      Step = "wait"      // another process works on the day
	StepFetch     Step = "fetch"     // the original comes from the channel
	StepRead      Step = "read"      // its rows are read and checked
	StepLocal     Step = "local"     // our own rows are read
	StepMatch     Step = "match"     // both are held against each other
	StepRepair    Step = "repair"    // differences are asked about at the channel
	StepStatement Step = "statement" // the merchant's files are written
	StepDone      Step = "done"
)

// Progress is how far a run is.
type Progress struct {
	Step Step
	// Done counts what the step has done so far: bytes fetched, else rows.
	Done int64
	// Total is what Done will reach; 0: not known.
	Total int64
}
