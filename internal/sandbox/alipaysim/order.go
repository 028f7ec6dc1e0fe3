package alipaysim

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// Limits of an order.
const (
	defaultLimit = 15 * 24 * time.Hour
	codeLife     = 2 * time.Hour
)

// Names of the values that the books keep for the simulator.
const (
	attrContent  = "content" // digest of what may not change under one order number
	attrToken    = "token"   // of the code or cashier page
	attrExpress  = "express" // a relative limit, which runs from the trade's creation
	attrTimed    = "timed"   // the order has an absolute limit
	attrBuyer    = "buyer_id"
	attrBody     = "body"
	attrPassback = "passback_params"
	attrQuit     = "quit_url"
	attrStore    = "store_id"
	attrOperator = "operator_id"
	attrTerminal = "terminal_id"
	attrCode     = "auth_code_paid"  // paid by a barcode: the payer types a password, if anything
	attrReversed = "reversed"        // cancelled after it was paid
	attrGaveUp   = "buyer_cancelled" // the buyer pressed cancel last
)

// order is what a merchant orders by any method.
type order struct {
	key       books.Key
	amount    int64
	subject   string
	expiresAt time.Time // absolute; zero: relative or default
	digest    string
	attrs     map[string]string
}

// readOrder reads and checks the fields that all paying methods share.
func readOrder(c *call) (order, error) {
	f := c.content
	number, subject := f.get("out_trade_no"), f.get("subject")
	amount, amountOK := parseYuan(f.get("total_amount"))
	rules := []struct {
		holds bool
		no    func() *refusal
	}{
		{validOrderNumber(number), func() *refusal { return invalidParameter("out_trade_no") }},
		{amountOK && amount >= parts.MinAmount, func() *refusal { return invalidParameter("total_amount") }},
		{amount <= parts.MaxAmount, func() *refusal { return business(acqFeeExceed) }},
		{subject != "" && utf8.RuneCountInString(subject) <= 256, func() *refusal { return invalidParameter("subject") }},
		{slices.Contains(c.method.productCodes, f.get("product_code")), func() *refusal { return invalidParameter("product_code") }},
		{f.get("seller_id") == "" || f.get("seller_id") == c.account.SellerID, func() *refusal { return business(acqSeller) }},
		{validExpress(f.get("timeout_express")), func() *refusal { return invalidParameter("timeout_express") }},
		{validExpress(f.get("qr_code_timeout_express")), func() *refusal { return invalidParameter("qr_code_timeout_express") }},
	}
	for _, rule := range rules {
		if !rule.holds {
			return order{}, rule.no()
		}
	}
	expiresAt, err := readExpiry(f.get("time_expire"), c.now)
	if err != nil {
		return order{}, err
	}
	o := order{
		key: c.key(number), amount: amount, subject: subject, expiresAt: expiresAt,
		attrs: map[string]string{attrExpress: f.get("timeout_express"), attrBuyer: c.account.buyerID},
	}
	for attr, name := range map[string]string{
		attrBody: "body", attrPassback: "passback_params", attrQuit: "quit_url",
		attrStore: "store_id", attrOperator: "operator_id", attrTerminal: "terminal_id",
	} {
		if v := f.get(name); v != "" {
			o.attrs[attr] = v
		}
	}
	if buyer := f.get("buyer_id") + f.get("buyer_open_id"); buyer != "" {
		o.attrs[attrBuyer] = buyer
	}
	o.digest = keys.Digest(c.name, strconv.FormatInt(amount, 10), subject, f.get("body"), f.get("buyer_id"), f.get("buyer_open_id"))
	return o, nil
}

func validExpress(s string) bool {
	_, ok := parseExpress(s, time.Unix(0, 0))
	return s == "" || ok
}

func readExpiry(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, ok := parseTime(s)
	switch {
	case !ok || at.Sub(now) > defaultLimit+24*time.Hour:
		return time.Time{}, invalidParameter("time_expire")
	case !at.After(now):
		return time.Time{}, business(acqExpired)
	}
	return at, nil
}

func (c *call) key(outTradeNo string) books.Key {
	return books.Key{Channel: Channel, Account: c.account.appID, OutTradeNo: outTradeNo}
}

// newTrade begins a trade, at first without a number of the channel's.
func (c *call) newTrade(o order) books.Trade {
	t := books.Trade{
		Key: o.key, Product: c.name, Subject: o.subject, Amount: o.amount, Currency: parts.Currency, Status: books.StatusIssued,
		NotifyURL: c.params["notify_url"], ReturnURL: c.params["return_url"], CreatedAt: c.now, Attrs: o.attrs,
	}
	t.SetAttr(attrContent, o.digest)
	if !o.expiresAt.IsZero() {
		t.ExpiresAt = o.expiresAt
		t.SetAttr(attrTimed, "1")
	}
	return t
}

// continues says whether a repeated order may go on with the trade that the books have. A code that died unseen never
// became a trade, so that its number is free again.
func continues(t *books.Trade, known bool, o order) (bool, error) {
	switch {
	case !known || (t.Status == books.StatusClosed && t.ChannelTradeNo == ""):
		return false, nil
	case t.Attr(attrContent) != o.digest:
		return false, business(acqInconsistent)
	case t.Status == books.StatusPaid:
		return false, business(acqHasSuccess)
	case t.Status == books.StatusClosed:
		return false, business(acqHasClose)
	default:
		return true, nil
	}
}

// materialise gives a trade its number: from now on the channel knows it.
func (s *Simulator) materialise(tx *books.Tx, t *books.Trade, now time.Time) {
	tx.Number(t, func() string { return tradeNumber(now) })
	t.Status, t.CreatedAt = books.StatusWaiting, now
	if t.Attr(attrToken) == "" {
		token := newToken()
		t.SetAttr(attrToken, token)
		tx.SaveCode(books.Code{Token: token, Trade: t.Key})
	}
	if at, ok := parseExpress(t.Attr(attrExpress), now); ok && t.Attr(attrTimed) == "" {
		t.ExpiresAt = at
	} else if t.Attr(attrTimed) == "" {
		t.ExpiresAt = now.Add(defaultLimit)
	}
}

// tradeNumber is 28 digits that begin with the day.
func tradeNumber(now time.Time) string {
	return now.In(parts.Beijing()).Format("20060102") + "22001" + keys.Digits(15)
}

// charge takes the money, once.
func charge(tx *books.Tx, t *books.Trade, now time.Time) {
	parts.Charge(t, now)
	delete(t.Attrs, attrGaveUp)
	parts.Tell(tx, t, eventPaid, "", t.NotifyURL, now)
}
