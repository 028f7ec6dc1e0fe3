package channels

import (
	"errors"
	"fmt"
)

// Outcome says what a failed call means for the money. Its zero value is
// Unknown, so that what nobody classified is never taken for a failure.
type Outcome int

// The outcomes of a call that did not simply succeed.
const (
	// Unknown: a byte left and no authoritative answer came. Money may have moved.
	Unknown Outcome = iota
	// Declined: the channel said no, finally. No money moved.
	Declined
	// NotProcessed: proven without effect. The dial or the TLS handshake
	// failed, the breaker was open, or the channel documents this refusal as
	// "not executed" (a rate limit).
	NotProcessed
	// Misconfigured: our key, certificate, permission or parameter is wrong;
	// nothing was executed. The account needs a person.
	Misconfigured
	// BadSignature: an answer or a notification that failed verification. For
	// an answer it counts as Unknown, for a notification as "nobody said it".
	BadSignature
)

var outcomeNames = [...]string{"unknown", "declined", "not_processed", "misconfigured", "bad_signature"}

// String is the outcome's name as logs and metrics show it.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return outcomeNames[Unknown]
	}
	return outcomeNames[o]
}

// WithoutEffect tells whether it is proven that no money moved and none will.
func (o Outcome) WithoutEffect() bool {
	return o == Declined || o == NotProcessed || o == Misconfigured
}

// Operation is a kind of call to a channel.
type Operation string

// The operations, as logs, metrics and breakers name them.
const (
	OpPay         Operation = "pay"
	OpQuery       Operation = "query"
	OpClose       Operation = "close"
	OpReverse     Operation = "reverse"
	OpRefund      Operation = "refund"
	OpRefundQuery Operation = "refund_query"
	OpBill        Operation = "bill"
)

// Error is the one error type that an adapter returns from a call.
type Error struct {
	Outcome Outcome
	Channel string
	Op      Operation
	// Code and Message are the channel's own words, cut to a sane length and
	// free of secrets; empty where no answer came.
	Code    string
	Message string
	Err     error
}

// Error is for logs: it names the call, the outcome and the channel's code.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s: %s", e.Channel, e.Op, e.Outcome)
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// OutcomeOf is the outcome of any error of a channel call: Unknown for errors
// that are no *Error.
func OutcomeOf(err error) Outcome {
	var e *Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return Unknown
}
