package transport

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
)

// errSealed ends a write that comes after its request was given up.
var errSealed = errors.New("connection is sealed: its request was given up before the first byte")

// The phases of one request on a connection. HTTP/1.1 without pipelining has
// one request at a time, so one word for each connection is enough.
const (
	phaseIdle int32 = iota
	phaseWritten
	phaseSealed
)

// provenConn knows whether the present request has written anything, and can
// be sealed so that it never will. Over TLS it wraps the TLS connection, so
// that the bytes of the handshake do not count.
type provenConn struct {
	net.Conn
	// socket is the TCP connection below; nil where there is none to look at.
	socket syscall.Conn
	phase  atomic.Int32
	// reused is set when a second request is given the connection.
	reused atomic.Bool
}

// begin starts a request on the connection. One that was pooled and has been
// closed by the channel meanwhile is sealed at once: writing to it would
// succeed, be read by nobody, and leave the call's outcome in doubt.
func (c *provenConn) begin(reused bool) {
	c.reused.Store(reused)
	if reused && c.socket != nil && isDead(c.socket) {
		c.phase.Store(phaseSealed)
		return
	}
	c.phase.Store(phaseIdle)
}

// seal forbids the request's first byte. It reports true when none was written
// and none will be. The writer runs in net/http's own goroutine, so looking at
// a counter would not do: the byte could leave right after the look.
func (c *provenConn) seal() bool {
	return c.phase.CompareAndSwap(phaseIdle, phaseSealed) || c.phase.Load() == phaseSealed
}

// Write passes on to the connection unless it is sealed.
func (c *provenConn) Write(p []byte) (int, error) {
	first := c.phase.CompareAndSwap(phaseIdle, phaseWritten)
	if !first && c.phase.Load() == phaseSealed {
		return 0, errSealed
	}
	n, err := c.Conn.Write(p)
	if first && n == 0 && err != nil {
		// The kernel took nothing (over TLS: no complete record).
		c.phase.Store(phaseIdle)
	}
	return n, err
}
