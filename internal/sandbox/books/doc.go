// Package books keeps the sandbox's own truth: trades, refunds, codes, accounts, and the callbacks that are still to be
// sent, of every simulated channel.
//
// Role: an in-memory state rebuilt at start from an append-only journal. One record of the journal is one batch of
// changes (group commit), guarded by a checksum, and is on the disk before anybody is told of what it holds.
//
// Borders: knows nothing of any channel's protocol, of HTTP, or of the gateway. Times are given to it.
//
// Invariants:
//   - A change is either whole in the journal or not there at all: a trade and the callback that tells of it are one
//     record.
//   - Nothing is shown before it is durable: reads wait for the record that they depend on.
//   - A torn last record (the process or the machine died while writing) is cut off; damage anywhere else is refused.
//   - One process at a time owns a folder.
package books
