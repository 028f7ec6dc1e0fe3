package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/console"
)

func (b *browser) login(name, secret string) seen {
	b.get("/login")
	return b.post("/login", url.Values{"name": {name}, "password": {secret}, "next": {"/console/discrepancies"}})
}

var badNotice = regexp.MustCompile(`<p class="notice bad" role="alert">([^<]*)</p>`)

// notice is the key of what an act is answered with: on the way to a page, or,
// of one that was refused, in Chinese on the page itself.
func notice(s seen) string {
	if m := badNotice.FindStringSubmatch(s.body); m != nil {
		for key, text := range console.Messages() {
			if text[0] == m[1] {
				return key
			}
		}
		return m[1]
	}
	_, q, _ := strings.Cut(s.location, "?")
	values, err := url.ParseQuery(q)
	if err != nil {
		return err.Error()
	}
	return values.Get("notice")
}

// A wrong password, an unknown and a disabled user are told the same.
func TestLogin_TellsNothing(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, "")
	gone := w.user("gone", console.Finance, "")
	if err := w.staff.SetDisabled(t.Context(), "test", gone.ID, true); err != nil {
		t.Fatal(err)
	}
	var answers []seen
	for _, try := range [][2]string{{"anna", "wrong wrong wrong"}, {"nobody", password}, {"gone", password}, {"", ""}, {"anna", strings.Repeat("x", 60_000)}, {"ANNA", password}} {
		answers = append(answers, w.browser().login(try[0], try[1]))
	}
	for i, a := range answers {
		if a.status != http.StatusSeeOther || a.location != answers[0].location || notice(a) != "problem.wrong_login" || strings.Contains(a.header.Get("Set-Cookie"), "paymux-console=") {
			t.Errorf("answer %d: %d to %s with %s", i, a.status, a.location, a.header.Get("Set-Cookie"))
		}
	}
	if n := strings.Count(strings.Join(w.memory.actions(), " "), "console.login_failed"); n != len(answers) {
		t.Errorf("%d failed logins in the trail, want %d", n, len(answers))
	}
	if a := w.browser().login("anna", password); a.location != "/console/discrepancies" {
		t.Errorf("the right password leads to %q", a.location)
	}
}

// Tries are bounded for a name and for an address, and forgotten in time.
func TestLogin_Throttled(t *testing.T) {
	w := newWorld(t)
	w.user("anna", console.Finance, "")
	for range 5 {
		if got := notice(w.browser().login("anna", "wrong wrong wrong")); got != "problem.wrong_login" {
			t.Fatal(got)
		}
	}
	if got := notice(w.browser().login("anna", password)); got != "problem.throttled" {
		t.Errorf("the right password after five wrong ones: %q", got)
	}
	w.pass(15 * time.Minute)
	if a := w.browser().login("anna", password); notice(a) != "" {
		t.Errorf("after the window: %q", notice(a))
	}
	// A login that comes right begins the name's count anew, not the address's.
	for i := range 19 {
		if got := notice(w.browser().login("nobody"+string(rune('a'+i)), "x")); got != "problem.wrong_login" {
			t.Fatalf("try %d: %q", i, got)
		}
	}
	if got := notice(w.browser().login("anna", password)); got != "problem.throttled" {
		t.Errorf("the twenty-first try of one address: %q", got)
	}
}

// An administrator's new password ends the wait, too.
func TestLogin_NewPasswordForgetsTries(t *testing.T) {
	w := newWorld(t)
	u := w.user("anna", console.Finance, "")
	for range 6 {
		w.browser().login("anna", "wrong wrong wrong")
	}
	if err := w.staff.SetPassword(t.Context(), "test", u.ID, "another long password"); err != nil {
		t.Fatal(err)
	}
	if a := w.browser().login("anna", "another long password"); notice(a) != "" {
		t.Errorf("%q", notice(a))
	}
}

