package wechatpaysim

import (
	"context"
	"errors"
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/payerpage"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Where the payer's pages are, under the channel's root; a token follows the first two.
const (
	codePage    = "/qr/"
	cashierPage = "/cashier/"
	h5Page      = "/cgi-bin/mmpayweb-bin/checkmweb"
)

func anyOrder(*books.Trade) error { return nil }

// openLink serves an h5_url; the merchant may have added where to go after the payment.
func (s *Simulator) openLink(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if t, there := s.pageTrade(w, r, q.Get("prepay_id"), q.Get("redirect_url"), ordered(h5)); there {
		s.writePage(w, r, http.StatusOK, t)
	}
}

// showPage shows the order behind a token.
func (s *Simulator) showPage(w http.ResponseWriter, r *http.Request) {
	if t, there := s.pageTrade(w, r, r.PathValue("token"), "", anyOrder); there {
		s.writePage(w, r, http.StatusOK, t)
	}
}

func (s *Simulator) pageTrade(w http.ResponseWriter, r *http.Request, token, back string, allowed func(*books.Trade) error) (books.Trade, bool) {
	t, err := s.open(token, back, allowed)
	switch {
	case errors.Is(err, sim.ErrNotFound), errors.Is(err, sim.ErrBadAction):
		payerpage.Write(w, r, http.StatusNotFound, payerpage.Page{Channel: Channel, State: payerpage.Unknown})
		return t, false
	case err != nil:
		s.refuse(w, err)
	}
	return t, true
}

func (s *Simulator) pressPay(w http.ResponseWriter, r *http.Request) { s.press(w, r, s.Pay) }

func (s *Simulator) pressCancel(w http.ResponseWriter, r *http.Request) { s.press(w, r, s.Cancel) }

// press carries one button out. After a payment the browser goes back to the merchant, if it left an address.
func (s *Simulator) press(w http.ResponseWriter, r *http.Request, act func(context.Context, books.Key) (books.Trade, error)) {
	t, there := s.pageTrade(w, r, r.PathValue("token"), "", anyOrder)
	if !there {
		return
	}
	done, err := act(r.Context(), t.Key)
	if errors.Is(err, sim.ErrNotPossible) {
		s.writePage(w, r, http.StatusConflict, t.AsOf(s.env.Now().UTC()))
		return
	}
	if err != nil {
		s.refuse(w, err)
	}
	if done.Status == books.StatusPaid && done.ReturnURL != "" {
		http.Redirect(w, r, done.ReturnURL, http.StatusSeeOther)
		return
	}
	s.writePage(w, r, http.StatusOK, done)
}

func (s *Simulator) writePage(w http.ResponseWriter, r *http.Request, status int, t books.Trade) {
	self := s.PayerURL(&t)
	p := payerpage.Page{
		Channel: Channel, State: payerpage.Payable, Amount: t.Amount, Currency: t.Currency, Subject: t.Subject, Merchant: t.Account,
		OrderNo: t.OutTradeNo, TradeNo: t.ChannelTradeNo, ExpiresAt: t.ExpiresAt, SelfURL: self,
	}
	switch t.Status {
	case books.StatusPaid:
		p.State, p.BackURL = payerpage.Paid, t.ReturnURL
		if t.Refunded() == t.Amount {
			p.State = payerpage.Refunded
		}
	case books.StatusClosed:
		p.State = payerpage.Closed
	case books.StatusIssued:
		p.State = payerpage.CodeDead // a living one waits for the payer by being looked at
	case books.StatusWaiting:
		p.PayURL, p.CancelURL, p.Password = self+"/pay", self+"/cancel", t.Product == codePay
		if t.Attr(attrGaveUp) != "" {
			p.State, p.CancelURL, p.BackURL = payerpage.Cancelled, "", t.ReturnURL
		}
	}
	for _, address := range []string{self, t.ReturnURL} {
		if origin := payerpage.Origin(address); origin != "" {
			p.FormOrigins = append(p.FormOrigins, origin)
		}
	}
	payerpage.Write(w, r, status, p)
}
