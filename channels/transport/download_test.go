package transport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/transport"
)

func downloading(t *testing.T, limits transport.Limits, most int64, serve http.HandlerFunc) (transport.Answer, string, error) {
	t.Helper()
	srv := httptest.NewServer(serve)
	t.Cleanup(srv.Close)
	var out bytes.Buffer
	a, err := transport.New(limits, nil).Download(t.Context(), transport.Request{Method: http.MethodGet, URL: srv.URL, MaxAnswer: most}, &out)
	return a, out.String(), err
}

func TestDownload(t *testing.T) {
	large := strings.Repeat("0123456789", 400_000) // beyond the cap of an ordinary answer
	a, got, err := downloading(t, transport.Limits{}, int64(len(large)), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Kind", "bill")
		_, _ = io.WriteString(w, large)
	})
	if err != nil || a.Status != http.StatusOK || a.Header.Get("X-Kind") != "bill" || got != large || a.Body != nil {
		t.Errorf("%d bytes of %d, status %d, %v", len(got), len(large), a.Status, err)
	}
}

// TestDownload_OtherStatuses: what is no file is given back and not copied; a
// redirect is not followed.
func TestDownload_OtherStatuses(t *testing.T) {
	for _, status := range []int{http.StatusFound, http.StatusNoContent, http.StatusForbidden, http.StatusInternalServerError} {
		a, got, err := downloading(t, transport.Limits{}, 100, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			if status != http.StatusNoContent {
				_, _ = io.WriteString(w, "why not")
			}
		})
		if err != nil || a.Status != status || got != "" || (status != http.StatusNoContent && string(a.Body) != "why not") {
			t.Errorf("status %d: %+v %q %v", status, a, got, err)
		}
	}
}

func TestDownload_Cap(t *testing.T) {
	_, got, err := downloading(t, transport.Limits{}, 10, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "01234567890") })
	if !errors.Is(err, transport.ErrAnswerTooLarge) || outcome(t, err) != channels.Unknown || len(got) > 11 {
		t.Errorf("%q %v", got, err)
	}
}

func TestDownload_CutOff(t *testing.T) {
	_, _, err := downloading(t, transport.Limits{}, 100, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "20")
		_, _ = io.WriteString(w, "0123456789")
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) || outcome(t, err) != channels.Unknown {
		t.Error(err)
	}
}

// TestDownload_Stalled: what brings nothing more ends long before the deadline
// of the whole download.
func TestDownload_Stalled(t *testing.T) {
	_, _, err := downloading(t, transport.Limits{Stall: 50 * time.Millisecond}, 100, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "0123456789")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	if !errors.Is(err, transport.ErrStalled) {
		t.Error(err)
	}
}

func TestDownload_Canceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "0123456789")
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}))
	defer srv.Close()
	_, err := transport.New(transport.Limits{}, nil).Download(ctx, transport.Request{Method: http.MethodGet, URL: srv.URL, MaxAnswer: 100}, io.Discard)
	if !errors.Is(err, context.Canceled) || outcome(t, err) != channels.Unknown {
		t.Error(err)
	}
}

func TestDownload_RefusedDial(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	_, err := transport.New(transport.Limits{}, nil).Download(t.Context(), transport.Request{Method: http.MethodGet, URL: srv.URL, MaxAnswer: 100}, io.Discard)
	if outcome(t, err) != channels.NotProcessed {
		t.Error(err)
	}
}

type failingWriter struct{}

var errDisk = errors.New("disk is full")

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }

func TestDownload_WriterFails(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "0123456789") }))
	defer srv.Close()
	_, err := transport.New(transport.Limits{}, nil).Download(t.Context(), transport.Request{Method: http.MethodGet, URL: srv.URL, MaxAnswer: 100}, failingWriter{})
	if err != errDisk { //nolint:errorlint // exactly the same is promised
		t.Error(err)
	}
}
