package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/reconcile"
)

// address fills a route's path in with things that are there.
func (w *world) address(path string) string {
	yesterday := channels.DayAt(w.start).Add(-1)
	id := w.books.found[0].ID
	switch {
	case strings.HasPrefix(path, "/reconciliations/"):
		id = w.books.results[0].ID
	case strings.HasPrefix(path, "/payments/"):
		id = thePayment
	case strings.HasPrefix(path, "/attempts/"):
		id = theAttempt
	case strings.HasPrefix(path, "/refunds/"):
		id = theRefund
	case strings.HasSuffix(path, "/approve"), strings.HasSuffix(path, "/reject"):
		id = w.books.found[slices.IndexFunc(w.books.found, func(d reconcile.Discrepancy) bool { return d.ProposedBy != "" })].ID
	case strings.HasPrefix(path, "/users/"):
		id = w.someone
	}
	return strings.NewReplacer("{$}", "", "{day}", yesterday.String(), "{version}", "1", "{file}", "statement.csv?merchant="+mineID, "{digest}", digestBill,
		"{id}", id, "{event}", theEvent, "{callback}", theCallback).Replace(path)
}

// wanted is who may do what, written down once more: a row for each route.
var wanted = map[string]string{
	"GET /login": "everybody", "POST /login": "everybody", "GET /login/code": "everybody", "POST /login/code": "everybody", "POST /language": "everybody",
	"POST /logout": "finance operations admin", "GET /{$}": "finance operations admin",
	"GET /account": "finance operations admin", "POST /account/password": "finance operations admin", "POST /account/totp": "finance operations admin",
	"POST /account/totp/confirm": "finance operations admin", "POST /account/totp/remove": "finance operations admin",
	"GET /days": "finance operations admin", "GET /days/{day}": "finance operations admin", "POST /days/{day}/run": "operations admin",
	"GET /days/{day}/statements/{version}/{file}": "finance operations admin", "GET /reconciliations/{id}/bills/{digest}": "finance operations admin",
	"GET /discrepancies": "finance operations admin", "GET /discrepancies/{id}": "finance operations admin",
	"POST /discrepancies/{id}/assign": "finance operations admin", "POST /discrepancies/{id}/comment": "finance operations admin",
	"POST /discrepancies/{id}/resolve": "finance operations admin", "POST /discrepancies/{id}/approve": "finance operations admin",
	"POST /discrepancies/{id}/reject": "finance operations admin",
	"GET /payments":                   "finance operations admin", "GET /payments/{id}": "finance operations admin",
	"POST /attempts/{id}/ask": "operations admin", "POST /refunds/{id}/ask": "operations admin",
	"POST /payments/{id}/events/{event}/resend": "operations admin", "POST /payments/{id}/callbacks/{callback}/open": "operations admin",
	"GET /payments/{id}/callbacks/{callback}": "operations admin",
	"GET /audit": "admin", "GET /users": "admin", "POST /users": "admin", "POST /users/{id}/role": "admin", "POST /users/{id}/password": "admin",
	"POST /users/{id}/totp-reset": "admin", "POST /users/{id}/disable": "admin", "POST /users/{id}/enable": "admin",
}

