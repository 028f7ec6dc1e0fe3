package wechatpaysim

import (
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/books"
)

// Trade states in the channel's words.
const (
	stateNotPaid  = "NOTPAY"
	statePaying   = "USERPAYING"
	stateSuccess  = "SUCCESS"
	stateRefund   = "REFUND" // a refund was started; the order is paid all the same
	stateClosed   = "CLOSED"
	stateReversed = "REVOKED"
	stateError    = "PAYERROR"
)

func tradeState(t *books.Trade) string {
	switch {
	case t.Attr(attrReversed) != "":
		return stateReversed
	case t.Attr(attrFailed) != "":
		return stateError
	case t.Status == books.StatusClosed:
		return stateClosed
	case t.Status == books.StatusPaid && len(t.Refunds) > 0:
		return stateRefund
	case t.Status == books.StatusPaid:
		return stateSuccess
	case t.Product == codePay:
		return statePaying
	default:
		return stateNotPaid
	}
}

func stateText(state string) string {
	return map[string]string{
		stateNotPaid: "订单未支付", statePaying: "用户支付中", stateSuccess: "支付成功", stateRefund: "订单发生过退款，退款详情请查询退款单",
		stateClosed: "订单已关闭", stateReversed: "订单已撤销", stateError: "支付失败，请重新下单支付",
	}[state]
}

// tradeType is how the channel calls a way to order.
func tradeType(product string) string {
	return map[string]string{native: "NATIVE", jsapi: "JSAPI", app: "APP", h5: "MWEB", codePay: "MICROPAY"}[product]
}

// transaction is an order as the channel tells of it; what only a paid one has is absent in others.
func (s *Simulator) transaction(a *account, t *books.Trade) object {
	state := tradeState(t)
	amount := object{"total": t.Amount, "currency": t.Currency}
	o := object{
		"out_trade_no": t.OutTradeNo, "trade_state": state, "trade_state_desc": stateText(state), "amount": amount, "promotion_detail": []any{},
	}
	openid := object{"openid": t.Attr(attrOpenID)}
	if sub := t.Attr(attrSub); sub == "" {
		o["appid"], o["mchid"] = a.AppID, a.mchid
	} else {
		o["sp_appid"], o["sp_mchid"], o["sub_mchid"], o["sub_appid"] = a.AppID, a.mchid, sub, t.Attr(attrSubApp)
		openid = withoutEmpty(object{"sp_openid": t.Attr(attrOpenID), "sub_openid": t.Attr(attrSubOpen)})
	}
	if device := t.Attr(attrDevice); device != "" {
		o["scene_info"] = object{"device_id": device}
	}
	if t.Status == books.StatusPaid {
		o["transaction_id"], o["trade_type"], o["bank_type"] = t.ChannelTradeNo, tradeType(t.Product), "OTHERS"
		o["success_time"], o["payer"], o["attach"] = formatTime(t.PaidAt), openid, t.Attr(attrAttach)
		amount["payer_total"], amount["payer_currency"] = t.Amount, t.Currency
	}
	return withoutEmpty(o)
}

// orderKey answers the key of the order that a path names.
func (s *Simulator) orderKey(c *call) (books.Key, error) {
	if number := c.path("out_trade_no"); number != "" {
		return c.key(number), nil
	}
	key, known := s.env.Books.ByChannelNo(Channel, c.path("transaction_id"))
	if !known || key.Account != c.account.mchid {
		return key, orderNotExist()
	}
	return key, nil
}

// existing reads the order that a call names, for the merchant that the call names.
func existing(tx *books.Tx, c *call, key books.Key) (books.Trade, error) {
	t, known := tx.TradeAsOf(key, c.now)
	if !known {
		return t, orderNotExist()
	}
	if sub, _ := c.named("sub_mchid"); sub != t.Attr(attrSub) {
		return t, otherMerchants()
	}
	return t, nil
}

// withOrder finds the order that a path names and hands it to fn, inside a change.
func (s *Simulator) withOrder(c *call, fn func(tx *books.Tx, t *books.Trade) error) (books.Trade, error) {
	key, err := s.orderKey(c)
	if err != nil {
		return books.Trade{}, err
	}
	var t books.Trade
	err = s.env.Books.Change(func(tx *books.Tx) error {
		if t, err = existing(tx, c, key); err != nil {
			return err
		}
		return fn(tx, &t)
	})
	return t, err
}

func (s *Simulator) queryOrder(c *call) (reply, error) {
	t, err := s.withOrder(c, func(*books.Tx, *books.Trade) error { return nil })
	if err != nil {
		return reply{}, err
	}
	return ok(s.transaction(c.account, &t)), nil
}

// closeOrder ends an unpaid order for good; one that has ended already is agreed to.
func (s *Simulator) closeOrder(c *call) (reply, error) {
	_, err := s.withOrder(c, func(tx *books.Tx, t *books.Trade) error {
		switch {
		case t.Product == codePay:
			return onlyReverse()
		case t.Status == books.StatusPaid:
			return orderPaid()
		case t.Open():
			t.Status, t.ClosedAt = books.StatusClosed, c.now
			tx.SaveTrade(*t)
		}
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}

// reverse undoes an order by the payer's code: it ends an unpaid one and returns the money of a paid one, at once.
func (s *Simulator) reverse(c *call) (reply, error) {
	t, err := s.withOrder(c, func(tx *books.Tx, t *books.Trade) error {
		switch {
		case t.Product != codePay:
			return invalidRequest("仅付款码支付订单可以撤销")
		case t.Attr(attrReversed) != "":
			return nil
		case len(t.Refunds) > 0:
			return forbidden("TRADE_ERROR", "订单已发生退款，不能撤销")
		}
		t.SetAttr(attrReversed, "1")
		if t.Status != books.StatusPaid {
			if t.Open() {
				t.Status, t.ClosedAt = books.StatusClosed, c.now
			}
			tx.SaveTrade(*t)
			return nil
		}
		t.Refunds = append(t.Refunds, books.Refund{
			OutRefundNo: t.OutTradeNo, ChannelRefundNo: refundID(c.now), Amount: t.Amount, Status: books.RefundSucceeded,
			CreatedAt: c.now, SettledAt: c.now, Attrs: refundAttrs{fee: t.Fee, reversal: true}.stored(),
		})
		tx.SaveTrade(*t)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	answer := object{"out_trade_no": t.OutTradeNo}
	for _, name := range []string{"appid", "mchid", "sp_appid", "sp_mchid", "sub_appid", "sub_mchid"} {
		if v := textAt(c.body, name); v != "" {
			answer[name] = v
		}
	}
	return ok(answer), nil
}
