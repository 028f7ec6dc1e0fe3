package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

func consoleEntry(action string) audit.Entry {
	return audit.Entry{ID: audit.IDPrefix + storetest.NewID(), At: storetest.Start(), Actor: "test", Action: action, Detail: "{}"}
}

func newConsoleUser(name string) console.User {
	at := storetest.Start()
	return console.User{
		ID: "usr_" + storetest.NewID(), Name: name, Role: console.Finance, MerchantID: "mer_1", PasswordHash: "$argon2id$…",
		TOTPSecret: []byte("secret of the second step"), TOTPPending: []byte{1, 2, 3}, TOTPStep: 7, CreatedAt: at, UpdatedAt: at, Version: 1,
	}
}

func TestConsole(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		t.Run("Users", func(t *testing.T) { testConsoleUsers(t, db) })
		t.Run("Stale", func(t *testing.T) { testConsoleStale(t, db) })
		t.Run("Sessions", func(t *testing.T) { testConsoleSessions(t, db) })
		t.Run("Codes", func(t *testing.T) { testConsoleCodes(t, db) })
		t.Run("Tries", func(t *testing.T) { testConsoleTries(t, db) })
		t.Run("Search", func(t *testing.T) { testConsoleSearch(t, db) })
		t.Run("Sealed", func(t *testing.T) { testConsoleSealed(t, db) })
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func testConsoleUsers(t *testing.T, db *store.DB) {
	ctx, c := t.Context(), db.Console()
	u := newConsoleUser("anna.lee")
	must(t, c.InsertUser(ctx, u, consoleEntry("console_user.add")))
	other := newConsoleUser("anna.lee")
	if err := c.InsertUser(ctx, other, consoleEntry("console_user.add")); !errors.Is(err, payment.ErrDuplicate) {
		t.Errorf("a name taken: %v", err)
	}
	got, err := c.UserByName(ctx, "anna.lee")
	must(t, err)
	same(t, "by name", fields(got), fields(u))
	got, err = c.UserByID(ctx, u.ID)
	must(t, err)
	same(t, "by id", fields(got), fields(u))
	for _, name := range []string{"Anna.Lee", "anna.lee ", "nobody", ""} {
		if _, err := c.UserByName(ctx, name); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	b := newConsoleUser("ben")
	b.MerchantID, b.TOTPSecret, b.TOTPPending = "", nil, nil
	must(t, c.InsertUser(ctx, b, consoleEntry("console_user.add")))
	all, err := c.ListUsers(ctx, "")
	must(t, err)
	mine, err := c.ListUsers(ctx, "mer_1")
	must(t, err)
	if len(all) != 2 || all[0].Name != "anna.lee" || all[1].Name != "ben" || len(mine) != 1 || all[1].HasTOTP() {
		t.Errorf("lists %v and %v", all, mine)
	}
	list, err := db.ListAudit(ctx, audit.Filter{Action: "console_user.add", Limit: 10})
	must(t, err)
	if len(list) != 2 {
		t.Errorf("%d entries of two users made", len(list))
	}
}

// fields is a user with everything that its String hides.
func fields(u console.User) string {
	type all console.User
	return fmt.Sprintf("%+v", all(u))
}

func testConsoleStale(t *testing.T, db *store.DB) {
	ctx, c := t.Context(), db.Console()
	u := newConsoleUser("stale")
	must(t, c.InsertUser(ctx, u, consoleEntry("x.add")))
	u.Role, u.TOTPPending, u.TOTPSecret, u.Disabled = console.Admin, nil, []byte("other"), true
	must(t, c.SaveUser(ctx, u, false, "", consoleEntry("x.save")))
	if err := c.SaveUser(ctx, u, false, "", consoleEntry("x.save")); !errors.Is(err, payment.ErrStale) {
		t.Errorf("the second save of one read: %v", err)
	}
	got, err := c.UserByID(ctx, u.ID)
	must(t, err)
	u.Version = 2
	same(t, "saved", fields(got), fields(u))
	list, err := db.ListAudit(ctx, audit.Filter{Action: "x.save", Limit: 10})
	must(t, err)
	if len(list) != 1 {
		t.Errorf("%d entries of one change", len(list))
	}
}

func testConsoleSessions(t *testing.T, db *store.DB) {
	ctx, c := t.Context(), db.Console()
	u := newConsoleUser("sess")
	must(t, c.InsertUser(ctx, u, consoleEntry("x.add")))
	at := storetest.Start()
	session := func(hash string, stage console.Stage, created time.Time, version int64) console.Session {
		return console.Session{
			Hash: hash, UserID: u.ID, Stage: stage, Address: "::1", CreatedAt: created, SeenAt: created, ExpiresAt: created.Add(time.Hour), Version: version,
		}
	}
	version := int64(1)
	begin := func(hash, ended string, stage console.Stage, created time.Time) console.Session {
		t.Helper()
		s := session(hash, stage, created, version)
		must(t, c.InsertSession(ctx, s, ended, consoleEntry("console.login")))
		s.Version = 0
		return s
	}
	gone := func(hash string) {
		t.Helper()
		if _, _, err := c.SessionByHash(ctx, hash); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("session %s: %v", hash, err)
		}
	}
	begin("half", "", console.StageCode, at)
	full := begin("full", "half", console.StageFull, at.Add(time.Second))
	gone("half")
	got, user, err := c.SessionByHash(ctx, "full")
	must(t, err)
	same(t, "session", got, full)
	if user.ID != u.ID || !user.LastLoginAt.Equal(full.CreatedAt) {
		t.Errorf("the session's user: %v, last login %v", user, user.LastLoginAt)
	}
	must(t, c.TouchSession(ctx, "full", at.Add(time.Minute)))
	must(t, c.TouchSession(ctx, "full", at)) // one that comes late
	if got, _, err = c.SessionByHash(ctx, "full"); err != nil || !got.SeenAt.Equal(at.Add(time.Minute)) {
		t.Errorf("seen at %v, %v", got.SeenAt, err)
	}
	begin("second", "", console.StageFull, at.Add(time.Second))
	fresh, err := c.UserByID(ctx, u.ID)
	must(t, err)
	must(t, c.SaveUser(ctx, fresh, true, "second", consoleEntry("x.save")))
	gone("full")
	for _, stage := range []console.Stage{console.StageCode, console.StageFull} {
		if err := c.InsertSession(ctx, session("outrun", stage, at, version), "second", consoleEntry("console.login")); !errors.Is(err, payment.ErrStale) {
			t.Errorf("a login that a change has overtaken: %v", err)
		}
	}
	version = 2
	if _, _, err := c.SessionByHash(ctx, "second"); err != nil {
		t.Errorf("the session to keep: %v", err)
	}
	begin("later", "", console.StageFull, at.Add(2*time.Hour)) // removes what is over
	gone("second")
	must(t, c.DeleteSession(ctx, "later", consoleEntry("console.logout")))
	must(t, c.DeleteSession(ctx, "later", consoleEntry("console.logout")))
	gone("later")
	fresh.Version, fresh.Disabled = 2, true
	must(t, c.SaveUser(ctx, fresh, true, "", consoleEntry("x.save")))
	if err := c.InsertSession(ctx, session("disabled", console.StageFull, at, 3), "", consoleEntry("console.login")); !errors.Is(err, payment.ErrStale) {
		t.Errorf("a login of somebody disabled: %v", err)
	}
	list, err := db.ListAudit(ctx, audit.Filter{Action: "console.logout", Limit: 10})
	must(t, err)
	if len(list) != 1 {
		t.Errorf("%d entries of one logout", len(list))
	}
}

// A code is good once, at any concurrency.
func testConsoleCodes(t *testing.T, db *store.DB) {
	c := db.Console()
	u := newConsoleUser("codes")
	must(t, c.InsertUser(t.Context(), u, consoleEntry("x.add")))
	var used atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			first, err := c.UseTOTPStep(context.Background(), u.ID, 100)
			if err != nil {
				t.Error(err)
			}
			if first {
				used.Add(1)
			}
		})
	}
	all.Wait()
	if used.Load() != 1 {
		t.Errorf("one code was used %d times", used.Load())
	}
	if first, err := c.UseTOTPStep(t.Context(), u.ID, 99); err != nil || first {
		t.Errorf("an earlier code after a later one: %v, %v", first, err)
	}
	if first, err := c.UseTOTPStep(t.Context(), "usr_nobody", 101); err != nil || first {
		t.Errorf("nobody's code: %v, %v", first, err)
	}
}

