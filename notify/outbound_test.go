package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type secretList [][]byte

func (s secretList) Secrets(context.Context, string) ([][]byte, error) { return s, nil }

var testSecrets = secretList{bytes.Repeat([]byte{7}, 32)}

// wire is a network in memory: what each URL answers, and what arrived.
type wire struct {
	mu      sync.Mutex
	answer  func(*http.Request) (*http.Response, error)
	arrived []arrival
}

type arrival struct {
	at     time.Time
	url    string
	id     string
	header http.Header
	body   []byte
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.arrived = append(w.arrived, arrival{at: time.Now(), url: r.URL.String(), id: r.Header.Get("webhook-id"), header: r.Header.Clone(), body: body})
	w.mu.Unlock()
	return w.answer(r)
}

func (w *wire) got() []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.arrived)
}

func says(status int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("seen")), Request: r}, nil
	}
}

func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func testOutbound(m *memory, w *wire, change ...func(*OutboundConfig, *OutboundDeps)) *Outbound {
	cfg := DefaultOutboundConfig()
	deps := OutboundDeps{
		Queue: m, Secrets: testSecrets, Owner: "here", Now: time.Now,
		Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&cfg, &deps)
	}
	return newOutbound(cfg, deps, newGuard(false, nil), w)
}

// run runs f in a bubble of virtual time beside a running sender.
func run(t *testing.T, w *wire, f func(t *testing.T, m *memory, o *Outbound), change ...func(*OutboundConfig, *OutboundDeps)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(time.Now)
		o := testOutbound(m, w, change...)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- o.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		}()
		f(t, m, o)
	})
}

func TestLadderToTheSecond(t *testing.T) {
	w := &wire{answer: says(500)}
	run(t, w, func(t *testing.T, m *memory, o *Outbound) {
		start := time.Now()
		m.add("m1", "https://shop.example/hook", "e1", start)
		o.Wake()
		time.Sleep(48 * time.Hour)
		want := []time.Duration{0}
		for _, step := range []string{
			"15s", "15s", "30s", "3m", "10m", "20m", "30m", "30m", "30m", "1h", "3h", "3h", "3h", "6h", "6h",
		} {
			d, err := time.ParseDuration(step)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, want[len(want)-1]+d)
		}
		var got []time.Duration
		for _, a := range w.got() {
			got = append(got, a.at.Sub(start).Truncate(time.Second))
		}
		// Each look may come a poll later than the step.
		if len(got) != len(want) {
			t.Fatalf("%d tries at %v, want %d", len(got), got, len(want))
		}
		for i := range want {
			if late := got[i] - want[i]; late < 0 || late > time.Duration(i+1)*o.cfg.Poll {
				t.Errorf("try %d at %v, want %v", i+1, got[i], want[i])
			}
		}
		r := m.row("e1")
		if r.Status != StatusDead || r.Reason != ReasonLadderEnded || r.Attempts != 16 || len(r.Deliveries) != 16 {
			t.Errorf("afterwards %s %q, %d attempts", r.Status, r.Reason, r.Attempts)
		}
	})
}

func TestPositionAfter(t *testing.T) {
	tests := []struct {
		name       string
		at         Position
		retryAfter time.Duration
		random     float64
		wait       time.Duration
		next       Position
		ok         bool
	}{
		{"first", Position{}, -1, 0, 15 * time.Second, Position{Step: 1}, true},
		{"last step", Position{Step: 14}, -1, 0, 6 * time.Hour, Position{Step: 15}, true},
		{"end", Position{Step: 15}, -1, 0, 0, Position{Step: 15}, false},
		{"end whatever is asked", Position{Step: 15}, time.Minute, 0, 0, Position{Step: 15}, false},
		{"longer replaces", Position{}, time.Hour, 0, time.Hour, Position{Step: 1}, true},
		{"bounded", Position{}, 100 * time.Hour, 0, 6 * time.Hour, Position{Step: 1}, true},
		{"shorter comes before", Position{Step: 3}, 2 * time.Second, 0, 2 * time.Second, Position{Step: 3, Early: true}, true},
		{"shorter once a step", Position{Step: 3, Early: true}, 2 * time.Second, 0, 3 * time.Minute, Position{Step: 4}, true},
		{"never at once", Position{Step: 3}, 0, 0, time.Second, Position{Step: 3, Early: true}, true},
		{"jitter adds a tenth", Position{}, -1, 0.5, 15*time.Second + 750*time.Millisecond, Position{Step: 1}, true},
		{"jitter adds a minute at most", Position{Step: 14}, -1, 0.5, 6*time.Hour + 30*time.Second, Position{Step: 15}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wait, next, ok := tt.at.after(tt.retryAfter, tt.random)
			if wait != tt.wait || next != tt.next || ok != tt.ok {
				t.Errorf("got %v %+v %v, want %v %+v %v", wait, next, ok, tt.wait, tt.next, tt.ok)
			}
		})
	}
}

