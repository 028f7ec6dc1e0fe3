package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// eventTime is when the tests' events are written, to the millisecond.
var eventTime = time.Date(2026, 11, 21, 4, 0, 0, 123e6, time.UTC)

func writeEvent(t *testing.T, s *store.DB, e payment.Event) payment.Event {
	t.Helper()
	if e.Type == "" {
		e.Type = payment.PaymentSucceeded
	}
	if e.CreatedAt.IsZero() {
		e.CreatedAt = eventTime
	}
	e.Body = []byte(`{"id":"` + e.ID + `","data":{"amount":1}}`)
	if err := s.InTx(t.Context(), func(tx payment.Tx) error { return tx.InsertEvent(t.Context(), &e) }); err != nil {
		t.Fatal(err)
	}
	return e
}

func readEvent(t *testing.T, s *store.DB, merchantID, id string) *notify.Event {
	t.Helper()
	e, err := s.EventByID(t.Context(), merchantID, id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// claimAll claims up to most events of each endpoint that is due at now.
func claimAll(t *testing.T, s *store.DB, owner string, now time.Time, lease time.Duration, most int) []notify.Claim {
	t.Helper()
	due, err := s.DueEndpoints(t.Context(), now, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var wants []notify.Want
	for _, d := range due {
		wants = append(wants, notify.Want{Endpoint: d.Endpoint, Most: most})
	}
	claims, err := s.ClaimDeliveries(t.Context(), owner, now, lease, wants)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func record(t *testing.T, s *store.DB, c notify.Claim, next notify.Next) {
	t.Helper()
	d := notify.Delivery{At: eventTime, Duration: 12 * time.Millisecond, HTTPStatus: 500, Error: "the endpoint answered 500", Response: "嗯"}
	if next.Status == notify.StatusDelivered {
		d.HTTPStatus, d.Error = 200, ""
	}
	if err := s.RecordDelivery(t.Context(), c, d, next); err != nil {
		t.Fatal(err)
	}
}

func TestEventIsWrittenWithTheTransaction(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		rolledBack := errors.New("rolled back")
		err := s.InTx(t.Context(), func(tx payment.Tx) error {
			e := payment.Event{ID: "gone", MerchantID: "m1", Type: payment.PaymentFailed, Body: []byte("{}"), CreatedAt: eventTime}
			if err := tx.InsertEvent(t.Context(), &e); err != nil {
				return err
			}
			return rolledBack
		})
		if !errors.Is(err, rolledBack) {
			t.Fatal(err)
		}
		if _, err := s.EventByID(t.Context(), "m1", "gone"); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("an event of a rolled back transaction: %v", err)
		}
		want := writeEvent(t, s, payment.Event{ID: "e1", MerchantID: "m1", PaymentID: "p1", RefundID: "r1", Sequence: 7, NotifyURL: "https://shop.example/a"})
		got := readEvent(t, s, "m1", "e1")
		if got.ID != want.ID || got.Type != want.Type || got.PaymentID != "p1" || got.RefundID != "r1" || got.Sequence != 7 ||
			!bytes.Equal(got.Body, want.Body) || !got.CreatedAt.Equal(eventTime) || got.Status != notify.StatusPending || !got.NextAt.Equal(eventTime) {
			t.Errorf("read back %+v", got)
		}
		if _, err := s.EventByID(t.Context(), "m2", "e1"); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("another merchant reads it: %v", err)
		}
		// Without an address, and without payment and sequence, twice.
		for _, id := range []string{"day1", "day2"} {
			writeEvent(t, s, payment.Event{ID: id, MerchantID: "m1", Type: notify.EventReconciliationReady})
			if e := readEvent(t, s, "m1", id); e.Status != notify.StatusNoEndpoint || e.Sequence != 0 || e.PaymentID != "" || !e.NextAt.IsZero() {
				t.Errorf("%+v", e)
			}
		}
		if claims := claimAll(t, s, "o", eventTime, time.Minute, 10); len(claims) != 1 || claims[0].EventID != "e1" || !bytes.Equal(claims[0].Body, want.Body) {
			t.Errorf("claimed %+v", claims)
		}
	})
}

