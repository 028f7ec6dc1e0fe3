package alipaysim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5" //nolint:gosec // the protocol's certificate numbers are MD5
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/paymux/paymux/internal/sandbox/keys"
)

const certificateYears = 20

// serialNumber is a certificate's number in the protocol: MD5 over the issuer, written as RFC 2253 has it, and the
// decimal serial.
func serialNumber(cert *x509.Certificate) string {
	sum := md5.Sum([]byte(cert.Issuer.String() + cert.SerialNumber.String())) //nolint:gosec // as the protocol has it
	return hex.EncodeToString(sum[:])
}

// authority is the sandbox's own certification authority in Alipay's place.
type authority struct {
	RootBundle string `json:"root_bundle"` // an ECDSA root first, which does not count in alipay_root_cert_sn, then the RSA root
	RootCert   string `json:"root_cert"`
	IssuerCert string `json:"issuer_cert"`
	IssuerKey  string `json:"issuer_key"`
}

func certificateName(commonName, unit string) pkix.Name {
	return pkix.Name{Country: []string{"CN"}, Organization: []string{"Paymux Sandbox"}, OrganizationalUnit: []string{unit}, CommonName: commonName}
}

func certificateTemplate(name pkix.Name, isCA bool, now time.Time) *x509.Certificate {
	serial := new(big.Int).SetBytes(keys.Bytes(16))
	t := &x509.Certificate{
		SerialNumber: serial, Subject: name, NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(certificateYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, BasicConstraintsValid: true, IsCA: isCA,
	}
	if isCA {
		t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	return t
}

func newAuthority(now time.Time) (authority, error) {
	rootKey, err1 := keys.Generate()
	issuerKey, err2 := keys.Generate()
	otherKey, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		return authority{}, err
	}
	other := certificateTemplate(certificateName("Paymux Sandbox Certification Authority E1", "Certification Authority"), true, now)
	otherDER, err := x509.CreateCertificate(rand.Reader, other, other, &otherKey.PublicKey, otherKey)
	if err != nil {
		return authority{}, fmt.Errorf("make the ECDSA root certificate: %w", err)
	}
	root := certificateTemplate(certificateName("Paymux Sandbox Certification Authority R1", "Certification Authority"), true, now)
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return authority{}, fmt.Errorf("make the root certificate: %w", err)
	}
	issuer := certificateTemplate(certificateName("Paymux Sandbox Class 2 R1", "Certification Authority"), true, now)
	issuerDER, err := x509.CreateCertificate(rand.Reader, issuer, root, &issuerKey.PublicKey, rootKey)
	if err != nil {
		return authority{}, fmt.Errorf("make the issuing certificate: %w", err)
	}
	keyPEM, err := keys.PrivatePEM(issuerKey)
	return authority{
		RootBundle: keys.CertificatePEM(otherDER) + keys.CertificatePEM(rootDER),
		RootCert:   keys.CertificatePEM(rootDER), IssuerCert: keys.CertificatePEM(issuerDER), IssuerKey: keyPEM,
	}, err
}

// issue makes a certificate for a key.
func (a authority) issue(name pkix.Name, key *rsa.PublicKey, now time.Time) (string, error) {
	issuer, err := keys.ParseCertificatePEM(a.IssuerCert)
	if err != nil {
		return "", err
	}
	issuerKey, err := keys.ParsePrivatePEM(a.IssuerKey)
	if err != nil {
		return "", err
	}
	leaf := certificateTemplate(name, false, now)
	leaf.NotAfter = issuer.NotAfter
	der, err := x509.CreateCertificate(rand.Reader, leaf, issuer, key, issuerKey)
	if err != nil {
		return "", fmt.Errorf("make a certificate: %w", err)
	}
	return keys.CertificatePEM(der), nil
}

func (a authority) rootSerialNumber() (string, error) {
	root, err := keys.ParseCertificatePEM(a.RootCert)
	if err != nil {
		return "", err
	}
	return serialNumber(root), nil
}
