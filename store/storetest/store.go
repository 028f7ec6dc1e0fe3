package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
)

// RunStore is the core's conformance suite. It may share the database with
// other tests: each part uses a merchant of its own.
func RunStore(t *testing.T, db *store.DB) {
	t.Run("RoundTrip", func(t *testing.T) { runRoundTrip(t, db) })
	t.Run("Absent", func(t *testing.T) { runAbsent(t, db) })
	t.Run("UniqueKeys", func(t *testing.T) { runUniqueKeys(t, db) })
	t.Run("Rollback", func(t *testing.T) { runRollback(t, db) })
	t.Run("Stale", func(t *testing.T) { runStale(t, db) })
	t.Run("Reservation", func(t *testing.T) { runReservation(t, db) })
	t.Run("Lists", func(t *testing.T) { runLists(t, db) })
	t.Run("History", func(t *testing.T) { runHistory(t, db) })
	t.Run("Discrepancies", func(t *testing.T) { runDiscrepancies(t, db) })
	t.Run("Claims", func(t *testing.T) { runClaims(t, db) })
	t.Run("Audit", func(t *testing.T) { runAudit(t, db) })
	t.Run("Nonces", func(t *testing.T) { runNonces(t, db) })
	t.Run("Concurrency", func(t *testing.T) { runConcurrency(t, db) })
}

// inTx fails the test when the transaction does.
func inTx(t testing.TB, db *store.DB, fn func(tx payment.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// equal compares rows; amounts have private fields.
func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(money.Amount.Equal), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s came back otherwise (-want +got):\n%s", what, diff)
	}
}

func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// seed inserts a payment with one attempt.
func seed(t testing.TB, db *store.DB, p *payment.Payment) *payment.Attempt {
	t.Helper()
	a := NewAttempt(t, p)
	inTx(t, db, func(tx payment.Tx) error {
		if err := tx.InsertPayment(t.Context(), p); err != nil {
			return err
		}
		return tx.InsertAttempt(t.Context(), a)
	})
	return a
}

func runRoundTrip(t *testing.T, db *store.DB) {
	ctx := t.Context()
	p := NewPayment(t, NewID())
	a, b := seed(t, db, p), NewAttempt(t, p)
	r, bare := NewRefund(t, a), NewBarePayment(t, p.MerchantID)
	bareAttempt := &payment.Attempt{ID: NewID(), PaymentID: bare.ID, MerchantID: bare.MerchantID, Scene: bare.Scene, Amount: bare.Amount, Status: payment.AttemptUnknown, CreatedAt: Start()}
	inTx(t, db, func(tx payment.Tx) error {
		return errors.Join(tx.InsertAttempt(ctx, b), tx.InsertRefund(ctx, r), tx.InsertPayment(ctx, bare), tx.InsertAttempt(ctx, bareAttempt))
	})
	compare := func(stage string) {
		t.Helper()
		got, err := db.PaymentByID(ctx, p.MerchantID, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, stage+" payment", got, p)
		got, err = db.PaymentByOrderNo(ctx, bare.MerchantID, bare.MerchantOrderNo)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, stage+" bare payment", got, bare)
		attempts, err := db.AttemptsOf(ctx, p.ID, bare.ID, "nobody's")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, stage+" attempts", attempts, map[string][]*payment.Attempt{p.ID: {a, b}, bare.ID: {bareAttempt}})
		one, err := db.AttemptByID(ctx, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, stage+" attempt", one, b)
		refund, err := db.RefundByID(ctx, r.MerchantID, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, stage+" refund", refund, r)
		refund, err = db.RefundByNo(ctx, r.MerchantID, r.MerchantRefundNo)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, stage+" refund by number", refund, r)
		if refund, err = db.FindRefund(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
		equal(t, stage+" refund of whichever merchant", refund, r)
		if got, err = db.FindPayment(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
		equal(t, stage+" payment of whichever merchant", got, p)
	}
	compare("inserted")
	inTx(t, db, func(tx payment.Tx) error { return changeEverything(ctx, t, tx, p, b, r) })
	compare("updated")
}