func TestClaimIsFairBoundedAndDue(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		for i := range 40 {
			writeEvent(t, s, payment.Event{ID: fmt.Sprintf("many%02d", i), MerchantID: "m1", NotifyURL: "https://shop.example/many", CreatedAt: eventTime.Add(time.Duration(i) * time.Second)})
		}
		writeEvent(t, s, payment.Event{ID: "one", MerchantID: "m2", NotifyURL: "https://shop.example/many"})
		writeEvent(t, s, payment.Event{ID: "later", MerchantID: "m3", NotifyURL: "https://shop.example/", CreatedAt: eventTime.Add(time.Hour)})
		now := eventTime.Add(20 * time.Second)
		claims := claimAll(t, s, "o", now, time.Minute, 5)
		var ids []string
		for _, c := range claims {
			ids = append(ids, c.EventID)
		}
		slices.Sort(ids)
		if want := []string{"many00", "many01", "many02", "many03", "many04", "one"}; !slices.Equal(ids, want) {
			t.Errorf("claimed %v, want %v", ids, want)
		}
		page, err := s.DueEndpoints(t.Context(), eventTime.Add(2*time.Hour), "", 1)
		if err != nil || len(page) != 1 || page[0].Endpoint.Merchant() != "m1" {
			t.Fatalf("%v, %v", page, err)
		}
		page, err = s.DueEndpoints(t.Context(), eventTime.Add(2*time.Hour), page[0].Endpoint, 10)
		if err != nil || len(page) != 1 || page[0].Endpoint.Merchant() != "m3" {
			t.Errorf("the next page is %v, %v", page, err)
		}
		// All due ones, in rounds, none twice.
		seen := map[string]bool{}
		for _, id := range ids {
			seen[id] = true
		}
		for range 10 {
			for _, c := range claimAll(t, s, "o", now, time.Minute, 5) {
				if seen[c.EventID] {
					t.Errorf("%s was claimed twice", c.EventID)
				}
				seen[c.EventID] = true
			}
		}
		if len(seen) != 22 {
			t.Errorf("%d events were claimed, 22 are due", len(seen))
		}
	})
}

func TestLeaseTakeoverIsFenced(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		writeEvent(t, s, payment.Event{ID: "e1", MerchantID: "m1", NotifyURL: "https://shop.example/"})
		// The first process's lease has ended by the database's clock at once.
		first := claimAll(t, s, "first", eventTime, -time.Second, 1)
		second := claimAll(t, s, "second", eventTime, time.Hour, 1)
		if len(first) != 1 || len(second) != 1 || second[0].Fence <= first[0].Fence {
			t.Fatalf("claims %+v, %+v", first, second)
		}
		if third := claimAll(t, s, "third", eventTime, time.Hour, 1); len(third) != 0 {
			t.Fatalf("a live lease was taken over: %+v", third)
		}
		err := s.RecordDelivery(t.Context(), first[0], notify.Delivery{At: eventTime, HTTPStatus: 500, Error: "late"},
			notify.Next{Status: notify.StatusDead, Reason: "late"})
		if !errors.Is(err, notify.ErrLeaseLost) {
			t.Errorf("the first one's result: %v", err)
		}
		if err := s.ReleaseDeliveries(t.Context(), first, eventTime.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		record(t, s, second[0], notify.Next{Status: notify.StatusDelivered})
		e := readEvent(t, s, "m1", "e1")
		if e.Status != notify.StatusDelivered || e.Attempts != 2 || len(e.Deliveries) != 2 || e.Deliveries[0].Error != "late" || e.Deliveries[1].Response != "嗯" {
			t.Errorf("%+v", e)
		}
	})
}

func TestReleasedDeliveryIsDueAgain(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		writeEvent(t, s, payment.Event{ID: "e1", MerchantID: "m1", NotifyURL: "https://shop.example/"})
		claims := claimAll(t, s, "o", eventTime, time.Hour, 1)
		if err := s.ReleaseDeliveries(t.Context(), claims, eventTime.Add(5*time.Second)); err != nil {
			t.Fatal(err)
		}
		if got := claimAll(t, s, "o", eventTime.Add(4*time.Second), time.Hour, 1); len(got) != 0 {
			t.Error("due too early")
		}
		if got := claimAll(t, s, "o", eventTime.Add(5*time.Second), time.Hour, 1); len(got) != 1 {
			t.Error("not due again")
		}
	})
}

