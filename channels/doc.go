// Package channels is the contract between the gateway and a payment channel:
// values, outcomes and the interfaces that an adapter implements. It holds no
// vendor's code and does no I/O.
//
// An adapter translates, signs and verifies; it stores nothing and decides
// nothing about money. Whatever an answer says about amounts and numbers is
// handed on as it stands: the core compares it with its own row.
//
// The one rule that everything else hangs on: an adapter may say Declined or
// NotProcessed only where the channel documents that the money cannot have
// moved; everything else is Unknown, which is the zero value.
package channels
