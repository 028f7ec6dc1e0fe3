package unionpaysim

import (
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// What the books keep of a trade beside their own fields.
const (
	attrTxnTime  = "txnTime"
	attrBizType  = "bizType"
	attrEncoding = "encoding"
	attrReserved = "reqReserved"
	attrDigest   = "digest"   // of the request, to know it again
	attrToken    = "token"    // of the payer's page
	attrFailed   = "failed"   // respCode of the payer's last try that was refused
	attrGaveUp   = "gave_up"  // the payer pressed cancel
	attrSettled  = "settled"  // a refund's outcome: a respCode
	attrName     = "name"     // of a refund's transaction
	attrNotify   = "backUrl"  // where a refund's outcome is told
	attrOrigin   = "original" // queryId of the payment
)

// How long an order without payTimeout lives.
const (
	defaultLimit = 24 * time.Hour
	scannedLimit = 5 * time.Minute
	formAge      = 24 * time.Hour // how old the txnTime of a form may be that a payer posts
)

// order is what a merchant orders.
type order struct {
	amount    int64
	expiresAt time.Time
}

func readOrder(c *call) (order, error) {
	older := clockSkew
	if c.name == nameFront {
		older = formAge
	}
	if !c.timely(older) {
		return order{}, refuseField(codeFormat, "txnTime")
	}
	amount, _ := parseAmount(c.in["txnAmt"]) // its form was checked
	if amount > parts.MaxAmount {
		return order{}, refuse(codeLimit)
	}
	o := order{amount: amount, expiresAt: c.now.Add(defaultLimit)}
	if c.name == nameScan {
		o.expiresAt = c.now.Add(scannedLimit)
	}
	if limit, given := parseTime(c.in["payTimeout"]); given {
		if !limit.After(c.now) {
			return o, errExpired
		}
		o.expiresAt = limit
	}
	return o, nil
}

// newTrade begins a trade. Its payer's page is found by token.
func (c *call) newTrade(tx *books.Tx, o order, token string, status books.Status) books.Trade {
	t := books.Trade{
		Key: c.key(), Product: c.name, Subject: c.in["orderDesc"], Amount: o.amount, Currency: parts.Currency, Status: status,
		NotifyURL: c.in["backUrl"], ReturnURL: c.in["frontUrl"], CreatedAt: c.now, ExpiresAt: o.expiresAt,
		Attrs: map[string]string{
			attrTxnTime: c.in["txnTime"], attrBizType: c.in["bizType"], attrEncoding: c.in["encoding"],
			attrReserved: c.in["reqReserved"], attrDigest: keys.Digest(c.in.canonical()), attrToken: token,
		},
	}
	tx.SaveCode(books.Code{Token: token, Trade: t.Key, ExpiresAt: o.expiresAt})
	return t
}

// taken reports whether the merchant has used an order number, be it for an order or for a refund.
func taken(tx *books.Tx, key books.Key) bool {
	if _, known := tx.Trade(key); known {
		return true
	}
	_, known := tx.Code(refundToken(key.Account, key.OutTradeNo))
	return known
}

// refundToken is where the books keep which trade a refund's number belongs to. No page is found by it, as it holds a
// slash.
func refundToken(merID, orderID string) string { return Channel + "/refund/" + merID + "/" + orderID }

// charge takes the money, once, and gives the payment its number.
func charge(tx *books.Tx, t *books.Trade, now time.Time) {
	number(tx, t, now)
	parts.Charge(t, now)
	delete(t.Attrs, attrGaveUp)
	delete(t.Attrs, attrFailed)
	parts.Tell(tx, t, eventPaid, "", t.NotifyURL, now)
}

// number gives a trade its queryId.
func number(tx *books.Tx, t *books.Trade, now time.Time) {
	tx.Number(t, func() string { return queryID(now) })
}

// queryID is the channel's number of a transaction: two digits, the time, traceNo, 8.
func queryID(now time.Time) string {
	return keys.Digits(2) + formatTime(now)[2:] + keys.Digits(6) + "8"
}

// traceNo is part of every queryId.
func traceNo(queryID string) string {
	if len(queryID) != 21 {
		return ""
	}
	return queryID[14:20]
}
