package torture

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/paymux/paymux/signing"
)

// mood is how the merchants' receiver of webhooks answers.
type mood string

const (
	moodWell  mood = "well"
	moodFails mood = "answers 500"
	moodHangs mood = "hangs"
	moodDead  mood = "dead"
)

// webhookTolerance is wide: what matters here is the signature.
const webhookTolerance = 5 * time.Minute

// receiver takes the merchants' webhooks and keeps every one.
type receiver struct {
	secrets [][]byte // one for each merchant
	address string

	mu     sync.Mutex
	mood   mood
	server *http.Server // nil while dead
	got    []Received
	failed int
}

func newReceiver(secrets [][]byte) (*receiver, error) {
	r := &receiver{secrets: secrets, address: "127.0.0.1:0", mood: moodDead}
	return r, r.set(moodWell)
}

func (r *receiver) url() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return "http://" + r.address + "/hook"
}

// set changes the mood; a dead receiver's connections are reset.
func (r *receiver) set(m mood) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mood = m
	if m == moodDead {
		if r.server != nil {
			_ = r.server.Close()
			r.server = nil
		}
		return nil
	}
	if r.server != nil {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", r.address)
	if err != nil {
		return err
	}
	r.address = listener.Addr().String()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: controlLimit}
	go func(server *http.Server) { _ = server.Serve(listener) }(r.server)
	return nil
}

// ServeHTTP keeps a webhook and answers by the mood. What a receiver in a bad
// mood got it got all the same.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender died meanwhile
	}
	got := Received{ID: req.Header.Get("Webhook-Id"), Body: string(body)}
	var content struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Sequence int64  `json:"sequence"`
		Data     struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := signing.VerifyWebhook(r.secrets, req.Header, body, now(), webhookTolerance); err != nil {
		got.Fault = err.Error()
	} else if err := json.Unmarshal(body, &content); err != nil {
		got.Fault = "not JSON: " + err.Error()
	} else if content.ID != got.ID {
		got.Fault = "the header names another id than the body: " + content.ID
	}
	got.Type, got.Sequence, got.Subject = content.Type, content.Sequence, content.Data.ID
	r.mu.Lock()
	m := r.mood
	switch m {
	case moodWell:
		got.Answered = http.StatusNoContent
	case moodFails:
		got.Answered = http.StatusInternalServerError
	case moodHangs, moodDead:
	}
	if got.Answered != http.StatusNoContent {
		r.failed++
	}
	r.got = append(r.got, got)
	r.mu.Unlock()
	if m == moodHangs {
		<-req.Context().Done()
		return
	}
	if got.Answered != 0 {
		w.WriteHeader(got.Answered)
	}
}

func (r *receiver) all() (got []Received, failed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Received(nil), r.got...), r.failed
}
