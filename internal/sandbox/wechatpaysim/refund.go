package wechatpaysim

import (
	"encoding/json"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// Rules of refunds.
const (
	maxRefunds   = 50 // of one order
	refundWindow = 365 * 24 * time.Hour
)

// Outcomes of a refund, in the channel's words.
const (
	refundProcessing = "PROCESSING"
	refundSuccess    = "SUCCESS"
	refundClosed     = "CLOSED"   // failed: the money stays with the merchant
	refundAbnormal   = "ABNORMAL" // the money could not be returned, and does not stay either
)

const attrRefund = "wechatpay"

// refundAttrs is what the books keep of a refund for the simulator.
type refundAttrs struct {
	notifyURL, signedBy, reason string
	fee                         int64 // of the payment's fee, returned with this refund
	outcome                     string
	due                         time.Time // when it settles; zero: it is settled, or stuck
	reversal                    bool
}

type storedRefund struct {
	NotifyURL string    `json:"notify_url,omitempty"`
	SignedBy  string    `json:"signed_by,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Fee       int64     `json:"fee,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	Due       time.Time `json:"due,omitzero"`
	Reversal  bool      `json:"reversal,omitempty"`
}

// stored answers a map of its own: maps of stored refunds are shared with readers.
func (a refundAttrs) stored() map[string]string {
	raw, err := json.Marshal(storedRefund{a.notifyURL, a.signedBy, a.reason, a.fee, a.outcome, a.due, a.reversal})
	if err != nil {
		return nil // strings, numbers and times can always be written
	}
	return map[string]string{attrRefund: string(raw)}
}

func attrsOf(r *books.Refund) refundAttrs {
	var v storedRefund
	_ = json.Unmarshal([]byte(r.Attrs[attrRefund]), &v) // our own text
	return refundAttrs{v.NotifyURL, v.SignedBy, v.Reason, v.Fee, v.Outcome, v.Due, v.Reversal}
}

// refundStatus is a refund's status in the channel's words.
func refundStatus(r *books.Refund) string {
	switch {
	case r.Status == books.RefundSucceeded:
		return refundSuccess
	case r.Status == books.RefundFailed:
		return refundClosed
	case attrsOf(r).due.IsZero():
		return refundAbnormal
	default:
		return refundProcessing
	}
}

// Refund numbers are unique at a merchant; the books know by these names which order one belongs to.
func refundToken(a *account, outRefundNo string) string {
	return "refund/" + a.mchid + "/" + outRefundNo
}
func refundIDToken(a *account, id string) string { return "refund_id/" + a.mchid + "/" + id }

// refund takes a refund in; it settles a moment later. One out_refund_no is one refund, however often it is asked for.
func (s *Simulator) refund(c *call) (reply, error) {
	key, err := s.refundedOrder(c)
	if err != nil {
		return reply{}, err
	}
	number := textAt(c.body, "out_refund_no")
	var t books.Trade
	err = s.env.Books.Change(func(tx *books.Tx) error {
		if t, err = existing(tx, c, key); err != nil {
			return asRefundsOrder(err)
		}
		repeat, err := checkRefund(tx, c, &t, number)
		if err != nil || repeat {
			return err
		}
		s.addRefund(tx, c, &t, number)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	r, _ := t.Refund(number)
	return ok(s.refundObject(&t, r)), nil
}

// refundedOrder answers the key of the order that a refund names by either number, or by both.
func (s *Simulator) refundedOrder(c *call) (books.Key, error) {
	id, number := textAt(c.body, "transaction_id"), textAt(c.body, "out_trade_no")
	if id == "" && number == "" {
		return books.Key{}, parameterError("/body/transaction_id", "body", "transaction_id和out_trade_no不能同时为空", "")
	}
	if id == "" {
		return c.key(number), nil
	}
	key, known := s.env.Books.ByChannelNo(Channel, id)
	if !known || key.Account != c.account.mchid {
		return key, resourceNotExists("订单不存在")
	}
	if number != "" && number != key.OutTradeNo {
		return key, invalidRequest("微信支付订单号与商户订单号不匹配")
	}
	return key, nil
}

func asRefundsOrder(err error) error {
	if no, refused := isRefusal(err); refused && no.code == orderNotExist().code {
		return resourceNotExists("订单不存在")
	}
	return err
}

// checkRefund says whether an order allows a refund, and whether it has it already.
func checkRefund(tx *books.Tx, c *call, t *books.Trade, number string) (repeat bool, err error) {
	amount := integerAt(c.body, "amount", "refund")
	if other, used := tx.Code(refundToken(c.account, number)); used && other.Trade != t.Key {
		return false, invalidRequest("商户退款单号已用于其他订单")
	}
	if r, known := t.Refund(number); known && !attrsOf(r).reversal {
		if r.Amount != amount || integerAt(c.body, "amount", "total") != t.Amount {
			return false, invalidRequest("订单金额或退款金额与之前请求不一致，请核实后再试")
		}
		return true, nil
	}
	for _, rule := range []struct {
		holds bool
		no    *refusal
	}{
		{t.Attr(attrReversed) == "", orderReversed()},
		{t.Status == books.StatusPaid, invalidRequest("订单未支付，不能退款")},
		{integerAt(c.body, "amount", "total") == t.Amount, invalidRequest("订单金额与支付金额不一致")},
		{amount >= parts.MinAmount, parameterError("/body/amount/refund", "body", "退款金额无效", amount)},
		{amount <= t.Amount-t.Refunded(), invalidRequest("申请退款金额大于订单剩余可退金额")},
		{len(t.Refunds) < maxRefunds, invalidRequest("部分退款次数超限")},
		{c.now.Sub(t.PaidAt) <= refundWindow, invalidRequest("订单已超过可退款的最大期限")},
	} {
		if !rule.holds {
			return false, rule.no
		}
	}
	return false, nil
}

func (s *Simulator) addRefund(tx *books.Tx, c *call, t *books.Trade, number string) {
	amount := integerAt(c.body, "amount", "refund")
	attrs := refundAttrs{
		notifyURL: textAt(c.body, "notify_url"), signedBy: c.signer.id, reason: textAt(c.body, "reason"), due: c.now.Add(parts.SettleAfter),
		fee: max(0, returnedFee(t.Fee, t.Refunded()+amount, t.Amount)-feesReturned(t)), outcome: refundSuccess,
	}
	switch {
	case c.abnormal:
		attrs.outcome, c.abnormalShown = refundAbnormal, true
	case faults.MagicOf(t.Amount) == faults.MagicRefundFails:
		attrs.outcome = refundClosed
	}
	id := refundID(c.now)
	t.Refunds = append(t.Refunds, books.Refund{
		OutRefundNo: number, ChannelRefundNo: id, Amount: amount, Status: books.RefundProcessing, CreatedAt: c.now, Attrs: attrs.stored(),
	})
	tx.SaveCode(books.Code{Token: refundToken(c.account, number), Trade: t.Key})
	tx.SaveCode(books.Code{Token: refundIDToken(c.account, id), Trade: t.Key})
	t.WakeAt = settlement().Next(t)
	tx.SaveTrade(*t)
}

// feesReturned is how much of a payment's fee its refunds that did not fail return, in fen.
func feesReturned(t *books.Trade) int64 {
	var sum int64
	for i := range t.Refunds {
		if t.Refunds[i].Status != books.RefundFailed {
			sum += attrsOf(&t.Refunds[i]).fee
		}
	}
	return sum
}

// refundObject is a refund as the channel tells of it.
func (s *Simulator) refundObject(t *books.Trade, r *books.Refund) object {
	attrs := attrsOf(r)
	o := object{
		"refund_id": r.ChannelRefundNo, "out_refund_no": r.OutRefundNo, "transaction_id": t.ChannelTradeNo, "out_trade_no": t.OutTradeNo,
		"channel": "ORIGINAL", "user_received_account": "支付用户零钱", "create_time": formatTime(r.CreatedAt), "status": refundStatus(r),
		"funds_account": "AVAILABLE", "promotion_detail": []any{},
		"amount": object{
			"total": t.Amount, "refund": r.Amount, "payer_total": t.Amount, "payer_refund": r.Amount, "settlement_total": t.Amount,
			"settlement_refund": r.Amount, "discount_refund": int64(0), "currency": t.Currency, "refund_fee": attrs.fee, "from": []any{},
		},
	}
	if r.Status == books.RefundSucceeded {
		o["success_time"] = formatTime(r.SettledAt)
	}
	return o
}

// withRefund finds the order of a refund and hands it to fn, inside a change.
func (s *Simulator) withRefund(c *call, token string, fn func(tx *books.Tx, t *books.Trade) error) (books.Trade, error) {
	var t books.Trade
	err := s.env.Books.Change(func(tx *books.Tx) error {
		code, known := tx.Code(token)
		if !known {
			return resourceNotExists("退款单不存在")
		}
		var err error
		if t, err = existing(tx, c, code.Trade); err != nil {
			return err
		}
		return fn(tx, &t)
	})
	return t, err
}

func (s *Simulator) refundQuery(c *call) (reply, error) {
	number := c.path("out_refund_no")
	t, err := s.withRefund(c, refundToken(c.account, number), func(*books.Tx, *books.Trade) error { return nil })
	if err != nil {
		return reply{}, err
	}
	r, _ := t.Refund(number)
	return ok(s.refundObject(&t, r)), nil
}

// abnormalRefund sends the money of an ABNORMAL refund another way, which works.
func (s *Simulator) abnormalRefund(c *call) (reply, error) {
	number := textAt(c.body, "out_refund_no")
	t, err := s.withRefund(c, refundIDToken(c.account, c.path("refund_id")), func(tx *books.Tx, t *books.Trade) error {
		r, known := t.Refund(number)
		if !known || r.ChannelRefundNo != c.path("refund_id") {
			return invalidRequest("微信支付退款单号与商户退款单号不匹配")
		}
		if refundStatus(r) != refundAbnormal {
			return invalidRequest("退款单状态不是退款异常")
		}
		attrs := attrsOf(r)
		attrs.outcome, attrs.due = refundSuccess, c.now.Add(parts.SettleAfter)
		r.Attrs = attrs.stored()
		t.WakeAt = settlement().Next(t)
		tx.SaveTrade(*t)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	r, _ := t.Refund(number)
	return ok(s.refundObject(&t, r)), nil
}