// Every try is counted, at any concurrency, and forgotten when its window ends.
func testConsoleTries(t *testing.T, db *store.DB) {
	c, at := db.Console(), storetest.Start()
	const window = time.Minute
	seen := make([]atomic.Bool, 21)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			n, err := c.CountTry(context.Background(), "user/a", at, window)
			if err != nil || n < 1 || n > 20 || seen[n].Swap(true) {
				t.Errorf("counted %d, %v", n, err)
			}
		})
	}
	all.Wait()
	count := func(key string, now time.Time, want int) {
		t.Helper()
		if n, err := c.CountTry(t.Context(), key, now, window); err != nil || n != want {
			t.Errorf("%s at %v: %d, %v; want %d", key, now, n, err, want)
		}
	}
	count("user/b", at, 1)
	count("user/a", at.Add(window-time.Millisecond), 21)
	count("user/a", at.Add(window), 1)
	must(t, c.ForgetTries(t.Context(), "user/a"))
	count("user/a", at.Add(window), 1)
	// Windows long over are removed.
	count("user/c", at.Add(4*window), 1)
	if n, err := db.Int(t.Context(), `SELECT COUNT(*) FROM console_tries`); err != nil || n != 1 {
		t.Errorf("%d windows are kept, %v", n, err)
	}
}

