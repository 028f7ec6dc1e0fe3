package unionpaysim

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

// Claims reports whether an action leads here: a code of ours, a form for the cashier, a tn.
func (s *Simulator) Claims(a sim.Action) bool {
	switch a.Type {
	case sim.ActionQRCode:
		return strings.Contains(a.CodeURL, "/"+Channel+parts.CodePage)
	case sim.ActionForm:
		u, err := url.Parse(a.URL)
		return err == nil && strings.HasSuffix(u.Path, pathFront)
	case sim.ActionApp:
		_, ok := tnOf(a)
		return ok
	default:
		return false
	}
}

func tnOf(a sim.Action) (string, bool) {
	if tn, ok := a.ParamsField("tn"); ok {
		return tn, true
	}
	return a.TN, a.TN != ""
}

// Open scans the code, posts the form or hands the tn to the wallet.
func (s *Simulator) Open(_ context.Context, a sim.Action) (books.Key, error) {
	switch a.Type {
	case sim.ActionQRCode:
		token, err := a.CodeToken()
		if err != nil {
			return books.Key{}, err
		}
		t, err := s.openToken(token)
		return t.Key, err
	case sim.ActionApp:
		tn, _ := tnOf(a)
		t, err := s.openToken(tn)
		return t.Key, err
	case sim.ActionForm:
		t, err := s.postForm(a.Fields)
		return t.Key, err
	default:
		return books.Key{}, fmt.Errorf("%w: type %q is not unionpay's", sim.ErrBadAction, a.Type)
	}
}

// postForm posts a form as the payer's browser would, over the same reader.
func (s *Simulator) postForm(values map[string]string) (books.Trade, error) {
	in, err := parseForm(fields(values).encode())
	if err != nil {
		return books.Trade{}, fmt.Errorf("%w: %w", sim.ErrBadAction, err)
	}
	t, err := s.placeForm(in)
	var no *refusal
	switch {
	case errors.Is(err, errExpired), errors.As(err, &no) && no.code == codeDuplicate:
		return t, fmt.Errorf("%w: %w", sim.ErrNotPossible, err)
	case no != nil:
		return t, fmt.Errorf("%w: %w", sim.ErrBadAction, err)
	default:
		return t, err
	}
}

// openToken does what looking at a code or calling the wallet does: from then on the payer has to act.
func (s *Simulator) openToken(token string) (books.Trade, error) {
	now := s.env.Now().UTC()
	var t books.Trade
	err := s.env.Books.Change(func(tx *books.Tx) error {
		code, ok := tx.Code(token)
		if ok && code.Trade.Channel == Channel {
			t, ok = tx.TradeAsOf(code.Trade, now)
		}
		if !ok || t.Attr(attrToken) != token {
			return fmt.Errorf("%w: no order of unionpay's belongs to it", sim.ErrNotFound)
		}
		if t.Status == books.StatusIssued {
			t.Status = books.StatusWaiting
			tx.SaveTrade(t)
		}
		return nil
	})
	return t, err
}

// Pay presses the pay button once.
func (s *Simulator) Pay(_ context.Context, key books.Key) (books.Trade, error) {
	declined := false
	t, err := parts.Act(&s.env, key, "trade", func(tx *books.Tx, t *books.Trade, now time.Time) error {
		if declined = faults.Declines(t.Amount); declined {
			t.Status = books.StatusWaiting
			t.SetAttr(attrFailed, codeBalance)
			return nil
		}
		charge(tx, t, now)
		return nil
	})
	if err == nil && declined {
		err = parts.ErrDeclined
	}
	return t, err
}

// Cancel has the payer give up: the trade stays as it is and can still be paid, as the channel closes no order before
// its limit.
func (s *Simulator) Cancel(_ context.Context, key books.Key) (books.Trade, error) {
	return parts.Act(&s.env, key, "trade", func(_ *books.Tx, t *books.Trade, _ time.Time) error {
		t.Status = books.StatusWaiting
		t.SetAttr(attrGaveUp, "1")
		return nil
	})
}

// PayerURL is the page at which a trade can be paid.
func (s *Simulator) PayerURL(t *books.Trade) string {
	return parts.PageURL(&s.env, t.Attr(attrToken), t.Product == nameCode)
}
