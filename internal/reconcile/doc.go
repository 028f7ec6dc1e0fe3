// Package reconcile closes the books: it fetches each account's bills, holds
// them against our own rows, settles what a query at the channel can settle,
// and keeps every other difference for a person.
//
// A match never moves money: repairs go through the same transitions as ever
// (package payment), with the evidence in the history. A run can be repeated at
// any time with the same result; a changed result is a new version, and the old
// one stays.
package reconcile
