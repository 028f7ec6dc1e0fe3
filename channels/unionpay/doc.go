// Package unionpay is the channel of China UnionPay's online gateway
// (full-channel platform, ACP 5.1.0, signMethod 01: RSA with certificates).
//
// Role: it translates the contract of package channels into UnionPay's
// messages and back. It stores nothing and decides nothing about money.
//
// Borders: no library speaks this protocol, so signing, the reading of
// messages and the checks of certificates are all here; package transport
// carries the calls, go-pkcs12 opens the merchant's .pfx file.
//
// Invariants:
//   - Nothing of an answer or a notification is believed before its signature
//     held. The message brings the certificate that signed it, so that
//     certificate is checked first: within its time by the injected clock, under
//     the configured middle and root certificates, and with UnionPay's own name
//     in its common name. Any customer of the same authority, every merchant for
//     one, has a certificate under the same chain: the name is what keeps them
//     from writing our answers.
//   - version 5.1.0 and signMethod 01 are pinned. What another version or a
//     shared secret signed is a bad signature, whoever signed it.
//   - The signed text joins fields without escapes. A message whose signed text
//     could be split into other fields is refused.
//   - An answer counts only for the transaction that was asked about: merchant,
//     orderId and txnTime, the three that identify one at UnionPay, must be its
//     own, and so must the type of transaction.
//   - The table in codes.go is total; what it does not name is Unknown. An
//     accepted back transaction (00) is not done: only a query or a notification
//     tells.
//   - Every order carries payTimeout, an absolute time.
//   - A settlement day's bill is one of this merchant and of this day, whose
//     records add up to what its summary states, or it is broken. Records are
//     read one at a time.
//
// The order number is the attempt's, the time (txnTime) is when the attempt
// was made, to the second: the core has stored both before anything is sent.
// A refund has its own pair.
//
// # Why there is no reversal
//
// UnionPay has no call that ends an unpaid order, so this channel is no
// channels.Reverser and CanClose is false. What it does have, the undo of a
// consumption (txnType 31), returns money of an order that is paid, and is a
// transaction of its own, with its own number and time; the query of the
// original never shows it. Sent for an order in doubt it would do nothing for
// an unpaid one and, were the process to die before its number is stored,
// return money that the books go on showing as paid. An unwanted order instead
// ends by its own limit: it is asked about until then, and money that arrives
// after all is refunded like any other, under a number that is stored first.
// The undo serves where that holds: as a full refund on the same settlement
// day, if the account's configuration asks for it (same_day_undo).
//
// # Not supported
//
// signMethod 11 and 12 (shared secrets), 21 (SM2 certificates: its exact text
// is known from one copy only and from no message), version 5.0.0 (SHA-1),
// pre-authorisation, tokens, instalments, acquirers and platform merchants
// (accessType 1 and 2). The certificates that UnionPay itself uses are signed
// with SHA-1; crypto/x509 refuses to check those, so chains are checked here,
// by hand, and are exactly three deep.
//
// Facts of the protocol are from UnionPay's published interface pages
// (https://open.unionpay.com) and from messages recorded at its test gateway
// that the tests verify.
package unionpay
