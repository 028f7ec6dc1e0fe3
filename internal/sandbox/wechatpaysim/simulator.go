package wechatpaysim

import (
	"crypto/rsa"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Channel is the channel's name.
const Channel = "wechatpay"

var _ sim.Simulator = (*Simulator)(nil)

// Simulator stands in for WeChat Pay.
type Simulator struct {
	env         sim.Env
	platform    platform
	platformKey *rsa.PrivateKey
	endpoints   []endpoint
	forger      func() (*rsa.PrivateKey, error) // a key that isn't the channel's

	wrongSignatures atomic.Int64 // sent so far
	links           parts.Links[billLink]
	accounts        *parts.Accounts[secrets, account]
	pages           parts.Pages
}

// New makes the simulator on the books' accounts and platform certificate, which it makes at the first start.
func New(env sim.Env) (*Simulator, error) {
	s := &Simulator{env: env, endpoints: endpoints(), forger: sync.OnceValues(keys.Generate)}
	s.links.Most = maxBillLinks
	var err error
	if s.platform, s.platformKey, err = openPlatform(env.Books, env.Now()); err != nil {
		return nil, err
	}
	s.pages = parts.Pages{Env: &s.env, Simulator: s, Open: s.openPage, Look: s.look, GoBack: s.goBack}
	if s.accounts, err = parts.LoadAccounts(env.Books, Channel, readyAccount); err != nil {
		return nil, err
	}
	return s, nil
}

// Channel is "wechatpay".
func (s *Simulator) Channel() string { return Channel }

// Handler serves the API and the payer's pages.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	for i := range s.endpoints {
		e := &s.endpoints[i]
		mux.HandleFunc(e.method+" "+e.path, func(w http.ResponseWriter, r *http.Request) { s.api(w, r, e) })
	}
	mux.HandleFunc("/v3/", func(w http.ResponseWriter, _ *http.Request) { s.refuse(w, noSuchAPI()) })
	mux.HandleFunc("GET "+h5Page, s.openLink)
	s.pages.Mount(mux)
	return sim.WithoutHead(mux)
}

// CanShow says why calls of an operation can't show a kind of fault.
func (s *Simulator) CanShow(op faults.Operation, kind faults.Kind) error {
	if kind == faults.RefuseConnection {
		return nil
	}
	for i := range s.endpoints {
		if e := &s.endpoints[i]; e.op == op && e.shows(kind) {
			return nil
		}
	}
	return parts.CannotShow(Channel, op, kind, map[faults.Kind]string{
		faults.EscapedSlashes: "signatures stand in a header, where nothing is escaped",
		faults.RefundAbnormal: "only refunds end so",
	})
}
