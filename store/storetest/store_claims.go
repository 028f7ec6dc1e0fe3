package storetest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
)

// claimer is one of the two ways to claim, with what it claims.
type claimer struct {
	claim func(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]payment.Claim, error)
	// add inserts a row that is due at a time and gives its id; the zero time
	// is never.
	add func(due time.Time) string
	// done updates the row to be due at a time.
	done func(id string, due time.Time)
}

func runClaims(t *testing.T, db *store.DB) {
	p := NewPayment(t, NewID())
	a := seed(t, db, p)
	a.NextCheckAt = time.Time{}
	inTx(t, db, func(tx payment.Tx) error { return tx.UpdateAttempt(t.Context(), a) })
	t.Run("Attempts", func(t *testing.T) { runClaimer(t, attemptClaimer(t, db, p)) })
	t.Run("Refunds", func(t *testing.T) { runClaimer(t, refundClaimer(t, db, a)) })
}

func attemptClaimer(t *testing.T, db *store.DB, p *payment.Payment) claimer {
	return claimer{
		claim: db.ClaimAttempts,
		add: func(due time.Time) string {
			a := NewAttempt(t, p)
			a.NextCheckAt = due
			inTx(t, db, func(tx payment.Tx) error { return tx.InsertAttempt(t.Context(), a) })
			return a.ID
		},
		done: func(id string, due time.Time) {
			inTx(t, db, func(tx payment.Tx) error {
				a, err := tx.Attempt(t.Context(), id)
				if err != nil {
					return err
				}
				a.NextCheckAt = due
				return tx.UpdateAttempt(t.Context(), a)
			})
		},
	}
}

func refundClaimer(t *testing.T, db *store.DB, a *payment.Attempt) claimer {
	return claimer{
		claim: db.ClaimRefunds,
		add: func(due time.Time) string {
			r := NewRefund(t, a)
			r.NextCheckAt = due
			inTx(t, db, func(tx payment.Tx) error { return tx.InsertRefund(t.Context(), r) })
			return r.ID
		},
		done: func(id string, due time.Time) {
			inTx(t, db, func(tx payment.Tx) error {
				r, err := tx.Refund(t.Context(), id)
				if err != nil {
					return err
				}
				r.NextCheckAt = due
				return tx.UpdateRefund(t.Context(), r)
			})
		},
	}
}

// longAgo is before anything that other parts of the suite make due.
func longAgo(minutes int) time.Time {
	return Start().AddDate(-20, 0, 0).Add(time.Duration(minutes) * time.Minute)
}

func runClaimer(t *testing.T, c claimer) {
	now := longAgo(1000)
	claim := func(owner string, lease time.Duration, limit int) []payment.Claim {
		t.Helper()
		got, err := c.claim(t.Context(), owner, now, lease, limit)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	ids := func(claims []payment.Claim) []string {
		var ids []string
		for _, c := range claims {
			ids = append(ids, c.ID)
		}
		return ids
	}
	third, first, second := c.add(longAgo(3)), c.add(longAgo(1)), c.add(longAgo(2))
	c.add(longAgo(1001)) // not yet
	c.add(time.Time{})   // never
	equal(t, "oldest first, bounded", ids(claim("one", time.Hour, 2)), []string{first, second})
	rest := claim("two", time.Hour, 10)
	equal(t, "the rest", ids(rest), []string{third})
	if rest[0].Fence != 1 || rest[0].PaymentID == "" {
		t.Errorf("first claim of a row: %+v", rest[0])
	}
	if more := claim("three", time.Hour, 10); len(more) != 0 {
		t.Errorf("what is leased is claimed again: %v", more)
	}
	// Writing the row says when it is due next and ends the lease.
	c.done(first, longAgo(5))
	c.done(second, longAgo(1002))
	c.done(third, time.Time{})
	again := claim("two", time.Millisecond, 10)
	equal(t, "after the update", ids(again), []string{first})
	if again[0].Fence != 2 {
		t.Errorf("fence %d at the second claim", again[0].Fence)
	}
	// The lease ends by the database's clock; the next owner has a higher fence.
	deadline := time.Now().Add(30 * time.Second)
	var taken []payment.Claim
	for len(taken) == 0 && time.Now().Before(deadline) {
		taken = claim("three", time.Hour, 10)
	}
	if len(taken) != 1 || taken[0].ID != first || taken[0].Fence != 3 {
		t.Errorf("after the lease ended: %v", taken)
	}
	c.done(first, time.Time{})
	runClaimRace(t, c, now)
}

// runClaimRace: claims that happen at the same time never overlap.
func runClaimRace(t *testing.T, c claimer, now time.Time) {
	t.Helper()
	const rows = 60
	want := make([]string, rows)
	for i := range rows {
		want[i] = c.add(longAgo(i))
	}
	var mu sync.Mutex
	var got []string
	atOnce(8, func(i int) {
		for empty := 0; empty < 3; {
			claims, err := c.claim(t.Context(), "owner-"+strconv.Itoa(i), now, time.Hour, 5)
			if err != nil && !errors.Is(err, payment.ErrUnavailable) {
				t.Errorf("claim: %v", err)
				return
			}
			if len(claims) == 0 {
				empty++
			}
			mu.Lock()
			for _, c := range claims {
				got = append(got, c.ID)
			}
			mu.Unlock()
		}
	})
	slices.Sort(got)
	slices.Sort(want)
	equal(t, "each row claimed once", got, want)
	for _, id := range want {
		c.done(id, time.Time{})
	}
}
