package unionpaysim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
)

const (
	certificateYears = 20
	caSerialBytes    = 9
	// channelName is the subject of UnionPay's own certificate; its third part is what merchants check.
	channelName = "041@8310000000083040@中国银联股份有限公司@00016495"
)

// authority is the sandbox's own certification authority in the place of the one that UnionPay uses, and UnionPay's
// certificate under it. Merchants' certificates are issued by the same middle certificate.
type authority struct {
	RootCert   string `json:"root_cert"`
	MiddleCert string `json:"middle_cert"`
	MiddleKey  string `json:"middle_key"`
	SignCert   string `json:"sign_cert"`
	SignKey    string `json:"sign_key"`
}

// openAuthority reads the authority from the books, and makes it at the first start.
func openAuthority(store *books.Store, now time.Time) (authority, error) {
	a, err := books.SettingOrNew(store, settingAuthority, func() (authority, error) { return newAuthority(now) })
	if err != nil {
		return authority{}, fmt.Errorf("prepare unionpay's certification authority: %w", err)
	}
	return a, nil
}

func newAuthority(now time.Time) (authority, error) {
	rootKey, err1 := keys.Generate()
	middleKey, err2 := keys.Generate()
	signKey, err3 := keys.Generate()
	if err := errors.Join(err1, err2, err3); err != nil {
		return authority{}, err
	}
	root := caTemplate("Paymux Sandbox CS CA", now)
	rootCert, err := makeCertificate(root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return authority{}, err
	}
	middleCert, err := makeCertificate(caTemplate("Paymux Sandbox OCA1", now), root, &middleKey.PublicKey, rootKey)
	if err != nil {
		return authority{}, err
	}
	a := authority{RootCert: rootCert, MiddleCert: middleCert}
	a.MiddleKey, err1 = keys.PrivatePEM(middleKey)
	a.SignKey, err2 = keys.PrivatePEM(signKey)
	if err := errors.Join(err1, err2); err != nil {
		return authority{}, err
	}
	a.SignCert, err = a.issue(channelName, &signKey.PublicKey, now)
	return a, err
}

func caTemplate(name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(keys.Bytes(caSerialBytes)),
		Subject:      pkix.Name{Country: []string{"CN"}, Organization: []string{"Paymux Sandbox"}, CommonName: name},
		NotBefore:    now.AddDate(0, 0, -1), NotAfter: now.AddDate(certificateYears, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
}

// issue makes a certificate for a key. Its serial has eleven digits, as those at the channel.
func (a authority) issue(name string, key *rsa.PublicKey, now time.Time) (string, error) {
	middle, err := keys.ParseCertificatePEM(a.MiddleCert)
	if err != nil {
		return "", err
	}
	middleKey, err := keys.ParsePrivatePEM(a.MiddleKey)
	if err != nil {
		return "", err
	}
	serial, _ := new(big.Int).SetString("6"+keys.Digits(10), 10)
	return makeCertificate(&x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			Country: []string{"CN"}, Organization: []string{"Paymux Sandbox OCA1"},
			OrganizationalUnit: []string{"Local RA", "Enterprises"}, CommonName: name,
		},
		NotBefore: now.AddDate(0, 0, -1), NotAfter: middle.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
	}, middle, key, middleKey)
}

// stranger is another customer of the same authority: its certificate has the right chain and the wrong name.
func (a authority) stranger(now time.Time) (signer, error) {
	key, err := keys.Generate()
	if err != nil {
		return signer{}, err
	}
	cert, err := a.issue("041@Z2026-11-21@000000000000000:SIGN@00000002", &key.PublicKey, now)
	return newSigner(key, cert), err
}

func makeCertificate(template, parent *x509.Certificate, key *rsa.PublicKey, parentKey *rsa.PrivateKey) (string, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, parentKey)
	if err != nil {
		return "", fmt.Errorf("make the certificate of %s: %w", template.Subject.CommonName, err)
	}
	return keys.CertificatePEM(der), nil
}
