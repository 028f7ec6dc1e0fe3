package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/payerpage"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

const (
	maxControlBody = 1 << 20
	listedTrades   = 50 // on the sandbox's own page
)

// routes mounts the control API, the channels' pages and gateways, and the sandbox's own page.
func (s *Server) routes(mux *http.ServeMux) {
	for pattern, handle := range map[string]func(*http.Request) (int, any, error){
		"GET /_control/credentials":                   s.getCredentials,
		"POST /_control/accounts":                     s.postAccounts,
		"GET /_control/accounts":                      s.getAccounts,
		"GET /_control/trades":                        s.getTrades,
		"GET /_control/trades/{out_trade_no}":         s.getTrade,
		"POST /_control/pay":                          s.postPay,
		"POST /_control/trades/{out_trade_no}/pay":    s.postTradePay,
		"POST /_control/trades/{out_trade_no}/cancel": s.postTradeCancel,
		"POST /_control/trades/{out_trade_no}/notify": s.postTradeNotify,
		"GET /_control/faults":                        s.getFaults,
		"POST /_control/faults":                       s.postFaults,
		"DELETE /_control/faults":                     s.deleteFaults,
		"POST /_control/notifications":                s.postNotifications,
		"POST /_control/clock":                        s.postClock,
		"POST /_control/bills":                        s.postBills,
	} {
		mux.Handle(pattern, s.control(handle))
	}
	for _, c := range s.channels {
		prefix := "/" + c.Channel()
		mux.Handle(prefix+"/", http.StripPrefix(prefix, c.Handler()))
	}
	mux.HandleFunc("GET /{$}", s.ownPage)
}

// control turns what a control call answers into HTTP.
func (s *Server) control(handle func(*http.Request) (int, any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
		status, answer, err := handle(r)
		if err != nil {
			status = statusOf(err)
			answer = map[string]any{"status": status, "title": http.StatusText(status), "detail": err.Error()}
			w.Header().Set("Content-Type", "application/problem+json")
		} else {
			w.Header().Set("Content-Type", "application/json")
		}
		if answer == nil {
			w.WriteHeader(status)
			return
		}
		body, err := json.Marshal(answer)
		if err != nil {
			s.opts.Logger.Error("write a control answer", "error", err)
			http.Error(w, "the answer could not be written", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(append(body, '\n'))
	})
}

// errBadRequest marks what the caller of the control API got wrong.
var errBadRequest = errors.New("bad request")

func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errBadRequest, fmt.Errorf(format, args...))
}

func statusOf(err error) int {
	for _, known := range []struct {
		err    error
		status int
	}{
		{errBadRequest, http.StatusBadRequest},
		{sim.ErrBadAction, http.StatusBadRequest},
		{ErrUnknownChannel, http.StatusBadRequest},
		{sim.ErrNotFound, http.StatusNotFound},
		{books.ErrNotFound, http.StatusNotFound},
		{sim.ErrNotPossible, http.StatusConflict},
	} {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	return http.StatusInternalServerError
}

// readJSON reads a control call's body, whatever its Content-Type says; an empty body is an empty object. Unknown
// fields are refused, so that a misspelt one does not pass for a default.
func readJSON(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return badRequest("read the body: %w", err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return badRequest("the body is not what this call takes: %w", err)
	}
	if decoder.More() {
		return badRequest("the body holds more than one JSON value")
	}
	return nil
}

func (s *Server) knownChannel(name string) error {
	if _, ok := s.channel(name); !ok && name != "" {
		return badRequest("channel %q: %w", name, ErrUnknownChannel)
	}
	return nil
}

func (s *Server) getCredentials(*http.Request) (int, any, error) {
	return http.StatusOK, s.Credentials(), nil
}

func (s *Server) postAccounts(r *http.Request) (int, any, error) {
	var in struct {
		Channel string `json:"channel"`
	}
	if err := readJSON(r, &in); err != nil {
		return 0, nil, err
	}
	added, err := s.AddAccount(r.Context(), in.Channel)
	return http.StatusCreated, added, err
}

// getAccounts lists the accounts' credentials, oldest first.
func (s *Server) getAccounts(*http.Request) (int, any, error) {
	all := []Credentials{}
	for _, c := range s.channels {
		for _, a := range s.books.Accounts(c.Channel()) {
			one, err := c.Credentials(a.ID)
			if err != nil {
				return 0, nil, err
			}
			all = append(all, one)
		}
	}
	return http.StatusOK, map[string]any{"data": all}, nil
}

// ownPage lists the latest trades, each with the page at which its payer can act.
func (s *Server) ownPage(w http.ResponseWriter, r *http.Request) {
	trades, err := s.books.Trades(nil)
	if err != nil {
		http.Error(w, "the books cannot be read", http.StatusInternalServerError)
		return
	}
	rows := []payerpage.Row{}
	for i := range trades[:min(len(trades), listedTrades)] {
		t := &trades[i]
		row := payerpage.Row{Channel: t.Channel, Number: t.OutTradeNo, Status: string(t.Status), Amount: t.Amount, Currency: t.Currency}
		if c, ok := s.channel(t.Channel); ok && t.Open() {
			row.URL = c.PayerURL(t)
		}
		rows = append(rows, row)
	}
	payerpage.WriteList(w, r, rows)
}