// changeEverything updates the rows to other values, absent ones among them,
// and reads them in the same transaction.
func changeEverything(ctx context.Context, t *testing.T, tx payment.Tx, p *payment.Payment, a *payment.Attempt, r *payment.Refund) error {
	locked, err := tx.LockPayment(ctx, p.ID)
	if err != nil {
		return err
	}
	equal(t, "locked payment", locked, p)
	bare := NewBarePayment(t, p.MerchantID)
	bare.ID, bare.Version, bare.ReservedMinor = p.ID, p.Version, p.ReservedMinor
	bare.PayerID, bare.Amount = "another", CNY(t, 77)
	*p = *bare
	a.Status, a.Failure, a.PaidAt, a.Counted, a.Checks = payment.AttemptReversed, nil, a.PaidAt.AddDate(0, 0, 1), false, 9
	a.NextCheckAt = Start().AddDate(9, 0, 0)
	r.Status, r.Failure, r.Reserved, r.AutoKey, r.Version = payment.RefundFailed, nil, false, "", 5
	r.NextCheckAt = a.NextCheckAt
	if err := errors.Join(tx.UpdatePayment(ctx, p), tx.UpdateAttempt(ctx, a), tx.UpdateRefund(ctx, r)); err != nil {
		return err
	}
	// Writing the same again finds the row, although nothing changes.
	if err := errors.Join(tx.UpdateAttempt(ctx, a), tx.UpdateRefund(ctx, r)); err != nil {
		return err
	}
	again, err := tx.LockPayment(ctx, p.ID)
	if err != nil {
		return err
	}
	equal(t, "payment read in its transaction", again, p)
	one, err := tx.Attempt(ctx, a.ID)
	if err != nil {
		return err
	}
	equal(t, "attempt read in its transaction", one, a)
	refund, err := tx.Refund(ctx, r.ID)
	if err != nil {
		return err
	}
	equal(t, "refund read in its transaction", refund, r)
	attempts, err := tx.Attempts(ctx, p.ID)
	if err != nil {
		return err
	}
	if len(attempts) != 2 || attempts[1].ID != a.ID {
		t.Errorf("attempts of the payment in its transaction: %v", attempts)
	}
	refunds, err := tx.Refunds(ctx, p.ID)
	equal(t, "refunds of the payment in its transaction", refunds, []*payment.Refund{r})
	return err
}

func runAbsent(t *testing.T, db *store.DB) {
	ctx := t.Context()
	p := NewPayment(t, NewID())
	a := seed(t, db, p)
	r := NewRefund(t, a)
	inTx(t, db, func(tx payment.Tx) error { return tx.InsertRefund(ctx, r) })
	// Another merchant's row is absent too.
	_, err := db.PaymentByID(ctx, "another", p.ID)
	wantError(t, "another merchant's payment", err, payment.ErrNotFound)
	_, err = db.PaymentByOrderNo(ctx, "another", p.MerchantOrderNo)
	wantError(t, "another merchant's order", err, payment.ErrNotFound)
	_, err = db.RefundByID(ctx, "another", r.ID)
	wantError(t, "another merchant's refund", err, payment.ErrNotFound)
	_, err = db.RefundByNo(ctx, "another", r.MerchantRefundNo)
	wantError(t, "another merchant's refund number", err, payment.ErrNotFound)
	_, err = db.AttemptByID(ctx, "nobody's")
	wantError(t, "attempt", err, payment.ErrNotFound)
	_, err = db.FindPayment(ctx, "nobody's")
	wantError(t, "payment of whichever merchant", err, payment.ErrNotFound)
	_, err = db.FindRefund(ctx, "nobody's")
	wantError(t, "refund of whichever merchant", err, payment.ErrNotFound)
	if list, err := db.ListRefunds(ctx, payment.RefundFilter{MerchantID: "another", PaymentID: p.ID, Limit: 10}); err != nil || len(list) != 0 {
		t.Errorf("another merchant lists %v, %v", list, err)
	}
	inTx(t, db, func(tx payment.Tx) error {
		_, err := tx.LockPayment(ctx, "nobody's")
		wantError(t, "lock", err, payment.ErrNotFound)
		_, err = tx.Attempt(ctx, "nobody's")
		wantError(t, "attempt", err, payment.ErrNotFound)
		_, err = tx.Refund(ctx, "nobody's")
		wantError(t, "refund", err, payment.ErrNotFound)
		ghost := *a
		ghost.ID = "nobody's"
		wantError(t, "update attempt", tx.UpdateAttempt(ctx, &ghost), payment.ErrNotFound)
		none := *r
		none.ID = "nobody's"
		wantError(t, "update refund", tx.UpdateRefund(ctx, &none), payment.ErrNotFound)
		ok, err := tx.Reserve(ctx, "nobody's", 1)
		if ok {
			t.Error("reserved on a payment that is not there")
		}
		return err
	})
}

