package alipaysim

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Channel is the channel's name.
const Channel = "alipay"

const (
	gatewayPath      = "/gateway.do"
	settingAuthority = "alipay.authority"
)

var _ sim.Simulator = (*Simulator)(nil)

// Simulator stands in for Alipay.
type Simulator struct {
	env       sim.Env
	authority authority
	rootSN    string
	methods   map[string]method
	forger    func() (*rsa.PrivateKey, error) // a key that isn't the channel's
	links     parts.Links[billLink]
	accounts  *parts.Accounts[secrets, account]
	pages     parts.Pages
}

// New makes the simulator on the books' accounts and authority, which it makes at the first start.
func New(env sim.Env) (*Simulator, error) {
	s := &Simulator{env: env, methods: methods(), forger: sync.OnceValues(keys.Generate)}
	var err error
	s.authority, err = books.SettingOrNew(env.Books, settingAuthority, func() (authority, error) { return newAuthority(env.Now()) })
	if err != nil {
		return nil, fmt.Errorf("prepare alipay's certification authority: %w", err)
	}
	if s.rootSN, err = s.authority.rootSerialNumber(); err != nil {
		return nil, err
	}
	s.pages = parts.Pages{Env: &s.env, Simulator: s, Open: s.openCode, Look: s.look, GoBack: s.goBack}
	if s.accounts, err = parts.LoadAccounts(env.Books, Channel, readyAccount); err != nil {
		return nil, err
	}
	return s, nil
}

// Channel is "alipay".
func (s *Simulator) Channel() string { return Channel }

// Handler serves the gateway and the payer's pages.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+gatewayPath, s.gateway)
	mux.HandleFunc("POST "+gatewayPath, s.gateway)
	mux.HandleFunc("GET "+billPath, s.downloadBill)
	s.pages.Mount(mux)
	return sim.WithoutHead(mux)
}

// CanShow says why calls of an operation can't show a kind of fault.
func (s *Simulator) CanShow(op faults.Operation, kind faults.Kind) error {
	if kind == faults.RefuseConnection {
		return nil
	}
	for _, m := range s.methods {
		if m.op == op && m.shows(kind) {
			return nil
		}
	}
	return parts.CannotShow(Channel, op, kind, nil)
}

func newToken() string { return "bax" + base64.RawURLEncoding.EncodeToString(keys.Bytes(15)) }