func TestAnswersDecide(t *testing.T) {
	tests := []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		status Status
		wait   time.Duration
		error  string
	}{
		{"200", says(200), StatusDelivered, 0, ""},
		{"204", says(204), StatusDelivered, 0, ""},
		{"299", says(299), StatusDelivered, 0, ""},
		{"redirect", says(302, "Location", "https://other.example/"), StatusPending, 15 * time.Second, "redirects are not followed"},
		{"400", says(400), StatusPending, 15 * time.Second, "answered 400"},
		{"410", says(410), StatusDead, 0, "answered 410"},
		{"503 in seconds", says(503, "Retry-After", "120"), StatusPending, 2 * time.Minute, "answered 503"},
		{"503 for a day", says(503, "Retry-After", "86400"), StatusPending, 6 * time.Hour, "answered 503"},
		{"hangs", hangs, StatusPending, 20 * time.Second, "no answer within 5s"},
		{"breaks", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, StatusPending, 15 * time.Second, "closed the connection"},
		{"anything else", func(*http.Request) (*http.Response, error) {
			return nil, errors.New("https://shop.example/?token=secret at 10.1.2.3")
		}, StatusPending, 15 * time.Second, "could not be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &wire{answer: tt.answer}
			run(t, w, func(t *testing.T, m *memory, o *Outbound) {
				start := time.Now()
				m.add("m1", "https://shop.example/hook?token=secret", "e1", start)
				o.Wake()
				time.Sleep(10 * time.Second)
				r := m.row("e1")
				if r.Status != tt.status || r.Attempts != 1 {
					t.Fatalf("%s after %d tries, want %s after 1", r.Status, r.Attempts, tt.status)
				}
				if got := r.NextAt.Sub(start); tt.status == StatusPending && got != tt.wait {
					t.Errorf("next try after %v, want %v", got, tt.wait)
				}
				if !strings.Contains(r.LastError, tt.error) || (tt.error == "") != (r.LastError == "") || strings.Contains(r.LastError, "secret") {
					t.Errorf("error %q, want %q", r.LastError, tt.error)
				}
			})
		})
	}
}

func TestWakeSendsAtOnce(t *testing.T) {
	w := &wire{answer: says(200)}
	run(t, w, func(t *testing.T, m *memory, o *Outbound) {
		time.Sleep(300 * time.Millisecond) // within a poll
		at := time.Now()
		m.add("m1", "https://shop.example/hook", "e1", at)
		o.Wake()
		synctest.Wait()
		if got := w.got(); len(got) != 1 || got[0].at != at {
			t.Errorf("arrived %v, want once at %v", got, at)
		}
	})
}

func TestEndpointGone(t *testing.T) {
	gone := true
	w := &wire{}
	w.answer = func(r *http.Request) (*http.Response, error) {
		if gone && r.URL.Path == "/gone" {
			return says(410)(r)
		}
		return says(200)(r)
	}
	run(t, w, func(t *testing.T, m *memory, o *Outbound) {
		now := time.Now()
		for i := range 1200 {
			m.add("m1", "https://shop.example/gone", fmt.Sprintf("gone%04d", i), now)
		}
		m.add("m1", "https://shop.example/other", "other", now)
		m.add("m2", "https://shop.example/gone", "another merchant", now)
		time.Sleep(5 * time.Second)
		sent := len(w.got())
		if sent > 3*o.cfg.PerEndpoint {
			t.Errorf("%d sent, an endpoint that is gone got most of them", sent)
		}
		for i := range 1200 {
			if r := m.row(fmt.Sprintf("gone%04d", i)); r.Status != StatusDead {
				t.Fatalf("event %d is %s", i, r.Status)
			}
		}
		if r := m.row("other"); r.Status != StatusDelivered {
			t.Errorf("another endpoint of the merchant: %s", r.Status)
		}
		if r := m.row("another merchant"); r.Reason != ReasonEndpointGone {
			t.Errorf("the same URL of another merchant is its own endpoint: %s %q", r.Status, r.Reason)
		}
	})
}

