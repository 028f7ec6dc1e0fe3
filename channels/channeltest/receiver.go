package channeltest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
)

// message is a callback as it came.
type message struct {
	header http.Header
	body   []byte
}

// receiver takes the callbacks of all orders. Each order has an address of its
// own, and every callback is acknowledged in the channel's words.
type receiver struct {
	server *httptest.Server
	mu     sync.Mutex
	boxes  map[string]chan message
}

// boxSize is more callbacks than a case ever causes for one order.
const boxSize = 64

func newReceiver(t *testing.T, ch channels.Channel) *receiver {
	r := &receiver{boxes: map[string]chan message{}}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		select {
		case r.box(path.Base(req.URL.Path)) <- message{header: req.Header.Clone(), body: body}:
		default:
		}
		ack := ch.Acknowledge(true)
		w.Header().Set("Content-Type", ack.ContentType)
		w.WriteHeader(ack.Status)
		_, _ = w.Write(ack.Body)
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) address(id string) string { return r.server.URL + "/notify/" + id }

func (r *receiver) box(id string) chan message {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.boxes[id] == nil {
		r.boxes[id] = make(chan message, boxSize)
	}
	return r.boxes[id]
}

// callbackLimit is how long a callback may take; the sandbox sends within 1 s.
const callbackLimit = 10 * time.Second

// next waits for an order's next callback.
func (r *receiver) next(t testing.TB, id string) message {
	t.Helper()
	timer := time.NewTimer(callbackLimit)
	defer timer.Stop()
	select {
	case m := <-r.box(id):
		return m
	case <-timer.C:
		t.Fatalf("no callback for %s within %v", id, callbackLimit)
		return message{}
	}
}
