package notify

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// ErrRefusedAddress: the webhook's address is one that the gateway does not
// connect to.
var ErrRefusedAddress = errors.New("address is refused")

// maxURLBytes bounds a notify_url: 512 characters of up to four bytes.
const maxURLBytes = 2048

// guard refuses addresses that are not globally routable. It looks at the
// address of each connection right before it is made, so neither a name that
// resolves differently the second time nor a spelling of an address helps.
type guard struct {
	addresses *ssrf.Guardian
	ports     map[uint16]bool
}

// newGuard makes a guard; no ports: any port.
func newGuard(allowLoopback bool, ports []uint16) *guard {
	options := []ssrf.Option{ssrf.WithNetworks("tcp4", "tcp6"), ssrf.WithAnyPort()}
	if allowLoopback {
		options = append(options,
			ssrf.WithAllowedV4Prefixes(netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8)),
			ssrf.WithAllowedV6Prefixes(netip.PrefixFrom(netip.IPv6Loopback(), 128)))
	}
	g := &guard{addresses: ssrf.New(options...)}
	if len(ports) > 0 {
		g.ports = make(map[uint16]bool, len(ports))
		for _, p := range ports {
			g.ports[p] = true
		}
	}
	return g
}

// control is the Control function of a net.Dialer.
func (g *guard) control(network, address string, conn syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: it cannot be read", ErrRefusedAddress)
	}
	if g.ports != nil && !g.ports[at.Port()] {
		return fmt.Errorf("%w: port %d is not allowed by the configuration", ErrRefusedAddress, at.Port())
	}
	if err := g.addresses.Safe(network, address, conn); err != nil {
		return fmt.Errorf("%w: %s is not globally routable", ErrRefusedAddress, at.Addr())
	}
	return nil
}

// checkURL refuses what no webhook may be sent to whatever it resolves to. The
// errors show no part of the URL but the host.
func (g *guard) checkURL(raw string) (*url.URL, error) {
	if len(raw) > maxURLBytes {
		return nil, fmt.Errorf("%w: the URL is longer than %d bytes", ErrRefusedAddress, maxURLBytes)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL cannot be read", ErrRefusedAddress)
	}
	host := u.Hostname()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: the URL is neither http nor https", ErrRefusedAddress)
	case u.User != nil:
		return nil, fmt.Errorf("%w: the URL holds user information", ErrRefusedAddress)
	case host == "" || u.Opaque != "":
		return nil, fmt.Errorf("%w: the URL names no host", ErrRefusedAddress)
	case disguisedNumber(host):
		return nil, fmt.Errorf("%w: the host is a number that is no IP address", ErrRefusedAddress)
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("%w: the port is not 1 to 65535", ErrRefusedAddress)
		}
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() != "" {
		return nil, fmt.Errorf("%w: the host names a network interface", ErrRefusedAddress)
	}
	return u, nil
}

// disguisedNumber tells whether a host's last label is a number although the
// host is no IP address in its usual form. Resolvers of operating systems take
// 2130706433, 0x7f.1 and 0177.0.0.1 for addresses (WHATWG URL, "ends in a
// number").
func disguisedNumber(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := strings.ToLower(labels[len(labels)-1])
	if isDigits(last) {
		return true
	}
	hex, ok := strings.CutPrefix(last, "0x")
	return ok && strings.Trim(hex, "0123456789abcdef") == ""
}
