package wechatpay

import (
	"context"
	"errors"
	"fmt"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/internal/money"
)

var errOtherOrder = errors.New("verified answer is about another order")

// QueryPayment asks for the order by our number, or by WeChat Pay's where ours
// is not given. The answer's own number and amount are handed on as they stand.
func (c *Client) QueryPayment(ctx context.Context, ref channels.AttemptRef) (channels.PaymentState, error) {
	r, err := c.call(ctx, c.orderQuery(ref.ID, ref.ChannelTradeNo))
	if err != nil {
		if isNoOrder(r) {
			code, message := texts.Clip(r.code, maxCode), messageOf(r.text("message"))
			return channels.PaymentState{Status: channels.StateNotFound, Code: code, Message: message}, nil
		}
		return channels.PaymentState{}, err
	}
	state, err := c.transaction(r.object)
	if err != nil {
		return channels.PaymentState{}, c.fail(channels.OpQuery, channels.Unknown, err)
	}
	return state, nil
}

// tradeStates are the values of trade_state. REFUND says that a refund was
// started, part or whole: the order is paid as before. PAYERROR is of payments
// by code: the code is used up, and the number is never sent again. REVOKED is
// a reversal, which says by itself nothing about whether money was there.
func tradeStates() map[string]channels.PaymentStatus {
	return map[string]channels.PaymentStatus{
		"SUCCESS":    channels.StatePaid,
		"REFUND":     channels.StatePaid,
		"NOTPAY":     channels.StateWaiting,
		"USERPAYING": channels.StateWaiting,
		"CLOSED":     channels.StateClosed,
		"REVOKED":    channels.StateClosed,
		"PAYERROR":   channels.StateFailed,
	}
}

// transaction reads a verified order.
func (c *Client) transaction(o object) (channels.PaymentState, error) {
	if field := c.foreign(o, false); field != "" {
		return channels.PaymentState{}, fmt.Errorf("verified answer's %s is not this account's", field)
	}
	word := o.text("trade_state")
	status, ok := tradeStates()[word]
	if !ok {
		return channels.PaymentState{}, fmt.Errorf("verified answer has the unknown trade_state %q", texts.Clip(word, maxCode))
	}
	if word == "REVOKED" && showsPayment(o) {
		status = channels.StateReversed
	}
	state := channels.PaymentState{Status: status, AttemptID: o.text("out_trade_no")}
	state.Paid.ChannelTradeNo = o.text("transaction_id")
	if state.AttemptID == "" {
		return channels.PaymentState{}, errNoOrder
	}
	switch status {
	case channels.StatePaid, channels.StateReversed:
		amount, err := amountOf(o, "total")
		if err != nil {
			return channels.PaymentState{}, err
		}
		state.Paid.Amount, state.Paid.PaidAt = amount, parseTime(o.text("success_time"))
	case channels.StateClosed, channels.StateFailed:
		if o.text("success_time") != "" {
			return channels.PaymentState{}, fmt.Errorf("verified answer says %s of an order that was paid", word)
		}
		state.Code, state.Message = word, messageOf(o.text("trade_state_desc"))
	case channels.StateWaiting, channels.StateNotFound, channels.StateUncertain:
	}
	return state, nil
}

// showsPayment tells the two meanings of REVOKED apart: an order that took no
// money has no number at WeChat Pay, no time of payment and no sum paid.
func showsPayment(o object) bool {
	paid, ok := o.within("amount").integer("payer_total")
	return o.text("transaction_id") != "" || o.text("success_time") != "" || ok && paid > 0
}

// amountOf reads a part of amount, in fen; the currency is CNY where a message
// names none.
func amountOf(o object, field string) (money.Amount, error) {
	a := o.within("amount")
	minor, ok := a.integer(field)
	if !ok {
		return money.Amount{}, fmt.Errorf("verified message has no readable amount.%s", field)
	}
	currency := money.CNY
	if s := a.text("currency"); s != "" {
		currency = money.Currency(s)
	}
	amount, err := money.New(minor, currency)
	if err != nil {
		return money.Amount{}, fmt.Errorf("read amount.%s of a verified message: %w", field, err)
	}
	return amount, nil
}

// foreign is the field of a verified message that names another merchant than
// ours; empty when none does. A message that must name us may not leave it out.
func (c *Client) foreign(o object, must bool) string {
	own := map[string]string{"mchid": c.cfg.MchID}
	if c.cfg.isPartner() {
		own = map[string]string{"sp_mchid": c.cfg.MchID, "sub_mchid": c.cfg.SubMchID}
	}
	return firstForeign(o, own, must)
}

// foreignApp is the same for apps, which only orders name.
func (c *Client) foreignApp(o object) string {
	if !c.cfg.isPartner() {
		return firstForeign(o, map[string]string{"appid": c.cfg.AppID}, true)
	}
	if field := firstForeign(o, map[string]string{"sp_appid": c.cfg.AppID}, true); field != "" {
		return field
	}
	if c.cfg.SubAppID == "" {
		return ""
	}
	return firstForeign(o, map[string]string{"sub_appid": c.cfg.SubAppID}, false)
}

func firstForeign(o object, own map[string]string, must bool) string {
	found := ""
	for field, want := range own {
		if got := o.text(field); got != want && (must || got != "") && (found == "" || field < found) {
			found = field
		}
	}
	return found
}
