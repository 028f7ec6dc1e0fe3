package wechatpaysim

import (
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// prepay takes an order that the payer pays later, and answers what leads the payer to it.
func (s *Simulator) prepay(c *call) (reply, error) {
	o, err := readOrder(c)
	if err != nil {
		return reply{}, err
	}
	if faults.Declines(o.amount) {
		return reply{}, declined(c.endpoint)
	}
	var t books.Trade
	err = s.env.Books.Change(func(tx *books.Tx) error {
		var known bool
		t, known = tx.TradeAsOf(o.key, c.now)
		goesOn, err := continues(&t, known, &o)
		if err != nil {
			return err
		}
		if goesOn && tx.CodeLives(t.Attr(attrToken), c.now) {
			return nil
		}
		if !goesOn {
			if err := o.checkLimit(c.now); err != nil {
				return err
			}
			t = c.newTrade(o)
		}
		giveToken(tx, &t, c.now)
		tx.SaveTrade(t)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	switch token := t.Attr(attrToken); t.Product {
	case native:
		return ok(object{"code_url": s.env.PayerBase + parts.CodePage + token}), nil
	case h5:
		return ok(object{"h5_url": s.env.PayerBase + h5Page + "?prepay_id=" + token + "&package=" + keys.Digits(10)}), nil
	default:
		return ok(object{"prepay_id": token}), nil
	}
}

// codePay takes the money by the payer's code, or asks the payer for the password.
func (s *Simulator) codePay(c *call) (reply, error) {
	o, err := readOrder(c)
	if err != nil {
		return reply{}, err
	}
	if !validAuthCode(textAt(c.body, "payer", "auth_code")) {
		return reply{}, &refusal{status: http.StatusBadRequest, code: "AUTH_CODE_INVALID", message: "付款码无效，请扫描微信支付付款码", fine: fineUnclassified}
	}
	if store := child(c.body, "scene_info", "store_info"); textAt(store, "id") == "" && textAt(store, "out_id") == "" {
		return reply{}, parameterError("/body/scene_info/store_info", "body", "id和out_id不能同时为空", "")
	}
	if faults.Declines(o.amount) {
		return reply{}, declined(c.endpoint)
	}
	var t books.Trade
	err = s.env.Books.Change(func(tx *books.Tx) error {
		var known bool
		t, known = tx.TradeAsOf(o.key, c.now)
		goesOn, err := continues(&t, known, &o)
		if err != nil || goesOn {
			return err
		}
		t = c.newTrade(o)
		t.Status = books.StatusWaiting
		giveToken(tx, &t, c.now)
		if faults.MagicOf(t.Amount) != faults.MagicPassword {
			charge(tx, &t, c.now)
		}
		tx.SaveTrade(t)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	if t.Open() {
		return reply{status: http.StatusAccepted, object: object{"code": "USERPAYING", "message": "用户支付中，需要输入密码"}}, nil
	}
	return ok(s.transaction(c.account, &t)), nil
}
