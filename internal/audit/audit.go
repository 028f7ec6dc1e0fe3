package audit

import "time"

// Entry is one act of a person.
type Entry struct {
	ID string // "aud_" and a ULID
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

// Filter selects a page of entries, newest first.
type Filter struct {
	// MerchantID, Actor, Action and Subject must be equal where they are not empty.
	MerchantID, Actor, Action, Subject string
	// BeforeTime and BeforeID are the last item of the page before.
	BeforeTime time.Time
	BeforeID   string
	Limit      int
}
