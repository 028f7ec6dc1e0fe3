// Package callbacks sends the simulated channels' callbacks: at once, again by each channel's schedule until they are
// acknowledged, and with whatever the control API wants to go wrong on the way.
//
// Role: a durable queue (its entries are in the books) with bounded workers. Borders: what a callback says and how it is
// signed is the simulator's matter.
//
// Invariants: a callback whose event is in the books is sent at least once, over restarts too; every try is in the
// books; nothing is sent before the event is durable.
package callbacks
