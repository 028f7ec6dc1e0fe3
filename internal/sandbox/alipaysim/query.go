package alipaysim

import (
	"encoding/base64"

	"github.com/paymux/paymux/internal/sandbox/books"
)

// Trade statuses in the channel's words.
const (
	statusWaiting = "WAIT_BUYER_PAY"
	statusSuccess = "TRADE_SUCCESS"
	statusClosed  = "TRADE_CLOSED"
)

// tradeStatus is TRADE_CLOSED for a trade that was never paid and for one that was refunded in full.
func tradeStatus(t *books.Trade) string {
	switch {
	case t.Status == books.StatusPaid && succeededRefunds(t, "") < t.Amount:
		return statusSuccess
	case t.Status == books.StatusWaiting:
		return statusWaiting
	default:
		return statusClosed
	}
}

// succeededRefunds sums what went back up to and including one refund; without a number, all of it.
func succeededRefunds(t *books.Trade, upTo string) int64 {
	var sum int64
	for _, r := range t.Refunds {
		if r.Status == books.RefundSucceeded {
			sum += r.Amount
		}
		if r.OutRefundNo == upTo && upTo != "" {
			break
		}
	}
	return sum
}

// named answers the key of the trade that a call names; trade_no wins if both numbers are there.
func (s *Simulator) named(c *call) (books.Key, error) {
	if no := c.content.get("trade_no"); no != "" {
		key, ok := s.env.Books.ByChannelNo(Channel, no)
		if !ok || key.Account != c.account.appID {
			return books.Key{}, business(acqTradeNotExist)
		}
		return key, nil
	}
	number := c.content.get("out_trade_no")
	if number == "" {
		return books.Key{}, invalidParameter("out_trade_no")
	}
	return c.key(number), nil
}

// existing reads the trade that a call names. A code that nobody scanned is no trade.
func existing(tx *books.Tx, c *call, key books.Key) (books.Trade, error) {
	t, ok := tx.TradeAsOf(key, c.now)
	if !ok || t.ChannelTradeNo == "" {
		return books.Trade{}, business(acqTradeNotExist)
	}
	return t, nil
}

// withTrade finds the trade that a call names and hands it to fn, inside a change.
func (s *Simulator) withTrade(c *call, fn func(tx *books.Tx, t *books.Trade) error) (books.Trade, error) {
	key, err := s.named(c)
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

// read reads the trade that a call names, for calls that change nothing.
func (s *Simulator) read(c *call) (books.Trade, error) {
	return s.withTrade(c, func(*books.Tx, *books.Trade) error { return nil })
}

func (s *Simulator) query(c *call) (node, error) {
	t, err := s.read(c)
	if err != nil {
		return nil, err
	}
	received := int64(0)
	if t.Status == books.StatusPaid {
		received = t.Amount
	}
	n := success(field{"buyer_logon_id", c.account.buyerNo}, field{"buyer_pay_amount", formatYuan(received)},
		field{"buyer_user_id", t.Attr(attrBuyer)})
	if received > 0 {
		n = append(n, field{"fund_bill_list", fundBills(&t, "fund_channel")})
	}
	n = append(n, field{"invoice_amount", formatYuan(received)}, field{"out_trade_no", t.OutTradeNo},
		field{"point_amount", formatYuan(0)}, field{"receipt_amount", formatYuan(received)})
	if received > 0 {
		n = append(n, field{"send_pay_date", formatTime(t.PaidAt)})
	}
	for _, attr := range []string{attrStore, attrTerminal} {
		if v := t.Attr(attr); v != "" {
			n = append(n, field{attr, v})
		}
	}
	return append(n, field{"total_amount", formatYuan(t.Amount)}, field{"trade_no", t.ChannelTradeNo},
		field{"trade_status", tradeStatus(&t)}), nil
}

// certDownload hands out the certificate whose key signs the account's answers.
func (s *Simulator) certDownload(c *call) (node, error) {
	if c.content.get("alipay_cert_sn") != c.account.sn {
		return nil, business(acqInvalidParameter)
	}
	return success(field{"alipay_cert_content", base64.StdEncoding.EncodeToString([]byte(c.account.AlipayCert))}), nil
}
