package notify

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// memoryEvents holds one event.
type memoryEvents struct {
	event   Event
	filter  EventFilter
	resent  []string
	enabled []Endpoint
}

func (m *memoryEvents) ListEvents(_ context.Context, f EventFilter) ([]*Event, error) {
	m.filter = f
	return []*Event{&m.event}, nil
}

func (m *memoryEvents) EventByID(_ context.Context, merchantID, id string) (*Event, error) {
	if merchantID != m.event.MerchantID || id != m.event.ID {
		return nil, payment.ErrNotFound
	}
	return &m.event, nil
}

func (m *memoryEvents) ResendEvent(_ context.Context, _, _, defaultURL string, _ time.Time) error {
	m.resent = append(m.resent, defaultURL)
	return nil
}

func (m *memoryEvents) EnableEndpoint(_ context.Context, e Endpoint) error {
	m.enabled = append(m.enabled, e)
	return nil
}

func testDesk(e Event) (*Desk, *memoryEvents, *int) {
	m := &memoryEvents{event: e}
	woken := 0
	return &Desk{
		Events: m, Now: time.Now, Wake: func() { woken++ },
		DefaultURL: func(context.Context, string) (string, error) { return "https://shop.example/default", nil },
	}, m, &woken
}

func TestResend(t *testing.T) {
	for _, status := range Statuses() {
		e := Event{Event: payment.Event{ID: "e1", MerchantID: "m1", NotifyURL: "https://shop.example/own"}, Status: status}
		want := ""
		if status == StatusNoEndpoint {
			e.NotifyURL, want = "", "https://shop.example/default"
		}
		desk, m, woken := testDesk(e)
		if _, err := desk.Resend(t.Context(), "m1", "e1"); err != nil {
			t.Errorf("%s: %v", status, err)
		}
		if !slices.Equal(m.resent, []string{want}) || *woken != 1 {
			t.Errorf("%s: resent with %q, woken %d times", status, m.resent, *woken)
		}
		if _, err := desk.Resend(t.Context(), "m2", "e1"); !errors.Is(err, payment.ErrNotFound) || len(m.resent) != 1 {
			t.Errorf("%s: another merchant's: %v", status, err)
		}
	}
}

func TestEnableEndpointIsTheExactURL(t *testing.T) {
	desk, m, _ := testDesk(Event{})
	for _, url := range []string{"https://shop.example/a", "https://shop.example/a/"} {
		if err := desk.EnableEndpoint(t.Context(), "m1", url); err != nil {
			t.Fatal(err)
		}
	}
	if m.enabled[0] == m.enabled[1] || m.enabled[0] != EndpointOf("m1", "https://shop.example/a") || m.enabled[0].Merchant() != "m1" {
		t.Errorf("enabled %v", m.enabled)
	}
}

func TestEndpointOf(t *testing.T) {
	if EndpointOf("m1", "") != "" || EndpointOf("m1", "u") == EndpointOf("m2", "u") {
		t.Error("an endpoint is one merchant's one URL")
	}
	if m := EndpointOf("merchant.with.dots", "u").Merchant(); m != "merchant.with.dots" {
		t.Errorf("merchant %q", m)
	}
	if Endpoint("").Merchant() != "" {
		t.Error("no endpoint has no merchant")
	}
}

func TestEventView(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.FixedZone("", 8*3600))
	e := &Event{
		Event: payment.Event{
			ID: "e1", MerchantID: "m1", Type: payment.PaymentSucceeded, PaymentID: "p1", Sequence: 2,
			Body: []byte(`{"id":"e1","data":{"amount":1}}`), NotifyURL: "https://shop.example/", CreatedAt: at,
		},
		Status: StatusPending, Attempts: 2, NextAt: at.Add(15 * time.Second), LastError: "the endpoint answered 500",
		Deliveries: []Delivery{
			{Number: 1, At: at, Duration: 5 * time.Second, Error: "no answer within 5s"},
			{Number: 2, At: at, Duration: 12345 * time.Microsecond, HTTPStatus: 500, Error: "the endpoint answered 500", Response: "oops"},
		},
	}
	want := `{"id":"e1","type":"payment.succeeded","created_at":"2026-11-21T04:00:00Z","sequence":2,"payment_id":"p1","refund_id":null,` +
		`"status":"pending","reason":null,"notify_url":"https://shop.example/","attempts":2,"next_at":"2026-11-21T04:00:15Z","delivered_at":null,` +
		`"last_error":"the endpoint answered 500","data":{"amount":1},"deliveries":[` +
		`{"number":1,"at":"2026-11-21T04:00:00Z","duration_ms":5000,"http_status":null,"error":"no answer within 5s","response":null},` +
		`{"number":2,"at":"2026-11-21T04:00:00Z","duration_ms":12,"http_status":500,"error":"the endpoint answered 500","response":"oops"}]}`
	got, err := json.Marshal(NewEventView(e))
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	bare := NewEventView(&Event{Event: payment.Event{ID: "e2", Type: EventReconciliationReady, Body: []byte("broken")}, Status: StatusNoEndpoint})
	if bare.Sequence != nil || bare.PaymentID != nil || bare.NotifyURL != nil || string(bare.Data) != "null" || bare.Deliveries == nil {
		t.Errorf("%+v", bare)
	}
}

// Whatever comes and goes, the senders' shares hold and nothing is lost.
func TestLanesKeepTheirBounds(t *testing.T) {
	cfg := DefaultOutboundConfig()
	cfg.Senders, cfg.PerMerchant, cfg.PerEndpoint, cfg.SlowSenders = 20, 8, 5, 6
	random := rand.New(rand.NewPCG(1, 2))
	l := newLanes(cfg)
	var open []grant
	for range 20_000 {
		if random.IntN(3) == 0 {
			var due []Due
			for range random.IntN(6) {
				due = append(due, Due{Endpoint: EndpointOf(string(rune('a'+random.IntN(5))), string(rune('a'+random.IntN(4))))})
			}
			grants, _ := l.plan(slices.CompactFunc(due, func(a, b Due) bool { return a == b }))
			for _, g := range grants {
				for range g.Most {
					one := g
					one.Most = 1
					open = append(open, one)
				}
			}
		} else if len(open) > 0 {
			i := random.IntN(len(open))
			l.learn(open[i].Endpoint, random.IntN(4) == 0, time.Duration(random.IntN(2))*2*time.Second)
			l.giveBack(open[i], 1)
			open = slices.Delete(open, i, i+1)
		}
		endpoints, merchants, slow := map[Endpoint]int{}, map[string]int{}, 0
		for _, g := range open {
			endpoints[g.Endpoint]++
			merchants[g.Endpoint.Merchant()]++
			if g.slow {
				slow++
			}
		}
		if l.underWay != len(open) || len(open) > cfg.Senders || l.slowShare != slow || slow > cfg.SlowSenders {
			t.Fatalf("under way %d of %d, slow %d of %d", l.underWay, len(open), l.slowShare, slow)
		}
		for e, n := range endpoints {
			if n > cfg.PerEndpoint || l.endpoints[e].underWay != n {
				t.Fatalf("endpoint %s has %d", e, n)
			}
		}
		for m, n := range merchants {
			if n > cfg.PerMerchant || l.merchants[m].underWay != n {
				t.Fatalf("merchant %s has %d", m, n)
			}
		}
	}
}
