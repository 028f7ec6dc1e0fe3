package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// visit is one request of one person.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	lang language
	// user and session are zero where nobody is logged in. With a session that
	// waits for its code, waiting is set instead.
	user    User
	session Session
	waiting *Session
	// token is the session's, or that of somebody not logged in: forms are bound
	// to it.
	token string
}

// Names of cookies. With https they carry the prefix that lets no plain-http
// page set them.
const (
	sessionCookie = "paymux-console"
	visitorCookie = "paymux-console-visitor"
	securePrefix  = "__Secure-"
)

// refusal is an answer other than the page that was asked for.
type refusal struct {
	status int
	key    string
}

func (e *refusal) Error() string { return e.key }

var (
	errForbidden = &refusal{http.StatusForbidden, "problem.forbidden"}
	errForm      = &refusal{http.StatusForbidden, "problem.form_expired"}
	errBadForm   = &refusal{http.StatusBadRequest, "problem.bad_form"}
)

// handler serves a route for those who may use it.
func (c *Console) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{w: w, r: r, lang: languageOf(r)}
		if err := c.serve(rt, v); err != nil {
			c.fail(v, err)
		}
	})
}

func (c *Console) serve(rt route, v *visit) error {
	if err := c.identify(v); err != nil {
		return err
	}
	// Before the form, whose token ends with the login.
	if rt.need != open && v.user.ID == "" {
		return c.toLogin(v)
	}
	if v.r.Method == http.MethodPost {
		if err := c.checkForm(v); err != nil {
			return err
		}
	}
	if !v.user.may(rt.need) {
		return errForbidden
	}
	return rt.serve(c, v)
}

// identify finds out who is there.
func (c *Console) identify(v *visit) error {
	cookie, err := v.r.Cookie(c.cookieName(sessionCookie))
	if err == nil {
		s, u, err := c.deps.Logins.Find(v.r.Context(), cookie.Value)
		switch {
		case err == nil && s.Stage == StageFull:
			v.user, v.session, v.token = u, s, cookie.Value
			return nil
		case err == nil:
			v.user, v.waiting, v.token = User{}, &s, cookie.Value
			return nil
		case !errors.Is(err, payment.ErrNotFound):
			return err
		}
	}
	if cookie, err := v.r.Cookie(c.cookieName(visitorCookie)); err == nil && len(cookie.Value) == base64.RawURLEncoding.EncodedLen(tokenBytes) {
		v.token = cookie.Value
	}
	return nil
}

// checkForm reads a form and refuses one that was not made by us for this
// person: by its origin, and by its token.
func (c *Console) checkForm(v *visit) error {
	if err := c.origins.Check(v.r); err != nil {
		return errForm
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, c.cfg.MaxForm)
	if err := v.r.ParseForm(); err != nil {
		return errBadForm
	}
	if v.token == "" || !hmac.Equal([]byte(v.r.PostForm.Get("form_token")), []byte(v.formToken())) {
		return errForm
	}
	return nil
}

// formToken is what forms of this session carry.
func (v *visit) formToken() string { return v.mac("form") }

