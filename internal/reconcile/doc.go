// Package reconcile closes the books: it fetches each account's bills, holds
// them against our own rows, settles what a query at the channel can settle,
// and keeps every other difference for a person.
//
// # A run
//
// run.go leads through a day: fetch.go gets the original and keeps it, day.go
// reads both sides, match.go holds them against each other on disk (spill.go,
// record.go), compare.go judges pairs, leftovers.go and repair.go explain what
// has no counterpart, finish.go makes a version of it. schedule.go says when,
// staff.go what people do about it, statement.go and rows.go make the
// merchants' files.
//
// # Borders
//
// The package knows no channel, no database and no form of a file: ports.go has
// what it needs of them. Times come from the clock that it is given.
//
// # Invariants kept here
//
// A match never moves money: repairs go through the same transitions as ever
// (package payment), with the evidence in the history. A run can be repeated at
// any time with the same result; a changed result is a new version, and the old
// one stays. Both sides' sums of a day differ by its discrepancies and by nothing
// else. Memory does not grow with the number of rows. Whoever has lost the lease
// of a day writes nothing any more.
package reconcile
