package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
)

// crowd is how many callers do the same at once.
const crowd = 64

// atOnce runs fn from many goroutines that start together.
func atOnce(n int, fn func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	wg.Wait()
}

func runReservation(t *testing.T, db *store.DB) {
	ctx := t.Context()
	p := NewBarePayment(t, NewID())
	p.PaidMinor = 100
	seed(t, db, p)
	var reserved atomic.Int64
	atOnce(crowd, func(i int) {
		amount := int64(1 + i%7)
		err := db.InTx(ctx, func(tx payment.Tx) error {
			ok, err := tx.Reserve(ctx, p.ID, amount)
			if err == nil && !ok {
				return errRefused
			}
			return err
		})
		switch {
		case err == nil:
			reserved.Add(amount)
		case !errors.Is(err, errRefused):
			t.Errorf("reserve: %v", err)
		}
	})
	got, err := db.PaymentByID(ctx, p.MerchantID, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.ReservedMinor != reserved.Load() || got.ReservedMinor > p.PaidMinor || got.ReservedMinor < p.PaidMinor-6 {
		t.Errorf("%d reserved of %d paid, granted were %d", got.ReservedMinor, p.PaidMinor, reserved.Load())
	}
	// An update of the row that was read before leaves the reservation alone.
	p.Subject = "changed"
	inTx(t, db, func(tx payment.Tx) error {
		return errors.Join(tx.UpdatePayment(ctx, p), tx.Release(ctx, p.ID, 3))
	})
	after, err := db.PaymentByID(ctx, p.MerchantID, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	if after.ReservedMinor != got.ReservedMinor-3 {
		t.Errorf("reserved %d after releasing 3 of %d", after.ReservedMinor, got.ReservedMinor)
	}
	for what, release := range map[string]int64{"more than is reserved": after.ReservedMinor + 1, "nothing": 0, "less than nothing": -1} {
		if db.InTx(ctx, func(tx payment.Tx) error { return tx.Release(ctx, p.ID, release) }) == nil {
			t.Errorf("released %s", what)
		}
	}
	if db.InTx(ctx, func(tx payment.Tx) error { _, err := tx.Reserve(ctx, p.ID, -1); return err }) == nil {
		t.Error("reserved less than nothing")
	}
}

var errRefused = errors.New("refused")

// runConcurrency: whoever locks a payment sees all that others did before, and
// of many who create the same order one does.
func runConcurrency(t *testing.T, db *store.DB) {
	ctx := t.Context()
	merchant := NewID()
	p := NewBarePayment(t, merchant)
	seed(t, db, p)
	atOnce(crowd, func(int) {
		err := db.InTx(ctx, func(tx payment.Tx) error {
			locked, err := tx.LockPayment(ctx, p.ID)
			if err != nil {
				return err
			}
			locked.Sequence++
			if err := tx.UpdatePayment(ctx, locked); err != nil {
				return err
			}
			return tx.InsertEvent(ctx, &payment.Event{
				ID: NewID(), MerchantID: merchant, Type: payment.PaymentSucceeded, PaymentID: p.ID, Sequence: locked.Sequence, Body: []byte("{}"), CreatedAt: Start(),
			})
		})
		if err != nil {
			t.Errorf("count up: %v", err)
		}
	})
	got, err := db.PaymentByID(ctx, merchant, p.ID)
	if err != nil || got.Sequence != crowd || got.Version != p.Version+crowd {
		t.Errorf("after %d increments: %+v, %v", crowd, got, err)
	}

	orderNo := "same-" + NewID()
	var created atomic.Int64
	atOnce(crowd, func(int) {
		twin := NewBarePayment(t, merchant)
		twin.MerchantOrderNo = orderNo
		err := db.InTx(ctx, func(tx payment.Tx) error { return tx.InsertPayment(ctx, twin) })
		switch {
		case err == nil:
			created.Add(1)
		case !errors.Is(err, payment.ErrDuplicate):
			t.Errorf("create the same order: %v", err)
		default:
			// Who lost finds the winner.
			if _, err := db.PaymentByOrderNo(ctx, merchant, orderNo); err != nil {
				t.Errorf("the order is taken but not there: %v", err)
			}
		}
	})
	if created.Load() != 1 {
		t.Errorf("the same order was created %d times", created.Load())
	}
}

func runNonces(t *testing.T, db *store.DB) {
	merchant := NewID()
	var used atomic.Int64
	atOnce(crowd, func(i int) {
		claim := &payment.NonceClaim{MerchantID: merchant, Nonce: "nonce-of-sixteen", Expires: time.Now().Add(time.Hour)}
		err := commitClaim(t.Context(), db, claim, i%2 == 0)
		switch {
		case err == nil:
			used.Add(1)
			if !claim.Committed() {
				t.Error("a committed nonce is not marked")
			}
		case !errors.Is(err, payment.ErrNonceReused):
			t.Errorf("use nonce: %v", err)
		case claim.Committed():
			t.Error("a refused nonce is marked committed")
		}
	})
	if used.Load() != 1 {
		t.Errorf("one nonce was used %d times", used.Load())
	}
	runNonceRules(t, db, merchant)
}

// commitClaim uses the nonce with a transaction or alone.
func commitClaim(ctx context.Context, db *store.DB, claim *payment.NonceClaim, alone bool) error {
	if alone {
		return db.CommitNonce(ctx, claim)
	}
	return db.InTx(payment.WithNonce(ctx, claim), func(payment.Tx) error { return nil })
}

func runNonceRules(t *testing.T, db *store.DB, merchant string) {
	t.Helper()
	ctx := t.Context()
	use := func(merchant, nonce string, expires time.Time, fn func(payment.Tx) error) error {
		return db.InTx(payment.WithNonce(ctx, &payment.NonceClaim{MerchantID: merchant, Nonce: nonce, Expires: expires}), fn)
	}
	ok := func(payment.Tx) error { return nil }
	later := time.Now().Add(time.Hour)
	if err := errors.Join(use(merchant, "Nonce-of-sixteen", later, ok), use(NewID(), "nonce-of-sixteen", later, ok)); err != nil {
		t.Errorf("another case, another merchant: %v", err)
	}
	// A failed transaction keeps no nonce, and a second transaction of the same
	// request needs none.
	wantError(t, "failing transaction", use(merchant, "failing", later, func(payment.Tx) error { return errRefused }), errRefused)
	request := payment.WithNonce(ctx, &payment.NonceClaim{MerchantID: merchant, Nonce: "failing", Expires: later})
	for range 2 {
		if err := db.InTx(request, ok); err != nil {
			t.Errorf("a nonce after its transaction failed, then a further transaction: %v", err)
		}
	}
	ran := false
	err := use(merchant, "failing", later, func(payment.Tx) error { ran = true; return nil })
	wantError(t, "used nonce", err, payment.ErrNonceReused)
	if ran {
		t.Error("the transaction of a used nonce was run")
	}
	// An expired row does not stand in the way before it is purged.
	for range 2 {
		if err := use(merchant, "expired", time.Now().Add(-time.Minute), ok); err != nil {
			t.Errorf("nonce whose first use has expired: %v", err)
		}
	}
	if err := use(merchant, "expired", later, ok); err != nil {
		t.Error(err)
	}
	wantError(t, "taken over nonce", use(merchant, "expired", later, ok), payment.ErrNonceReused)
	for i := range 5 {
		if err := use(merchant, fmt.Sprint("old", i), time.Now().Add(-time.Hour), ok); err != nil {
			t.Fatal(err)
		}
	}
	var purged []int
	for range 3 {
		n, err := db.PurgeNonces(ctx, time.Now(), 3)
		if err != nil {
			t.Fatal(err)
		}
		purged = append(purged, n)
	}
	equal(t, "purged", purged, []int{3, 2, 0})
	wantError(t, "live nonce after the purge", use(merchant, "failing", later, ok), payment.ErrNonceReused)
}
