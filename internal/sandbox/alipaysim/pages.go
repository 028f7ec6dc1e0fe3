package alipaysim

import (
	"errors"
	"net/http"
	"strings"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/payerpage"
	"github.com/paymux/paymux/internal/sandbox/sim"
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
	t = t.AsOf(s.env.Now().UTC())
	s.pages.Show(w, r, http.StatusOK, &t)
}

// look is what only this channel's pages say of a trade.
func (s *Simulator) look(t *books.Trade) parts.Look {
	l := parts.Look{
		Returned: tradeStatus(t) == statusClosed, Password: t.Attr(attrCode) != "", GaveUp: t.Attr(attrGaveUp) != "",
		QuitURL: t.Attr(attrQuit), FormTarget: t.ReturnURL,
	}
	if t.Status == books.StatusPaid && !l.Returned {
		l.BackURL = s.returnAddress(t)
	}
	return l
}

// goBack sends the browser to the merchant's return_url.
func (s *Simulator) goBack(w http.ResponseWriter, r *http.Request, t *books.Trade) bool {
	back := s.returnAddress(t)
	if back != "" {
		http.Redirect(w, r, back, http.StatusSeeOther)
	}
	return back != ""
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