func TestConcurrentClaimsNeverShareAnEvent(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		const events = 200
		for i := range events {
			writeEvent(t, s, payment.Event{ID: fmt.Sprintf("e%03d", i), MerchantID: "m1", NotifyURL: fmt.Sprintf("https://shop.example/%d", i%3)})
		}
		var mu sync.Mutex
		holders := map[string]string{}
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				owner := fmt.Sprint("process ", i)
				for {
					due, err := s.DueEndpoints(t.Context(), eventTime, "", 10)
					if err != nil {
						t.Error(err)
					}
					if len(due) == 0 {
						return
					}
					for _, c := range claimAll(t, s, owner, eventTime, time.Hour, 2) {
						mu.Lock()
						if other, ok := holders[c.EventID]; ok {
							t.Errorf("%s is held by %s and %s", c.EventID, other, owner)
						}
						holders[c.EventID] = owner
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		if len(holders) != events {
			t.Errorf("%d of %d were claimed", len(holders), events)
		}
	})
}

func TestResendInAnyState(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		now := eventTime.Add(time.Minute)
		ends := map[string]notify.Next{
			"delivered": {Status: notify.StatusDelivered},
			"dead":      {Status: notify.StatusDead, Reason: notify.ReasonLadderEnded, Position: notify.Position{Step: 15}},
			"waiting":   {Status: notify.StatusPending, At: now.Add(6 * time.Hour), Position: notify.Position{Step: 14}},
		}
		for id, next := range ends {
			writeEvent(t, s, payment.Event{ID: id, MerchantID: "m1", NotifyURL: "https://shop.example/" + id})
			record(t, s, claimAll(t, s, "o", eventTime, time.Hour, 1)[0], next)
			if err := s.ResendEvent(t.Context(), "m1", id, "", now); err != nil {
				t.Fatal(err)
			}
			claims := claimAll(t, s, "o", now, time.Hour, 1)
			if len(claims) != 1 || claims[0].EventID != id || claims[0].Position != (notify.Position{}) {
				t.Fatalf("%s: claimed %+v", id, claims)
			}
			record(t, s, claims[0], notify.Next{Status: notify.StatusDelivered})
			if e := readEvent(t, s, "m1", id); e.Status != notify.StatusDelivered || e.Attempts != 2 {
				t.Errorf("%s: %+v", id, e)
			}
		}
		// While it is being sent: once more when that try ends.
		writeEvent(t, s, payment.Event{ID: "sending", MerchantID: "m1", NotifyURL: "https://shop.example/s"})
		claims := claimAll(t, s, "o", now, time.Hour, 1)
		if err := s.ResendEvent(t.Context(), "m1", "sending", "", now); err != nil {
			t.Fatal(err)
		}
		if e := readEvent(t, s, "m1", "sending"); e.Status != notify.StatusPending {
			t.Errorf("while it is being sent it is %s", e.Status)
		}
		record(t, s, claims[0], notify.Next{Status: notify.StatusDelivered})
		if again := claimAll(t, s, "o", now, time.Hour, 1); len(again) != 1 || again[0].EventID != "sending" {
			t.Errorf("claimed %+v", again)
		}
		// Without an address it takes the one that the merchant has now.
		writeEvent(t, s, payment.Event{ID: "nowhere", MerchantID: "m1"})
		if err := s.ResendEvent(t.Context(), "m1", "nowhere", "", now); err != nil {
			t.Fatal(err)
		}
		if e := readEvent(t, s, "m1", "nowhere"); e.Status != notify.StatusNoEndpoint {
			t.Errorf("%+v", e)
		}
		if err := s.ResendEvent(t.Context(), "m1", "nowhere", "https://shop.example/new", now); err != nil {
			t.Fatal(err)
		}
		if got := claimAll(t, s, "o", now, time.Hour, 1); len(got) != 1 || got[0].NotifyURL != "https://shop.example/new" {
			t.Errorf("claimed %+v", got)
		}
		if err := s.ResendEvent(t.Context(), "m2", "nowhere", "", now); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("another merchant's: %v", err)
		}
	})
}

