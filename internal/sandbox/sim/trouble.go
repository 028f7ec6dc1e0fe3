package sim

import (
	"net"
	"net/http"
	"time"
)

// The ways in which a call goes wrong that look alike at every channel.

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

// HTTP500 answers as a channel's web server that broke.
func HTTP500(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("Internal Server Error\n"))
}

// HTML502 answers as a proxy before the channel that couldn't reach it.
func HTML502(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n" +
		"<hr><center>Tengine</center>\r\n</body>\r\n</html>\r\n"))
}
