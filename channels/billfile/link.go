package billfile

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Links says which addresses in a channel's answers may be followed.
type Links struct {
	// base is the channel's own address.
	base *url.URL
	// hosts are further ones, in lower case.
	hosts []string
}

// NewLinks allows the host of base, the channel's address in the account's
// credentials, and the further hosts, with their ports where those are not the
// usual ones.
func NewLinks(base string, hosts []string) (Links, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return Links{}, errors.New("the channel's address cannot be used")
	}
	l := Links{base: u, hosts: []string{strings.ToLower(u.Host)}}
	for _, h := range hosts {
		l.hosts = append(l.hosts, strings.ToLower(h))
	}
	return l, nil
}

// errLink is the cause when a link cannot be followed. It names no more than
// the host: what follows it is a token.
var errLink = errors.New("the link of the bill is refused")

// Follow is the address to ask for a link. Links are followed on allowed hosts
// only, and over https unless the channel's own address is plain http: one that
// says http, as Alipay's documentation shows them, is asked for over https.
func (l Links) Follow(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%w: it is no address", errLink)
	case u.User != nil:
		return nil, fmt.Errorf("%w: it names a user", errLink)
	case !slices.Contains(l.hosts, strings.ToLower(u.Host)):
		return nil, fmt.Errorf("%w: host %q is none that bills may come from; if it is the channel's, add it to bill_hosts of the account", errLink, clipHost(u.Host))
	}
	if l.base.Scheme != "http" {
		u.Scheme = "https"
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// maxHost is how much of a foreign host an error shows.
const maxHost = 100

func clipHost(host string) string {
	if len(host) > maxHost {
		return host[:maxHost] + "…"
	}
	return host
}

// CheckHosts says what is wrong with a list of hosts in credentials.
func CheckHosts(hosts []string) error {
	const most = 16
	if len(hosts) > most {
		return fmt.Errorf("bill_hosts has more than %d hosts", most)
	}
	for _, h := range hosts {
		u, err := url.Parse("https://" + h)
		if err != nil || u.Host != h || u.Hostname() == "" {
			return fmt.Errorf("bill_hosts: %q is no host, nor host:port", clipHost(h))
		}
	}
	return nil
}
