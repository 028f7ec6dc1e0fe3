package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// What a newer version may have written is an error that names the row, never
// a guess.
func TestRows_UnknownValues(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		p := storetest.NewPayment(t, "m")
		a := storetest.NewAttempt(t, p)
		r := storetest.NewRefund(t, a)
		err := db.InTx(t.Context(), func(tx payment.Tx) error {
			return errors.Join(tx.InsertPayment(t.Context(), p), tx.InsertAttempt(t.Context(), a), tx.InsertRefund(t.Context(), r))
		})
		if err != nil {
			t.Fatal(err)
		}
		read := map[string]func() error{
			"payments": func() error { _, err := db.PaymentByID(t.Context(), "m", p.ID); return err },
			"attempts": func() error { _, err := db.AttemptByID(t.Context(), a.ID); return err },
			"refunds":  func() error { _, err := db.RefundByID(t.Context(), "m", r.ID); return err },
		}
		ids := map[string]string{"payments": p.ID, "attempts": a.ID, "refunds": r.ID}
		for _, c := range []struct{ table, column, was, value string }{
			{"payments", "status", string(p.Status), "frozen"},
			{"payments", "status", string(p.Status), "PENDING"},
			{"payments", "status", string(p.Status), ""},
			{"payments", "scene", string(p.Scene), "face"},
			{"payments", "currency", "CNY", "XXX"},
			{"payments", "late_policy", string(p.LatePolicy), "keep"},
			{"payments", "action", `{"type":"qr_code"}`, "{"},
			{"payments", "metadata", `{}`, "[1]"},
			{"attempts", "status", string(a.Status), "frozen"},
			{"attempts", "decision", "{}", "nonsense"},
			{"refunds", "status", string(r.Status), "frozen"},
			{"refunds", "initiator", string(r.Initiator), "somebody"},
		} {
			set := func(value string) {
				if err := db.Exec(t.Context(), `UPDATE `+c.table+` SET `+c.column+` = ? WHERE id = ?`, value, ids[c.table]); err != nil {
					t.Fatal(err)
				}
			}
			set(c.value)
			if err := read[c.table](); err == nil || !strings.Contains(err.Error(), ids[c.table]) {
				t.Errorf("%s.%s = %q: %v; want an error that names the row", c.table, c.column, c.value, err)
			}
			set(c.was)
			if err := read[c.table](); err != nil {
				t.Errorf("%s.%s = %q: %v", c.table, c.column, c.was, err)
			}
		}
	})
}

// TestInvariant_PersonalDataIsSealed: the payer's id and address are nowhere in
// the files, and a sealed value that was moved to another row is refused.
func TestInvariant_PersonalDataIsSealed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "paymux.db")
	db := storetest.Open(t, store.Config{Driver: store.SQLite, Path: path})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, q := storetest.NewPayment(t, "m"), storetest.NewPayment(t, "m")
	p.PayerID, p.ClientIP = "canary-payer-7f3a", "198.51.100.77"
	err := db.InTx(t.Context(), func(tx payment.Tx) error {
		return errors.Join(tx.InsertPayment(t.Context(), p), tx.InsertPayment(t.Context(), q), tx.UpdatePayment(t.Context(), p))
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	found := false
	for _, name := range files {
		content, err := os.ReadFile(name) //nolint:gosec // the test's own
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(content, []byte(p.ID))
		for _, canary := range []string{p.PayerID, p.ClientIP} {
			if bytes.Contains(content, []byte(canary)) {
				t.Errorf("%s holds %q", filepath.Base(name), canary)
			}
		}
	}
	if !found {
		t.Error("the payment itself was not found: the search is wrong")
	}
	if err := db.Exec(t.Context(), `UPDATE payments SET payer_id = (SELECT payer_id FROM payments WHERE id = ?) WHERE id = ?`, p.ID, q.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := db.PaymentByID(t.Context(), "m", q.ID); err == nil || !strings.Contains(err.Error(), q.ID) {
		t.Errorf("a payer id of another row was opened: %+v, %v", got, err)
	}
}

func TestDiscrepancies_OncePerKind(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		d := payment.Discrepancy{Kind: payment.DiscrepancyLateSuccess, MerchantID: "m", PaymentID: "p", AttemptID: "a", At: storetest.Start()}
		other, refund := d, d
		other.Kind = payment.DiscrepancyDuplicatePayment
		refund.RefundID = "r"
		for _, one := range []payment.Discrepancy{d, other, d, refund, d, refund} {
			if err := db.InTx(t.Context(), func(tx payment.Tx) error { return tx.RecordDiscrepancy(t.Context(), one) }); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := db.Int(t.Context(), `SELECT COUNT(*) FROM discrepancies`); err != nil || n != 3 {
			t.Errorf("%d discrepancies, %v; want 3", n, err)
		}
	})
}

// Every query of this package that grows with its table is answered by an
// index, in the order that is asked for.
func TestSQLite_QueriesUseIndexes(t *testing.T) {
	db := storetest.OpenSQLite(t)
	for _, query := range store.GrowingQueries() {
		plan, err := db.Plan(t.Context(), query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		plan = strings.ReplaceAll(plan, "SCAN CONSTANT ROW\n", "")
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}
