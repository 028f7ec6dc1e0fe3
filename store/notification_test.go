package store_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

func keep(t *testing.T, s *store.DB, n payment.NotificationRecord) {
	t.Helper()
	err := s.InTx(t.Context(), func(tx payment.Tx) error { return tx.RecordNotification(t.Context(), n) })
	if err != nil {
		t.Error(err)
	}
}

func TestNotificationCopiesAreCounted(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		n := payment.NotificationRecord{
			Channel: "alipay", AccountID: "acc1", Digest: "d1", Header: []byte(`{"A":["b"]}`), Body: []byte("canary-body"),
			AttemptID: "a1", PaymentID: "p1", Verdict: payment.VerdictApplied, ReceivedAt: eventTime,
		}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				n := n
				n.ID = fmt.Sprintf("n%02d", i)
				keep(t, s, n)
			})
		}
		all.Wait()
		n.ID, n.Verdict, n.Detail, n.ReceivedAt = "n99", payment.VerdictQuarantined, "another amount", eventTime.Add(time.Hour)
		keep(t, s, n)
		n.ID, n.AccountID = "other", "acc2"
		keep(t, s, n)
		list, err := s.ListNotifications(t.Context(), notify.NotificationFilter{AccountID: "acc1", Limit: 10})
		if err != nil || len(list) != 1 {
			t.Fatalf("%d kept, %v", len(list), err)
		}
		got, err := s.NotificationByID(t.Context(), list[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Copies != 21 || got.Verdict != payment.VerdictQuarantined || got.Detail != "another amount" || string(got.Body) != "canary-body" ||
			string(got.Header) != `{"A":["b"]}` || !got.ReceivedAt.Equal(eventTime) || !got.LastAt.Equal(n.ReceivedAt) {
			t.Errorf("%+v", got)
		}
		for _, f := range []notify.NotificationFilter{
			{PaymentID: "p1", Limit: 10}, {AccountID: "acc1", PaymentID: "p1", Verdict: payment.VerdictQuarantined, Limit: 10},
		} {
			if list, err := s.ListNotifications(t.Context(), f); err != nil || len(list) == 0 {
				t.Errorf("%+v: %d, %v", f, len(list), err)
			}
		}
		bare, err := s.Int(t.Context(), `SELECT COUNT(*) FROM notifications WHERE INSTR(sealed_body, 'canary') > 0 OR INSTR(sealed_header, 'A') = 3`)
		if err != nil || bare != 0 {
			t.Errorf("%d bodies lie open, %v", bare, err)
		}
		if _, err := s.ListNotifications(t.Context(), notify.NotificationFilter{Limit: 10}); err == nil {
			t.Error("a list over all accounts was given")
		}
	})
}

func TestRejectedSampleIsBounded(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		batch := func(account string, from, n int) {
			t.Helper()
			var samples []notify.Rejected
			for i := range n {
				samples = append(samples, notify.Rejected{
					ID: fmt.Sprintf("%s-%04d", account, from+i), Channel: "alipay", AccountID: account,
					Header: []byte("{}"), Body: []byte(fmt.Sprint("canary ", from+i)), Reason: "bad_signature", ReceivedAt: eventTime,
				})
			}
			if err := s.KeepRejected(t.Context(), samples, 10); err != nil {
				t.Fatal(err)
			}
		}
		batch("acc1", 0, 8)
		batch("acc2", 0, 3)
		batch("acc1", 8, 25)
		for account, want := range map[string]int{"acc1": 10, "acc2": 3} {
			got, err := s.ListRejected(t.Context(), account, 100)
			if err != nil || len(got) != want {
				t.Errorf("%s keeps %d, %v; want %d", account, len(got), err, want)
			}
		}
		got, err := s.ListRejected(t.Context(), "acc1", 1)
		if err != nil || len(got) != 1 || got[0].ID != "acc1-0032" || !bytes.Equal(got[0].Body, []byte("canary 32")) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
