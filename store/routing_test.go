package store_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/router"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

func appendRules(ctx context.Context, db *store.DB, merchantID string, version int64) (router.Revision, error) {
	return db.AppendRules(ctx, router.Revision{
		MerchantID: merchantID, Version: version, Document: "rules: [] # 第" + strconv.FormatInt(version, 10), Actor: "cli:ops", Note: "why",
		CreatedAt: storetest.Start(),
	}, audit.Entry{ID: audit.IDPrefix + storetest.NewID(), At: storetest.Start(), Actor: "cli:ops", Action: "routing.set", MerchantID: merchantID})
}

func TestRouting_KeepsEveryVersionWithItsAuditEntry(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for version := int64(1); version <= 3; version++ {
			if _, err := appendRules(ctx, db, "mer_1", version); err != nil {
				t.Fatal(err)
			}
		}
		other, err := appendRules(ctx, db, "mer_2", 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, stale := range []int64{1, 3, 5} {
			if _, err := appendRules(ctx, db, "mer_1", stale); !errors.Is(err, payment.ErrStale) {
				t.Errorf("version %d after 3: %v", stale, err)
			}
		}
		generation, err := db.RulesGeneration(ctx)
		if err != nil || generation != other.Generation || generation != 4 {
			t.Errorf("generation %d, %v; refused changes must not count", generation, err)
		}
		history, err := db.RulesOf(ctx, "mer_1", 0, 10)
		if err != nil || len(history) != 3 || history[0].Version != 3 || history[0].Document != "rules: [] # 第3" || !history[0].CreatedAt.Equal(storetest.Start()) {
			t.Errorf("history %+v, %v", history, err)
		}
		older, err := db.RulesOf(ctx, "mer_1", 3, 1)
		if err != nil || len(older) != 1 || older[0].Version != 2 {
			t.Errorf("before 3: %+v, %v", older, err)
		}
		since, err := db.RulesSince(ctx, 2, 10)
		if err != nil || len(since) != 2 || since[0].Version != 3 || since[1].MerchantID != "mer_2" {
			t.Errorf("since 2: %+v, %v", since, err)
		}
		trail, err := db.ListAudit(ctx, audit.Filter{MerchantID: "mer_1", Limit: 10})
		if err != nil || len(trail) != 3 {
			t.Errorf("%d audit entries, %v; want one for each version", len(trail), err)
		}
	})
}

// Two processes change rules at once: each version once, every generation seen.
func TestRouting_ConcurrentChangesOnTwoHandles(t *testing.T) {
	forEachEmpty(t, func(t *testing.T, cfg store.Config) {
		handles := []*store.DB{storetest.Open(t, cfg), storetest.Open(t, cfg)}
		if _, err := handles[0].Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		const each = 8
		var wg sync.WaitGroup
		for i, db := range handles {
			wg.Go(func() {
				for n := 0; n < each; {
					newest, err := db.RulesOf(t.Context(), "mer_1", 0, 1)
					if err != nil {
						t.Error(err)
						return
					}
					next := int64(1)
					if len(newest) > 0 {
						next = newest[0].Version + 1
					}
					_, err = appendRules(t.Context(), db, "mer_1", next)
					switch {
					case err == nil:
						n++
					case !errors.Is(err, payment.ErrStale):
						t.Errorf("handle %d: %v", i, err)
						return
					}
				}
			})
		}
		wg.Wait()
		all, err := handles[1].RulesSince(t.Context(), 0, 100)
		if err != nil || len(all) != 2*each {
			t.Fatalf("%d revisions, %v", len(all), err)
		}
		for i, r := range all {
			if r.Version != int64(i+1) || i > 0 && r.Generation <= all[i-1].Generation {
				t.Errorf("revision %d is version %d of generation %d", i, r.Version, r.Generation)
			}
		}
	})
}

