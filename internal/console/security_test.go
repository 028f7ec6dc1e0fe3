package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/notify"
)

// A form from elsewhere, without or with another session's token is refused.
func TestForgedForms(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	w.user("eve", console.Finance, mineID)
	anna, eve := w.as("anna"), w.as("eve")
	path := "/discrepancies/" + w.books.found[0].ID + "/comment"
	form := func(token string) url.Values { return url.Values{"form_token": {token}, "text": {"forged"}} }
	for what, token := range map[string]string{"none": "", "another's": eve.token, "a wrong one": anna.token + "x"} {
		if res := anna.do(http.MethodPost, path, form(token)); res.status != http.StatusForbidden {
			t.Errorf("a form with %s token: %d", what, res.status)
		}
	}
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		req, err := http.NewRequest(http.MethodPost, w.server.URL+console.Prefix+path, strings.NewReader(form(anna.token).Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set(header, value)
		if res := anna.send(req); res.status != http.StatusForbidden {
			t.Errorf("%s: %s: %d", header, value, res.status)
		}
	}
	if n := len(w.books.comments[w.books.found[0].ID]); n != 0 {
		t.Errorf("%d forged comments", n)
	}
	if res := anna.do(http.MethodPost, path, form(anna.token)); res.status != http.StatusSeeOther || len(w.books.comments[w.books.found[0].ID]) != 1 {
		t.Errorf("the true form: %d", res.status)
	}
	big := form(anna.token)
	big.Set("text", strings.Repeat("x", 70<<10))
	if res := anna.do(http.MethodPost, path, big); res.status != http.StatusBadRequest {
		t.Errorf("a form of 70 KiB: %d", res.status)
	}
	if res := w.browser().do(http.MethodPost, "/login", url.Values{"name": {"anna"}, "password": {password}}); res.status != http.StatusForbidden {
		t.Errorf("a login without the page: %d", res.status)
	}
}

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>' javascript:alert(3) {{.}} <b>`

// Texts from outside never become part of the page.
func TestHostileTexts(t *testing.T) {
	w := newWorld(t)
	w.user("root", console.Admin, "")
	for i := range w.books.found {
		d := &w.books.found[i]
		d.Assignee, d.ProposedBy, d.Resolution, d.SubjectID = hostile, hostile, hostile, hostile
		d.Detail, d.Evidence = reconcile.Message{{Code: "operator_said", Args: map[string]string{"evidence": hostile}}}, reconcile.Plain(hostile)
		for _, e := range []*reconcile.Entry{d.Ours, d.Theirs} {
			if e != nil {
				e.MerchantOrderNo, e.AttemptID, e.ChannelTradeNo, e.Status, e.PaymentID = hostile, hostile, hostile, hostile, hostile
			}
		}
		w.books.comments[d.ID] = []reconcile.Comment{{Author: hostile, Text: hostile, At: w.start}}
	}
	for i := range w.books.results {
		r := &w.books.results[i]
		r.Failure, r.Channel = reconcile.Message{{Code: hostile, Args: map[string]string{hostile: hostile}}}, hostile
		for j := range r.Bills {
			r.Bills[j].Name = hostile
		}
	}
	p := w.desk.payments[0]
	p.MerchantOrderNo, p.Subject, p.ChannelTradeNo, p.CustomerID, p.Channel = hostile, hostile, hostile, hostile, hostile
	a := w.desk.attempts[p.ID][0]
	a.Decision.Rule, a.Decision.Strategy, a.Decision.Candidates[0].Reason, a.ChannelTradeNo = hostile, hostile, hostile, hostile
	for i := range w.desk.changes[p.ID] {
		w.desk.changes[p.ID][i].Detail, w.desk.changes[p.ID][i].Cause = hostile, hostile
	}
	text := hostile
	w.desk.events[0].LastError, w.desk.events[0].NotifyURL, w.desk.events[0].Deliveries[0].Error = &text, &text, &text
	w.desk.callbacks[0].Detail, w.desk.callbacks[0].Body = hostile, []byte(hostile)
	b := w.as("root")
	day := w.books.results[0].Day.String()
	grant := b.post("/payments/"+thePayment+"/callbacks/"+theCallback+"/open", nil).location
	for _, path := range []string{
		"/days", "/days/" + day, "/days/" + day + "?merchant=" + mineID, "/discrepancies?status=all&assignee=" + url.QueryEscape(hostile), "/discrepancies/" + w.books.found[0].ID,
		"/payments?q=" + url.QueryEscape(hostile), "/payments?merchant=" + mineID, "/payments/" + thePayment, grant, "/audit?actor=" + url.QueryEscape(hostile), "/users",
		"/login?next=" + url.QueryEscape(hostile), "/days?notice=" + url.QueryEscape(hostile), "/days?month=" + url.QueryEscape(hostile),
	} {
		res := b.get(path)
		for _, bad := range []string{"<script", "<img", "onerror=alert(2)>", `href="javascript`, "<b>&#39;"} {
			if strings.Contains(res.body, bad) {
				t.Errorf("%s: %q is part of the page", path, bad)
			}
		}
		if csp := res.header.Get("Content-Security-Policy"); res.status == http.StatusOK && (!strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe")) {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
}

// What pages must not show or load.
func TestPagesAreSelfContained(t *testing.T) {
	w := newWorld(t)
	w.user("root", console.Admin, "")
	b := w.as("root")
	for _, path := range []string{"/days", "/account", "/users", "/payments/" + thePayment, "/discrepancies"} {
		res := b.get(path)
		for _, bad := range []string{"<script", " style=", "http://", "//cdn", "2088102175794899", "203.0.113.7", "$argon2id", password} {
			if strings.Contains(strings.ReplaceAll(res.body, "https://shop.example.com", ""), bad) {
				t.Errorf("%s: %q is in the page", path, bad)
			}
		}
		for header, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"} {
			if got := res.header.Get(header); got != want {
				t.Errorf("%s: %s is %q", path, header, got)
			}
		}
	}
}

// A raw message is shown to who asked for it, for five minutes, and it is kept
// that it was.
func TestRawMessages(t *testing.T) {
	w := newWorld(t)
	w.user("ops", console.Operations, "")
	w.user("two", console.Operations, "")
	b := w.as("ops")
	page := "/payments/" + thePayment + "/callbacks/" + theCallback
	if res := b.get(page); res.status != http.StatusSeeOther || len(w.desk.opened) != 0 {
		t.Errorf("shown without being asked for: %d", res.status)
	}
	location := b.post(page+"/open", nil).location
	if list := w.memory.actions(); list[len(list)-1] != "callback.open" {
		t.Errorf("not in the trail: %v", list)
	}
	if res := b.get(location); res.status != http.StatusOK || !strings.Contains(res.body, "buyer_id = 2088102175794899") {
		t.Errorf("the message: %d\n%s", res.status, res.body)
	}
	if res := w.as("two").get(location); res.status != http.StatusSeeOther {
		t.Errorf("with another's grant: %d", res.status)
	}
	if res := b.get(strings.Replace(location, "grant=", "grant=9", 1)); res.status != http.StatusSeeOther {
		t.Errorf("with a longer grant: %d", res.status)
	}
	w.pass(5 * time.Minute)
	if res := b.get(location); res.status != http.StatusSeeOther {
		t.Errorf("after five minutes: %d", res.status)
	}
	w.desk.callbacks = append(w.desk.callbacks, notify.KeptNotification{})
}

// Cookies: not for scripts, not for other sites, and over https only where that
// is asked for.
func TestCookies(t *testing.T) {
	for _, secure := range []bool{false, true} {
		w := newWorld(t, func(c *console.Config) { c.Secure = secure })
		res := w.browser().get("/login")
		cookie := res.header.Get("Set-Cookie")
		for _, must := range []string{"HttpOnly", "SameSite=Lax", "Path=/console"} {
			if !strings.Contains(cookie, must) {
				t.Errorf("cookie %q without %s", cookie, must)
			}
		}
		if strings.Contains(cookie, "Secure") != secure || strings.HasPrefix(cookie, "__Secure-") != secure {
			t.Errorf("secure %v: %q", secure, cookie)
		}
	}
}

// A login leads to a page of ours only.
func TestLocal(t *testing.T) {
	for target, want := range map[string]string{
		"/console/days?month=2026-11": "/console/days?month=2026-11", "https://evil.example/console/": "/console/", "//evil.example/console/": "/console/",
		"/console/../evil": "/console/", "/\\evil": "/console/", "javascript:alert(1)": "/console/", "/elsewhere": "/console/", "": "/console/", "/console/login": "/console/",
		"/console/%2e%2e/x": "/console/", "http:/console/x": "/console/", "/console/a\r\nSet-Cookie: x": "/console/",
	} {
		if got := console.Local(target); got != want {
			t.Errorf("%q leads to %q, want %q", target, got, want)
		}
	}
}

// Nothing secret gets into the logs, the trail or addresses.
func TestSecretsStayOut(t *testing.T) {
	w := newWorld(t)
	u := w.user("anna", console.Finance, "")
	b := w.as("anna")
	b.post("/account/totp", url.Values{"password": {password}})
	u, err := w.memory.UserByID(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.post("/account/totp/confirm", url.Values{"code": {console.TOTPCode(u.TOTPPending, w.now())}})
	bad := w.browser()
	bad.get("/login")
	res := bad.post("/login", url.Values{"name": {password}, "password": {"wrong " + password}})
	all := w.logs.String() + res.location
	for _, e := range w.memory.trail {
		all += e.Actor + e.Subject + e.Detail
	}
	if slices.ContainsFunc([]string{password, string(u.TOTPPending), u.PasswordHash}, func(s string) bool { return strings.Contains(all, s) }) {
		t.Errorf("a secret is in %s", all)
	}
}
