package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// IDPrefix begins the ids of entries; 26 letters and digits, ordered by time,
// follow it.
const IDPrefix = "aud_"

// The longest texts of an entry, in bytes.
const (
	MaxActor   = 255
	MaxAction  = 64
	MaxSubject = 255
	MaxDetail  = 16_000
)

// Entry is one act of a person.
type Entry struct {
	ID string // IDPrefix and a ULID
	At time.Time
	// Actor is who did it: a console user's name, or "cli:" and the user of the
	// operating system.
	Actor string
	// Action is a word of two parts, such as "discrepancy.resolve".
	Action string
	// MerchantID is whose business it was; empty: the installation's.
	MerchantID string
	// Subject is the id of what it was done to; empty: nothing in particular.
	Subject string
	// Detail is a JSON object of what matters, without secrets; empty: nothing.
	Detail string
}

// Check refuses an entry that says too little to be one, or too much to be
// kept whole: a trail that clips or guesses is none.
func (e Entry) Check() error {
	switch {
	case len(e.ID) <= len(IDPrefix) || e.ID[:len(IDPrefix)] != IDPrefix:
		return fmt.Errorf("audit entry %q: its id must begin with %s", e.ID, IDPrefix)
	case e.At.IsZero():
		return errors.New("audit entry without a time")
	case e.Actor == "" || e.Action == "":
		return errors.New("audit entry must say who did what")
	case len(e.Actor) > MaxActor:
		return fmt.Errorf("the name of who did it is longer than %d bytes", MaxActor)
	case len(e.Action) > MaxAction || len(e.Subject) > MaxSubject || len(e.MerchantID) > MaxAction:
		return errors.New("audit entry: a name is too long")
	case len(e.Detail) > MaxDetail:
		return fmt.Errorf("what the audit trail is to keep of it is longer than %d bytes; say it shorter", MaxDetail)
	case e.Detail != "" && !json.Valid([]byte(e.Detail)):
		return errors.New("audit entry: detail is no JSON")
	}
	return nil
}

// Filter selects a page of entries, newest first.
type Filter struct {
	// MerchantID, Actor, Action and Subject must be equal where they are not empty.
	MerchantID, Actor, Action, Subject string
	// BeforeTime and BeforeID are the last item of the page before.
	BeforeTime time.Time
	BeforeID   string
	Limit      int
}
