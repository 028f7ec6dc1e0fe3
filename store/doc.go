// Package store keeps what must survive in SQLite or MySQL/MariaDB, and what is
// short-lived in Redis or in the process, behind the ports of those who use it.
//
// # The engine
//
// [DB] has one way to write and one to read. [DB.InTx] runs a function in a
// transaction: on SQLite the function is one of a batch that shares a commit
// (one writer, a savepoint per job), on MySQL it has a transaction of its own
// and is run again after a deadlock. Reads outside of transactions see what is
// committed.
//
// Every writing port method of this package goes through write, every reading
// one through read; both give errors of the ports ([payment.ErrUnavailable],
// …) where the driver's own say no more. That a unique key is taken becomes
// [payment.ErrDuplicate] in one place (constraint.go) and leaves the
// transaction usable; after any other error it runs nothing more.
//
// # Borders
//
// The package decides nothing: it moves no status, reads no settings, imports
// no HTTP. Times are stored as UTC milliseconds, amounts as minor units with
// their currency, personal data and credentials sealed.
//
// # Invariants kept here
//
// One order, one charge (unique keys, compare-and-set by version); refunds
// reserve (one conditional UPDATE); events are written with the state; replays
// are refused (the nonce is the first statement of its transaction); any
// process may die at any instruction (leases by the database's clock, with a
// fencing number).
package store
