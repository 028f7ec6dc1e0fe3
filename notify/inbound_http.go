package notify

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
)

// Serve answers POST /notify/{channel}/{account_id}; the route's parameters are
// given by whoever routes. The body's size is looked at before anything else.
func (in *Inbound) Serve(w http.ResponseWriter, r *http.Request, channel, accountID string) {
	answer := in.receive(w, r, channel, accountID)
	failpoint.Before(failpoint.CallbackAcknowledge)
	write(w, answer)
	failpoint.After(failpoint.CallbackAcknowledge)
}

func (in *Inbound) receive(w http.ResponseWriter, r *http.Request, channel, accountID string) channels.Acknowledgement {
	if r.ContentLength > in.cfg.MaxBody {
		return in.tooLarge(w)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, in.cfg.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return in.tooLarge(w)
	case err != nil:
		in.Observe("", ResultUnreadable)
		return plain(http.StatusBadRequest, "the body cannot be read")
	}
	return in.Handle(r.Context(), channel, accountID, r.Header, body)
}

func (in *Inbound) tooLarge(w http.ResponseWriter) channels.Acknowledgement {
	in.Observe("", ResultTooLarge)
	w.Header().Set("Connection", "close")
	return plain(http.StatusRequestEntityTooLarge, "the body is larger than "+strconv.FormatInt(in.cfg.MaxBody, 10)+" bytes")
}

func write(w http.ResponseWriter, a channels.Acknowledgement) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.Status)
	if len(a.Body) > 0 {
		// A channel that has gone sends the callback again.
		_, _ = w.Write(a.Body)
	}
}
