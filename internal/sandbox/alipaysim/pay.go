package alipaysim

import (
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

func success(fields ...field) node {
	return append(node{{"code", codeSuccess}, {"msg", "Success"}}, fields...)
}

// precreate issues a code. The channel holds no trade until somebody scans it.
func (s *Simulator) precreate(c *call) (node, error) {
	o, err := readOrder(c)
	if err != nil {
		return nil, err
	}
	if faults.Declines(o.amount) {
		return nil, declined(c.name)
	}
	var token string
	err = s.env.Books.Change(func(tx *books.Tx) error {
		t, known := tx.TradeAsOf(o.key, c.now)
		goesOn, err := continues(&t, known, o)
		if err != nil {
			return err
		}
		token = t.Attr(attrToken)
		if goesOn && (t.ChannelTradeNo != "" || tx.CodeLives(token, c.now)) {
			return nil
		}
		t = c.newTrade(o)
		code := books.Code{Token: newToken(), Trade: t.Key, ExpiresAt: c.codeExpiry(o)}
		if t.ExpiresAt.IsZero() {
			t.ExpiresAt = code.ExpiresAt
		}
		token = code.Token
		t.SetAttr(attrToken, token)
		tx.SaveCode(code)
		tx.SaveTrade(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return success(field{"out_trade_no", o.key.OutTradeNo}, field{"qr_code", s.env.PayerBase + parts.CodePage + token}), nil
}

// codeExpiry is when a code dies: after two hours, at its own limit or at the order's, whichever comes first.
func (c *call) codeExpiry(o order) time.Time {
	at := c.now.Add(codeLife)
	if own, ok := parseExpress(c.content.get("qr_code_timeout_express"), c.now); ok && own.Before(at) {
		at = own
	}
	if !o.expiresAt.IsZero() && o.expiresAt.Before(at) {
		at = o.expiresAt
	}
	return at
}

// pay takes the money by the payer's barcode, or asks the payer for the password.
func (s *Simulator) pay(c *call) (node, error) {
	o, err := readOrder(c)
	if err != nil {
		return nil, err
	}
	if scene := c.content.get("scene"); scene != "bar_code" {
		return nil, invalidParameter("scene")
	}
	if !validAuthCode(c.content.get("auth_code")) {
		return nil, business(acqAuthCode)
	}
	if faults.Declines(o.amount) {
		return nil, declined(c.name)
	}
	var paid books.Trade
	err = s.env.Books.Change(func(tx *books.Tx) error {
		t, known := tx.TradeAsOf(o.key, c.now)
		goesOn, err := continues(&t, known, o)
		if err != nil {
			return err
		}
		if goesOn {
			paid = t
			return nil
		}
		t = c.newTrade(o)
		t.SetAttr(attrCode, "1")
		s.materialise(tx, &t, c.now)
		if faults.MagicOf(t.Amount) != faults.MagicPassword {
			charge(tx, &t, c.now)
		}
		tx.SaveTrade(t)
		paid = t
		return nil
	})
	if err != nil {
		return nil, err
	}
	if paid.Status == books.StatusWaiting {
		return append(node{{"code", codeWaiting}, {"msg", "order success pay inprocess"}},
			field{"buyer_logon_id", c.account.buyerNo}, field{"buyer_user_id", paid.Attr(attrBuyer)},
			field{"out_trade_no", paid.OutTradeNo}, field{"total_amount", formatYuan(paid.Amount)}, field{"trade_no", paid.ChannelTradeNo}), nil
	}
	n := success(field{"buyer_logon_id", c.account.buyerNo}, field{"buyer_pay_amount", formatYuan(paid.Amount)},
		field{"buyer_user_id", paid.Attr(attrBuyer)}, field{"fund_bill_list", fundBills(&paid, "fund_channel")},
		field{"gmt_payment", formatTime(paid.PaidAt)}, field{"invoice_amount", formatYuan(paid.Amount)})
	return append(n, field{"out_trade_no", paid.OutTradeNo}, field{"point_amount", formatYuan(0)},
		field{"receipt_amount", formatYuan(paid.Amount)}, field{"total_amount", formatYuan(paid.Amount)}, field{"trade_no", paid.ChannelTradeNo}), nil
}

// fundBills says where the money came from; the name of the source differs between answers and notifications.
func fundBills(t *books.Trade, sourceName string) []map[string]string {
	return []map[string]string{{"amount": formatYuan(t.Amount), sourceName: "ALIPAYACCOUNT"}}
}

// create opens a trade for a known buyer, who pays in the wallet.
func (s *Simulator) create(c *call) (node, error) {
	o, err := readOrder(c)
	if err != nil {
		return nil, err
	}
	if c.content.get("buyer_id") == "" && c.content.get("buyer_open_id") == "" {
		return nil, invalidParameter("buyer_id")
	}
	if faults.Declines(o.amount) {
		return nil, declined(c.name)
	}
	t, err := s.place(c, o)
	if err != nil {
		return nil, err
	}
	return success(field{"out_trade_no", t.OutTradeNo}, field{"trade_no", t.ChannelTradeNo}), nil
}

// place makes the waiting trade of an order, or finds the one that it continues.
func (s *Simulator) place(c *call, o order) (books.Trade, error) {
	var placed books.Trade
	err := s.env.Books.Change(func(tx *books.Tx) error {
		t, known := tx.TradeAsOf(o.key, c.now)
		goesOn, err := continues(&t, known, o)
		placed = t
		if err != nil || goesOn {
			return err
		}
		t = c.newTrade(o)
		s.materialise(tx, &t, c.now)
		tx.SaveTrade(t)
		placed = t
		return nil
	})
	return placed, err
}
