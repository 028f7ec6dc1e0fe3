// Package wechatpay is the channel of WeChat Pay's APIv3, for merchants of
// their own (mchid) and for those of a service provider (sp_mchid, sub_mchid).
//
// Role: it translates the contract of package channels into WeChat Pay's calls
// and back. It stores nothing and decides nothing about money.
//
// Borders: github.com/wechatpay-apiv3/wechatpay-go serves for the texts that
// are signed, for nonces, for AES-GCM and for the parameters of a refund. It
// never sends and never sees an answer: its host is a constant, its clock is
// the process's, its errors and refusals are unverified, and its handler of
// notifications can be made to panic. What comes in is verified over its raw
// bytes, decrypted and only then read, all by this package.
//
// Invariants:
//   - Nothing of a 2xx answer (204 too) or of a notification is read before its
//     signature held: by a known key, inside 300 s of the clock. Probes
//     (WECHATPAY/SIGNTEST/) never hold.
//   - WeChat Pay leaves refusals (4xx) unsigned. Over verified TLS such a one,
//     if codes.go names its code, is that refusal; it is never a payment, and
//     never NotProcessed but for 429. One that is signed must verify.
//   - The table in codes.go is total; what it does not name is Unknown, as is
//     every 5xx.
//   - Platform certificates are fetched by RefreshKeys, and before a call while
//     none is known; never for a notification.
//   - Every order carries time_expire, an absolute time. Orders by payment code
//     take no such field: their code dies after a minute, and what is unsettled
//     is reversed.
//   - A bill is fetched from configured hosts only, held against the hash in a
//     signed answer, read a line at a time, and trusted only if every total of
//     it is what its rows add up to.
//   - A signed answer that was another call's, or a code that was another
//     order's, is no answer to this one.
//
// Facts of the protocol are from WeChat Pay's documentation of APIv3,
// https://pay.weixin.qq.com/doc/v3/merchant/4012062524, and from real messages
// that the tests verify.
package wechatpay
