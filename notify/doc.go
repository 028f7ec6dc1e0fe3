// Package notify carries messages in both directions: a channel's callbacks in
// ([Inbound]: verify, have the core store and apply, acknowledge) and the
// merchants' webhooks out ([Outbound]: claim, sign, send, back off).
//
// Borders: the core decides what a callback means and writes the events; this
// package never changes a payment. The store keeps events, deliveries and
// notifications behind the ports in ports.go. Routes, authentication and the
// error-to-HTTP map belong to internal/httpapi.
//
// Invariants kept here:
//   - a callback is verified over its raw bytes before anything reads it and is
//     acknowledged only after the commit that stored and applied it;
//   - what fails verification costs no network call and no write on its way;
//   - an event that was committed with its state is delivered at least once,
//     signed, with one id and one body however often it is sent, or ends dead,
//     visible and resendable;
//   - an event is sent by at most one process at a time while its lease holds;
//   - one endpoint, and one merchant, however slow, uses a bounded part of the
//     senders;
//   - no connection is made to an address that is not globally routable unless
//     the configuration allows it;
//   - bodies, URLs' queries and secrets stay out of logs and errors.
package notify