func TestSessions_End(t *testing.T) {
	w := newWorld(t)
	u := w.user("anna", console.Finance, "")
	alive := func(b *browser, want bool) {
		t.Helper()
		if res := b.get("/account"); (res.status == http.StatusOK) != want {
			t.Errorf("the session answers %d", res.status)
		}
	}
	b := w.as("anna")
	for range 5 { // used now and again it lives on
		w.pass(14 * time.Minute)
		alive(b, true)
	}
	w.pass(15 * time.Minute)
	alive(b, false)

	b = w.as("anna")
	for range 12*60/14 + 1 {
		w.pass(14 * time.Minute)
		b.get("/account")
	}
	alive(b, false)

	b = w.as("anna")
	b.post("/logout", nil)
	alive(b, false)

	for what, end := range map[string]func() error{
		"disabled":     func() error { return w.staff.SetDisabled(t.Context(), "test", u.ID, true) },
		"enabled":      func() error { return w.staff.SetDisabled(t.Context(), "test", u.ID, false) },
		"new role":     func() error { return w.staff.SetRole(t.Context(), "test", u.ID, console.Operations) },
		"new password": func() error { return w.staff.SetPassword(t.Context(), "test", u.ID, password) },
		"reset totp":   func() error { return w.staff.ResetTOTP(t.Context(), "test", u.ID) },
	} {
		if err := w.staff.SetDisabled(t.Context(), "test", u.ID, false); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		b = w.as("anna")
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if what == "enabled" {
			continue
		}
		alive(b, false)
	}
}

// The token is a new one after each step, and the one before is worthless.
func TestSessions_Renewed(t *testing.T) {
	w := newWorld(t)
	u := w.user("anna", console.Finance, "")
	b := w.browser()
	planted := strings.Repeat("A", 43)
	base, err := url.Parse(w.server.URL + "/console")
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(base, []*http.Cookie{{Name: "paymux-console", Value: planted, Path: "/console"}})
	b.login("anna", password)
	first := sessionToken(b, base)
	if first == planted || first == "" {
		t.Errorf("the session's token is %q", first)
	}
	b.get("/account")
	other := w.as("anna")
	res := b.post("/account/password", url.Values{"password": {password}, "new_password": {"a new long password"}, "new_password_again": {"a new long password"}})
	if notice(res) != "done.password" || sessionToken(b, base) == first {
		t.Errorf("%q, token %q", notice(res), sessionToken(b, base))
	}
	if res := b.get("/account"); res.status != http.StatusOK {
		t.Errorf("the own session ended: %d", res.status)
	}
	if res := other.get("/account"); res.status != http.StatusSeeOther {
		t.Errorf("another session lives on: %d", res.status)
	}
	for what, form := range map[string]url.Values{
		"problem.wrong_password": {"password": {"wrong wrong wrong"}, "new_password": {"x new long password"}, "new_password_again": {"x new long password"}},
		"problem.password_twice": {"password": {"a new long password"}, "new_password": {"x new long password"}, "new_password_again": {"y new long password"}},
		"problem.password_rule":  {"password": {"a new long password"}, "new_password": {"short"}, "new_password_again": {"short"}},
	} {
		b.get("/account")
		if got := notice(b.post("/account/password", form)); got != what {
			t.Errorf("%q, want %q", got, what)
		}
	}
	if now, err := w.memory.UserByID(t.Context(), u.ID); err != nil || now.PasswordHash == u.PasswordHash {
		t.Error("the password is the old one", err)
	}
}

func sessionToken(b *browser, at *url.URL) string {
	for _, c := range b.client.Jar.Cookies(at) {
		if c.Name == "paymux-console" {
			return c.Value
		}
	}
	return ""
}