// Every page and act is tried by every role and by nobody: what a role may not
// do is refused and changes nothing.
func TestRoles(t *testing.T) {
	for _, role := range console.Roles() {
		t.Run(string(role), func(t *testing.T) {
			for _, rt := range console.Routes() {
				name := rt.Method + " " + rt.Path
				may, listed := wanted[name]
				if !listed {
					t.Errorf("%s: the test does not know who may do it", name)
				}
				if rt.Path == "/logout" || rt.Need == console.Open {
					continue
				}
				w := newWorld(t)
				w.someone = w.user("someone", console.Finance, "").ID
				w.user("me", role, "")
				b := w.as("me")
				before := len(w.memory.actions())
				res := b.do(rt.Method, w.address(rt.Path), postForm(rt.Method, b.token))
				if strings.Contains(may, string(role)) {
					if res.status >= 400 {
						t.Errorf("%s: %d\n%s", name, res.status, res.body)
					}
					if rt.Method == http.MethodPost && res.status != http.StatusSeeOther {
						t.Errorf("%s: %d, not a redirect", name, res.status)
					}
					continue
				}
				if res.status != http.StatusForbidden || len(w.memory.actions()) != before {
					t.Errorf("%s: %d, and the trail has %v", name, res.status, w.memory.actions()[before:])
				}
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		w := newWorld(t)
		w.someone = w.user("someone", console.Finance, "").ID
		b := w.browser()
		b.get("/login")
		for _, rt := range console.Routes() {
			if rt.Need == console.Open {
				continue
			}
			res := b.do(rt.Method, w.address(rt.Path), postForm(rt.Method, b.token))
			if res.status != http.StatusSeeOther || !strings.HasPrefix(res.location, "/console/login") {
				t.Errorf("%s %s: %d to %q", rt.Method, rt.Path, res.status, res.location)
			}
		}
		if list := w.memory.actions(); len(list) != 1 || len(w.desk.asked) != 0 {
			t.Errorf("nobody did %v", list)
		}
	})
}

func postForm(method, token string) url.Values {
	if method != http.MethodPost {
		return nil
	}
	return url.Values{"form_token": {token}, "account": {"acc_alipay_main"}, "text": {"text"}, "reason": {"reason"}, "version": {"1"}, "role": {"finance"}, "password": {password}}
}

// A GET changes nothing: the trail and what the fakes were asked to do stay.
func TestReadsChangeNothing(t *testing.T) {
	w := newWorld(t)
	w.someone = w.user("someone", console.Finance, "").ID
	w.user("root", console.Admin, "")
	b := w.as("root")
	before := len(w.memory.actions())
	for _, rt := range console.Routes() {
		if rt.Method == http.MethodGet {
			b.get(w.address(rt.Path))
		}
	}
	if list := w.memory.actions(); len(list) != before || len(w.books.ran)+len(w.desk.asked)+len(w.desk.resent)+len(w.desk.opened) != 0 {
		t.Errorf("reading did %v", list[before:])
	}
}

// A merchant's user of the highest role sees and does nothing of another's.
func TestTenancy(t *testing.T) {
	w := newWorld(t)
	w.user("theirs", console.Admin, otherID)
	w.someone = w.user("stranger", console.Finance, mineID).ID
	b := w.as("theirs")
	yesterday := channels.DayAt(w.start).Add(-1).String()
	var mine string
	for _, d := range w.books.found {
		if d.MerchantID == mineID {
			mine = d.ID
		}
	}
	for _, path := range []string{
		"/days?merchant=" + mineID, "/days/" + yesterday + "?merchant=" + mineID, "/days/" + yesterday + "/statements/1/statement.csv?merchant=" + mineID,
		"/reconciliations/" + w.books.results[0].ID + "/bills/" + digestBill, "/discrepancies/" + mine, "/discrepancies?merchant=" + mineID,
		"/payments/" + thePayment, "/payments?merchant=" + mineID, "/payments/" + thePayment + "/callbacks/" + theCallback, "/audit?merchant=" + mineID,
	} {
		if res := b.get(path); res.status != http.StatusNotFound && res.status != http.StatusForbidden || strings.Contains(res.body, "清茗") {
			t.Errorf("GET %s: %d", path, res.status)
		}
	}
	before := len(w.memory.actions())
	for _, path := range []string{
		"/days/" + yesterday + "/run", "/discrepancies/" + mine + "/assign", "/discrepancies/" + mine + "/comment", "/discrepancies/" + mine + "/resolve",
		"/discrepancies/" + mine + "/approve", "/discrepancies/" + mine + "/reject", "/attempts/" + theAttempt + "/ask", "/refunds/" + theRefund + "/ask",
		"/payments/" + thePayment + "/events/" + theEvent + "/resend", "/payments/" + otherPayment + "/events/" + theEvent + "/resend",
		"/payments/" + thePayment + "/callbacks/" + theCallback + "/open", "/users/" + w.someone + "/disable", "/users/" + w.someone + "/password",
	} {
		if res := b.post(path, postForm(http.MethodPost, b.token)); res.status != http.StatusNotFound && res.status != http.StatusForbidden {
			t.Errorf("POST %s: %d to %q", path, res.status, res.location)
		}
	}
	if list := w.memory.actions(); len(list) != before || len(w.desk.asked)+len(w.desk.resent)+len(w.desk.opened)+len(w.books.ran) != 0 {
		t.Errorf("another merchant's user did %v, asked %v", list[before:], w.desk.asked)
	}
	for path, must := range map[string]string{"/users": "theirs", "/days": "acc_of_another", "/payments": "OTHER-1", "/discrepancies?status=all": "Alipay"} {
		b.post("/language", url.Values{"language": {"en"}, "next": {"/console/days"}})
		res := b.get(path)
		if !strings.Contains(res.body, must) || strings.Contains(res.body, "stranger") || strings.Contains(res.body, "acc_alipay_main") || strings.Contains(res.body, "SO-20261120-0193") || strings.Contains(res.body, mineID) {
			t.Errorf("GET %s shows too little or another's:\n%s", path, res.body)
		}
	}
	// A user whom such an administrator makes belongs to the same merchant.
	b.post("/users", url.Values{"name": {"made"}, "role": {"admin"}, "merchant": {mineID}, "password": {password}})
	if u, err := w.memory.UserByName(t.Context(), "made"); err != nil || u.MerchantID != otherID {
		t.Errorf("made %v of %q, %v", u, u.MerchantID, err)
	}
}
