package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

// pages are the templates by name, each together with the layout.
type pages map[string]*template.Template

func newPages() (pages, error) {
	layout, err := template.New("layout").ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	out := pages{}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if page == "layout" || page == "parts" {
			continue
		}
		t, err := layout.Clone()
		if err == nil {
			t, err = t.ParseFS(files, name)
		}
		if err != nil {
			return nil, err
		}
		out[page] = t
	}
	return out, nil
}

// asset is a file that never changes under its address.
type asset struct {
	path, contentType string
	body              []byte
}

// contentTypes are those of our own files.
var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

func newAsset(name string) (asset, error) {
	body, err := files.ReadFile(name)
	if err != nil {
		return asset{}, err
	}
	sum := sha256.Sum256(body)
	base := strings.TrimSuffix(path.Base(name), path.Ext(name))
	return asset{path: Prefix + "/static/" + base + "." + hex.EncodeToString(sum[:8]) + path.Ext(name), contentType: contentTypes[path.Ext(name)], body: body}, nil
}

func (a asset) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(a.body)
}

// page is what every template is rendered from.
type page struct {
	c *Console
	v *visit

	Lang  language
	Title string
	// Notice is the message of an act just done; NoticeBad: it was refused.
	Notice    string
	NoticeBad bool
	User      User
	LoggedIn  bool
	Nav       []navItem
	FormToken string
	// Style and Icon are the addresses of our own files.
	Style, Icon string
	// Here is the page's own address, to come back to.
	Here string
	Data any
}

type navItem struct {
	Href, Key string
	Current   bool
}

// navigation is the menu: each entry is shown to those who may open it.
var navigation = []struct {
	path, key string
	need      permission
}{
	{"/days", "nav.days", seeDays},
	{"/discrepancies", "nav.discrepancies", seeDays},
	{"/payments", "nav.payments", seePayments},
	{"/audit", "nav.audit", seeAudit},
	{"/users", "nav.users", keepUsers},
}

func (c *Console) newPage(v *visit, titleKey string, data any, args ...any) *page {
	p := &page{
		c: c, v: v, Lang: v.lang, Title: say(v.lang, titleKey, args...), User: v.user, LoggedIn: v.user.ID != "",
		Style: c.style.path, Icon: c.icon.path, Here: v.here(), Data: data,
	}
	if v.token != "" {
		p.FormToken = v.formToken()
	}
	if notice := v.query("notice"); strings.HasPrefix(notice, "done.") || strings.HasPrefix(notice, "problem.") {
		if t, ok := lookUp(notice); ok {
			p.Notice, p.NoticeBad = t.in(v.lang), strings.HasPrefix(notice, "problem.")
		}
	}
	if p.LoggedIn {
		for _, n := range navigation {
			if v.user.may(n.need) {
				p.Nav = append(p.Nav, navItem{Href: Prefix + n.path, Key: n.key, Current: strings.HasPrefix(v.r.URL.Path, Prefix+n.path)})
			}
		}
	}
	return p
}

// here is the address of the page without what was said once.
func (v *visit) here() string {
	if v.r.Method != http.MethodGet {
		return Prefix + "/"
	}
	u := *v.r.URL
	q := u.Query()
	if q.Has("notice") {
		q.Del("notice")
		u.RawQuery = q.Encode()
	}
	return u.RequestURI()
}

// render writes a page whole or not at all.
func (c *Console) render(v *visit, status int, name string, p *page) error {
	var out bytes.Buffer
	if err := c.pages[name].ExecuteTemplate(&out, "layout", p); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(v.lang))
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out.Bytes())
	return nil
}

// show renders a page that was found.
func (c *Console) show(v *visit, name, titleKey string, data any, args ...any) error {
	return c.render(v, http.StatusOK, name, c.newPage(v, titleKey, data, args...))
}

// What follows is called by the templates.

// T is a message in the page's language.
func (p *page) T(key string, args ...any) string { return say(p.Lang, key, args...) }

// Word is the word for a value of a set.
func (p *page) Word(set string, value any) string { return word(p.Lang, set, textOf(value)) }

// Tell is a message of reconciliation in the page's language.
func (p *page) Tell(m reconcile.Message) string { return m.In(p.Lang.told()) }

// May tells whether the user has the permission of that name.
func (p *page) May(name string) bool {
	need, ok := permissionNames[name]
	return ok && p.User.may(need)
}

// OtherLanguage is the language that is not shown, and its name in itself.
func (p *page) OtherLanguage() struct{ Code, Name string } {
	if p.Lang == english {
		return struct{ Code, Name string }{string(chinese), "中文"}
	}
	return struct{ Code, Name string }{string(english), "English"}
}

// permissionNames are what templates ask for; buttons that would be refused are
// not shown.
var permissionNames = map[string]permission{
	"runAgain": runAgain, "fetchStatements": fetchStatements, "fetchBills": fetchBills, "workDiscrepancies": workDiscrepancies,
	"askChannels": askChannels, "resendEvents": resendEvents, "openCallbacks": openCallbacks, "seeAudit": seeAudit,
}

// DayLink is the page of a day, for the merchant that is shown.
func (p *page) DayLink(day channels.Day, merchantID string) string {
	return Prefix + "/days/" + day.String() + p.MerchantQuery(merchantID)
}

// MonthLink is the calendar of a day's month, for the merchant that is shown.
func (p *page) MonthLink(day channels.Day, merchantID string) string {
	link := Prefix + "/days?month=" + day.Format("2006-01")
	if !p.User.Operator() {
		return link
	}
	return link + merchantQuery("&", merchantID)
}
