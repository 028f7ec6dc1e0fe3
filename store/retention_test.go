package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

func TestPurgeEvents_TakesOnlyWhatWasDeliveredLongAgo(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx, at := t.Context(), storetest.Start()
		statuses := []notify.Status{notify.StatusDelivered, notify.StatusDead, notify.StatusPending, notify.StatusNoEndpoint, notify.StatusDelivered}
		err := db.InTx(ctx, func(tx payment.Tx) error {
			for i := range statuses {
				for _, merchant := range []string{"m", "other"} {
					id := fmt.Sprintf("evt_%s_%d", merchant, i)
					e := &payment.Event{
						ID: id, MerchantID: merchant, Type: payment.PaymentSucceeded, PaymentID: "pay_" + id, Sequence: 1,
						Body: []byte("{}"), NotifyURL: "https://shop.example/hook", CreatedAt: at.Add(time.Duration(i) * time.Hour),
					}
					if err := tx.InsertEvent(ctx, e); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, status := range statuses {
			for _, merchant := range []string{"m", "other"} {
				id := fmt.Sprintf("evt_%s_%d", merchant, i)
				if err := db.Exec(ctx, `UPDATE events SET status = ?, attempts = 1 WHERE id = ?`, string(status), id); err != nil {
					t.Fatal(err)
				}
				err := db.Exec(ctx, `INSERT INTO deliveries (event_id, number, at, duration_ms, http_status, error, response) VALUES (?, 1, 0, 0, 200, '', '')`, id)
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, want := range []int{1, 0} {
			if n, err := db.PurgeEvents(ctx, "m", at.Add(3*time.Hour), 10); err != nil || n != want {
				t.Errorf("purge %d removed %d, %v; want %d", i, n, err, want)
			}
		}
		wantRows(t, db, map[string]int64{`events`: 9, `deliveries`: 9, `events WHERE id = 'evt_m_0'`: 0, `deliveries WHERE event_id = 'evt_m_0'`: 0})
	})
}

func TestPurgeNotifications_KeepsWhatAPersonMayLookAt(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		ctx, at := t.Context(), storetest.Start()
		verdicts := []payment.Verdict{payment.VerdictApplied, payment.VerdictIgnored, payment.VerdictQuarantined, payment.VerdictApplied}
		err := db.InTx(ctx, func(tx payment.Tx) error {
			for i, verdict := range verdicts {
				for age := range 3 {
					err := tx.RecordNotification(ctx, payment.NotificationRecord{
						ID: fmt.Sprintf("ntf_%d_%d", i, age), Channel: "alipay", AccountID: "acc", Digest: fmt.Sprintf("d_%d_%d", i, age),
						Verdict: verdict, ReceivedAt: at.Add(time.Duration(age) * time.Hour),
					})
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var removed []int
		for range 3 {
			n, err := db.PurgeNotifications(ctx, "acc", at.Add(2*time.Hour), 4)
			if err != nil {
				t.Fatal(err)
			}
			removed = append(removed, n)
		}
		if fmt.Sprint(removed) != "[4 2 0]" {
			t.Errorf("removed %v by four at most", removed)
		}
		wantRows(t, db, map[string]int64{`notifications`: 6, `notifications WHERE verdict = 'quarantined'`: 3})
	})
}

func wantRows(t *testing.T, db *store.DB, want map[string]int64) {
	t.Helper()
	for what, n := range want {
		if got, err := db.Int(t.Context(), `SELECT COUNT(*) FROM `+what); err != nil || int64(got) != n {
			t.Errorf("%s: %d rows, %v; want %d", what, got, err, n)
		}
	}
}
