// Package storetest holds what every database and every shared state behind
// the ports must pass, and opens databases for the tests of other packages.
//
// [ForEach] runs a test on SQLite and on MariaDB; [RunStore] is the core's
// conformance suite, [RunState] that of the short-lived shared state. The
// package is imported by tests only.
package storetest
