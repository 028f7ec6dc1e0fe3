package store_test

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
	"github.com/paymux/paymux/store/storetest"
)

// BenchmarkGroupCommit is one durable row per job, from so many callers.
func BenchmarkGroupCommit(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db := storetest.OpenSQLite(b)
			share(b, callers, func(i int64) error {
				return db.Write(context.Background(), func(tx *store.Tx) error {
					return tx.Exec(context.Background(), `INSERT INTO nonces (merchant_id, nonce, expires_at) VALUES ('m', ?, ?)`, fmt.Sprintf("nonce-%010d", i), i)
				})
			})
		})
	}
}

// BenchmarkPayTx is what a payment writes: nonce, payment and attempt in one
// transaction; then attempt, payment, two changes and an event in the next.
func BenchmarkPayTx(b *testing.B) {
	storetest.ForEachBench(b, func(b *testing.B, db *store.DB) {
		for _, callers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
				share(b, callers, func(int64) error { return pay(b, db) })
			})
		}
	})
}

func pay(b *testing.B, db *store.DB) error {
	p := storetest.NewBarePayment(b, "m")
	a := storetest.NewAttempt(b, p)
	ctx := payment.WithNonce(context.Background(), &payment.NonceClaim{MerchantID: "m", Nonce: p.ID, Expires: time.Now().Add(time.Hour)})
	err := db.InTx(ctx, func(tx payment.Tx) error {
		return errors.Join(tx.InsertPayment(ctx, p), tx.InsertAttempt(ctx, a),
			tx.InsertChange(ctx, payment.Change{PaymentID: p.ID, Kind: "payment", To: "processing", At: storetest.Start()}))
	})
	if err != nil {
		return err
	}
	return db.InTx(ctx, func(tx payment.Tx) error {
		p, err := tx.LockPayment(ctx, p.ID)
		if err != nil {
			return err
		}
		p.Status, p.Sequence = payment.Succeeded, 1
		return errors.Join(tx.UpdateAttempt(ctx, a),
			tx.InsertChange(ctx, payment.Change{PaymentID: p.ID, Kind: "attempt", To: "succeeded", At: storetest.Start()}),
			tx.InsertChange(ctx, payment.Change{PaymentID: p.ID, Kind: "payment", To: "succeeded", At: storetest.Start()}),
			tx.UpdatePayment(ctx, p),
			tx.InsertEvent(ctx, &payment.Event{
				ID: "e" + p.ID, MerchantID: "m", Type: payment.PaymentSucceeded, PaymentID: p.ID, Sequence: 1,
				Body: []byte(`{"id":"e"}`), NotifyURL: "https://shop.example/hook", CreatedAt: storetest.Start(),
			}))
	})
}

// share divides b.N calls among callers.
func share(b *testing.B, callers int, call func(i int64) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := call(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
