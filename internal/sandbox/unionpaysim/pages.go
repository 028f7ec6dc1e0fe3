package unionpaysim

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/payerpage"
)

// returnPage follows the address of a page and sends the browser to the merchant again.
const returnPage = "/return"

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
		s.pages.Show(w, r, http.StatusOK, &t)
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

// returns says whether the payer's browser goes back to the merchant.
func returns(t *books.Trade) bool {
	return t.Product == nameFront && t.Status == books.StatusPaid && t.ReturnURL != ""
}

// goBack sends the browser to the merchant with signed fields.
func (s *Simulator) goBack(w http.ResponseWriter, _ *http.Request, t *books.Trade) bool {
	if !returns(t) {
		return false
	}
	s.sendBack(w, t)
	return true
}

// showReturn sends the browser to the merchant again.
func (s *Simulator) showReturn(w http.ResponseWriter, r *http.Request) {
	t, err := s.openToken(r.PathValue("token"))
	if s.pages.Opened(w, r, err) && !s.goBack(w, r, &t) {
		s.pages.Show(w, r, http.StatusConflict, &t)
	}
}

// look is what only this channel's pages say of a trade.
func (s *Simulator) look(t *books.Trade) parts.Look {
	l := parts.Look{Returned: givenBack(t) == t.Amount, Password: t.Product == nameScan, GaveUp: t.Attr(attrGaveUp) != ""}
	if returns(t) && !l.Returned {
		l.BackURL = s.PayerURL(t) + returnPage
	}
	return l
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
