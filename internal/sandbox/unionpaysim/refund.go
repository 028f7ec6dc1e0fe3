package unionpaysim

import (
	"context"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// giveBack takes a refund or an undo in; it settles a moment later.
func (s *Simulator) giveBack(c *call) (fields, error) {
	if !c.timely(clockSkew) {
		return nil, refuseField(codeFormat, "txnTime")
	}
	original, err := s.original(c)
	if err != nil {
		return nil, err
	}
	amount, _ := parseAmount(c.in["txnAmt"]) // its form was checked
	var r books.Refund
	err = s.env.Books.Change(func(tx *books.Tx) error {
		if taken(tx, c.key()) {
			return refuse(codeDuplicate)
		}
		t, ok := tx.TradeAsOf(original, c.now)
		if !ok {
			return refuse(codeOriginal)
		}
		if err := checkGiveBack(c, &t, amount); err != nil {
			return err
		}
		r = c.newRefund(&t, amount)
		t.Refunds = append(t.Refunds, r)
		t.WakeAt = settlement().Next(&t)
		tx.SaveCode(books.Code{Token: refundToken(c.merchant.merID, c.in["orderId"]), Trade: t.Key})
		tx.SaveTrade(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.accepted(codeSuccess, fields{
		"origQryId": r.Attrs[attrOrigin], "queryId": r.ChannelRefundNo, "txnAmt": c.in["txnAmt"],
		"origOrderId": c.in["origOrderId"], "origTxnTime": c.in["origTxnTime"],
	}), nil
}

// original finds the payment that a refund names, by queryId or by its own number and time.
func (s *Simulator) original(c *call) (books.Key, error) {
	no, orderID := c.in["origQryId"], c.in["origOrderId"]
	if no == "" && orderID == "" {
		return books.Key{}, refuseField(codeMissing, "origQryId")
	}
	key := books.Key{Channel: Channel, Account: c.merchant.merID, OutTradeNo: orderID}
	if no != "" {
		named, ok := s.env.Books.ByChannelNo(Channel, no)
		if !ok || named.Account != c.merchant.merID || (orderID != "" && named != key) {
			return books.Key{}, refuse(codeOriginal)
		}
		key = named
	} else if c.in["origTxnTime"] == "" {
		return books.Key{}, refuseField(codeMissing, "origTxnTime")
	}
	return key, nil
}

// checkGiveBack says whether a trade allows a refund or an undo.
func checkGiveBack(c *call, t *books.Trade, amount int64) error {
	at, left := c.in["origTxnTime"], t.Amount-t.Refunded()
	switch {
	case t.Status != books.StatusPaid || (at != "" && at != t.Attr(attrTxnTime)):
		return refuse(codeOriginal)
	case left == 0 || (c.name == nameUndo && left < t.Amount):
		return refuse(codeGivenBack)
	case c.name == nameUndo && !settlementDay(t.PaidAt).Equal(settlementDay(c.now)):
		return refuse(codeOriginal)
	case amount > left || (c.name == nameUndo && amount != t.Amount):
		return refuse(codeMismatch)
	}
	return nil
}

func (c *call) newRefund(t *books.Trade, amount int64) books.Refund {
	return books.Refund{
		OutRefundNo: c.in["orderId"], ChannelRefundNo: queryID(c.now), Amount: amount, Status: books.RefundProcessing, CreatedAt: c.now,
		Attrs: map[string]string{
			attrTxnTime: c.in["txnTime"], attrBizType: c.in["bizType"], attrEncoding: c.in["encoding"],
			attrReserved: c.in["reqReserved"], attrName: c.name, attrNotify: c.in["backUrl"], attrOrigin: t.ChannelTradeNo,
		},
	}
}

// Expire closes a trade whose limit has come and settles refunds that are due.
func (s *Simulator) Expire(_ context.Context, key books.Key) error {
	return settlement().Expire(&s.env, key, func(tx *books.Tx, t *books.Trade, now time.Time) {
		if t.Product == nameScan { // only transactions that begin at the merchant's server tell of a failure
			t.SetAttr(attrFailed, codeInputTimeout)
			parts.Tell(tx, t, eventFailed, "", t.NotifyURL, now)
		}
	})
}

func settlement() parts.Settlement { return parts.Settlement{Due: dueAt, Settle: settle} }

// dueAt is when a refund settles; zero: it is settled.
func dueAt(r *books.Refund) time.Time {
	if r.Status != books.RefundProcessing {
		return time.Time{}
	}
	return r.CreatedAt.Add(parts.SettleAfter)
}

// settle ends a refund that is due.
func settle(tx *books.Tx, t *books.Trade, r *books.Refund, now time.Time) {
	r.Status, r.SettledAt = books.RefundSucceeded, now
	outcome := codeSuccess
	if faults.MagicOf(t.Amount) == faults.MagicRefundFails {
		r.Status, outcome = books.RefundFailed, codeIssuer
	}
	attrs := fields(r.Attrs).with(fields{attrSettled: outcome})
	r.Attrs = attrs
	parts.Tell(tx, t, eventRefund, r.OutRefundNo, r.Attrs[attrNotify], now)
}
