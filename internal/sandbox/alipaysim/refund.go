package alipaysim

import (
	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// maxRequestNo is the longest out_request_no.
const maxRequestNo = 64

// refund returns money at once. One out_request_no of one trade is one refund, however often it is asked for.
func (s *Simulator) refund(c *call) (node, error) {
	key, err := s.named(c)
	if err != nil {
		return nil, err
	}
	amount, ok := parseYuan(c.content.get("refund_amount"))
	if !ok || amount < parts.MinAmount {
		return nil, business(acqRefundFee)
	}
	requestNo := c.content.get("out_request_no")
	if len(requestNo) > maxRequestNo {
		return nil, invalidParameter("out_request_no")
	}
	var t books.Trade
	moved, failed := false, false
	err = s.env.Books.Change(func(tx *books.Tx) error {
		if t, err = existing(tx, c, key); err != nil {
			return err
		}
		if requestNo, err = checkRefund(&t, requestNo, amount); err != nil {
			return err
		}
		done, known := t.Refund(requestNo)
		if known && done.Status == books.RefundSucceeded {
			return nil
		}
		if !known {
			t.Refunds = append(t.Refunds, books.Refund{OutRefundNo: requestNo, CreatedAt: c.now})
			done = &t.Refunds[len(t.Refunds)-1]
		}
		failed = faults.MagicOf(t.Amount) == faults.MagicRefundFails
		moved = !failed
		done.Amount, done.SettledAt, done.Status = amount, c.now, books.RefundSucceeded
		if failed {
			done.Status = books.RefundFailed
		} else {
			parts.Tell(tx, &t, eventRefund, requestNo, t.NotifyURL, c.now)
		}
		tx.SaveTrade(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if failed {
		return nil, declined(c.name)
	}
	return refunded(c, &t, requestNo, moved), nil
}

// checkRefund says whether a trade allows a refund, and under which number.
func checkRefund(t *books.Trade, requestNo string, amount int64) (string, error) {
	if t.Status != books.StatusPaid {
		return "", business(acqStatusError)
	}
	if requestNo == "" {
		if amount != t.Amount {
			no := business(acqRefundNotTotal)
			no.extra = node{{"refund_fee", formatYuan(0)}}
			return "", no
		}
		requestNo = t.OutTradeNo
	}
	if r, known := t.Refund(requestNo); known && r.Status == books.RefundSucceeded {
		if r.Amount != amount {
			return "", business(acqRefundDiscordant)
		}
		return requestNo, nil
	}
	if t.Refunded()+amount > t.Amount {
		return "", business(acqRefundTooMuch)
	}
	return requestNo, nil
}

// refunded is the answer to a refund; refund_fee is the sum of all refunds so far.
func refunded(c *call, t *books.Trade, requestNo string, moved bool) node {
	r, _ := t.Refund(requestNo)
	change := "N"
	if moved {
		change = "Y"
	}
	n := success(field{"buyer_logon_id", c.account.buyerNo}, field{"buyer_user_id", t.Attr(attrBuyer)}, field{"fund_change", change},
		field{"gmt_refund_pay", formatTime(r.SettledAt)}, field{"out_trade_no", t.OutTradeNo})
	if c.content.asksFor("refund_detail_item_list") {
		n = append(n, field{"refund_detail_item_list", refundDetails(r)})
	}
	return append(n, field{"refund_fee", formatYuan(succeededRefunds(t, ""))}, field{"send_back_fee", formatYuan(r.Amount)},
		field{"trade_no", t.ChannelTradeNo})
}

func refundDetails(r *books.Refund) []map[string]string {
	return []map[string]string{{"amount": formatYuan(r.Amount), "fund_channel": "ALIPAYACCOUNT"}}
}

// refundQuery tells of one refund; one that did not succeed is shown by its fields' absence.
func (s *Simulator) refundQuery(c *call) (node, error) {
	requestNo := c.content.get("out_request_no")
	if requestNo == "" {
		return nil, invalidParameter("out_request_no")
	}
	t, err := s.read(c)
	if err != nil {
		return nil, err
	}
	n := success(field{"out_request_no", requestNo}, field{"out_trade_no", t.OutTradeNo})
	r, known := t.Refund(requestNo)
	if !known || r.Status != books.RefundSucceeded {
		return success(), nil
	}
	if c.content.asksFor("gmt_refund_pay") {
		n = append(n, field{"gmt_refund_pay", formatTime(r.SettledAt)})
	}
	if c.content.asksFor("refund_detail_item_list") {
		n = append(n, field{"refund_detail_item_list", refundDetails(r)})
	}
	return append(n, field{"refund_amount", formatYuan(r.Amount)}, field{"refund_status", "REFUND_SUCCESS"},
		field{"send_back_fee", formatYuan(r.Amount)}, field{"total_amount", formatYuan(t.Amount)}, field{"trade_no", t.ChannelTradeNo}), nil
}
