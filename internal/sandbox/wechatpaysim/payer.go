package wechatpaysim

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Claims reports whether an action leads here: a code or link of ours, or a wallet's parameters with a prepay_id.
func (s *Simulator) Claims(a sim.Action) bool {
	switch a.Type {
	case sim.ActionQRCode:
		return strings.Contains(a.CodeURL, "/"+Channel+parts.CodePage)
	case sim.ActionRedirect:
		u, err := url.Parse(a.URL)
		return err == nil && strings.HasSuffix(u.Path, h5Page)
	case sim.ActionApp:
		_, ok := a.ParamsField("prepayid")
		return ok
	case sim.ActionJSAPI:
		_, ok := a.ParamsField("paySign")
		return ok
	default:
		return false
	}
}

// Open scans the code, opens the link or hands the parameters to the wallet.
func (s *Simulator) Open(_ context.Context, a sim.Action) (books.Key, error) {
	var token, back string
	var by func(*books.Trade) error
	switch a.Type {
	case sim.ActionQRCode:
		var err error
		if token, err = a.CodeToken(); err != nil {
			return books.Key{}, err
		}
		by = ordered(native)
	case sim.ActionRedirect:
		u, err := url.Parse(a.URL)
		if err != nil {
			return books.Key{}, fmt.Errorf("%w: %w", sim.ErrBadAction, err)
		}
		token, back, by = u.Query().Get("prepay_id"), u.Query().Get("redirect_url"), ordered(h5)
	case sim.ActionApp, sim.ActionJSAPI:
		w, err := readWallet(a)
		if err != nil {
			return books.Key{}, err
		}
		token, by = w.prepayID, func(t *books.Trade) error { return s.checkWallet(w, t) }
	default:
		return books.Key{}, fmt.Errorf("%w: type %q is not wechatpay's", sim.ErrBadAction, a.Type)
	}
	t, err := s.open(token, back, by)
	return t.Key, err
}

func ordered(product string) func(*books.Trade) error {
	return func(t *books.Trade) error {
		if t.Product != product {
			return fmt.Errorf("%w: it belongs to an order by %s", sim.ErrBadAction, t.Product)
		}
		return nil
	}
}

// open does what looking at a code does: one that lives and that nobody looked at becomes one that waits for the payer.
// allowed may refuse the trade that the token leads to; back is where the browser goes after the payment.
func (s *Simulator) open(token, back string, allowed func(*books.Trade) error) (books.Trade, error) {
	now := s.env.Now().UTC()
	var t books.Trade
	err := s.env.Books.Change(func(tx *books.Tx) error {
		code, known := tx.Code(token)
		if known && !strings.Contains(token, "/") { // others are no addresses
			t, known = tx.TradeAsOf(code.Trade, now)
		} else {
			known = false
		}
		if !known || (t.Status == books.StatusIssued && t.Attr(attrToken) != token) {
			return sim.ErrNotFound // unknown, or another one took its place
		}
		if err := allowed(&t); err != nil {
			return err
		}
		changed := false
		if t.Status == books.StatusIssued && tx.CodeLives(token, now) {
			t.Status, changed = books.StatusWaiting, true
		}
		if t.Open() && back != "" && back != t.ReturnURL && parts.WebAddress(back, 2048) {
			t.ReturnURL, changed = back, true
		}
		if changed {
			tx.SaveTrade(t)
		}
		return nil
	})
	return t, err
}

// Pay presses the pay button once.
func (s *Simulator) Pay(_ context.Context, key books.Key) (books.Trade, error) {
	return s.act(key, charge)
}

// Cancel has the payer give up. An order can be paid afterwards, but a payment code was used up.
func (s *Simulator) Cancel(_ context.Context, key books.Key) (books.Trade, error) {
	return s.act(key, func(_ *books.Tx, t *books.Trade, now time.Time) {
		if t.Product == codePay {
			t.Status, t.ClosedAt = books.StatusClosed, now
			t.SetAttr(attrFailed, "1")
			return
		}
		t.Status = books.StatusWaiting
		t.SetAttr(attrGaveUp, "1")
	})
}

// act changes an order that the payer can act on.
func (s *Simulator) act(key books.Key, do func(*books.Tx, *books.Trade, time.Time)) (books.Trade, error) {
	return parts.Act(&s.env, key, "order", func(tx *books.Tx, t *books.Trade, now time.Time) error {
		if t.Status == books.StatusIssued && !tx.CodeLives(t.Attr(attrToken), now) {
			return fmt.Errorf("%w: the code or prepay_id has expired", sim.ErrNotPossible)
		}
		do(tx, t, now)
		return nil
	})
}

// PayerURL is the page at which an order can be paid.
func (s *Simulator) PayerURL(t *books.Trade) string {
	return parts.PageURL(&s.env, t.Attr(attrToken), t.Product == native)
}