// mac binds a text to the session: only who holds the session's token can make
// it, and the token cannot be told from it.
func (v *visit) mac(text string) string {
	mac := hmac.New(sha256.New, []byte(v.token))
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (c *Console) cookieName(name string) string {
	if c.cfg.Secure {
		return securePrefix + name
	}
	return name
}

func (c *Console) setCookie(v *visit, name, value string, maxAge int) {
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // Secure but for this machine over http; see Config.Secure
		Name: c.cookieName(name), Value: value, Path: Prefix, MaxAge: maxAge,
		HttpOnly: true, Secure: c.cfg.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// greet gives somebody not logged in a token to bind the login's form to.
func (c *Console) greet(v *visit) error {
	if v.token != "" {
		return nil
	}
	var raw [tokenBytes]byte
	if _, err := io.ReadFull(c.deps.Random, raw[:]); err != nil {
		return err
	}
	v.token = base64.RawURLEncoding.EncodeToString(raw[:])
	c.setCookie(v, visitorCookie, v.token, 0)
	return nil
}

// toLogin sends somebody to the login, and from there back to what was asked.
func (c *Console) toLogin(v *visit) error {
	target := Prefix + "/login"
	switch {
	case v.waiting != nil:
		target += "/code"
	case v.r.Method == http.MethodPost:
		return v.redirect(target, "problem.not_saved")
	case v.r.URL.Path != Prefix+"/":
		target += "?" + url.Values{"next": {v.r.URL.RequestURI()}}.Encode()
	}
	http.Redirect(v.w, v.r, target, http.StatusSeeOther)
	return nil
}

// local is a path of ours to go to, else the beginning: a login must not lead
// to another site.
func local(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, Prefix+"/") || strings.ContainsAny(target, "\\\r\n") ||
		strings.Contains(u.Path, "..") || strings.HasPrefix(u.Path, Prefix+"/login") {
		return Prefix + "/"
	}
	return u.RequestURI()
}

// redirect answers a POST. notice is a message's key, shown there once; it is
// "done.…" or "problem.…".
func (v *visit) redirect(target, notice string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	q := u.Query()
	q.Del("notice")
	if notice != "" {
		q.Set("notice", notice)
	}
	u.RawQuery = q.Encode()
	http.Redirect(v.w, v.r, u.String(), http.StatusSeeOther)
	return nil
}

// address is where the request came from.
func (c *Console) address(v *visit) string {
	if c.cfg.TrustForwarded {
		list := v.r.Header.Values("X-Forwarded-For")
		if len(list) > 0 {
			parts := strings.Split(list[len(list)-1], ",")
			if ip := net.ParseIP(strings.TrimSpace(parts[len(parts)-1])); ip != nil {
				return ip.String()
			}
		}
	}
	host, _, err := net.SplitHostPort(v.r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	return host
}

// version is the row's version that a form was made from.
func (v *visit) version() int64 {
	n, err := strconv.ParseInt(v.r.PostForm.Get("version"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// form is a field, trimmed. A browser sends a line's end as two characters and
// counts it as one against the length that a form allows; so do we.
func (v *visit) form(name string) string {
	return strings.ReplaceAll(strings.TrimSpace(v.r.PostForm.Get(name)), "\r\n", "\n")
}

// query is a parameter, trimmed and not longer than anything we have.
func (v *visit) query(name string) string {
	s := strings.TrimSpace(v.r.URL.Query().Get(name))
	if len(s) > 256 {
		return ""
	}
	return s
}

// actor names the user to those who keep who did what.
func (v *visit) actor() reconcile.Actor {
	return reconcile.Actor{Name: v.user.Name, MerchantID: v.user.MerchantID}
}

// problemOf finds the message for an act that was refused; ok is false for
// what is no refusal.
func problemOf(err error) (key string, ok bool) {
	if input, is := errors.AsType[*InputError](err); is {
		return input.Key, true
	}
	for _, p := range []struct {
		err error
		key string
	}{
		{ErrWrongLogin, "problem.wrong_login"},
		{ErrThrottled, "problem.throttled"},
		{ErrBusy, "problem.busy"},
		{reconcile.ErrBusy, "problem.run_busy"},
		{reconcile.ErrSecondPerson, "problem.second_person"},
		{reconcile.ErrNotOpen, "problem.not_open"},
		{reconcile.ErrNoText, "problem.no_text"},
		{payment.ErrStale, "problem.stale"},
	} {
		if errors.Is(err, p.err) {
			return p.key, true
		}
	}
	return "", false
}

// answer ends an act: back to the page with what came of it.
func (v *visit) answer(err error, back, done string) error {
	if err == nil {
		return v.redirect(back, done)
	}
	if key, ok := problemOf(err); ok {
		return v.redirect(back, key)
	}
	return err
}

// fail shows a page that says what went wrong and what to do.
func (c *Console) fail(v *visit, err error) {
	status, key := http.StatusInternalServerError, "problem.internal"
	refused, isRefusal := errors.AsType[*refusal](err)
	coded, isCoded := errors.AsType[*payment.Error](err)
	switch {
	case isRefusal:
		status, key = refused.status, refused.key
	case errors.Is(err, payment.ErrNotFound), isCoded && coded.Code == payment.CodeNotFound:
		status, key = http.StatusNotFound, "problem.not_found"
	case errors.Is(err, payment.ErrUnavailable), errors.Is(err, ErrBusy):
		status, key = http.StatusServiceUnavailable, "problem.unavailable"
		v.w.Header().Set("Retry-After", "5")
	}
	id := ""
	if c.deps.RequestID != nil {
		id = c.deps.RequestID(v.r.Context())
	}
	if status >= http.StatusInternalServerError {
		c.deps.Logger.ErrorContext(v.r.Context(), "a page of the console failed", "request_id", id, "error", err)
	}
	p := c.newPage(v, "error.title", problemView{Key: key, RequestID: id})
	if renderErr := c.render(v, status, "error", p); renderErr != nil {
		c.deps.Logger.LogAttrs(v.r.Context(), slog.LevelError, "the page of an error failed", slog.String("error", renderErr.Error()))
		http.Error(v.w, say(v.lang, key), status)
	}
}

type problemView struct{ Key, RequestID string }

func (c *Console) notFound(w http.ResponseWriter, r *http.Request) {
	v := &visit{w: w, r: r, lang: languageOf(r)}
	err := c.identify(v)
	switch {
	case err != nil:
	case v.user.ID == "":
		err = c.toLogin(v)
	default:
		err = payment.ErrNotFound
	}
	if err != nil {
		c.fail(v, err)
	}
}

// grant lets a session see something for a while that it has asked for by a
// POST; it is worthless in another session.
func (v *visit) grant(what string, until time.Time) string {
	at := strconv.FormatInt(until.Unix(), 10)
	return at + "." + v.mac(what+"/"+at)
}

func (v *visit) granted(what, grant string, now time.Time) bool {
	at, mac, ok := strings.Cut(grant, ".")
	until, err := strconv.ParseInt(at, 10, 64)
	return ok && err == nil && hmac.Equal([]byte(mac), []byte(v.mac(what+"/"+at))) && now.Before(time.Unix(until, 0))
}
