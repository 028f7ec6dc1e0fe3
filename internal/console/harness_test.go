package console_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/reconcile"
)

const (
	mineID  = "mer_01M7Y0000000000000000000MY"
	otherID = "mer_01M7Y000000000000000000OTH"
	// password is every user's.
	password = "correct horse 9 battery"
)

var lastID atomic.Int64

func newID() string { return fmt.Sprintf("01M7Y%021d", lastID.Add(1)) }

// world is a console over fakes.
type world struct {
	t       *testing.T
	memory  *memory
	books   *books
	desk    *desk
	staff   *console.Staff
	console *console.Console
	server  *httptest.Server
	clock   *atomic.Int64 // nanoseconds after start
	start   time.Time
	logs    *strings.Builder
	// someone is another user than who acts.
	someone string
}

func (w *world) now() time.Time { return w.start.Add(time.Duration(w.clock.Load())) }

func (w *world) pass(d time.Duration) { w.clock.Add(int64(d)) }

// cheap is a cost for tests.
var cheap = console.Cost{MemoryKiB: 64, Passes: 1, Threads: 1}

func newWorld(t *testing.T, changes ...func(*console.Config)) *world {
	t.Helper()
	w := &world{t: t, memory: newMemory(), clock: new(atomic.Int64), start: time.Now().Truncate(time.Millisecond), logs: new(strings.Builder)}
	w.books = &books{trail: w.memory, now: w.now}
	w.books.accounts = []reconcile.Account{
		{ID: "acc_alipay_main", MerchantID: mineID, Channel: "alipay", Enabled: true, FeeRatePPM: 6000},
		{ID: "acc_wechat_main", MerchantID: mineID, Channel: "wechatpay", Enabled: true, FeeRatePPM: 6000},
		{ID: "acc_union_main", MerchantID: mineID, Channel: "unionpay", Enabled: true, FeeRatePPM: 5000},
		{ID: "acc_of_another", MerchantID: otherID, Channel: "alipay", Enabled: true, FeeRatePPM: 6000},
	}
	w.books.fill(channels.DayAt(w.start))
	w.desk = &desk{trail: w.memory}
	w.desk.fill(w.start.Add(-20 * time.Hour))
	limits := console.LoginLimits{Window: 15 * time.Minute, TriesUser: 5, TriesAddress: 20, Idle: 15 * time.Minute, Longest: 12 * time.Hour}
	w.staff = console.NewStaff(console.StaffDeps{
		Users: w.memory, Sessions: w.memory, Audit: w.memory, Hasher: console.NewHasher(cheap), Now: w.now, NewID: newID, Random: rand.Reader,
	})
	cfg := console.Config{
		Login: limits, PageSize: 50, MaxForm: 64 << 10, RunWait: time.Minute, RunTimeout: time.Minute, FileTimeout: time.Hour,
	}
	for _, change := range changes {
		change(&cfg)
	}
	var err error
	w.console, err = console.New(cfg, console.Deps{
		Staff: w.staff, Logins: console.NewLogins(w.staff, w.memory, limits), Reconciliations: w.books, Payments: w.desk, Operator: w.desk,
		Callbacks: w.desk, Events: w.desk, Audit: w.memory, Merchants: w.desk, Logger: slog.New(slog.NewTextHandler(w.logs, nil)), Now: w.now, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(w.console)
	t.Cleanup(func() {
		w.server.Close()
		w.console.Close()
	})
	return w
}

// user makes a user.
func (w *world) user(name string, role console.Role, merchantID string) console.User {
	w.t.Helper()
	u, err := w.staff.Add(context.Background(), "test", console.NewUser{Name: name, Role: role, MerchantID: merchantID, Password: password})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// browser is one person's browser.
type browser struct {
	w      *world
	client *http.Client
	// token is the form token of the page seen last.
	token string
}

// seen is an answer.
type seen struct {
	status   int
	body     string
	location string
	header   http.Header
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w: w, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as logs a user in.
func (w *world) as(name string) *browser {
	w.t.Helper()
	b := w.browser()
	b.get("/login")
	if res := b.post("/login", url.Values{"name": {name}, "password": {password}}); res.status != http.StatusSeeOther || strings.Contains(res.location, "login") {
		w.t.Fatalf("%s cannot log in: %d to %s", name, res.status, res.location)
	}
	b.get("/account")
	return b
}

var formToken = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

func (b *browser) get(path string) seen { return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) seen {
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("form_token") {
		form.Set("form_token", b.token)
	}
	return b.do(http.MethodPost, path, form)
}

func (b *browser) do(method, path string, form url.Values) seen {
	b.w.t.Helper()
	if !strings.HasPrefix(path, console.Prefix) {
		path = console.Prefix + path
	}
	req, err := http.NewRequest(method, b.w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.send(req)
}

func (b *browser) send(req *http.Request) seen {
	b.w.t.Helper()
	res, err := b.client.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	if m := formToken.FindSubmatch(body); m != nil {
		b.token = string(m[1])
	}
	return seen{status: res.StatusCode, body: string(body), location: res.Header.Get("Location"), header: res.Header}
}
