package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/paymux/paymux/signing"
)

// event is a webhook as the merchant's backend reads it.
type event struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Sequence int64  `json:"sequence"`
	Data     struct {
		ID        string `json:"id"`
		PaymentID string `json:"payment_id"`
		Status    string `json:"status"`
		// Of reconciliation.ready, which is about a day.
		Date    string `json:"date"`
		Version int64  `json:"version"`
		Rows    int64  `json:"rows"`
	} `json:"data"`
}

// about is what the event is about: the id of a resource, or a day.
func (e event) about() string {
	if e.Data.ID == "" {
		return e.Data.Date
	}
	return e.Data.ID
}

// Receiver is the merchant's endpoint for webhooks.
type Receiver struct {
	url    string
	server *http.Server

	mu      sync.Mutex
	secret  []byte
	changed chan struct{}
	events  map[string]event
	bad     error
}

// tolerance of a webhook's timestamp, as receivers commonly set it.
const tolerance = 5 * time.Minute

// Listen opens the endpoint on a free port of this machine. It refuses every
// webhook until [Run] knows the secret.
func Listen(ctx context.Context) (*Receiver, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	r := &Receiver{
		url:     "http://" + listener.Addr().String() + "/webhooks",
		changed: make(chan struct{}),
		events:  map[string]event{},
	}
	r.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
		if err == nil {
			err = signing.VerifyWebhook([][]byte{r.trusted()}, req.Header, body, time.Now(), tolerance)
		}
		var e event
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		r.keep(e, err)
		if err != nil {
			http.Error(w, "refused", http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

// URL is the endpoint's address.
func (r *Receiver) URL() string { return r.url }

// Close ends it.
func (r *Receiver) Close() error { return r.server.Close() }

func (r *Receiver) trust(secret []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret
}

func (r *Receiver) trusted() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.secret
}

func (r *Receiver) keep(e event, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.bad = err
	} else {
		r.events[e.Type+" "+e.about()] = e
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// await waits for the event of a type about a resource.
func (r *Receiver) await(ctx context.Context, typ, id string) (event, error) {
	for {
		r.mu.Lock()
		e, ok := r.events[typ+" "+id]
		changed, bad := r.changed, r.bad
		r.mu.Unlock()
		if bad != nil {
			return event{}, fmt.Errorf("a webhook arrived that does not verify: %w", bad)
		}
		if ok {
			return e, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return event{}, fmt.Errorf("the webhook %s for %s did not arrive: %w", typ, id, ctx.Err())
		}
	}
}