// One endpoint hangs with a backlog of thousands; the other's events must not
// wait for it.
func TestSlowEndpointSlowsNobodyElse(t *testing.T) {
	w := &wire{}
	w.answer = func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "dead.example" {
			return hangs(r)
		}
		return says(200)(r)
	}
	run(t, w, func(t *testing.T, m *memory, o *Outbound) {
		start := time.Now()
		for i := range 5000 {
			m.add("m1", "https://dead.example/hook", fmt.Sprintf("dead%04d", i), start)
		}
		const events = 1000
		written := map[string]time.Time{}
		for i := range events {
			id := fmt.Sprintf("live%04d", i)
			written[id] = time.Now()
			// Half of them belong to the very merchant whose other endpoint hangs.
			m.add([]string{"m1", "m2"}[i%2], "https://live.example/hook", id, time.Now())
			o.Wake()
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Second)
		var waits []time.Duration
		dead := 0
		for _, a := range w.got() {
			if at, ok := written[a.id]; ok {
				waits = append(waits, a.at.Sub(at))
			} else {
				dead++
			}
		}
		if len(waits) != events {
			t.Fatalf("%d of %d arrived", len(waits), events)
		}
		slices.Sort(waits)
		if p99 := waits[events*99/100]; p99 > 50*time.Millisecond {
			t.Errorf("p99 of the healthy endpoint is %v", p99)
		}
		// Its full part before it is known to be slow, then one at a time.
		if most := o.cfg.PerEndpoint + 1 + int(time.Since(start)/(5*time.Second)); dead > most {
			t.Errorf("%d tries to the dead endpoint, want at most %d", dead, most)
		}
	})
}

// A merchant that hangs on a thousand different URLs takes its part, not more.
func TestManySlowEndpointsOfOneMerchant(t *testing.T) {
	w := &wire{}
	w.answer = func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "dead.example" {
			return hangs(r)
		}
		return says(200)(r)
	}
	run(t, w, func(t *testing.T, m *memory, o *Outbound) {
		start := time.Now()
		for i := range 2000 {
			m.add("m1", fmt.Sprintf("https://dead.example/hook?order=%d", i), fmt.Sprintf("dead%04d", i), start)
		}
		o.Wake()
		time.Sleep(time.Second)
		for i := range 100 {
			at := time.Now()
			id := fmt.Sprintf("live%03d", i)
			m.add("m2", "https://live.example/hook", id, at)
			o.Wake()
			time.Sleep(200 * time.Millisecond)
			if r := m.row(id); r.Status != StatusDelivered {
				t.Fatalf("event %d of another merchant is %s after 200ms", i, r.Status)
			}
		}
	})
}

// When a slow endpoint answers again, its backlog goes out at full width.
func TestRecoveredEndpointCatchesUp(t *testing.T) {
	var healthy sync.Map
	w := &wire{}
	w.answer = func(r *http.Request) (*http.Response, error) {
		if _, ok := healthy.Load("now"); ok {
			return says(200)(r)
		}
		return hangs(r)
	}
	run(t, w, func(t *testing.T, m *memory, o *Outbound) {
		for i := range 1000 {
			m.add("m1", "https://shop.example/hook", fmt.Sprintf("e%04d", i), time.Now())
		}
		time.Sleep(30 * time.Second)
		healthy.Store("now", true)
		time.Sleep(20 * time.Second)
		for i := range 1000 {
			if r := m.row(fmt.Sprintf("e%04d", i)); r.Status != StatusDelivered {
				t.Fatalf("event %d is %s, next at %v", i, r.Status, r.NextAt)
			}
		}
	})
}

// A process that dies, or loses its database, between sending and writing down
// sends again: the same id and the same bytes.
func TestCrashBetweenSendAndRecord(t *testing.T) {
	w := &wire{answer: says(200)}
	run(t, w, func(t *testing.T, m *memory, o *Outbound) {
		m.mu.Lock()
		m.recordFails = recordTries
		m.mu.Unlock()
		m.add("m1", "https://shop.example/hook", "e1", time.Now())
		time.Sleep(time.Minute)
		got := w.got()
		if len(got) != 2 || got[0].id != "e1" || got[1].id != "e1" || !bytes.Equal(got[0].body, got[1].body) {
			t.Fatalf("arrived %d times, want twice the same", len(got))
		}
		if apart := got[1].at.Sub(got[0].at); apart < o.cfg.Lease {
			t.Errorf("sent again after %v, within the lease", apart)
		}
		if r := m.row("e1"); r.Status != StatusDelivered {
			t.Errorf("afterwards %s", r.Status)
		}
	})
}

