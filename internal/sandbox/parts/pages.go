package parts

import (
	"context"
	"errors"
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/payerpage"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Where the payer's pages are, under the channel's root; a token follows.
const (
	CodePage    = "/qr/"
	CashierPage = "/cashier/"
)

// PageURL is the address of the page with a token, a code's or the cashier's; empty without a token.
func PageURL(env *sim.Env, token string, code bool) string {
	switch {
	case token == "":
		return ""
	case code:
		return env.PayerBase + CodePage + token
	default:
		return env.PayerBase + CashierPage + token
	}
}

// Pages serves the pages of a channel's payers.
type Pages struct {
	Env       *sim.Env
	Simulator sim.Simulator
	// Open does what looking at the page with a token does. Errors: sim.ErrNotFound.
	Open func(token string) (books.Trade, error)
	// Look answers what the page says of a trade that only the channel knows.
	Look func(t *books.Trade) Look
	// GoBack sends the browser to the merchant after a payment; it reports false, and does nothing, where the merchant
	// left no address.
	GoBack func(w http.ResponseWriter, r *http.Request, t *books.Trade) bool
}

// Look is what a channel adds to a trade's page.
type Look struct {
	Returned   bool   // all of a payment went back
	Password   bool   // the pay button asks for the password
	GaveUp     bool   // the payer pressed cancel last
	BackURL    string // the way back to the merchant after a payment
	QuitURL    string // the way back after giving up
	FormTarget string // where the browser is sent by a button
}

// Mount serves the pages under the channel's root.
func (p *Pages) Mount(mux *http.ServeMux) {
	for _, page := range []string{CodePage, CashierPage} {
		mux.HandleFunc("GET "+page+"{token}", func(w http.ResponseWriter, r *http.Request) {
			if t, err := p.Open(r.PathValue("token")); p.Opened(w, r, err) {
				p.Show(w, r, http.StatusOK, &t)
			}
		})
		mux.HandleFunc("POST "+page+"{token}/pay", func(w http.ResponseWriter, r *http.Request) { p.press(w, r, p.Simulator.Pay) })
		mux.HandleFunc("POST "+page+"{token}/cancel", func(w http.ResponseWriter, r *http.Request) { p.press(w, r, p.Simulator.Cancel) })
	}
}

// Opened reports whether looking at an address led to a trade; otherwise it answers that it leads nowhere.
func (p *Pages) Opened(w http.ResponseWriter, r *http.Request, err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, sim.ErrNotFound), errors.Is(err, sim.ErrBadAction):
		payerpage.Write(w, r, http.StatusNotFound, payerpage.Page{Channel: p.Simulator.Channel(), State: payerpage.Unknown})
	default:
		p.Env.Fail(p.Simulator.Channel(), err)
	}
	return false
}

// press carries one button out.
func (p *Pages) press(w http.ResponseWriter, r *http.Request, act func(context.Context, books.Key) (books.Trade, error)) {
	t, err := p.Open(r.PathValue("token"))
	if !p.Opened(w, r, err) {
		return
	}
	done, err := act(r.Context(), t.Key)
	switch {
	case errors.Is(err, sim.ErrNotPossible):
		if now, err := p.Env.Books.Trade(t.Key); err == nil {
			t = now.AsOf(p.Env.Now().UTC()) // its own status says why
		}
		p.show(w, r, http.StatusConflict, &t, errors.Is(err, ErrDeclined))
	case err != nil:
		p.Env.Fail(p.Simulator.Channel(), err)
	case done.Status == books.StatusPaid && p.GoBack(w, r, &done):
	default:
		p.Show(w, r, http.StatusOK, &done)
	}
}

// Show draws a trade's page.
func (p *Pages) Show(w http.ResponseWriter, r *http.Request, status int, t *books.Trade) {
	p.show(w, r, status, t, false)
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, t *books.Trade, declined bool) {
	self, look := p.Simulator.PayerURL(t), p.Look(t)
	page := payerpage.Page{
		Channel: t.Channel, Amount: t.Amount, Currency: t.Currency, Subject: t.Subject, Merchant: t.Account,
		OrderNo: t.OutTradeNo, TradeNo: t.ChannelTradeNo, ExpiresAt: t.ExpiresAt, SelfURL: self,
	}
	switch t.Status {
	case books.StatusPaid:
		page.State, page.BackURL = payerpage.Paid, look.BackURL
		if look.Returned {
			page.State = payerpage.Refunded
		}
	case books.StatusClosed:
		page.State = payerpage.Closed
	case books.StatusIssued:
		page.State = payerpage.CodeDead // one that lives waits for the payer once it is looked at
	case books.StatusWaiting:
		page.State, page.PayURL, page.CancelURL, page.Password = payerpage.Payable, self+"/pay", self+"/cancel", look.Password
		switch {
		case declined:
			page.State = payerpage.Declined
		case look.GaveUp:
			page.State, page.CancelURL, page.BackURL = payerpage.Cancelled, "", look.QuitURL
		}
	}
	for _, address := range []string{self, look.FormTarget} {
		if origin := payerpage.Origin(address); origin != "" {
			page.FormOrigins = append(page.FormOrigins, origin)
		}
	}
	payerpage.Write(w, r, status, page)
}
