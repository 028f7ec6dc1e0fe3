package store_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/internal/wording"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// A day is read along an index, from the place where the page before ended,
// without sorting.
func TestReconcile_PagesWalkAnIndex(t *testing.T) {
	t.Run(store.SQLite, func(t *testing.T) {
		db := storetest.OpenSQLite(t)
		for _, q := range store.ReconcileQueries() {
			plan, err := db.Plan(t.Context(), q.SQL)
			if err != nil {
				t.Fatalf("%s: %v", q.SQL, err)
			}
			if !strings.Contains(plan, q.Index) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE FOR ORDER BY") {
				t.Errorf("%s is answered by\n%s", q.SQL, plan)
			}
		}
	})
	t.Run(store.MySQL, func(t *testing.T) {
		db := storetest.OpenMySQL(t)
		seedReconcile(t, db)
		for _, q := range store.ReconcileQueries() {
			plan, err := db.MySQLPlan(t.Context(), q.SQL)
			if err != nil {
				t.Fatalf("%s: %v", q.SQL, err)
			}
			if first, _, _ := strings.Cut(plan, "\n"); !strings.Contains(first, q.Index) || strings.Contains(plan, " ALL ") {
				t.Errorf("%s is answered by\n%s", q.SQL, plan)
			}
		}
	})
}

