package alipaysim

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Claims reports whether an action leads here: a code or link of ours, signed wallet parameters, a trade number.
func (s *Simulator) Claims(a sim.Action) bool {
	switch a.Type {
	case sim.ActionQRCode:
		return strings.Contains(a.CodeURL, "/"+Channel+parts.CodePage)
	case sim.ActionRedirect, sim.ActionForm:
		u, err := url.Parse(a.URL)
		return err == nil && strings.HasSuffix(u.Path, gatewayPath)
	case sim.ActionApp:
		text, ok := a.ParamsText()
		return ok && strings.Contains(text, "method=alipay.")
	case sim.ActionJSAPI:
		_, ok := a.ParamsField("trade_no")
		return ok
	default:
		return false
	}
}

// Open scans the code, opens the link or hands the parameters to the wallet.
func (s *Simulator) Open(_ context.Context, a sim.Action) (books.Key, error) {
	switch a.Type {
	case sim.ActionQRCode:
		token, err := a.CodeToken()
		if err != nil {
			return books.Key{}, err
		}
		t, err := s.openCode(token)
		return t.Key, err
	case sim.ActionRedirect, sim.ActionForm:
		p := make(params)
		u, err := url.Parse(a.URL)
		if err == nil {
			err = p.add(u.RawQuery)
		}
		if err != nil {
			return books.Key{}, fmt.Errorf("%w: %w", sim.ErrBadAction, err)
		}
		for name, value := range a.Fields {
			p[name] = value
		}
		return s.placeSigned(p, byBrowser)
	case sim.ActionApp:
		text, _ := a.ParamsText()
		p := make(params)
		if err := p.add(text); err != nil {
			return books.Key{}, fmt.Errorf("%w: %w", sim.ErrBadAction, err)
		}
		return s.placeSigned(p, byWallet)
	case sim.ActionJSAPI:
		no, _ := a.ParamsField("trade_no")
		key, ok := s.env.Books.ByChannelNo(Channel, no)
		if !ok {
			return books.Key{}, fmt.Errorf("trade_no %s: %w", no, sim.ErrNotFound)
		}
		return key, nil
	default:
		return books.Key{}, fmt.Errorf("%w: type %q is not alipay's", sim.ErrBadAction, a.Type)
	}
}

// openCode does what looking at a code does: the first look at one that lives makes the trade.
func (s *Simulator) openCode(token string) (books.Trade, error) {
	now := s.env.Now().UTC()
	var t books.Trade
	err := s.env.Books.Change(func(tx *books.Tx) error {
		code, ok := tx.Code(token)
		if ok {
			t, ok = tx.TradeAsOf(code.Trade, now)
		}
		if !ok || (t.ChannelTradeNo == "" && t.Attr(attrToken) != token) {
			return sim.ErrNotFound // unknown, or another code took its place
		}
		if t.Status == books.StatusIssued && tx.CodeLives(token, now) {
			s.materialise(tx, &t, now)
			tx.SaveTrade(t)
		}
		return nil
	})
	return t, err
}

// placeSigned checks an order that the payer brings and makes its trade. A trade that can't be paid any more is
// answered too, so that the payer is told.
func (s *Simulator) placeSigned(p params, by where) (books.Key, error) {
	c, err := s.admit(p)
	if err != nil {
		return books.Key{}, fmt.Errorf("%w: %w", sim.ErrBadAction, err)
	}
	if c.method.by != by {
		return books.Key{}, fmt.Errorf("%w: %s does not come this way", sim.ErrBadAction, c.name)
	}
	o, err := readOrder(c)
	if err != nil {
		return books.Key{}, refusedOrder(err)
	}
	if _, err = s.place(c, o); err != nil {
		return o.key, refusedOrder(err)
	}
	return o.key, nil
}

// refusedOrder turns the channel's refusal of an order into what the payer runs into.
func refusedOrder(err error) error {
	var no *refusal
	if !errors.As(err, &no) {
		return err
	}
	switch no.subCode {
	case acqHasSuccess, acqHasClose, acqExpired:
		return fmt.Errorf("%w: %w", sim.ErrNotPossible, err)
	default:
		return fmt.Errorf("%w: %w", sim.ErrBadAction, err)
	}
}

// Pay presses the pay button once.
func (s *Simulator) Pay(_ context.Context, key books.Key) (books.Trade, error) {
	return s.act(key, func(tx *books.Tx, t *books.Trade, now time.Time) error {
		if faults.Declines(t.Amount) {
			return parts.ErrDeclined
		}
		charge(tx, t, now)
		return nil
	})
}

// Cancel has the payer give up: the trade stays as it is and can still be paid.
func (s *Simulator) Cancel(_ context.Context, key books.Key) (books.Trade, error) {
	return s.act(key, func(_ *books.Tx, t *books.Trade, _ time.Time) error {
		t.SetAttr(attrGaveUp, "1")
		return nil
	})
}

// act changes a trade that the payer can act on, which the channel knows from then on.
func (s *Simulator) act(key books.Key, do func(tx *books.Tx, t *books.Trade, now time.Time) error) (books.Trade, error) {
	return parts.Act(&s.env, key, "trade", func(tx *books.Tx, t *books.Trade, now time.Time) error {
		if t.Status == books.StatusIssued && !tx.CodeLives(t.Attr(attrToken), now) {
			return fmt.Errorf("%w: the code has expired", sim.ErrNotPossible)
		}
		if t.ChannelTradeNo == "" {
			s.materialise(tx, t, now)
		}
		return do(tx, t, now)
	})
}

// Expire closes a trade whose limit has come.
func (s *Simulator) Expire(_ context.Context, key books.Key) error {
	now := s.env.Now().UTC()
	return s.env.Books.Change(func(tx *books.Tx) error {
		t, ok := tx.Trade(key)
		if !ok || !t.Open() || t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt) {
			return nil
		}
		shut(tx, &t, t.ExpiresAt)
		return nil
	})
}

// PayerURL is the page at which a trade can be paid.
func (s *Simulator) PayerURL(t *books.Trade) string {
	return parts.PageURL(&s.env, t.Attr(attrToken), t.Product == methodPrecreate)
}
