package payment_test

import (
	"testing"
	"time"

	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// inMemory is a world on the strict store of the tests.
func inMemory(t testing.TB) (*world, *memory) {
	m := newMemory()
	return newWorld(t, m, newClock()), m
}

// eachStore runs a test on the strict store of the tests and on each database.
func eachStore(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		w, _ := inMemory(t)
		test(t, w)
	})
	clock := newClock()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, clock)
		if t.Name()[len(t.Name())-len(store.MySQL):] == store.MySQL {
			// Leases there go by the server's clock, which the tests cannot move.
			w.lease = time.Millisecond
		}
		test(t, w)
	}, func(cfg *store.Config) { cfg.Now = clock.Now })
}
