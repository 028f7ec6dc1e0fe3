package alipaysim

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/payerpage"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Where the payer's pages are, under the channel's root; a token follows.
const (
	codePage    = "/qr/"
	cashierPage = "/cashier/"
)

// openLink serves a page.pay or wap.pay link or form; what is wrong with it is shown as a page.
func (s *Simulator) openLink(w http.ResponseWriter, r *http.Request, p params) {
	key, err := s.placeSigned(p, byBrowser)
	var no *refusal
	switch {
	case err == nil || errors.Is(err, sim.ErrNotPossible) && key != (books.Key{}):
	case errors.As(err, &no):
		payerpage.Write(w, r, http.StatusOK, payerpage.Page{ // the channel's error page comes with status 200
			Channel: Channel, State: payerpage.Faulty, Detail: no.subCode + "\n" + no.subMsg,
		})
		return
	default:
		s.refuse(w, nil, err)
	}
	t, err := s.env.Books.Trade(key)
	if err != nil {
		s.refuse(w, nil, err)
	}
	s.writePage(w, r, http.StatusOK, t.AsOf(s.env.Now().UTC()), payerpage.Payable)
}

// showPage shows the trade behind a token; looking at a code for the first time makes the trade.
func (s *Simulator) showPage(w http.ResponseWriter, r *http.Request) {
	t, ok := s.pageTrade(w, r)
	if ok {
		s.writePage(w, r, http.StatusOK, t, payerpage.Payable)
	}
}

func (s *Simulator) pageTrade(w http.ResponseWriter, r *http.Request) (books.Trade, bool) {
	t, err := s.openCode(r.PathValue("token"))
	if errors.Is(err, sim.ErrNotFound) {
		payerpage.Write(w, r, http.StatusNotFound, payerpage.Page{Channel: Channel, State: payerpage.Unknown})
		return t, false
	}
	if err != nil {
		s.refuse(w, nil, err)
	}
	return t, true
}

func (s *Simulator) pressPay(w http.ResponseWriter, r *http.Request) {
	s.press(w, r, s.Pay, payerpage.Declined)
}

func (s *Simulator) pressCancel(w http.ResponseWriter, r *http.Request) {
	s.press(w, r, s.Cancel, payerpage.Payable)
}

// press carries one button out. After a payment the browser goes back to the merchant, if it left an address.
func (s *Simulator) press(w http.ResponseWriter, r *http.Request, act func(context.Context, books.Key) (books.Trade, error), refused payerpage.State) {
	t, ok := s.pageTrade(w, r)
	if !ok {
		return
	}
	done, err := act(r.Context(), t.Key)
	if errors.Is(err, sim.ErrNotPossible) {
		if !errors.Is(err, errDeclined) {
			refused = payerpage.Payable // the trade's own status says why
		}
		s.writePage(w, r, http.StatusConflict, t.AsOf(s.env.Now().UTC()), refused)
		return
	}
	if err != nil {
		s.refuse(w, nil, err)
	}
	if done.Status == books.StatusPaid {
		if back := s.returnAddress(&done); back != "" {
			http.Redirect(w, r, back, http.StatusSeeOther)
			return
		}
	}
	s.writePage(w, r, http.StatusOK, done, payerpage.Payable)
}

// writePage draws a trade's page. For an open trade, open says what the buttons stand under.
func (s *Simulator) writePage(w http.ResponseWriter, r *http.Request, status int, t books.Trade, open payerpage.State) {
	self := s.PayerURL(&t)
	p := payerpage.Page{
		Channel: Channel, State: open, Amount: t.Amount, Currency: t.Currency, Subject: t.Subject, Merchant: t.Account,
		OrderNo: t.OutTradeNo, TradeNo: t.ChannelTradeNo, ExpiresAt: t.ExpiresAt, SelfURL: self,
	}
	switch {
	case t.Status == books.StatusPaid && tradeStatus(&t) == statusClosed:
		p.State = payerpage.Refunded
	case t.Status == books.StatusPaid:
		p.State, p.BackURL = payerpage.Paid, s.returnAddress(&t)
	case t.Status == books.StatusClosed:
		p.State = payerpage.Closed
	case t.Status == books.StatusIssued:
		p.State = payerpage.CodeDead // a living one has become a trade by being looked at
	default:
		p.PayURL, p.CancelURL, p.Password = self+"/pay", self+"/cancel", t.Attr(attrCode) != ""
		if t.Attr(attrGaveUp) != "" && open == payerpage.Payable {
			p.State, p.CancelURL, p.BackURL = payerpage.Cancelled, "", t.Attr(attrQuit)
		}
	}
	for _, address := range []string{self, t.ReturnURL} {
		if origin := payerpage.Origin(address); origin != "" {
			p.FormOrigins = append(p.FormOrigins, origin)
		}
	}
	payerpage.Write(w, r, status, p)
}

// returnAddress is the merchant's return_url with the signed parameters of a payment's end; empty where there is none.
// It proves nothing to the merchant, as it names no status.
func (s *Simulator) returnAddress(t *books.Trade) string {
	a, ok := s.accounts.Find(t.Account)
	if !ok || t.ReturnURL == "" {
		return ""
	}
	p := params{
		"charset": "utf-8", "out_trade_no": t.OutTradeNo, "method": t.Product + ".return", "total_amount": formatYuan(t.Amount),
		"trade_no": t.ChannelTradeNo, "auth_app_id": a.appID, "version": "1.0", "app_id": a.appID, "seller_id": a.SellerID,
		"timestamp": formatTime(t.PaidAt),
	}
	if err := p.sign(a.key); err != nil {
		s.env.Logger.Error("sign a return address", "channel", Channel, "error", err)
		return ""
	}
	address, fragment, _ := strings.Cut(t.ReturnURL, "#")
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	if fragment != "" {
		fragment = "#" + fragment
	}
	return address + separator + p.encode() + fragment
}