func TestDisabledEndpoint(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		const url = "https://shop.example/gone"
		for i := range 5 {
			writeEvent(t, s, payment.Event{ID: fmt.Sprintf("e%d", i), MerchantID: "m1", NotifyURL: url})
		}
		writeEvent(t, s, payment.Event{ID: "other", MerchantID: "m2", NotifyURL: url})
		claims := claimAll(t, s, "o", eventTime, time.Hour, 1)
		gone := claims[slices.IndexFunc(claims, func(c notify.Claim) bool { return c.MerchantID == "m1" })]
		if n, err := s.BuryQueued(t.Context(), gone.Endpoint, 100); n != 0 || err != nil {
			t.Errorf("an endpoint that is not disabled: %d, %v", n, err)
		}
		record(t, s, gone, notify.Next{Status: notify.StatusDead, Reason: notify.ReasonEndpointGone, DisableEndpoint: true})
		if n, err := s.BuryQueued(t.Context(), gone.Endpoint, 3); n != 3 || err != nil {
			t.Errorf("buried %d, %v", n, err)
		}
		// The one that is left ends when it is claimed, a new one when it is written.
		if claims := claimAll(t, s, "o", eventTime, time.Hour, 10); len(claims) != 0 {
			t.Errorf("claimed %+v", claims)
		}
		writeEvent(t, s, payment.Event{ID: "new", MerchantID: "m1", NotifyURL: url})
		for _, id := range []string{"e0", "e1", "e2", "e3", "e4", "new"} {
			if e := readEvent(t, s, "m1", id); e.Status != notify.StatusDead || e.Reason == "" || !e.NextAt.IsZero() {
				t.Errorf("%s: %+v", id, e)
			}
		}
		// A person's resend gets its try all the same.
		if err := s.ResendEvent(t.Context(), "m1", "new", "", eventTime); err != nil {
			t.Fatal(err)
		}
		resent := claimAll(t, s, "o", eventTime, time.Hour, 10)
		if len(resent) != 1 || resent[0].EventID != "new" || !resent[0].Disabled {
			t.Fatalf("claimed %+v", resent)
		}
		record(t, s, resent[0], notify.Next{Status: notify.StatusDead, Reason: notify.ReasonEndpointDisabled})
		for range 2 {
			if err := s.EnableEndpoint(t.Context(), gone.Endpoint); err != nil {
				t.Fatal(err)
			}
		}
		writeEvent(t, s, payment.Event{ID: "enabled", MerchantID: "m1", NotifyURL: url})
		if claims := claimAll(t, s, "o", eventTime, time.Hour, 10); len(claims) != 1 || claims[0].EventID != "enabled" || claims[0].Disabled {
			t.Errorf("claimed %+v", claims)
		}
	})
}

func TestListEvents(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		at := func(seconds int) time.Time { return eventTime.Add(time.Duration(seconds) * time.Second) }
		for i := range 10 {
			e := payment.Event{
				ID: fmt.Sprintf("e%d", i), MerchantID: "m1", PaymentID: fmt.Sprintf("p%d", i%2), Sequence: int64(i + 1),
				NotifyURL: "https://shop.example/", CreatedAt: at((i + 1) / 2), // but for e0, two share a time
			}
			if i%5 == 0 {
				e.Type = payment.RefundFailedType
			}
			writeEvent(t, s, e)
		}
		writeEvent(t, s, payment.Event{ID: "foreign", MerchantID: "m2", CreatedAt: at(1)})
		record(t, s, claimAll(t, s, "o", at(0), time.Hour, 1)[0], notify.Next{Status: notify.StatusDelivered})
		if leased := claimAll(t, s, "o", at(1), time.Hour, 1); len(leased) != 1 {
			t.Fatalf("claimed %+v", leased)
		}
		for _, tt := range []struct {
			f    notify.EventFilter
			want string
		}{
			{notify.EventFilter{}, "e9 e8 e7 e6 e5 e4 e3 e2 e1 e0"},
			{notify.EventFilter{Limit: 3}, "e9 e8 e7"},
			{notify.EventFilter{BeforeTime: at(4), BeforeID: "e8", Limit: 3}, "e7 e6 e5"},
			{notify.EventFilter{BeforeTime: at(0), BeforeID: "e0"}, ""},
			{notify.EventFilter{Type: payment.RefundFailedType}, "e5 e0"},
			{notify.EventFilter{PaymentID: "p1"}, "e9 e7 e5 e3 e1"},
			{notify.EventFilter{Status: notify.StatusPending}, "e9 e8 e7 e6 e5 e4 e3 e2 e1"},
			{notify.EventFilter{Status: notify.StatusDelivered}, "e0"},
			{notify.EventFilter{Status: notify.StatusDead}, ""},
			{notify.EventFilter{CreatedFrom: at(1), CreatedTo: at(2)}, "e2 e1"},
		} {
			tt.f.MerchantID = "m1"
			if tt.f.Limit == 0 {
				tt.f.Limit = 100
			}
			events, err := s.ListEvents(t.Context(), tt.f)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, e := range events {
				ids = append(ids, e.ID)
				if e.Attempts != len(e.Deliveries) {
					t.Errorf("%s has %d attempts and %d deliveries", e.ID, e.Attempts, len(e.Deliveries))
				}
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("%+v: %s, want %s", tt.f, got, tt.want)
			}
		}
	})
}

