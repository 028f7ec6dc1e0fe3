// Package transport carries requests to payment channels and proves what left.
//
// Role: one bounded HTTP/1.1 client for all adapters. It knows nothing of any
// channel's protocol and stores nothing.
//
// Invariants:
//   - Every call has a deadline, every answer a cap; redirects are answers like
//     any other and are never followed; no proxy is taken from the environment.
//   - A request whose body could have reached the channel is sent at most once.
//     net/http replays a request by itself when a pooled connection turns out to
//     be dead; here it cannot, because a request carries no means to rewind its
//     body, and Idempotency-Key headers, which would allow it, are refused.
//   - A download is copied to its writer as it comes, up to a stated size, and
//     ends when nothing more comes for a while.
//   - A failure is channels.NotProcessed only with proof: no connection was
//     obtained, or the connection was sealed before the first byte and can never
//     write one afterwards. Everything else is channels.Unknown.
package transport
