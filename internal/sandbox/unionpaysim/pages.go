package unionpaysim

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
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

// cashier takes the form that a payer's browser posts; what is wrong with it is shown as a page.
func (s *Simulator) cashier(w http.ResponseWriter, r *http.Request) {
	in, err := readForm(r)
	if err != nil {
		s.env.Logger.Info("not a form", "channel", Channel, "error", err)
		badRequest(w)
		return
	}
	t, err := s.placeForm(in)
	var no *refusal
	switch {
	case err == nil:
		s.writePage(w, r, http.StatusOK, t, payerpage.Payable)
	case errors.Is(err, errExpired):
		payerpage.Write(w, r, http.StatusOK, payerpage.Page{Channel: Channel, State: payerpage.Closed})
	case errors.As(err, &no):
		payerpage.Write(w, r, http.StatusOK, payerpage.Page{ // the channel's error page comes with status 200
			Channel: Channel, State: payerpage.Faulty, Detail: no.code + "\n" + no.message,
		})
	default:
		s.env.Fail(Channel, err)
	}
}

// showPage shows the trade behind a token.
func (s *Simulator) showPage(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.pageTrade(w, r); ok {
		s.writePage(w, r, http.StatusOK, t, payerpage.Payable)
	}
}

func (s *Simulator) pageTrade(w http.ResponseWriter, r *http.Request) (books.Trade, bool) {
	t, err := s.openToken(r.PathValue("token"))
	if errors.Is(err, sim.ErrNotFound) {
		payerpage.Write(w, r, http.StatusNotFound, payerpage.Page{Channel: Channel, State: payerpage.Unknown})
		return t, false
	}
	if err != nil {
		s.env.Fail(Channel, err)
	}
	return t, true
}

func (s *Simulator) pressPay(w http.ResponseWriter, r *http.Request) {
	s.press(w, r, s.Pay, payerpage.Declined)
}

func (s *Simulator) pressCancel(w http.ResponseWriter, r *http.Request) {
	s.press(w, r, s.Cancel, payerpage.Payable)
}

// press carries one button out. After a payment the browser is sent to the merchant with signed fields, if it left an
// address.
func (s *Simulator) press(w http.ResponseWriter, r *http.Request, act func(context.Context, books.Key) (books.Trade, error), refused payerpage.State) {
	t, ok := s.pageTrade(w, r)
	if !ok {
		return
	}
	done, err := act(r.Context(), t.Key)
	switch {
	case errors.Is(err, sim.ErrNotPossible):
		if !errors.Is(err, errDeclined) {
			refused = payerpage.Payable // the trade's own status says why
		}
		if now, err := s.env.Books.Trade(t.Key); err == nil {
			t = now.AsOf(s.env.Now().UTC())
		}
		s.writePage(w, r, http.StatusConflict, t, refused)
	case err != nil:
		s.env.Fail(Channel, err)
	case returns(&done):
		s.sendBack(w, &done)
	default:
		s.writePage(w, r, http.StatusOK, done, payerpage.Payable)
	}
}

// returns says whether the payer's browser goes back to the merchant.
func returns(t *books.Trade) bool {
	return t.Product == nameFront && t.Status == books.StatusPaid && t.ReturnURL != ""
}

// goBack sends the browser to the merchant again.
func (s *Simulator) goBack(w http.ResponseWriter, r *http.Request) {
	t, ok := s.pageTrade(w, r)
	switch {
	case !ok:
	case returns(&t):
		s.sendBack(w, &t)
	default:
		s.writePage(w, r, http.StatusConflict, t, payerpage.Payable)
	}
}

// writePage draws a trade's page. For an open trade, open says what the buttons stand under.
func (s *Simulator) writePage(w http.ResponseWriter, r *http.Request, status int, t books.Trade, open payerpage.State) {
	self := s.PayerURL(&t)
	p := payerpage.Page{
		Channel: Channel, State: open, Amount: t.Amount, Currency: t.Currency, Subject: t.Subject, Merchant: t.Account,
		OrderNo: t.OutTradeNo, TradeNo: t.ChannelTradeNo, ExpiresAt: t.ExpiresAt, SelfURL: self,
	}
	switch {
	case t.Status == books.StatusPaid && givenBack(&t) == t.Amount:
		p.State = payerpage.Refunded
	case t.Status == books.StatusPaid:
		p.State = payerpage.Paid
		if returns(&t) {
			p.BackURL = self + "/return"
		}
	case t.Status == books.StatusClosed:
		p.State = payerpage.Closed
	default:
		p.PayURL, p.CancelURL, p.Password = self+"/pay", self+"/cancel", t.Product == nameScan
		if t.Attr(attrGaveUp) != "" && open == payerpage.Payable {
			p.State, p.CancelURL = payerpage.Cancelled, ""
		}
	}
	if origin := payerpage.Origin(self); origin != "" {
		p.FormOrigins = append(p.FormOrigins, origin)
	}
	payerpage.Write(w, r, status, p)
}

// givenBack sums the refunds that have succeeded.
func givenBack(t *books.Trade) int64 {
	var sum int64
	for _, r := range t.Refunds {
		if r.Status == books.RefundSucceeded {
			sum += r.Amount
		}
	}
	return sum
}

//go:embed return.html
var returnHTML string

var returnTemplate = template.Must(template.New("return").Parse(returnHTML))

// submitScript is the only script on any page; the page's policy names its hash.
const submitScript = "document.forms[0].submit()"

// sendBack answers with a page whose form posts the payment's signed fields to the merchant. It proves nothing to the
// merchant: the fields pass through the payer's browser.
func (s *Simulator) sendBack(w http.ResponseWriter, t *books.Trade) {
	signed, err := s.signer.sign(told(t, codeSuccess))
	if err != nil {
		s.env.Fail(Channel, err)
	}
	var page bytes.Buffer
	err = returnTemplate.Execute(&page, map[string]any{
		"URL": t.ReturnURL, "Fields": signed, "Script": template.JS(submitScript), //nolint:gosec // our own constant
	})
	if err != nil {
		s.env.Fail(Channel, err)
	}
	sum := sha256.Sum256([]byte(submitScript))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'", "script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", "base-uri 'none'",
		"frame-ancestors 'none'", "form-action http: https:", // where the merchant's page leads on to is not known
	}, "; "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(page.Bytes())
}
