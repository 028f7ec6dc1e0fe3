package unionpaysim

import (
	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// apply issues a code for the payer to scan, or a tn for the merchant's app.
func (s *Simulator) apply(c *call) (fields, error) {
	o, err := readOrder(c)
	if err != nil {
		return nil, err
	}
	if faults.Declines(o.amount) {
		return nil, refuse(declineCode(c.name))
	}
	var token string
	err = s.env.Books.Change(func(tx *books.Tx) error {
		if taken(tx, c.key()) {
			return refuse(codeDuplicate)
		}
		for {
			token = c.newToken()
			if _, used := tx.Code(token); !used {
				break
			}
		}
		tx.SaveTrade(c.newTrade(tx, o, token, books.StatusIssued))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if c.name == nameApp {
		return c.accepted(codeSuccess, fields{"tn": token}), nil
	}
	return c.accepted(codeSuccess, fields{"qrCode": s.env.PayerBase + parts.CodePage + token}), nil
}

// newToken leads to the payer's page. For an app it is the tn: 21 digits that begin with the time.
func (c *call) newToken() string {
	if c.name == nameApp {
		return formatTime(c.now) + keys.Digits(7)
	}
	return "62" + keys.Letters(22)
}

// scanned takes the money by the payer's code, or waits for the payer's password.
func (s *Simulator) scanned(c *call) (fields, error) {
	o, err := readOrder(c)
	if err != nil {
		return nil, err
	}
	if faults.Declines(o.amount) {
		return nil, refuse(declineCode(c.name))
	}
	code := codeSuccess
	var t books.Trade
	err = s.env.Books.Change(func(tx *books.Tx) error {
		if taken(tx, c.key()) {
			return refuse(codeDuplicate)
		}
		t = c.newTrade(tx, o, c.newToken(), books.StatusWaiting)
		number(tx, &t, c.now)
		if faults.MagicOf(o.amount) == faults.MagicPassword {
			code = codeAccepted
		} else {
			charge(tx, &t, c.now)
		}
		tx.SaveTrade(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.accepted(code, fields{"currencyCode": currencyCNY, "queryId": t.ChannelTradeNo, "txnAmt": c.in["txnAmt"]}), nil
}

// placeForm does what the cashier does when a payer's browser posts a merchant's form: it makes the waiting trade, or
// finds the one that the same form made before, whatever became of it.
func (s *Simulator) placeForm(in fields) (books.Trade, error) {
	c, err := s.admit(pathFront, in)
	if err != nil {
		return books.Trade{}, err
	}
	key, digest := c.key(), keys.Digest(in.canonical())
	o, wrong := readOrder(c)
	var t books.Trade
	err = s.env.Books.Change(func(tx *books.Tx) error {
		known := false
		if t, known = tx.TradeAsOf(key, c.now); known && t.Product == nameFront && t.Attr(attrDigest) == digest {
			return nil
		}
		if taken(tx, key) {
			return refuse(codeDuplicate)
		}
		if wrong != nil {
			return wrong
		}
		t = c.newTrade(tx, o, c.newToken(), books.StatusWaiting)
		tx.SaveTrade(t)
		return nil
	})
	return t, err
}
