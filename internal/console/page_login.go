package console

import (
	"errors"
	"net/http"
	"net/url"
)

type loginView struct{ Next string }

func (c *Console) loginPage(v *visit) error {
	if v.user.ID != "" {
		http.Redirect(v.w, v.r, Prefix+"/", http.StatusSeeOther)
		return nil
	}
	if err := c.greet(v); err != nil {
		return err
	}
	return c.show(v, "login", "login.title", loginView{Next: local(v.query("next"))})
}

func (c *Console) login(v *visit) error {
	next := local(v.form("next"))
	back := Prefix + "/login?" + url.Values{"next": {next}}.Encode()
	token, s, err := c.deps.Logins.Begin(v.r.Context(), v.form("name"), v.r.PostForm.Get("password"), c.address(v))
	if err != nil {
		return v.answer(err, back, "")
	}
	c.begin(v, token)
	if s.Stage == StageCode {
		return v.redirect(Prefix+"/login/code?"+url.Values{"next": {next}}.Encode(), "")
	}
	return v.redirect(next, "")
}

// begin hands the browser a session; what it had before is worthless.
func (c *Console) begin(v *visit, token string) {
	c.setCookie(v, sessionCookie, token, 0)
	c.setCookie(v, visitorCookie, "", -1)
}

func (c *Console) codePage(v *visit) error {
	if v.waiting == nil {
		return v.redirect(Prefix+"/login", "problem.login_again")
	}
	return c.show(v, "code", "code.title", loginView{Next: local(v.query("next"))})
}

func (c *Console) code(v *visit) error {
	if v.waiting == nil {
		return v.redirect(Prefix+"/login", "problem.login_again")
	}
	_, u, err := c.deps.Logins.Find(v.r.Context(), v.token)
	if err != nil {
		return err
	}
	next := local(v.form("next"))
	token, _, err := c.deps.Logins.Finish(v.r.Context(), u, *v.waiting, v.form("code"), c.address(v))
	if errors.Is(err, ErrWrongLogin) {
		return v.redirect(Prefix+"/login/code?"+url.Values{"next": {next}}.Encode(), "problem.wrong_code")
	}
	if err != nil {
		return v.answer(err, Prefix+"/login/code", "")
	}
	c.begin(v, token)
	return v.redirect(next, "")
}

func (c *Console) logout(v *visit) error {
	if err := c.deps.Logins.End(v.r.Context(), v.session, v.user); err != nil {
		return err
	}
	c.setCookie(v, sessionCookie, "", -1)
	return v.redirect(Prefix+"/login", "done.logout")
}

func (c *Console) setLanguage(v *visit) error {
	value := string(chinese)
	if v.form("language") == string(english) {
		value = string(english)
	}
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // Secure but for this machine over http; see Config.Secure
		Name: languageCookie, Value: value, Path: Prefix, MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: c.cfg.Secure, SameSite: http.SameSiteLaxMode,
	})
	next := v.form("next")
	if next == Prefix+"/login" || next == Prefix+"/login/code" {
		return v.redirect(next, "")
	}
	return v.redirect(local(next), "")
}

func (c *Console) home(v *visit) error {
	return v.redirect(Prefix+"/days", "")
}