type liveSecrets [][]byte

func (s liveSecrets) Secrets(context.Context, string) ([][]byte, error) { return s, nil }

// crashing fails the first writing down of each event: what a process leaves
// that dies between sending and writing down.
type crashing struct {
	*store.DB
	mu     sync.Mutex
	failed map[string]int
}

func (c *crashing) RecordDelivery(ctx context.Context, claim notify.Claim, d notify.Delivery, next notify.Next) error {
	c.mu.Lock()
	c.failed[claim.EventID]++
	first := c.failed[claim.EventID] <= 3
	c.mu.Unlock()
	if first {
		return payment.ErrUnavailable
	}
	return c.DB.RecordDelivery(ctx, claim, d, next)
}

// Two senders on one database and a receiver that counts: nothing is under way
// twice at a time; what was sent but not written down comes again with the same
// id and body once the lease has ended; signatures hold for the published
// verifier.
func TestInvariant_EventsAreDeliveredThroughCrashes(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, s *store.DB) {
		secret := bytes.Repeat([]byte{9}, 32)
		verifier, err := standardwebhooks.NewWebhook("whsec_" + base64.StdEncoding.EncodeToString(secret))
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		underWay, bodies, times := map[string]bool{}, map[string]string{}, map[string]int{}
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			id := r.Header.Get("webhook-id")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || verifier.Verify(body, r.Header) != nil {
				t.Errorf("%s: unreadable or badly signed", id)
			}
			if underWay[id] {
				t.Errorf("%s is under way twice", id)
			}
			if b, ok := bodies[id]; ok && b != string(body) {
				t.Errorf("%s came with two bodies", id)
			}
			bodies[id] = string(body)
			times[id]++
		}))
		defer receiver.Close()
		const events = 30
		for i := range events {
			writeEvent(t, s, payment.Event{ID: fmt.Sprintf("e%02d", i), MerchantID: "m1", NotifyURL: fmt.Sprintf("%s/%d", receiver.URL, i%4)})
		}
		queue := &crashing{DB: s, failed: map[string]int{}}
		cfg := notify.DefaultOutboundConfig()
		cfg.AllowLoopback, cfg.Poll = true, 20*time.Millisecond
		cfg.Timeout, cfg.Lease = time.Second, 3*time.Second
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for i := range 2 {
			o := notify.NewOutbound(cfg, notify.OutboundDeps{
				Queue: queue, Secrets: liveSecrets{secret}, Owner: fmt.Sprint("process ", i),
				Now: time.Now, Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler),
			})
			running.Go(func() { _ = o.Run(ctx) })
		}
		poll := time.NewTicker(20 * time.Millisecond)
		defer poll.Stop()
		deadline := time.After(time.Minute)
		for delivered := 0; delivered < events; {
			select {
			case <-deadline:
				t.Fatalf("%d of %d were delivered", delivered, events)
			case <-poll.C:
			}
			done, err := s.ListEvents(t.Context(), notify.EventFilter{MerchantID: "m1", Status: notify.StatusDelivered, Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			delivered = len(done)
		}
		stop()
		running.Wait()
		for id, n := range times {
			if n != 2 {
				t.Errorf("%s arrived %d times, want twice: sent, crashed, sent again", id, n)
			}
		}
	})
}
