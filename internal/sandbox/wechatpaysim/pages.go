package wechatpaysim

import (
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// h5Page is where an h5_url leads, under the channel's root.
const h5Page = "/cgi-bin/mmpayweb-bin/checkmweb"

// openLink serves an h5_url; the merchant may have added where to go after the payment.
func (s *Simulator) openLink(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	t, err := s.open(q.Get("prepay_id"), q.Get("redirect_url"), ordered(h5))
	if s.pages.Opened(w, r, err) {
		s.pages.Show(w, r, http.StatusOK, &t)
	}
}

// openPage does what looking at any order's page does.
func (s *Simulator) openPage(token string) (books.Trade, error) {
	return s.open(token, "", func(*books.Trade) error { return nil })
}

// look is what only this channel's pages say of an order.
func (s *Simulator) look(t *books.Trade) parts.Look {
	return parts.Look{
		Returned: t.Refunded() == t.Amount, Password: t.Product == codePay, GaveUp: t.Attr(attrGaveUp) != "",
		BackURL: t.ReturnURL, QuitURL: t.ReturnURL, FormTarget: t.ReturnURL,
	}
}

// goBack sends the browser to where the merchant asked for.
func (s *Simulator) goBack(w http.ResponseWriter, r *http.Request, t *books.Trade) bool {
	if t.ReturnURL != "" {
		http.Redirect(w, r, t.ReturnURL, http.StatusSeeOther)
	}
	return t.ReturnURL != ""
}
