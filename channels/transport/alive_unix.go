//go:build unix

package transport

import (
	"errors"
	"syscall"
)

// isDead tells whether an idle connection was closed by the other side, or
// holds bytes that nobody asked for. It looks without taking anything: the
// reader of net/http is waiting on the same socket.
func isDead(conn syscall.Conn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	dead := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		// Nothing to read is what a living idle connection says; the end of
		// the stream, a reset and stray bytes are all no error of this kind.
		dead = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return dead || err != nil
}
