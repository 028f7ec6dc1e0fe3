// Package router decides at which account a payment is placed, and watches over
// the accounts' health.
//
// [Router] filters a merchant's accounts, keeps those that the merchant's first
// matching rule names, weighs them by a strategy and gives a reason for each
// candidate. [Rules] are read by [ReadRules] from plain values, checked beside
// the accounts by [Rules.Check] and tried out on orders of the past by [Replay].
// [Guards] stand before the accounts' channels: a circuit breaker for each kind
// of operation that moves money, a bound on concurrent calls, slow start, and
// the figures of late.
//
// All of it is per process and cheap: a decision takes microseconds. Nothing
// here waits for another replica, reads YAML, stores anything or moves money.
//
// Invariants kept here: asking and closing are never stopped by the breaker of
// paying; a forged notification never reaches a breaker; an open breaker or a
// full account is "not processed", as no byte leaves; a payment that is bound to
// a channel is never weighed against others; the same order with the same
// accounts, rules and weights is decided alike on every replica.
package router
