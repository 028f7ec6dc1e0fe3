package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// fakeChannel reads a body of the form "<kind> <attempt id>".
type fakeChannel struct{ channels.Channel }

func (fakeChannel) Name() string { return "alipay" }

func (fakeChannel) ParseNotification(_ http.Header, body []byte) (channels.Notification, error) {
	kind, id, _ := strings.Cut(string(body), " ")
	switch kind {
	case "paid":
		return channels.Notification{Kind: channels.NotificationPayment, AttemptID: id}, nil
	case "other":
		return channels.Notification{}, nil
	case "foreign":
		return channels.Notification{}, &channels.MismatchError{Field: "app_id", AttemptID: id}
	case "panic":
		panic("the secret of " + id)
	case "garbled":
		return channels.Notification{}, errors.New("cannot read " + id)
	default:
		return channels.Notification{}, &channels.Error{Outcome: channels.BadSignature, Channel: "alipay"}
	}
}

func (fakeChannel) Acknowledge(accepted bool) channels.Acknowledgement {
	if accepted {
		return channels.Acknowledgement{Status: 200, ContentType: "text/plain", Body: []byte("success")}
	}
	return channels.Acknowledgement{Status: 200, ContentType: "text/plain", Body: []byte("fail")}
}

type fakeAccounts struct{ err error }

func (a fakeAccounts) Open(_ context.Context, id string) (channels.Channel, channels.Account, error) {
	if a.err != nil {
		return nil, channels.Account{}, a.err
	}
	if id != "acc1" {
		return nil, channels.Account{}, fmt.Errorf("open account: %w", payment.ErrNotFound)
	}
	return fakeChannel{}, channels.Account{ID: "acc1", MerchantID: "m1", Channel: "alipay"}, nil
}

var _ Applier = (*payment.Service)(nil)

// fakeCore applies each digest once.
type fakeCore struct {
	mu          sync.Mutex
	err         error
	verdict     payment.Verdict
	seen        map[string]int
	applied     atomic.Int64
	quarantined []payment.NotificationRecord
}

func (c *fakeCore) ApplyNotification(_ context.Context, account channels.Account, rec payment.NotificationRecord, n channels.Notification) (payment.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return "", c.err
	}
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	if c.seen[account.ID+rec.Digest]++; c.seen[account.ID+rec.Digest] == 1 {
		c.applied.Add(1)
	}
	if c.verdict != "" {
		return c.verdict, nil
	}
	if n.Kind == channels.NotificationIgnored {
		return payment.VerdictIgnored, nil
	}
	return payment.VerdictApplied, nil
}

func (c *fakeCore) Quarantine(_ context.Context, rec payment.NotificationRecord) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.quarantined = append(c.quarantined, rec)
	return nil
}

type fakeSamples struct {
	mu      sync.Mutex
	batches [][]Rejected
}

func (s *fakeSamples) KeepRejected(_ context.Context, samples []Rejected, _ int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, samples)
	return nil
}

func (s *fakeSamples) all() (out []Rejected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		out = append(out, b...)
	}
	return out
}

// counts is what Observe was told.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) observe(_, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[result]++
}

func (c *counts) of(result string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[result]
}

type inboundRig struct {
	*Inbound
	core    *fakeCore
	samples *fakeSamples
	counts  *counts
	log     *bytes.Buffer
}

func newInboundRig(accounts Accounts) *inboundRig {
	r := &inboundRig{core: &fakeCore{}, samples: &fakeSamples{}, counts: &counts{}, log: &bytes.Buffer{}}
	var id atomic.Int64
	r.Inbound = NewInbound(DefaultInboundConfig(), InboundDeps{
		Accounts: accounts, Applier: r.core, Samples: r.samples, Now: time.Now,
		NewID:  func() string { return fmt.Sprintf("%026d", id.Add(1)) },
		Logger: slog.New(slog.NewJSONHandler(r.log, nil)), Observe: r.counts.observe,
	})
	return r
}

func (r *inboundRig) post(channel, account, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/notify", strings.NewReader(body))
	req.Header.Set("Cookie", "canary-cookie")
	r.Serve(w, req, channel, account)
	return w
}

func TestCallbackAnswers(t *testing.T) {
	down := errors.New("database is down")
	tests := []struct {
		name             string
		channel, account string
		body             string
		verdict          payment.Verdict
		coreErr, openErr error
		status           int
		answer           string
		counted          string
	}{
		{name: "applied", body: "paid A", status: 200, answer: "success", counted: "applied"},
		{name: "about nothing of ours", body: "other A", status: 200, answer: "success", counted: "ignored"},
		{name: "disagrees with our row", body: "paid A", verdict: payment.VerdictQuarantined, status: 200, answer: "fail", counted: "quarantined"},
		{name: "another's", body: "foreign A", status: 200, answer: "fail", counted: "quarantined"},
		{name: "another's, not kept", body: "foreign A", coreErr: down, status: 503, answer: "fail", counted: ResultUnavailable},
		{name: "forged", body: "forged A", status: 200, answer: "fail", counted: ResultRejected},
		{name: "garbled", body: "garbled canary", status: 200, answer: "fail", counted: ResultRejected},
		{name: "panics the adapter", body: "panic canary", status: 200, answer: "fail", counted: ResultRejected},
		{name: "empty", status: 200, answer: "fail", counted: ResultRejected},
		{name: "not stored", body: "paid A", coreErr: down, status: 503, answer: "fail", counted: ResultUnavailable},
		{name: "no verdict", body: "paid A", verdict: "perhaps", status: 503, answer: "fail", counted: ResultUnavailable},
		{name: "unknown account", account: "acc9", body: "paid A", status: 404, answer: "no such account\n", counted: ResultUnknownAccount},
		{name: "another channel's account", channel: "wechatpay", body: "paid A", status: 404, answer: "no such account\n", counted: ResultUnknownAccount},
		{name: "accounts unreadable", body: "paid A", openErr: down, status: 503, answer: "try again later\n", counted: ResultUnavailable},
		{name: "64 KiB", body: "paid " + strings.Repeat("a", 64<<10-5), status: 200, answer: "success", counted: "applied"},
		{name: "over 64 KiB", body: "paid " + strings.Repeat("a", 64<<10-4), status: 413, answer: "the body is larger than 65536 bytes\n", counted: ResultTooLarge},
		{name: "over 64 KiB, unknown account", account: "acc9", body: strings.Repeat("a", 64<<10+1), status: 413, answer: "the body is larger than 65536 bytes\n", counted: ResultTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newInboundRig(fakeAccounts{err: tt.openErr})
			r.core.verdict, r.core.err = tt.verdict, tt.coreErr
			if tt.channel == "" {
				tt.channel = "alipay"
			}
			if tt.account == "" {
				tt.account = "acc1"
			}
			w := r.post(tt.channel, tt.account, tt.body)
			if w.Code != tt.status || w.Body.String() != tt.answer {
				t.Errorf("answer %d %q, want %d %q", w.Code, w.Body, tt.status, tt.answer)
			}
			if r.counts.of(tt.counted) != 1 {
				t.Errorf("counted %v, want one %s", r.counts.n, tt.counted)
			}
			if strings.Contains(r.log.String(), "canary") {
				t.Errorf("the log shows the body or a cookie: %s", r.log)
			}
		})
	}
}

