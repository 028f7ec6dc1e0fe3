package unionpaysim

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// pfxPassword is the one that UnionPay's test files have; it guards a key made for the sandbox.
const pfxPassword = "000000"

// secrets is what the books keep of an account; all of it is made for the sandbox.
type secrets struct {
	Cert string `json:"cert"` // the merchant's
	PFX  string `json:"pfx"`  // the merchant's key and certificates, base64
}

// account is one merchant, ready for use.
type account struct {
	secrets
	merID  string
	certID string // the serial of the merchant's certificate, in decimal
	cert   *x509.Certificate
	recent parts.Recent[fields]
	asked  *refundNumbers
}

// OpenAccount makes another merchant with a key of its own.
func (s *Simulator) OpenAccount(context.Context) (string, error) {
	merID := "777" + keys.Digits(12)
	made, err := s.newSecrets(merID)
	if err != nil {
		return "", fmt.Errorf("open a unionpay account: %w", err)
	}
	return merID, s.accounts.Open(merID, made, s.env.Now())
}

func (s *Simulator) newSecrets(merID string) (secrets, error) {
	key, err := keys.Generate()
	if err != nil {
		return secrets{}, err
	}
	text, err := s.authority.issue("041@Z2026-11-21@"+merID+":SIGN@00000001", &key.PublicKey, s.env.Now())
	if err != nil {
		return secrets{}, err
	}
	cert, err1 := keys.ParseCertificatePEM(text)
	middle, err2 := keys.ParseCertificatePEM(s.authority.MiddleCert)
	root, err3 := keys.ParseCertificatePEM(s.authority.RootCert)
	if err := errors.Join(err1, err2, err3); err != nil {
		return secrets{}, err
	}
	// The old algorithms are those that every merchant's library reads, without a legacy provider too.
	pfx, err := pkcs12.LegacyDES.Encode(key, cert, []*x509.Certificate{middle, root}, pfxPassword)
	if err != nil {
		return secrets{}, fmt.Errorf("write the merchant's .pfx: %w", err)
	}
	return secrets{Cert: text, PFX: base64.StdEncoding.EncodeToString(pfx)}, nil
}

// readyAccount reads what the books keep of an account.
func readyAccount(stored books.Account, sec secrets) (*account, error) {
	cert, err := keys.ParseCertificatePEM(sec.Cert)
	if err != nil {
		return nil, err
	}
	return &account{
		secrets: sec, merID: stored.ID, certID: cert.SerialNumber.String(), cert: cert, asked: newRefundNumbers(),
	}, nil
}

// Credentials answers what a merchant has to configure.
func (s *Simulator) Credentials(merID string) (sim.Credentials, error) {
	a, err := s.accounts.Get(merID)
	if err != nil {
		return sim.Credentials{}, err
	}
	return sim.Credentials{UnionPay: &sim.UnionPay{
		BaseURL: s.env.ChannelBase, MerID: merID, PFXBase64: a.PFX, PFXPassword: pfxPassword,
		RootCert: s.authority.RootCert, MiddleCert: s.authority.MiddleCert, SignCert: s.authority.SignCert,
	}}, nil
}