// A payment is found by each of its numbers, and by another merchant by none.
func testConsoleSearch(t *testing.T, db *store.DB) {
	ctx := t.Context()
	merchants := db.Merchants()
	mine, theirs := storetest.NewID(), storetest.NewID()
	for _, id := range []string{mine, theirs} {
		must(t, merchants.InsertMerchant(ctx, merchant.Beginning{
			Merchant: merchant.Merchant{ID: id, Name: id, Status: merchant.Active, LatePolicy: merchant.LateRefund, AnswerAlgorithm: signing.RSA2, CreatedAt: storetest.Start()},
			Key:      merchant.Key{Serial: "serial-" + id, MerchantID: id, PublicKeyPEM: "pem", CreatedAt: storetest.Start()},
			Secret:   merchant.WebhookSecret{ID: "whs_" + id, MerchantID: id, Sealed: []byte{1}, CreatedAt: storetest.Start()},
		}))
	}
	p := storetest.NewPayment(t, mine)
	a := storetest.NewAttempt(t, p)
	r := storetest.NewRefund(t, a)
	p.Status = payment.Succeeded
	a.ChannelTradeNo, r.ChannelRefundNo = "channel-no-"+a.ID, "refund-no-"+r.ID
	must(t, db.InTx(ctx, func(tx payment.Tx) error {
		return errors.Join(tx.InsertPayment(ctx, p), tx.InsertAttempt(ctx, a), tx.InsertRefund(ctx, r))
	}))
	for _, number := range []string{p.ID, p.MerchantOrderNo, a.ID, r.ID, a.ChannelTradeNo, r.ChannelRefundNo, r.MerchantRefundNo} {
		for _, merchantID := range []string{mine, ""} {
			found, err := db.SearchPayments(ctx, merchantID, number, 10)
			if err != nil || len(found) != 1 || found[0].ID != p.ID {
				t.Errorf("%q by %q: %v, %v", number, merchantID, found, err)
			}
		}
		if found, err := db.SearchPayments(ctx, theirs, number, 10); err != nil || len(found) != 0 {
			t.Errorf("%q by another merchant: %v, %v", number, found, err)
		}
	}
	for _, number := range []string{"", "%", "nothing", "' OR 1=1 --"} {
		if found, err := db.SearchPayments(ctx, "", number, 10); err != nil || len(found) != 0 {
			t.Errorf("%q: %v, %v", number, found, err)
		}
	}
}

// What makes codes is sealed, bound to its user, and sealed anew with the rest.
func testConsoleSealed(t *testing.T, db *store.DB) {
	u := newConsoleUser("sealed")
	must(t, db.Console().InsertUser(t.Context(), u, consoleEntry("x.add")))
	found := 0
	for _, column := range db.Merchants().SealedColumns() {
		if column.Table != "console_users" {
			continue
		}
		values, err := db.Merchants().SealedAfter(t.Context(), column, "", 100)
		must(t, err)
		for _, v := range values {
			if v.Key != u.ID {
				continue
			}
			plain, err := storetest.Sealer(t).Open(v.Sealed, v.AAD)
			if err != nil || string(plain) != string(u.TOTPSecret) && string(plain) != string(u.TOTPPending) {
				t.Errorf("%s: %q, %v", column.Column, plain, err)
			}
			found++
		}
	}
	if found != 2 {
		t.Errorf("%d sealed values of a user, want 2", found)
	}
}
