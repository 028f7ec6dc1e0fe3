//go:build unix

package listen

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// reserve binds an address without listening: connections to it are refused, and no outgoing connection is given its
// port.
func reserve(address string) (func(), error) {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reserve %s: %w", address, err)
	}
	family, sockaddr := syscall.AF_INET6, syscall.Sockaddr(nil)
	if ip := tcp.IP.To4(); ip != nil {
		family, sockaddr = syscall.AF_INET, &syscall.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip)}
	} else {
		six := &syscall.SockaddrInet6{Port: tcp.Port}
		copy(six.Addr[:], tcp.IP.To16())
		sockaddr = six
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	syscall.CloseOnExec(fd)
	release := func() { _ = syscall.Close(fd) }
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		release()
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, sockaddr); err != nil {
		release()
		return nil, os.NewSyscallError("bind", err)
	}
	return release, nil
}
