package store_test

import (
	"testing"

	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) { storetest.RunStore(t, db) })
}
