// Package payment is the core: payments, attempts and refunds, the tables by
// which their statuses move, and the use cases that move them.
//
// It knows channels only through package channels and storage only through the
// ports that it declares (ports.go). No transaction spans a network call: what
// is about to be sent is committed first, what came back is committed before
// anybody is told, and what is lost in between is found again by asking the
// channel. See docs/states.md for the tables.
//
// Invariants kept here: one order, one charge; intent before action; unknown is
// not failure; one table of transitions; late money is never lost; refunds
// reserve; events are written with the state.
package payment
