// Package alipay is the channel of Alipay's OpenAPI gateway (gateway.do, RSA2).
//
// Role: it translates the contract of package channels into Alipay's calls and
// back. It stores nothing and decides nothing about money.
//
// Borders: github.com/smartwalle/alipay serves for the parameters of requests,
// their signing and the links. It never sends and never sees an answer: what
// comes in, answers and notifications, is cut out of its raw bytes, verified,
// decrypted and only then read, all by this package.
//
// Invariants:
//   - Nothing of an answer or a notification is read before its signature held
//     against a configured key; a certificate serial that is not configured is
//     a bad signature and leads to no network call.
//   - A refusal without a signature is never more than Unknown.
//   - The table in codes.go is total; what it does not name is Unknown.
//   - Every order carries time_expire, an absolute time, never the relative
//     timeout_express.
//   - A refund always carries out_request_no, our number of it.
//   - A bill is fetched over TLS from configured hosts only, read a line at a
//     time, and trusted only if every total of it is what its rows add up to.
//
// Facts of the protocol are from Alipay's documentation of the alipay.trade
// methods and of signing, https://opendocs.alipay.com, and from real messages
// that the tests verify.
package alipay
