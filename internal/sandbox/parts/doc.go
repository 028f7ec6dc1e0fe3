// Package parts holds what the simulators of all channels do alike: the sandbox's amounts, days and fees, accounts, the
// payer's pages and buttons, the settlement of refunds, what is falsified in bills and where they are fetched, and
// answers kept to come too late.
//
// Borders: knows no channel's protocol. What differs between channels is handed in by the simulators, which keep the
// words, the signatures and the rules that are their channel's own.
package parts
