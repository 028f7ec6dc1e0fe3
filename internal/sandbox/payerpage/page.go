package payerpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// State is what a page tells the payer.
type State int

// The states of a page.
const (
	Payable   State = iota // amount and buttons
	Paid                   // done
	Refunded               // paid, and all of it went back
	Closed                 // closed or expired
	CodeDead               // the code is too old, the order is not
	Declined               // refused just now; may be tried again
	Cancelled              // the payer gave up
	Faulty                 // the merchant's request can't be shown
	Unknown                // the address leads nowhere
)

// Page is what a payer sees.
type Page struct {
	Channel   string
	State     State
	Amount    int64 // in minor units of Currency, which has two decimals; 0: not shown
	Currency  string
	Subject   string
	Merchant  string
	OrderNo   string
	TradeNo   string
	ExpiresAt time.Time
	PayURL    string // where the buttons' forms go; empty: no buttons
	CancelURL string
	SelfURL   string // where this page is found again, without a query; empty: no choice of language
	Password  bool   // the pay button asks for the password
	BackURL   string // the way back to the merchant
	Detail    string // what a developer needs, such as a channel's error code
	// FormOrigins are further origins that a form or what it is redirected to may lead to.
	FormOrigins []string
}

// Row is one line of the sandbox's list.
type Row struct {
	Channel, Number, Status, URL, Currency string
	Amount                                 int64
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var pageTemplates = template.Must(template.New("page").Parse(pageHTML))

var styleHash = func() string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

type view struct {
	texts
	CSS       template.CSS
	Page      Page
	Money     string
	Item      string
	Until     string
	Class     string
	Switch    string
	PayURL    string
	CancelURL string
	Rows      []rowView
}

type rowView struct {
	Row
	Channel, Status, Money string
}

// Write answers with a page.
func Write(w http.ResponseWriter, r *http.Request, status int, p Page) {
	l := languageOf(r.URL.Query().Get("lang"))
	v := newView(l, p.SelfURL)
	state := l.states[p.State]
	v.Title, v.Hint, v.Channel = state.title, state.hint, l.channels[p.Channel]
	v.Page, v.Item, v.Class = p, Plain(p.Subject), "brand-"+p.Channel
	if p.Amount > 0 {
		v.Money = money(p.Amount, p.Currency)
	}
	if !p.ExpiresAt.IsZero() && p.State == Payable {
		v.Until = p.ExpiresAt.In(beijing()).Format("2006-01-02 15:04:05")
	}
	v.PayURL, v.CancelURL = inLanguage(p.PayURL, l), inLanguage(p.CancelURL, l)
	write(w, status, "page", v, p.FormOrigins)
}

// WriteList answers with the sandbox's list of trades.
func WriteList(w http.ResponseWriter, r *http.Request, rows []Row) {
	l := languageOf(r.URL.Query().Get("lang"))
	v := newView(l, r.URL.Path)
	v.Title = l.Trades
	for _, row := range rows {
		status := l.statuses[row.Status]
		if status == "" {
			status = row.Status
		}
		row.URL = inLanguage(row.URL, l)
		v.Rows = append(v.Rows, rowView{Row: row, Channel: l.channels[row.Channel], Status: status, Money: money(row.Amount, row.Currency)})
	}
	write(w, http.StatusOK, "list", v, nil)
}

func newView(l language, self string) view {
	v := view{texts: l.texts, CSS: template.CSS(pageCSS)} //nolint:gosec // our own embedded style sheet
	if self != "" {
		v.Switch = self + "?lang=" + l.OtherLang
	}
	return v
}

func write(w http.ResponseWriter, status int, name string, v view, formOrigins []string) {
	var out bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&out, name, v); err != nil {
		http.Error(w, "the page could not be drawn", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+styleHash+"; base-uri 'none'; frame-ancestors 'none'; form-action "+
		strings.Join(append([]string{"'self'"}, formOrigins...), " "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// Origin answers the origin of an http or https address for a page's FormOrigins; empty for anything else.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.ContainsAny(u.Host, " ;,'\"") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Plain makes a text safe to show in a line: control characters and those that turn the direction of writing are
// replaced.
func Plain(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029' {
			return '\uFFFD'
		}
		return c
	}, s)
}

func money(amount int64, currency string) string {
	sign := currency + " "
	if currency == "CNY" {
		sign = "¥"
	}
	return fmt.Sprintf("%s%d.%02d", sign, amount/100, amount%100)
}

func inLanguage(address string, l language) string {
	if address == "" || l.Lang != "en" {
		return address
	}
	return address + "?lang=en"
}

func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }
