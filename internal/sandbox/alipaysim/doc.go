// Package alipaysim speaks Alipay's gateway.do protocol (RSA2, v1) as the channel does: signed answers, codes and
// cashier pages, wallet parameters, notifications with their retry schedule, certificates and content encryption.
//
// It shares no code with the adapter in channels/alipay, so that one misunderstanding cannot hide in both. Protocol facts
// come from Alipay's published documentation and from real messages.
//
// Choices where the channel's own way is not documented, or not wanted in a sandbox:
//   - Opening a page.pay or wap.pay link creates the trade at once (the channel waits until the buyer logs in).
//   - A buyer who cancels leaves the trade WAIT_BUYER_PAY, as at the channel; it can still be paid until its limit.
//   - cancel of a paid trade returns the money without a notification; every other refund is notified.
//   - Notifications carry no alipay_cert_sn in certificate mode: published clients disagree on whether it belongs to the
//     signed text, and without it all of them verify.
//   - Repeated use of one auth_code, and refunds in quick succession, are allowed.
//   - Slashes are escaped in the answers of about every third order number, in the signature only by the fault
//     escaped_slashes: some published SDKs cannot read such a signature.
package alipaysim
