package credentials

import (
	"errors"
	"net"
	"net/url"
)

// CheckAddress demands an absolute https address with nothing behind its path:
// refusals can come without a signature, and payers are sent there. A loopback
// address may be plain http.
func CheckAddress(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("must be an absolute https address")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("must have no user, query or fragment")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("must be https unless the address is loopback")
	}
	return nil
}
