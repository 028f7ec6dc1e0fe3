package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/router"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

func document(rule string) string {
	return "version: 1\nrules:\n- {name: " + rule + ", refuse: no}\n"
}

// broken is a document of a newer form.
const broken = "version: 2\n"

func put(t *testing.T, db *store.DB, merchantID string, version int64, text string) {
	t.Helper()
	now := storetest.Start()
	_, err := db.AppendRules(t.Context(), router.Revision{MerchantID: merchantID, Version: version, Document: text, Actor: "cli:ops", CreatedAt: now},
		audit.Entry{ID: audit.IDPrefix + storetest.NewID(), At: now, Actor: "cli:ops", Action: "routing.set", MerchantID: merchantID})
	if err != nil {
		t.Fatal(err)
	}
}

// held is the rules that hold, as "version name".
func held(b *ruleBook, merchantID string) string {
	rules := b.RulesOf(merchantID)
	if rules == nil {
		return "none"
	}
	return fmt.Sprint(rules.Version, " ", rules.List[0].Name)
}

func newTestBook(kept revisions, log *strings.Builder) *ruleBook {
	return newRuleBook(kept, slog.New(slog.NewTextHandler(log, nil)), time.Now)
}

// What one process sets, another one with its own connection follows; what
// cannot be read never takes the place of what can.
func TestRuleBook_FollowsAnotherProcess(t *testing.T) {
	for driver, cfg := range map[string]func(t *testing.T) store.Config{
		store.SQLite: func(t *testing.T) store.Config {
			return store.Config{Driver: store.SQLite, Path: filepath.Join(t.TempDir(), "paymux.db")}
		},
		store.MySQL: func(t *testing.T) store.Config { return store.Config{Driver: store.MySQL, DSN: testenv.MySQL(t)} },
	} {
		t.Run(driver, func(t *testing.T) {
			c := cfg(t)
			setter, follower := storetest.Open(t, c), storetest.Open(t, c)
			if _, err := setter.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			book := newTestBook(follower, &log)
			step := func(want string) {
				t.Helper()
				if err := book.refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := held(book, "mer_1"); got != want {
					t.Errorf("rules %q, want %q", got, want)
				}
			}
			step("none")
			put(t, setter, "mer_1", 1, document("first"))
			step("1 first")
			put(t, setter, "mer_2", 1, document("other"))
			put(t, setter, "mer_1", 2, document("second"))
			put(t, setter, "mer_1", 3, document("third"))
			step("3 third")
			put(t, setter, "mer_1", 4, broken)
			step("3 third")
			if !strings.Contains(log.String(), "paymux routes set") || book.refused.Load() != 1 {
				t.Errorf("nobody is told of rules that cannot be read: %s", log.String())
			}
			// One that starts now finds the newest that it can read.
			fresh := newTestBook(follower, &log)
			if err := fresh.refresh(t.Context()); err != nil || held(fresh, "mer_1") != "3 third" || held(fresh, "mer_2") != "1 other" {
				t.Errorf("a new process: %v, %s, %s", err, held(fresh, "mer_1"), held(fresh, "mer_2"))
			}
			put(t, setter, "mer_1", 5, document("fifth"))
			step("5 fifth")
		})
	}
}

// downRules is a database that is gone now and then.
type downRules struct {
	revisions
	down bool
}

func (d *downRules) RulesGeneration(ctx context.Context) (int64, error) {
	if d.down {
		return 0, payment.ErrUnavailable
	}
	return d.revisions.RulesGeneration(ctx)
}

func TestRuleBook_KeepsWhatItKnowsWhileTheDatabaseIsGone(t *testing.T) {
	db := storetest.OpenSQLite(t)
	var log strings.Builder
	kept := &downRules{revisions: db}
	book := newTestBook(kept, &log)
	put(t, db, "mer_1", 1, document("first"))
	if err := book.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept.down = true
	put(t, db, "mer_1", 2, document("second"))
	if err := book.refresh(t.Context()); !errors.Is(err, payment.ErrUnavailable) || held(book, "mer_1") != "1 first" {
		t.Errorf("%v, %s", err, held(book, "mer_1"))
	}
	kept.down = false
	if err := book.refresh(t.Context()); err != nil || held(book, "mer_1") != "2 second" {
		t.Errorf("%v, %s", err, held(book, "mer_1"))
	}
}

// More changes than fit into one page are all taken in.
func TestRuleBook_ReadsManyChanges(t *testing.T) {
	db := storetest.OpenSQLite(t)
	const merchants = revisionsPage + 20
	for i := range merchants {
		put(t, db, fmt.Sprint("mer_", i), 1, document(fmt.Sprint("of-", i)))
	}
	var log strings.Builder
	book := newTestBook(db, &log)
	if err := book.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range merchants {
		if got, want := held(book, fmt.Sprint("mer_", i)), fmt.Sprint("1 of-", i); got != want {
			t.Fatalf("rules %q, want %q", got, want)
		}
	}
}

// fixed is rules that change without a database.
type fixed struct {
	mu   sync.Mutex
	list []router.Revision
}

func (f *fixed) add(r router.Revision) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, r)
}

func (f *fixed) RulesGeneration(context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.list)), nil
}

func (f *fixed) RulesSince(_ context.Context, generation int64, _ int) ([]router.Revision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list[generation:]), nil
}

func (f *fixed) RulesOf(context.Context, string, int64, int) ([]router.Revision, error) {
	return nil, nil
}

func TestRuleBook_FollowsWithinItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &fixed{}
		var log strings.Builder
		book := newTestBook(kept, &log)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); book.follow(ctx, 2*time.Second) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		kept.add(router.Revision{MerchantID: "mer_1", Version: 1, Generation: 1, Document: document("first")})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := held(book, "mer_1"); got != "1 first" {
			t.Errorf("after the interval the rules are %q", got)
		}
		stop()
		<-done
	})
}
