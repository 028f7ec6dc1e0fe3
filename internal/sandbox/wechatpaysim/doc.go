// Package wechatpaysim speaks WeChat Pay's API v3 as the channel does: signed requests and answers in public-key mode and
// with platform certificates, orders of every kind for direct and partner merchants, refunds that settle later, encrypted
// notifications with their retry schedule, and daily bills.
//
// It shares no code with the adapter in channels/wechatpay, so that one misunderstanding cannot hide in both. Protocol
// facts come from WeChat Pay's published documentation and from real messages.
//
// Choices where the channel's own way is not documented, or not wanted in a sandbox:
//   - code_url and h5_url are http addresses of the sandbox; notify_url may be http.
//   - An answer is signed with the key that the request's Wechatpay-Serial asks for, the public-key mode's without one; a
//     notification with the kind of key that the order's, or the refund's, own request asked for.
//   - A payer who gives up leaves the order NOTPAY, and it can still be paid. One who is asked for the password at a
//     payment code and gives up ends it: PAYERROR.
//   - Repeating an order answers the same prepay_id or code_url while it lives and a new one afterwards.
//   - Every account is a service provider for any sub merchant's number, and may bind any sub_appid.
//   - Refunds may follow each other at once. A refund that fails is CLOSED and leaves the bill.
//   - A bill is due when its day is over by the calendar; a day without business gives a bill without rows.
package wechatpaysim
