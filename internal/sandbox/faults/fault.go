package faults

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Operation is what a call to a channel is about.
type Operation string

// The operations.
const (
	Pay         Operation = "pay"
	Query       Operation = "query"
	Close       Operation = "close"
	Cancel      Operation = "cancel"
	Refund      Operation = "refund"
	RefundQuery Operation = "refund_query"
	Bill        Operation = "bill"
)

// Operations lists all of them.
func Operations() []Operation {
	return []Operation{Pay, Query, Close, Cancel, Refund, RefundQuery, Bill}
}

// Kind is what goes wrong.
type Kind string

// The kinds. "Done" means that the channel's books have changed.
const (
	RefuseConnection Kind = "refuse_connection" // the channel's own listener is closed
	RateLimited      Kind = "rate_limited"      // the channel's documented refusal, nothing done
	HangBefore       Kind = "hang_before"       // nothing done, no answer
	HangAfter        Kind = "hang_after"        // done, no answer
	ResetAfter       Kind = "reset_after"       // done, then the connection is reset
	HTTP500          Kind = "http_500"          // an answer of the channel's web server
	HTML502          Kind = "html_502"          // an answer of a proxy before the channel
	SystemError      Kind = "system_error"      // the channel's own "busy"
	Decline          Kind = "decline"           // the channel's final no
	BadSignature     Kind = "bad_signature"     // done, the answer's signature is wrong
	Unsigned         Kind = "unsigned"          // done, the answer has no signature
	Stale            Kind = "stale"             // done, the answer is an earlier one, rightly signed
	WrongAmount      Kind = "wrong_amount"      // done, the answer names another amount
	WrongID          Kind = "wrong_id"          // done, the answer names another order
	Slow             Kind = "slow"              // done and answered, late
	EscapedSlashes   Kind = "escaped_slashes"   // done, the answer writes every slash as \/, in its signature too
	RefundAbnormal   Kind = "refund_abnormal"   // taken in, then the money can't be returned
)

// Kinds lists all of them.
func Kinds() []Kind {
	return []Kind{
		RefuseConnection, RateLimited, HangBefore, HangAfter, ResetAfter, HTTP500, HTML502, SystemError, Decline,
		BadSignature, Unsigned, Stale, WrongAmount, WrongID, Slow, EscapedSlashes, RefundAbnormal,
	}
}

// Effect says whether a call that fails has been done.
type Effect string

// The effects. Where a kind leaves the choice, EffectBefore is the default.
const (
	EffectBefore Effect = "before" // nothing was done
	EffectAfter  Effect = "after"  // it was done
)

// DefaultDelay is how long a Slow answer takes where the fault doesn't say.
const DefaultDelay = time.Second

// MaxDelay bounds a fault's delay.
const MaxDelay = 10 * time.Minute

// Fault is one thing to go wrong, in the control API's form.
type Fault struct {
	ID        int       `json:"id"`
	Channel   string    `json:"channel,omitempty"`   // empty: every channel
	Operation Operation `json:"operation,omitempty"` // empty: every operation
	Kind      Kind      `json:"kind"`
	Count     *int      `json:"count,omitempty"` // calls still to strike; nil: until deleted
	Rate      *float64  `json:"rate,omitempty"`  // share of calls struck, 0 to 1; nil: all
	DelayMS   int64     `json:"delay_ms,omitempty"`
	Effect    Effect    `json:"effect,omitempty"`
	Note      string    `json:"note,omitempty"` // what the caller should know
}

// Delay is how long the fault holds an answer back.
func (f *Fault) Delay() time.Duration {
	if f.DelayMS == 0 && f.Kind == Slow {
		return DefaultDelay
	}
	return time.Duration(f.DelayMS) * time.Millisecond
}

// EffectAfter reports whether the call is to be done before the fault shows.
func (f *Fault) EffectAfter() bool { return f.Effect == EffectAfter }

// Validate says all that is wrong with a fault taken by itself.
func (f *Fault) Validate() error {
	var errs []error
	bad := func(when bool, format string, args ...any) {
		if when {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(!slices.Contains(Kinds(), f.Kind), "kind %q is none of %v", f.Kind, Kinds())
	bad(f.Operation != "" && !slices.Contains(Operations(), f.Operation), "operation %q is none of %v", f.Operation, Operations())
	bad(f.Count != nil && *f.Count < 1, "count must be 1 or more; leave it out for a fault that lasts until it is deleted")
	bad(f.Rate != nil && (*f.Rate < 0 || *f.Rate > 1), "rate must be between 0 and 1")
	bad(f.DelayMS < 0 || f.DelayMS > MaxDelay.Milliseconds(), "delay_ms must be between 0 and %d", MaxDelay.Milliseconds())
	bad(f.Effect != "" && f.Effect != EffectBefore && f.Effect != EffectAfter, `effect must be "before" or "after"`)
	bad(f.Effect != "" && !takesEffect(f.Kind), "effect belongs to system_error, http_500 and html_502, not to %s", f.Kind)
	return errors.Join(errs...)
}

func takesEffect(k Kind) bool { return k == SystemError || k == HTTP500 || k == HTML502 }