// seedReconcile writes enough for an optimizer to have a choice.
func seedReconcile(t testing.TB, db *store.DB) {
	t.Helper()
	for i := range 20 {
		err := db.InTx(t.Context(), func(tx payment.Tx) error {
			for j := range 20 {
				p := storetest.NewPayment(t, "mer_1")
				a := storetest.NewAttempt(t, p)
				r := storetest.NewRefund(t, a)
				at := storetest.Start().Add(time.Duration(20*i+j) * time.Minute)
				a.PaidAt, r.SucceededAt, r.SubmittedAt, a.Status, r.Status = at, at, at, payment.AttemptSucceeded, payment.RefundSucceeded
				a.AccountID = []string{"acc_1", "acc_2", "acc_3"}[j%3]
				r.AccountID = a.AccountID
				d := payment.Discrepancy{Kind: payment.DiscrepancyLateSuccess, MerchantID: "mer_1", PaymentID: p.ID, AttemptID: a.ID, AccountID: a.AccountID, At: at}
				if err := errors.Join(tx.InsertPayment(t.Context(), p), tx.InsertAttempt(t.Context(), a), tx.InsertRefund(t.Context(), r), tx.RecordDiscrepancy(t.Context(), d)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func reconcileDay(t testing.TB, s string) channels.Day {
	t.Helper()
	d, err := channels.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What is written under a lease that another has taken is refused, whatever it
// is.
func TestReconcile_Fence(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		account := reconcile.Account{ID: "acc_1", MerchantID: "mer_1", Channel: "alipay"}
		day := reconcileDay(t, "2026-11-20")
		// A lease that has run out by the database's own clock.
		old, err := db.AcquireDay(ctx, account, day, "host/old", storetest.Start(), -time.Second)
		if err != nil {
			t.Fatal(err)
		}
		held, err := db.AcquireDay(ctx, account, day, "host/new", storetest.Start(), time.Hour)
		if err != nil || held.Fence <= old.Fence {
			t.Fatalf("%+v after %+v: %v", held, old, err)
		}
		if _, err := db.AcquireDay(ctx, account, day, "host/third", storetest.Start(), time.Hour); !errors.Is(err, reconcile.ErrBusy) {
			t.Errorf("a third process: %v", err)
		}
		finding := reconcile.Discrepancy{ID: "dis_1", AccountID: "acc_1", SubjectID: "s", Kind: reconcile.MissingLocally, Status: reconcile.Open, Day: day, FoundAt: storetest.Start(), UpdatedAt: storetest.Start()}
		result := reconcile.Reconciliation{
			ID: "rec_1", AccountID: "acc_1", Day: day, Version: 1, Status: reconcile.StatusBalanced, CreatedAt: storetest.Start(), UpdatedAt: storetest.Start(), FinishedAt: storetest.Start(),
		}
		for name, write := range map[string]func(l reconcile.DayLease) error{
			"renew": func(l reconcile.DayLease) error { return db.RenewDay(ctx, l, time.Hour) },
			"save": func(l reconcile.DayLease) error {
				return db.SaveDiscrepancies(ctx, l, "rec_1", []reconcile.Discrepancy{finding})
			},
			"finish": func(l reconcile.DayLease) error {
				return db.Finish(ctx, reconcile.Outcome{Lease: l, Reconciliation: result})
			},
			"release": func(l reconcile.DayLease) error { return db.ReleaseDay(ctx, l, storetest.Start()) },
		} {
			if err := write(old); !errors.Is(err, reconcile.ErrBusy) {
				t.Errorf("%s under a lost lease: %v", name, err)
			}
		}
		if list, err := db.ListDiscrepancies(ctx, reconcile.DiscrepancyFilter{Limit: 10}); err != nil || len(list) != 0 {
			t.Errorf("written all the same: %+v %v", list, err)
		}
		if err := db.SaveDiscrepancies(ctx, held, "rec_1", []reconcile.Discrepancy{finding}); err != nil {
			t.Error(err)
		}
		if err := db.Finish(ctx, reconcile.Outcome{Lease: held, Reconciliation: result, Finished: true}); err != nil {
			t.Error(err)
		}
		// A person's act and a further result count the same.
		got, err := db.Newest(ctx, reconcile.DayKey{AccountID: "acc_1", Day: day})
		if err != nil || got.Status != reconcile.StatusDifferences || got.Open != 1 {
			t.Errorf("%+v %v", got, err)
		}
		if err := db.RenewDay(ctx, held, time.Hour); err != nil {
			t.Errorf("the lease ends with its day: %v", err)
		}
	})
}

// Both sides of a discrepancy come back as they were, hostile texts too.
func TestReconcile_RoundTrip(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		day := reconcileDay(t, "2026-11-20")
		account := reconcile.Account{ID: "acc_1", MerchantID: "mer_1", Channel: "alipay"}
		lease, err := db.AcquireDay(ctx, account, day, "host/1", storetest.Start(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		entry := &reconcile.Entry{
			Type: reconcile.RowRefund, PaymentID: "pay_1", MerchantOrderNo: storetest.Hostile, AttemptID: "A", RefundID: "R", ChannelTradeNo: "T", ChannelRefundNo: "N",
			Amount: storetest.CNY(t, 123), FeeMinor: -4, Status: storetest.Hostile, At: storetest.Start(),
		}
		bare := &reconcile.Entry{}
		want := reconcile.Discrepancy{
			ID: "dis_1", ReconciliationID: "rec_1", Day: day, MerchantID: "mer_1", Channel: "alipay", AccountID: "acc_1", Kind: reconcile.StatusMismatch,
			Status: reconcile.Repaired, SubjectID: "bill:" + strings.Repeat("9", 64), Ours: entry, Theirs: bare, Assignee: "a", ProposedBy: "p",
			Detail:   reconcile.Message{{Code: "amounts", Args: map[string]string{"ours": "1.00 CNY", "theirs": storetest.Hostile}}},
			Evidence: reconcile.Plain(storetest.Hostile), ApprovedBy: "q", Resolution: storetest.Hostile, FoundAt: storetest.Start(), UpdatedAt: storetest.Start(), ResolvedAt: storetest.Start(), Version: 1,
		}
		if err := db.SaveDiscrepancies(ctx, lease, "rec_1", []reconcile.Discrepancy{want}); err != nil {
			t.Fatal(err)
		}
		got, err := db.DiscrepancyByID(ctx, "mer_1", "dis_1")
		if err != nil {
			t.Fatal(err)
		}
		if *got.Ours != *want.Ours || *got.Theirs != *want.Theirs {
			t.Errorf("sides %+v %+v", got.Ours, got.Theirs)
		}
		got.Ours, got.Theirs = want.Ours, want.Theirs
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
		for name, f := range map[string]reconcile.DiscrepancyFilter{
			"merchant": {MerchantID: "mer_1"}, "account": {AccountID: "acc_1"}, "version": {ReconciliationID: "rec_1"}, "kind": {Kind: reconcile.StatusMismatch},
			"status": {Status: reconcile.Repaired}, "assignee": {Assignee: "a"}, "day": {Day: day}, "range": {From: day, To: day},
			"page": {BeforeTime: storetest.Start(), BeforeID: "dis_2"}, "older page": {BeforeTime: storetest.Start().Add(time.Millisecond), BeforeID: ""},
		} {
			f.Limit = 10
			if list, err := db.ListDiscrepancies(ctx, f); err != nil || len(list) != 1 {
				t.Errorf("by %s: %d, %v", name, len(list), err)
			}
		}
		for name, f := range map[string]reconcile.DiscrepancyFilter{
			"merchant": {MerchantID: "mer_2"}, "version": {ReconciliationID: "rec_2"}, "status": {Status: reconcile.Open}, "range": {From: day.Next()},
			"page": {BeforeTime: storetest.Start(), BeforeID: "dis_1"},
		} {
			f.Limit = 10
			if list, err := db.ListDiscrepancies(ctx, f); err != nil || len(list) != 0 {
				t.Errorf("by another %s: %d, %v", name, len(list), err)
			}
		}
	})
}

// What waits for a second person is found among what is open, under each other
// filter too, and no more once it was approved; of an old version, as it stood.
func TestReconcile_ListsProposals(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		day := reconcileDay(t, "2026-11-20")
		lease, err := db.AcquireDay(ctx, reconcile.Account{ID: "acc_1", MerchantID: "mer_1", Channel: "alipay"}, day, "host/1", storetest.Start(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		found := func(id string, status reconcile.DiscrepancyStatus, proposedBy string) reconcile.Discrepancy {
			return reconcile.Discrepancy{
				ID: id, Day: day, MerchantID: "mer_1", Channel: "alipay", AccountID: "acc_1", Kind: reconcile.MissingLocally, Status: status, SubjectID: id,
				ProposedBy: proposedBy, FoundAt: storetest.Start(), UpdatedAt: storetest.Start(),
			}
		}
		err = db.SaveDiscrepancies(ctx, lease, "rec_1", []reconcile.Discrepancy{
			found("dis_open", reconcile.Open, ""), found("dis_proposed", reconcile.Open, "anna"), found("dis_resolved", reconcile.Resolved, "anna"), found("dis_repaired", reconcile.Repaired, ""),
		})
		if err != nil {
			t.Fatal(err)
		}
		list := func(f reconcile.DiscrepancyFilter) string {
			t.Helper()
			f.Limit = 10
			list, err := db.ListDiscrepancies(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, d := range list {
				ids = append(ids, d.ID)
			}
			return strings.Join(ids, " ")
		}
		filters := map[string]reconcile.DiscrepancyFilter{
			"alone": {Proposed: true}, "merchant": {Proposed: true, MerchantID: "mer_1"}, "day": {Proposed: true, Day: day}, "open": {Proposed: true, Status: reconcile.Open},
			"version": {Proposed: true, ReconciliationID: "rec_1"},
		}
		for name, f := range filters {
			if got := list(f); got != "dis_proposed" {
				t.Errorf("%s: %q", name, got)
			}
		}
		for _, f := range []reconcile.DiscrepancyFilter{{Proposed: true, MerchantID: "mer_2"}, {Proposed: true, Status: reconcile.Resolved}} {
			if got := list(f); got != "" {
				t.Errorf("%+v: %q", f, got)
			}
		}
		if got := list(reconcile.DiscrepancyFilter{Status: reconcile.Open}); got != "dis_proposed dis_open" {
			t.Errorf("a proposal is not among what is open: %q", got)
		}
		// A further version has it too: the old one goes on showing it as it was.
		if err := db.SaveDiscrepancies(ctx, lease, "rec_2", []reconcile.Discrepancy{found("dis_proposed", reconcile.Open, "")}); err != nil {
			t.Fatal(err)
		}
		newer := reconcile.DiscrepancyFilter{Proposed: true, ReconciliationID: "rec_2"}
		if got := list(newer); got != "dis_proposed" {
			t.Errorf("the newer version: %q", got)
		}
		err = db.Staff(ctx, func(tx reconcile.StaffTx) error {
			d, err := tx.Discrepancy(ctx, "", "dis_proposed")
			if err != nil {
				return err
			}
			d.Status, d.ApprovedBy, d.ResolvedAt = reconcile.Resolved, "ben", storetest.Start()
			return tx.UpdateDiscrepancy(ctx, &d)
		})
		if err != nil {
			t.Fatal(err)
		}
		old := filters["version"]
		filters["version"] = newer
		for name, f := range filters {
			if got := list(f); got != "" {
				t.Errorf("%s, approved: %q", name, got)
			}
		}
		if got := list(old); got != "dis_proposed" {
			t.Errorf("the old version: %q", got)
		}
	})
}

// What somebody explained before discrepancies had types stays explained when a
// run finds it again and knows the type.
func TestReconcile_FoundBeforeThereWereTypes(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		day := reconcileDay(t, "2026-11-20")
		lease, err := db.AcquireDay(ctx, reconcile.Account{ID: "acc_1", MerchantID: "mer_1", Channel: "alipay"}, day, "host/1", storetest.Start(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		found := func(typ reconcile.StatementRowType, minor int64) reconcile.Discrepancy {
			t.Helper()
			d := reconcile.Discrepancy{
				ID: "dis_1", Day: day, MerchantID: "mer_1", Channel: "alipay", AccountID: "acc_1", Kind: reconcile.MissingLocally, Status: reconcile.Open,
				SubjectID: "bill:T", Theirs: &reconcile.Entry{Type: typ, ChannelTradeNo: "T", Amount: storetest.CNY(t, minor)}, FoundAt: storetest.Start(), UpdatedAt: storetest.Start(),
			}
			if err := db.SaveDiscrepancies(ctx, lease, "rec_1", []reconcile.Discrepancy{d}); err != nil {
				t.Fatal(err)
			}
			if d, err = db.DiscrepancyByID(ctx, "", "dis_1"); err != nil {
				t.Fatal(err)
			}
			return d
		}
		d := found("", 5)
		if d.Type() != "" {
			t.Errorf("a type from nowhere: %q", d.Type())
		}
		err = db.Staff(ctx, func(tx reconcile.StaffTx) error {
			d.Status, d.ProposedBy, d.Resolution, d.ResolvedAt = reconcile.Resolved, "anna", "agreed", storetest.Start()
			return tx.UpdateDiscrepancy(ctx, &d)
		})
		if err != nil {
			t.Fatal(err)
		}
		if again := found(reconcile.RowRefund, 5); again.Status != reconcile.Resolved || again.Resolution != "agreed" || again.Version != d.Version {
			t.Errorf("%s: %+v", again.Status, again)
		}
		if other := found(reconcile.RowRefund, 6); other.Status != reconcile.Open || other.Resolution != "" || other.Type() != reconcile.RowRefund {
			t.Errorf("of another amount %s: %+v", other.Status, other)
		}
	})
}

// A message too long for its column is kept with shorter arguments, and told in
// both languages; a text of before there were messages is told as it is.
func TestReconcile_LongMessages(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		key := reconcile.DayKey{AccountID: "acc_1", Day: reconcileDay(t, "2026-11-20")}
		lease, err := db.AcquireDay(ctx, reconcile.Account{ID: "acc_1", MerchantID: "mer_1", Channel: "alipay"}, key.Day, "host/1", storetest.Start(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		long := reconcile.Message{{Code: "broken_line", Args: map[string]string{"line": "7", "cause": strings.Repeat(storetest.Hostile+"\x00\n", 400)}}}
		r := reconcile.Reconciliation{
			ID: "rec_1", Day: key.Day, MerchantID: "mer_1", Channel: "alipay", AccountID: "acc_1", Version: 1, Status: reconcile.StatusFailed,
			Totals: reconcile.Totals{Currency: money.CNY}, Failure: long, CreatedAt: storetest.Start(), UpdatedAt: storetest.Start(),
		}
		d := reconcile.Discrepancy{
			ID: "dis_1", Day: key.Day, MerchantID: "mer_1", Channel: "alipay", AccountID: "acc_1", Kind: reconcile.StatusMismatch, Status: reconcile.Open, SubjectID: "A",
			Detail: long, Evidence: reconcile.Plain("told before"), FoundAt: storetest.Start(), UpdatedAt: storetest.Start(),
		}
		if err := db.SaveDiscrepancies(ctx, lease, "rec_1", []reconcile.Discrepancy{d}); err != nil {
			t.Fatal(err)
		}
		check := func(what string, m reconcile.Message) {
			t.Helper()
			if en, zh := m.String(), m.In(wording.Chinese); !strings.HasPrefix(en, "the bill is broken at line 7: ") || !strings.HasPrefix(zh, "账单第 7 行有误：") || !strings.HasSuffix(zh, "…") {
				t.Errorf("%s: %s\n%s", what, en, zh)
			}
		}
		got, err := db.DiscrepancyByID(ctx, "", "dis_1")
		if err != nil || got.Evidence.In(wording.Chinese) != "told before" {
			t.Errorf("%+v %v", got, err)
		}
		check("detail", got.Detail)
		if err := db.Finish(ctx, reconcile.Outcome{Lease: lease, Reconciliation: r, Gone: []reconcile.Gone{{ID: "dis_1", Evidence: long, At: storetest.Start()}}}); err != nil {
			t.Fatal(err)
		}
		if got, err = db.DiscrepancyByID(ctx, "", "dis_1"); err != nil {
			t.Fatal(err)
		}
		check("evidence", got.Evidence)
		newest, err := db.Newest(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		check("failure", newest.Failure)
	})
}

// Files whose writer died are completed by the next one, and one file's pieces
// never go with another's.
func TestArchive_Pieces(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		one, other := strings.Repeat("a", 64), strings.Repeat("b", 64)
		meta := func(digest string, at time.Time) reconcile.FileMeta {
			return reconcile.FileMeta{Digest: digest, Class: reconcile.ClassBill, Name: "n", ContentType: "c", Size: 5, ChunkSize: 3, StoredAt: at}
		}
		put := func(digest string, at time.Time, pieces ...string) {
			t.Helper()
			if there, err := db.BeginFile(ctx, meta(digest, at)); err != nil || there {
				t.Fatal(there, err)
			}
			for n, p := range pieces {
				if err := db.PutChunk(ctx, digest, int64(n), []byte(p)); err != nil {
					t.Fatal(err)
				}
			}
		}
		put(one, storetest.Start(), "abc")
		if _, err := db.FileByDigest(ctx, one); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("half a file: %v", err)
		}
		put(one, storetest.Start(), "abc", "de")
		if err := db.CompleteFile(ctx, one, storetest.Start()); err != nil {
			t.Fatal(err)
		}
		put(other, storetest.Start().Add(time.Hour), "xyz")
		if m, err := db.FileByDigest(ctx, one); err != nil || m != meta(one, storetest.Start()) {
			t.Errorf("%+v %v", m, err)
		}
		if p, err := db.Chunk(ctx, one, 1); err != nil || string(p) != "de" {
			t.Errorf("%q %v", p, err)
		}
		if there, err := db.BeginFile(ctx, meta(one, storetest.Start())); err != nil || !there {
			t.Errorf("it is not known to be there: %v", err)
		}
		if n, err := db.RemoveFiles(ctx, reconcile.ClassBill, storetest.Start().Add(time.Minute), 10); err != nil || n != 1 {
			t.Errorf("removed %d, %v", n, err)
		}
		if _, err := db.Chunk(ctx, one, 0); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("its pieces stay: %v", err)
		}
		if p, err := db.Chunk(ctx, other, 0); err != nil || string(p) != "xyz" {
			t.Errorf("another's pieces went: %q %v", p, err)
		}
	})
}
