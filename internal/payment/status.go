package payment

// Status is a payment's status.
type Status string

// The statuses of a payment. Unsent is never shown: every account that was
// tried is proven to have done nothing, and the order may be tried anew.
const (
	Processing Status = "processing"
	Pending    Status = "pending"
	Succeeded  Status = "succeeded"
	Failed     Status = "failed"
	Closed     Status = "closed"
	Unsent     Status = "unsent"
)

// AttemptStatus is an attempt's status.
type AttemptStatus string

// The statuses of an attempt.
const (
	AttemptDispatched   AttemptStatus = "dispatched"
	AttemptUnknown      AttemptStatus = "unknown"
	AttemptPending      AttemptStatus = "pending"
	AttemptSucceeded    AttemptStatus = "succeeded"
	AttemptDeclined     AttemptStatus = "declined"
	AttemptNotProcessed AttemptStatus = "not_processed"
	AttemptClosed       AttemptStatus = "closed"
	AttemptReversed     AttemptStatus = "reversed"
)

// RefundStatus is a refund's status.
type RefundStatus string

// The statuses of a refund.
const (
	RefundPending    RefundStatus = "pending"
	RefundProcessing RefundStatus = "processing"
	RefundSucceeded  RefundStatus = "succeeded"
	RefundFailed     RefundStatus = "failed"
)

// The transition tables: from each status, the statuses that it may move to.
// Nothing else moves a status; see move.go.
var (
	paymentTransitions = map[Status][]Status{
		Processing: {Pending, Succeeded, Failed, Closed, Unsent},
		Pending:    {Succeeded, Failed, Closed},
		Succeeded:  {},
		// Money that arrives after the end: accepted only by the merchant's policy.
		Failed: {Succeeded},
		Closed: {Succeeded},
		// Tried anew, or proven wrong by money that arrived all the same.
		Unsent: {Processing, Succeeded},
	}
	attemptTransitions = map[AttemptStatus][]AttemptStatus{
		AttemptDispatched: {
			AttemptPending, AttemptSucceeded, AttemptDeclined, AttemptNotProcessed,
			AttemptUnknown, AttemptClosed, AttemptReversed,
		},
		// Not processed is concluded only by the call that dialled, never later.
		AttemptUnknown:  {AttemptPending, AttemptSucceeded, AttemptDeclined, AttemptClosed, AttemptReversed},
		AttemptPending:  {AttemptSucceeded, AttemptDeclined, AttemptClosed, AttemptReversed},
		AttemptClosed:   {AttemptSucceeded, AttemptReversed},
		AttemptDeclined: {AttemptSucceeded},
		// A channel that took money which it had proven not to take.
		AttemptNotProcessed: {AttemptSucceeded},
		AttemptSucceeded:    {},
		AttemptReversed:     {},
	}
	refundTransitions = map[RefundStatus][]RefundStatus{
		RefundPending:    {RefundProcessing},
		RefundProcessing: {RefundPending, RefundSucceeded, RefundFailed},
		RefundSucceeded:  {},
		// A channel that paid out what it had refused.
		RefundFailed: {RefundSucceeded},
	}
)