func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(r *http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return says(200)(r)
		}}
		m := newMemory(time.Now)
		const events = 50
		for i := range events {
			m.add("m1", "https://shop.example/hook", fmt.Sprintf("e%02d", i), time.Now())
		}
		ctx, stop := context.WithCancel(t.Context())
		o := testOutbound(m, w)
		ended := make(chan error)
		go func() { ended <- o.Run(ctx) }()
		time.Sleep(time.Second)
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		delivered := 0
		for i := range events {
			r := m.row(fmt.Sprintf("e%02d", i))
			if r.Status == StatusDelivered {
				delivered++
			} else if r.leaseUntil.After(time.Now()) {
				t.Errorf("event %d is still leased", i)
			}
		}
		if got := len(w.got()); delivered != got || got != o.cfg.PerEndpoint {
			t.Errorf("%d sent, %d written down, want %d", got, delivered, o.cfg.PerEndpoint)
		}
	})
}

// Three processes on one backlog: no event is under way twice at a time, none
// is lost, and none is sent twice where nothing fails.
func TestManyProcessesOneBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		underWay := map[string]bool{}
		w := &wire{answer: func(r *http.Request) (*http.Response, error) {
			id := r.Header.Get("webhook-id")
			mu.Lock()
			if underWay[id] {
				t.Errorf("%s is under way twice", id)
			}
			underWay[id] = true
			mu.Unlock()
			time.Sleep(30 * time.Millisecond)
			mu.Lock()
			delete(underWay, id)
			mu.Unlock()
			return says(200)(r)
		}}
		m := newMemory(time.Now)
		for i := range 2000 {
			m.add("m1", fmt.Sprintf("https://shop.example/%d", i%7), fmt.Sprintf("e%04d", i), time.Now())
		}
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 3 {
			o := testOutbound(m, w, func(_ *OutboundConfig, d *OutboundDeps) { d.Owner = fmt.Sprint("process ", i) })
			all.Go(func() { _ = o.Run(ctx) })
		}
		time.Sleep(10 * time.Second)
		stop()
		all.Wait()
		if got := len(w.got()); got != 2000 {
			t.Errorf("%d sent, want 2000", got)
		}
	})
}

func TestSecretsUnreadable(t *testing.T) {
	w := &wire{answer: says(200)}
	run(t, w, func(t *testing.T, m *memory, o *Outbound) {
		m.add("m1", "https://shop.example/hook", "e1", time.Now())
		time.Sleep(12 * time.Second)
		if r := m.row("e1"); r.Status != StatusPending || r.Attempts != 0 || m.released < 2 {
			t.Errorf("%s after %d tries, released %d times; want pending, none sent", r.Status, r.Attempts, m.released)
		}
		if len(w.got()) != 0 {
			t.Error("sent without a signature")
		}
	}, func(_ *OutboundConfig, d *OutboundDeps) { d.Secrets = secretList{} })
}

// The published verifier accepts what we send, under either secret while one
// replaces the other.
func TestSignedAsStandardWebhooks(t *testing.T) {
	secrets := secretList{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 24)}
	m := newMemory(time.Now)
	w := &wire{answer: says(200)}
	o := testOutbound(m, w, func(_ *OutboundConfig, d *OutboundDeps) { d.Secrets = secrets })
	m.add("m1", "https://shop.example/hook", "e1", time.Now())
	if err := o.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.tries.Wait()
	got := w.got()
	if len(got) != 1 {
		t.Fatalf("%d arrived", len(got))
	}
	if n := len(strings.Fields(got[0].header.Get("webhook-signature"))); n != 2 {
		t.Errorf("%d signatures, want 2", n)
	}
	for i, secret := range secrets {
		verifier, err := standardwebhooks.NewWebhook("whsec_" + base64.StdEncoding.EncodeToString(secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(got[0].body, got[0].header); err != nil {
			t.Errorf("secret %d: %v", i, err)
		}
		if verifier.Verify(append(got[0].body, ' '), got[0].header) == nil {
			t.Errorf("secret %d: a changed body passed", i)
		}
	}
	if got[0].header.Get("Content-Type") != "application/json" {
		t.Error("no JSON content type")
	}
}