func TestRouting_EachOrderReadsADayInPages(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		const orders = 2105 // more than two pages
		from := storetest.Start()
		err := db.InTx(t.Context(), func(tx payment.Tx) error {
			for i := range orders {
				p := storetest.NewBarePayment(t, "mer_1")
				p.CreatedAt = from.Add(time.Duration(i/7) * time.Millisecond) // seven share one
				if i == orders-1 {
					p.Status = payment.Unsent
				}
				if err := tx.InsertPayment(t.Context(), p); err != nil {
					return err
				}
			}
			late, foreign, early := storetest.NewPayment(t, "mer_1"), storetest.NewPayment(t, "mer_2"), storetest.NewPayment(t, "mer_1")
			late.CreatedAt, foreign.CreatedAt, early.CreatedAt = from.Add(time.Hour), from, from.Add(-time.Millisecond)
			return errors.Join(tx.InsertPayment(t.Context(), late), tx.InsertPayment(t.Context(), foreign), tx.InsertPayment(t.Context(), early))
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		err = db.EachOrder(t.Context(), "mer_1", from, from.Add(time.Hour), func(o router.PastOrder) error {
			if seen[o.Request.Sticky] {
				t.Errorf("%s twice", o.Request.Sticky)
			}
			seen[o.Request.Sticky] = true
			return nil
		})
		if err != nil || len(seen) != orders-1 {
			t.Errorf("%d orders, %v; want %d", len(seen), err, orders-1)
		}
		full := storetest.NewPayment(t, "mer_3")
		if err := db.InTx(t.Context(), func(tx payment.Tx) error { return tx.InsertPayment(t.Context(), full) }); err != nil {
			t.Fatal(err)
		}
		stop := errors.New("enough")
		err = db.EachOrder(t.Context(), "mer_3", from, from.Add(time.Hour), func(o router.PastOrder) error {
			q := o.Request
			if q.Amount != full.Amount || q.Scene != full.Scene || q.Channel != full.PinnedChannel || q.Region != full.Region ||
				q.Metadata["k"] != storetest.Hostile || !q.At.Equal(full.CreatedAt) || q.Sticky != full.MerchantOrderNo ||
				o.AccountID != full.AccountID || o.Channel != full.Channel || o.PaidMinor != full.PaidMinor {
				t.Errorf("read %+v of %+v", o, full)
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Errorf("the caller's error is lost: %v", err)
		}
	})
}

func TestAccountHours(t *testing.T) {
	night, err := channels.ParseHours("22:00-06:00")
	if err != nil {
		t.Fatal(err)
	}
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		m := db.Merchants()
		begin := merchant.Beginning{
			Merchant: merchant.Merchant{
				ID: "mer_1", Name: "Tea", Status: merchant.Active, LatePolicy: merchant.LateRefund, AnswerAlgorithm: "rsa2", CreatedAt: storetest.Start(),
			},
			Key:    merchant.Key{Serial: "s", MerchantID: "mer_1", PublicKeyPEM: "p", CreatedAt: storetest.Start()},
			Secret: merchant.WebhookSecret{ID: "whs_1", MerchantID: "mer_1", Sealed: []byte("x"), CreatedAt: storetest.Start()},
		}
		for i, hours := range [][]channels.Hours{{night}, nil} {
			id := "acc_" + strconv.Itoa(i)
			begin.Accounts = append(begin.Accounts, merchant.NewAccount{
				Account:     merchant.Account{ID: id, MerchantID: "mer_1", Channel: "alipay", Enabled: true, Identity: id, Hours: hours, Version: 1, CreatedAt: storetest.Start()},
				Credentials: merchant.SealedCredentials{Version: 1, Sealed: []byte("x")},
			})
		}
		if err := m.InsertMerchant(t.Context(), begin); err != nil {
			t.Fatal(err)
		}
		shown := func() string {
			t.Helper()
			list, err := m.AccountsOf(t.Context(), "mer_1")
			if err != nil || len(list) != 2 {
				t.Fatalf("%v, %v", list, err)
			}
			var out []string
			for _, a := range list {
				one, err := m.AccountByID(t.Context(), a.ID)
				if err != nil || len(one.Hours) != len(a.Hours) {
					t.Errorf("%v, %v; the list has %v", one.Hours, err, a.Hours)
				}
				for _, h := range a.Hours {
					out = append(out, a.ID+" "+h.String())
				}
			}
			return strings.Join(out, ", ")
		}
		if got := shown(); got != "acc_0 22:00-06:00" {
			t.Errorf("hours %q", got)
		}
		for range 2 { // setting them again changes nothing
			if err := errors.Join(m.SetAccountHours(t.Context(), "acc_1", []channels.Hours{night, night}), m.SetAccountHours(t.Context(), "acc_0", nil)); err != nil {
				t.Fatal(err)
			}
		}
		if got := shown(); got != "acc_1 22:00-06:00, acc_1 22:00-06:00" {
			t.Errorf("hours %q", got)
		}
		if err := m.SetAccountHours(t.Context(), "acc_9", nil); !errors.Is(err, merchant.ErrNotFound) {
			t.Errorf("unknown account: %v", err)
		}
	})
}

func TestRouting_OrdersAreReadByAnIndex(t *testing.T) {
	db := storetest.OpenSQLite(t)
	plan, err := db.Plan(t.Context(), store.SelectOrders)
	if err != nil || !strings.Contains(plan, "USING INDEX payments_newest") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("plan %q, %v", plan, err)
	}
}
