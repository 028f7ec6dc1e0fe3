package unionpaysim

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// Channel is the channel's name.
const Channel = "unionpay"

const settingAuthority = "unionpay.authority"

var _ sim.Simulator = (*Simulator)(nil)

// Simulator stands in for UnionPay.
type Simulator struct {
	env          sim.Env
	authority    authority
	signer       signer // UnionPay's own: one for all merchants
	transactions []*transaction
	forger       func() (signer, error)
	accounts     *parts.Accounts[secrets, account]
	pages        parts.Pages
}

// New makes the simulator on the books' accounts and authority, which it makes at the first start.
func New(env sim.Env) (*Simulator, error) {
	s := &Simulator{env: env, transactions: transactions()}
	var err error
	if s.authority, err = openAuthority(env.Books, env.Now()); err != nil {
		return nil, err
	}
	key, err := keys.ParsePrivatePEM(s.authority.SignKey)
	if err != nil {
		return nil, fmt.Errorf("read unionpay's key: %w", err)
	}
	s.signer = newSigner(key, s.authority.SignCert)
	s.forger = sync.OnceValues(func() (signer, error) { return s.authority.stranger(env.Now()) })
	s.pages = parts.Pages{Env: &s.env, Simulator: s, Open: s.openToken, Look: s.look, GoBack: s.goBack}
	if s.accounts, err = parts.LoadAccounts(env.Books, Channel, readyAccount); err != nil {
		return nil, err
	}
	return s, nil
}

// Channel is "unionpay".
func (s *Simulator) Channel() string { return Channel }

// Handler serves the gateway and the payer's pages.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathFront, s.cashier)
	for _, path := range []string{pathBack, pathApp, pathQuery} {
		mux.HandleFunc("POST "+path, s.gateway)
	}
	mux.HandleFunc("POST "+pathFile+"{$}", s.gateway)
	s.pages.Mount(mux)
	for _, page := range []string{parts.CodePage, parts.CashierPage} {
		mux.HandleFunc("GET "+page+"{token}"+returnPage, s.showReturn)
	}
	return sim.WithoutHead(mux)
}

// CanShow says why calls of an operation can't show a kind of fault.
func (s *Simulator) CanShow(op faults.Operation, kind faults.Kind) error {
	if kind == faults.RefuseConnection && op != faults.Close {
		return nil
	}
	known := false
	for _, t := range s.transactions {
		if t.op != op && (t.name != nameQuery || op != faults.RefundQuery) {
			continue
		}
		known = true
		if t.shows(kind) {
			return nil
		}
	}
	if !known {
		return fmt.Errorf("unionpay has no call for %s, so that nothing could show %s", op, kind)
	}
	return parts.CannotShow(Channel, op, kind, map[faults.Kind]string{
		faults.Decline:        "only payments, refunds and undos are declined",
		faults.EscapedSlashes: "they are not JSON",
	})
}
