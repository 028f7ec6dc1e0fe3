package servers

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"net"
	"strconv"
)

// Servers get ports below the range from which systems take the local ports of
// outgoing connections (Linux: 32768 and up, others: 49152 and up). So the
// port of a stopped server isn't taken by a client that happens to connect
// somewhere.
const (
	firstPort = 15000
	lastPort  = 31999
	portTries = 200
)

var errNoPort = errors.New("no free port found")

func freeAddr() (string, error) {
	var listen net.ListenConfig
	for range portTries {
		n, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort+1))
		if err != nil {
			return "", err
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.FormatInt(firstPort+n.Int64(), 10))
		l, err := listen.Listen(context.Background(), "tcp", addr)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return "", err
		}
		return addr, nil
	}
	return "", errNoPort
}
