// Package sandbox runs simulators of the payment channels: each speaks its channel's real protocol with real keys, keeps
// its own durable books, and can be made to fail in every way that matters.
//
// Role: listeners, the control API (/_control/…), the payer's pages, callbacks, the calendar, and the list of
// simulators. Borders: shares no code with the channels' adapters nor with any other package of the gateway; a simulator
// is one package behind sim.Simulator.
//
// Invariants:
//   - Books are durable before an answer or a callback leaves.
//   - The same folder gives the same accounts, keys, trades and ports again.
//   - A channel whose own listener is closed can still be paid at, under the sandbox's address and through the control
//     API.
package sandbox
