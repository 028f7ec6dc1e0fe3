package sim

import (
	"net"
	"net/http"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
)

// The ways in which a call goes wrong that look alike at every channel.

// FirstCall decides what the amount of an order brings at the first call of its number.
func (e *Env) FirstCall(key books.Key, amount int64) (faults.Fault, bool, error) {
	fault, has := faults.MagicOf(amount).FirstCall()
	if !has {
		return faults.Fault{}, false, nil
	}
	first := false
	err := e.Books.Change(func(tx *books.Tx) error {
		first = tx.MarkOnce("magic/" + key.Channel + "/" + key.Account + "/" + key.OutTradeNo)
		return nil
	})
	return fault, first, err
}

// Fail ends a call at which the sandbox itself failed. It gets no answer at all, as nothing is known to be durable. It
// does not return normally.
func (e *Env) Fail(channel string, err error) {
	e.Logger.Error("the sandbox's own failure", "channel", channel, "error", err)
	panic(http.ErrAbortHandler)
}

// Hang holds a call without an answer until the client goes away, the limit passes or the sandbox stops; then the
// connection is closed. The request's body must have been read. It does not return normally.
func (e *Env) Hang(r *http.Request) {
	timer := time.NewTimer(e.HangLimit)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
	case <-timer.C:
	case <-e.Stopping:
	}
	panic(http.ErrAbortHandler)
}

// Wait holds a call back; a sandbox that stops ends it early.
func (e *Env) Wait(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.Stopping:
	}
}

// Reset breaks the connection off with a TCP reset. It does not return normally.
func Reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // close sends RST instead of FIN
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// Broken answers as a server that broke, if a fault is of such a kind; it reports whether it is.
func Broken(w http.ResponseWriter, kind faults.Kind) bool {
	switch kind {
	case faults.HTTP500:
		http500(w)
	case faults.HTML502:
		html502(w)
	default:
		return false
	}
	return true
}

// http500 answers as a channel's web server that broke.
func http500(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("Internal Server Error\n"))
}

// html502 answers as a proxy before the channel that couldn't reach it.
func html502(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n" +
		"<hr><center>Tengine</center>\r\n</body>\r\n</html>\r\n"))
}
