// Package faults holds what is to go wrong at the simulated channels: the faults set through the control API, and the
// outcomes that certain amounts have by themselves.
//
// Role: decides, once for each call, whether a fault strikes it. Borders: it knows nothing of any channel's words; each
// simulator says what it can show and how that looks. Faults live in memory and end with the process.
//
// Invariant: a fault with a count strikes exactly that many calls, at any concurrency.
package faults