// A body whose length is not announced is cut at the limit all the same.
func TestCallbackTooLargeInChunks(t *testing.T) {
	r := newInboundRig(fakeAccounts{})
	req := httptest.NewRequest(http.MethodPost, "/notify", strings.NewReader(strings.Repeat("a", 1<<20)))
	req.ContentLength = -1
	w := httptest.NewRecorder()
	r.Serve(w, req, "alipay", "acc1")
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("answer %d", w.Code)
	}
}

func TestQuarantinedMismatchIsKept(t *testing.T) {
	r := newInboundRig(fakeAccounts{})
	r.post("alipay", "acc1", "foreign A1")
	if len(r.core.quarantined) != 1 {
		t.Fatalf("%d kept", len(r.core.quarantined))
	}
	rec := r.core.quarantined[0]
	if rec.Verdict != payment.VerdictQuarantined || rec.AttemptID != "A1" || rec.AccountID != "acc1" || rec.Channel != "alipay" ||
		string(rec.Body) != "foreign A1" || len(rec.Digest) != 64 || !strings.Contains(rec.Detail, "app_id") {
		t.Errorf("%+v", rec)
	}
	if strings.Contains(string(rec.Header), "canary") {
		t.Errorf("the kept header holds a cookie: %s", rec.Header)
	}
}

func TestDuplicateCallbacksApplyOnce(t *testing.T) {
	r := newInboundRig(fakeAccounts{})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if w := r.post("alipay", "acc1", "paid A"); w.Body.String() != "success" {
				t.Errorf("answer %q", w.Body)
			}
		})
	}
	all.Wait()
	if n := r.core.applied.Load(); n != 1 {
		t.Errorf("applied %d times", n)
	}
}

// A flood of forged callbacks writes nothing on its way, and off it no more
// than the batches allow; everything is counted.
func TestForgedFloodIsSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newInboundRig(fakeAccounts{})
		for i := range 10_000 {
			r.post("alipay", "acc1", fmt.Sprint("forged ", i))
		}
		if n := len(r.samples.all()); n != 0 {
			t.Fatalf("%d samples were written by the requests themselves", n)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.RunSamples(ctx) }()
		time.Sleep(r.cfg.SampleEvery * 3 / 2)
		if n := len(r.samples.all()); n != r.cfg.SampleBatch {
			t.Errorf("%d samples in the first second, want %d", n, r.cfg.SampleBatch)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if r.counts.of(ResultRejected) != 10_000 || r.counts.of(ResultSampleDropped) != 10_000-r.cfg.SampleQueue {
			t.Errorf("counted %v", r.counts.n)
		}
		if r.core.applied.Load() != 0 || len(r.core.quarantined) != 0 {
			t.Error("a forged callback reached the core")
		}
	})
}

func TestSampleReasonsAndSize(t *testing.T) {
	r := newInboundRig(fakeAccounts{})
	for _, body := range []string{"forged", "garbled canary", "panic canary", "forged " + strings.Repeat("a", 60<<10)} {
		r.post("alipay", "acc1", body)
	}
	r.writeSamples(t.Context())
	got := r.samples.all()
	if len(got) != 4 {
		t.Fatalf("%d samples", len(got))
	}
	for i, want := range []string{"bad_signature", "unreadable", "adapter panicked", "bad_signature"} {
		if got[i].Reason != want || len(got[i].Body) > r.cfg.SampleBody || got[i].ID == "" {
			t.Errorf("sample %d: reason %q, %d bytes", i, got[i].Reason, len(got[i].Body))
		}
	}
}

func TestKeptHeaderIsBounded(t *testing.T) {
	h := http.Header{"Content-Type": {"a/b"}, "Wechatpay-Signature": {"sig"}, "Authorization": {"secret"}}
	for i := range 1000 {
		h.Set(fmt.Sprintf("X-Filler-%d", i), strings.Repeat("x", 1000))
	}
	kept := string(keptHeader(h))
	if len(kept) > 2*maxHeaderKept || !strings.Contains(kept, "sig") || !strings.Contains(kept, "a/b") || strings.Contains(kept, "secret") {
		t.Errorf("%d bytes kept: %.200s", len(kept), kept)
	}
}
