// Package unionpaysim speaks UnionPay's online gateway protocol (ACP 5.1.0, signMethod 01) as the channel does: signed
// form requests, answers that are not URL-encoded and carry the signing certificate, the cashier for gateway and WAP
// payments, codes, scanned codes, tn for apps, refunds and undos that are accepted first and settled later,
// notifications with their retry schedule, and settlement files.
//
// It shares no code with the adapter in channels/unionpay, so that one misunderstanding cannot hide in both. Protocol
// facts come from UnionPay's published documentation and samples and from real messages.
//
// Invariants: the triple (merId, orderId, txnTime) is done once; a trade is charged once; refunds never exceed the
// payment; what an answer or notification tells is durable.
//
// Choices where the channel's own way is not documented, or not wanted in a sandbox:
//   - Certificates are SHA256-RSA (the channel's are SHA1-RSA, which Go does not make). The .pfx is PBE-SHA1-3DES, as
//     the channel's newer ones are.
//   - An orderId is used once for good, not once a trading day.
//   - Only UTF-8. Detail codes in respMsg that no public table names are 20000 and the respCode.
//   - txnTime may differ from now by ten minutes; that of a form, which a payer may post late, may be 24 hours old.
//   - A form that is posted again unchanged shows the same cashier.
//   - Without payTimeout an order ends after 24 hours, a scanned code's after 5 minutes. A code or tn lives as long as
//     its order.
//   - Before the payer pays, a query of a form, code or tn says 34; after a payment that was refused it says that, and
//     the payer may try again. A scanned code whose payer never types the password ends with 69.
//   - An undo is possible until 23:00 of the payment's settlement day in Beijing.
package unionpaysim
