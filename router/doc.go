// Package router decides at which account a payment is placed, and watches over
// the accounts' health.
//
// Router filters a merchant's accounts, weighs the survivors and gives a reason
// for each candidate. Guard stands before an account's channel: a circuit
// breaker for each kind of operation that moves money, a bound on concurrent
// calls, and the figures of late. Both are per process and cheap; nothing here
// waits for another replica, stores anything or moves money.
//
// Invariants kept here: asking and closing are never stopped by the breaker of
// paying; a forged notification never reaches a breaker; an open breaker or a
// full account is "not processed", as no byte leaves.
package router