func TestSecondStep(t *testing.T) {
	w := newWorld(t)
	u := w.user("anna", console.Finance, "")
	b := w.as("anna")
	read := func() console.User {
		t.Helper()
		u, err := w.memory.UserByID(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if got := notice(b.post("/account/totp", url.Values{"password": {"wrong"}})); got != "problem.wrong_password" || len(read().TOTPPending) != 0 {
		t.Errorf("begun with a wrong password: %q", got)
	}
	b.post("/account/totp", url.Values{"password": {password}})
	page := b.get("/account")
	if read().HasTOTP() || !strings.Contains(page.body, `class="code-picture"`) || !strings.Contains(page.body, `class="secret"`) {
		t.Error("the page does not show the secret to confirm")
	}
	if got := notice(b.post("/account/totp/confirm", url.Values{"code": {"000000"}})); got != "problem.wrong_code" || read().HasTOTP() {
		t.Errorf("confirmed by a wrong code: %q", got)
	}
	code := console.TOTPCode(read().TOTPPending, w.now())
	if got := notice(b.post("/account/totp/confirm", url.Values{"code": {code}})); got != "done.totp" || !read().HasTOTP() {
		t.Errorf("confirmed: %q", got)
	}
	secret := read().TOTPSecret

	b = w.browser()
	if res := b.login("anna", password); !strings.HasPrefix(res.location, "/console/login/code") {
		t.Fatalf("the password alone leads to %s", res.location)
	}
	if res := b.get("/days"); res.status != http.StatusSeeOther || res.location != "/console/login/code" {
		t.Errorf("before the code: %d to %s", res.status, res.location)
	}
	b.get("/login/code")
	if got := notice(b.post("/login/code", url.Values{"code": {code}})); got != "problem.wrong_code" {
		t.Errorf("the code of the confirmation again: %q", got)
	}
	w.pass(30 * time.Second)
	b.get("/login/code")
	if res := b.post("/login/code", url.Values{"code": {console.TOTPCode(secret, w.now())}, "next": {"/console/payments"}}); res.location != "/console/payments" {
		t.Errorf("the right code leads to %s", res.location)
	}
	if res := b.get("/account"); res.status != http.StatusOK {
		t.Errorf("after the code: %d", res.status)
	}
	for _, s := range w.memory.sessions {
		if s.Stage == console.StageCode {
			t.Error("the session that waited for the code lives on")
		}
	}
	// Codes are guessed no oftener than passwords are.
	guess := w.browser()
	guess.login("anna", password)
	var last string
	for range 6 {
		guess.get("/login/code")
		last = notice(guess.post("/login/code", url.Values{"code": {"123456"}}))
	}
	if last != "problem.throttled" {
		t.Errorf("the sixth guess: %q", last)
	}
	// Who waits too long begins again.
	w.pass(16 * time.Minute)
	late := w.browser()
	late.login("anna", password)
	w.pass(5 * time.Minute)
	if res := late.get("/login/code"); notice(res) != "problem.login_again" {
		t.Errorf("after five minutes: %d %s", res.status, res.location)
	}
	if err := w.staff.ResetTOTP(t.Context(), "test", u.ID); err != nil {
		t.Fatal(err)
	}
	if res := w.browser().login("anna", password); res.location != "/console/discrepancies" {
		t.Errorf("after a reset the password leads to %s", res.location)
	}
	for _, action := range []string{"console_user.totp_begin", "console_user.totp", "console.code_failed", "console.password_right", "console_user.totp_reset"} {
		if !slices.Contains(w.memory.actions(), action) {
			t.Errorf("%s is not in the trail", action)
		}
	}
}

// RFC 6238's own examples, cut to six digits (appendix B, SHA-1).
func TestTOTP_RFC6238(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := console.TOTPCode(secret, time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestUsers(t *testing.T) {
	w := newWorld(t)
	me := w.user("root", console.Admin, "")
	b := w.as("root")
	b.get("/users")
	for _, c := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"name": {"anna"}, "role": {"finance"}, "password": {password}}, "done.user_added"},
		{url.Values{"name": {"anna"}, "role": {"finance"}, "password": {password}}, "problem.name_taken"},
		{url.Values{"name": {"An na"}, "role": {"finance"}, "password": {password}}, "problem.user_name"},
		{url.Values{"name": {"ben"}, "role": {"owner"}, "password": {password}}, "problem.role"},
		{url.Values{"name": {"ben"}, "role": {"finance"}, "password": {"ben's own long one 1"}}, "problem.password_rule"},
		{url.Values{"name": {"ben"}, "role": {"finance"}, "password": {"aaaabbbbcccc"}}, "problem.password_rule"},
	} {
		if got := notice(b.post("/users", c.form)); got != c.want {
			t.Errorf("%v: %q", c.form, got)
		}
	}
	if res := b.post("/users", url.Values{"name": {"carl"}, "role": {"finance"}, "merchant": {"mer_nobody"}, "password": {password}}); res.status != http.StatusNotFound {
		t.Errorf("a user of no merchant: %d", res.status)
	}
	for _, act := range []string{"role", "password", "disable", "totp-reset"} {
		if got := notice(b.post("/users/"+me.ID+"/"+act, url.Values{"role": {"finance"}, "password": {password}})); got != "problem.yourself" {
			t.Errorf("%s of oneself: %q", act, got)
		}
	}
}

func TestHasher(t *testing.T) {
	h := console.NewHasher(cheap)
	hash, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := h.Hash(t.Context(), password); again == hash {
		t.Error("the same password gives the same hash")
	}
	if right, outdated, err := h.Verify(t.Context(), hash, password); !right || outdated || err != nil {
		t.Errorf("the right one: %v, %v, %v", right, outdated, err)
	}
	if right, outdated, err := console.NewHasher(console.DefaultCost()).Verify(t.Context(), hash, password); !right || !outdated || err != nil {
		t.Errorf("under another cost: %v, %v, %v", right, outdated, err)
	}
	for _, bad := range []string{password + " ", "", strings.Repeat("x", 100_000)} {
		if right, _, err := h.Verify(t.Context(), hash, bad); right || err != nil {
			t.Errorf("%.20q: %v, %v", bad, right, err)
		}
	}
	if right, _, err := h.Verify(t.Context(), "", ""); right || err != nil {
		t.Errorf("nobody's password: %v, %v", right, err)
	}
	for _, bad := range []string{"plain", strings.Replace(hash, "m=64", "m=4000000000", 1), strings.Replace(hash, "t=1", "t=0", 1), strings.Replace(hash, "p=1", "p=0", 1), hash + "$", strings.TrimSuffix(hash, hash[len(hash)-4:])} {
		if _, _, err := h.Verify(t.Context(), bad, password); err == nil {
			t.Errorf("the hash %q is taken", bad)
		}
	}
}

// A login that brings a password under an old cost keeps it under today's.
func TestLogin_Rehashes(t *testing.T) {
	w := newWorld(t)
	u := w.user("anna", console.Finance, "")
	old, err := console.NewHasher(console.Cost{MemoryKiB: 32, Passes: 1, Threads: 1}).Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	u.PasswordHash = old
	w.memory.users[u.ID] = u
	w.as("anna")
	if now, _ := w.memory.UserByID(t.Context(), u.ID); now.PasswordHash == old {
		t.Error("the old hash is kept")
	}
	w.as("anna")
}

func FuzzDecodeHash(f *testing.F) {
	hash, err := console.NewHasher(cheap).Hash(f.Context(), password)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(hash)
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$" + strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, s string) {
		c, salt, key, err := console.DecodeHash(s)
		if err == nil && (c.MemoryKiB > 256<<10 || c.Passes > 10 || c.Threads > 8 || c.Threads < 1 || len(salt) < 16 || len(key) != 32) {
			t.Errorf("%q gives %+v", s, c)
		}
	})
}