// runUniqueKeys: numbers that a padding or case-insensitive collation takes for
// one are different, and the same number is not taken twice.
func runUniqueKeys(t *testing.T, db *store.DB) {
	ctx := t.Context()
	merchant, other := NewID(), NewID()
	insert := func(p *payment.Payment) error {
		return db.InTx(ctx, func(tx payment.Tx) error { return tx.InsertPayment(ctx, p) })
	}
	for _, orderNo := range []string{"bar-1", "BAR-1", "bar-1 ", "bár-1", "bar-1\u0000"} {
		p := NewBarePayment(t, merchant)
		p.MerchantOrderNo = orderNo
		if err := insert(p); err != nil {
			t.Fatalf("insert %q: %v", orderNo, err)
		}
		twin := NewBarePayment(t, merchant)
		twin.MerchantOrderNo = orderNo
		wantError(t, "the same order number again", insert(twin), payment.ErrDuplicate)
		got, err := db.PaymentByOrderNo(ctx, merchant, orderNo)
		if err != nil || got.ID != p.ID {
			t.Errorf("by order number %q: %v, %v; want %s", orderNo, got, err, p.ID)
		}
		twin.MerchantID = other
		if err := insert(twin); err != nil {
			t.Errorf("another merchant's %q: %v", orderNo, err)
		}
	}
	p := NewPayment(t, merchant)
	a := seed(t, db, p)
	refund := func(change func(r *payment.Refund)) error {
		r := NewRefund(t, a)
		change(r)
		return db.InTx(ctx, func(tx payment.Tx) error { return tx.InsertRefund(ctx, r) })
	}
	number, key := "ref-1", "late:"+a.ID
	for _, c := range []struct {
		what, number, key, merchant string
		want                        error
	}{
		{"a refund", number, key, merchant, nil},
		{"the same number", number, key + "x", merchant, payment.ErrDuplicate},
		{"another case", "REF-1", key + "y", merchant, nil},
		{"the same number of another merchant", number, key + "z", other, nil},
		{"the same key", number + "x", key, other, payment.ErrDuplicate},
		{"neither", "", "", merchant, nil},
		{"neither again", "", "", merchant, nil},
	} {
		err := refund(func(r *payment.Refund) { r.MerchantRefundNo, r.AutoKey, r.MerchantID = c.number, c.key, c.merchant })
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
	}
	// A taken number leaves the transaction usable.
	next := NewBarePayment(t, merchant)
	twin := NewBarePayment(t, merchant)
	twin.MerchantOrderNo = "bar-1"
	inTx(t, db, func(tx payment.Tx) error {
		wantError(t, "taken", tx.InsertPayment(ctx, twin), payment.ErrDuplicate)
		return tx.InsertPayment(ctx, next)
	})
	if _, err := db.PaymentByID(ctx, merchant, next.ID); err != nil {
		t.Errorf("what followed a taken number in its transaction is not kept: %v", err)
	}
}

func runRollback(t *testing.T, db *store.DB) {
	ctx := t.Context()
	p := NewBarePayment(t, NewID())
	refused := errors.New("refused")
	err := db.InTx(ctx, func(tx payment.Tx) error {
		if err := tx.InsertPayment(ctx, p); err != nil {
			return err
		}
		return refused
	})
	wantError(t, "the function's error", err, refused)
	_, err = db.PaymentByID(ctx, p.MerchantID, p.ID)
	wantError(t, "what a failed transaction wrote", err, payment.ErrNotFound)

	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic did not come through")
			}
		}()
		_ = db.InTx(ctx, func(tx payment.Tx) error {
			if err := tx.InsertPayment(ctx, p); err != nil {
				return err
			}
			panic("boom")
		})
	}()
	_, err = db.PaymentByID(ctx, p.MerchantID, p.ID)
	wantError(t, "what a panicking transaction wrote", err, payment.ErrNotFound)

	var leaked payment.Tx
	inTx(t, db, func(tx payment.Tx) error {
		leaked = tx
		return tx.InsertPayment(ctx, p)
	})
	if err := leaked.InsertChange(ctx, payment.Change{PaymentID: p.ID, At: Start()}); err == nil {
		t.Error("a transaction that has ended still writes")
	}
}

func runStale(t *testing.T, db *store.DB) {
	ctx := t.Context()
	p := NewBarePayment(t, NewID())
	seed(t, db, p)
	first, second := *p, *p
	first.Subject, second.Subject = "first", "second"
	inTx(t, db, func(tx payment.Tx) error { return tx.UpdatePayment(ctx, &first) })
	if first.Version != p.Version+1 {
		t.Errorf("version %d after an update of version %d", first.Version, p.Version)
	}
	err := db.InTx(ctx, func(tx payment.Tx) error { return tx.UpdatePayment(ctx, &second) })
	wantError(t, "update of what another changed", err, payment.ErrStale)
	got, err := db.PaymentByID(ctx, p.MerchantID, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "payment", got, &first)
}
