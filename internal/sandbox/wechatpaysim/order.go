package wechatpaysim

import (
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// Limits of an order.
const (
	defaultLimit  = 7 * 24 * time.Hour // the latest time_expire, too
	soonestExpiry = time.Minute
	prepayLife    = 2 * time.Hour // of a prepay_id and a code_url
	h5Life        = 5 * time.Minute
)

// Names of the values that the books keep for the simulator.
const (
	attrContent  = "content"   // digest of what may not change under one order number
	attrToken    = "token"     // prepay_id, or what a code or page's address ends in
	attrSigned   = "signed_by" // id of the kind of key that the order's request asked for: notifications are signed by it
	attrOpenID   = "openid"
	attrAttach   = "attach"
	attrDevice   = "device_id"
	attrSub      = "sub_mchid" // of orders for a sub merchant
	attrSubApp   = "sub_appid"
	attrSubOpen  = "sub_openid"
	attrReversed = "reversed"        // by the merchant, paid or not
	attrFailed   = "failed"          // the payer gave up at the password
	attrGaveUp   = "payer_cancelled" // the payer pressed cancel last
)

// order is what a merchant orders in any way.
type order struct {
	key       books.Key
	amount    int64
	expiresAt time.Time // zero: the default
	digest    string
	attrs     map[string]string
}

// readOrder reads what the body's form has been checked of.
func readOrder(c *call) (order, error) {
	amount := integerAt(c.body, "amount", "total")
	if amount < parts.MinAmount {
		return order{}, parameterError("/body/amount/total", "body", "金额无效", amount)
	}
	if amount > parts.MaxAmount {
		return order{}, forbidden("RULE_LIMIT", "超出单笔限额")
	}
	canonical, err := marshal(c.body)
	if err != nil {
		return order{}, err
	}
	o := order{key: c.key(textAt(c.body, "out_trade_no")), amount: amount, digest: keys.Digest(c.endpoint.path, string(canonical))}
	if limit := textAt(c.body, "time_expire"); limit != "" {
		if o.expiresAt, err = time.Parse(time.RFC3339, limit); err != nil {
			return order{}, parameterError("/body/time_expire", "body", "时间格式错误", limit)
		}
		o.expiresAt = o.expiresAt.UTC()
	}
	payer := child(c.body, "payer")
	o.attrs = map[string]string{
		attrContent: o.digest, attrSigned: c.signer.id, attrOpenID: c.account.openid, attrAttach: textAt(c.body, "attach"),
		attrDevice: textAt(c.body, "scene_info", "device_id"),
		attrSub:    textAt(c.body, "sub_mchid"), attrSubApp: textAt(c.body, "sub_appid"), attrSubOpen: textAt(payer, "sub_openid"),
	}
	for _, name := range []string{"openid", "sp_openid"} {
		if id := textAt(payer, name); id != "" {
			o.attrs[attrOpenID] = id
		}
	}
	if c.endpoint.product == jsapi && c.endpoint.partner && len(payer) == 0 {
		return order{}, parameterError("/body/payer", "body", "sp_openid和sub_openid不能同时为空", "")
	}
	if o.attrs[attrSubOpen] != "" && o.attrs[attrSubApp] == "" {
		return order{}, parameterError("/body/sub_appid", "body", "传sub_openid时sub_appid必填", "")
	}
	return o, nil
}

// checkLimit holds a new order's limit to what the channel takes.
func (o *order) checkLimit(now time.Time) error {
	if o.expiresAt.IsZero() {
		return nil
	}
	if ahead := o.expiresAt.Sub(now); ahead < soonestExpiry || ahead > defaultLimit {
		return parameterError("/body/time_expire", "body", "支付结束时间须晚于当前时间1分钟以上，且不超过7天", formatTime(o.expiresAt))
	}
	return nil
}

// newTrade begins a trade. It has no number of the channel's before it is paid.
func (c *call) newTrade(o order) books.Trade {
	t := books.Trade{
		Key: o.key, Product: c.endpoint.product, Subject: textAt(c.body, "description"), Amount: o.amount, Currency: parts.Currency,
		Status: books.StatusIssued, NotifyURL: textAt(c.body, "notify_url"), CreatedAt: c.now, ExpiresAt: o.expiresAt, Attrs: withoutEmptyAttrs(o.attrs),
	}
	if t.ExpiresAt.IsZero() {
		t.ExpiresAt = c.now.Add(defaultLimit)
	}
	return t
}

func withoutEmptyAttrs(attrs map[string]string) map[string]string {
	for name, value := range attrs {
		if value == "" {
			delete(attrs, name)
		}
	}
	return attrs
}

// continues says whether a repeated order may go on with the trade that the books have: with the same parameters it may,
// as long as the trade is open.
func continues(t *books.Trade, known bool, o *order) (bool, error) {
	same := t.Attr(attrContent) == o.digest
	switch {
	case !known:
		return false, nil
	case !same && t.Open():
		return false, otherParameters()
	case !same:
		return false, numberUsed()
	case t.Attr(attrReversed) != "":
		return false, orderReversed()
	case t.Status == books.StatusPaid:
		return false, orderPaid()
	case t.Status == books.StatusClosed:
		return false, orderClosed()
	default:
		return true, nil
	}
}

// giveToken gives a trade a new address, which takes the place of its former one.
func giveToken(tx *books.Tx, t *books.Trade, now time.Time) {
	token, until := newPrepayID(now), now.Add(prepayLife)
	switch t.Product {
	case native:
		token = keys.Letters(12)
	case h5:
		until = now.Add(h5Life)
	case codePay:
		until = t.ExpiresAt
	}
	t.SetAttr(attrToken, token)
	tx.SaveCode(books.Code{Token: token, Trade: t.Key, ExpiresAt: until})
}

// charge takes the money, once.
func charge(tx *books.Tx, t *books.Trade, now time.Time) {
	tx.Number(t, func() string { return transactionID(now) })
	parts.Charge(t, now)
	delete(t.Attrs, attrGaveUp)
	parts.Tell(tx, t, eventPaid, "", t.NotifyURL, now)
}
