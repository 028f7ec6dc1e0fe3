package alipay

import (
	"crypto/md5" //nolint:gosec // Alipay defines serials of certificates by MD5; they name, they prove nothing.
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// certSN is Alipay's serial of a certificate: the MD5 of the issuer's name (RFC
// 2253 order) followed by the serial number in decimal, in lower-case hex.
func certSN(c *x509.Certificate) string {
	sum := md5.Sum([]byte(c.Issuer.String() + c.SerialNumber.String())) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// rootCertSN joins the serials of the RSA roots of a bundle by "_". Go cannot
// parse the SM2 root in Alipay's bundle; it is no RSA root, so it is skipped.
func rootCertSN(bundle string) (string, []*x509.Certificate, error) {
	var serials []string
	var roots []*x509.Certificate
	for _, c := range parseableCertificates(bundle) {
		roots = append(roots, c)
		if isRSASigned(c) {
			serials = append(serials, certSN(c))
		}
	}
	if len(serials) == 0 {
		return "", nil, errors.New("holds no certificate signed with RSA")
	}
	return strings.Join(serials, "_"), roots, nil
}

// isRSASigned tells whether the signature algorithm is in the arc of RSA,
// 1.2.840.113549.1.1: only such roots count in alipay_root_cert_sn.
func isRSASigned(c *x509.Certificate) bool {
	return slices.Contains([]x509.SignatureAlgorithm{
		x509.MD5WithRSA, x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
	}, c.SignatureAlgorithm)
}

// parseableCertificates reads the certificates of a PEM text in order and
// skips what Go cannot parse.
func parseableCertificates(text string) []*x509.Certificate {
	var certs []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return certs
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			certs = append(certs, c)
		}
	}
}

// leafWithChain reads a PEM text whose first certificate is the leaf.
func leafWithChain(text string) (*x509.Certificate, []*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, nil, errors.New("is not a PEM certificate")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, errors.New("holds a certificate that cannot be parsed")
	}
	if _, ok := leaf.PublicKey.(*rsa.PublicKey); !ok {
		return nil, nil, errors.New("holds a certificate whose key is not RSA")
	}
	return leaf, parseableCertificates(text)[1:], nil
}

// verifyChain checks that Alipay's certificate comes from a configured root.
// An ended one stays usable for what is in flight (Alipay itself changes it in
// time, and its end is shown by Expiries), so the chain is checked at a time
// when the leaf was valid.
func verifyChain(leaf *x509.Certificate, chain, roots []*x509.Certificate, now time.Time) error {
	rootPool, middle := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range roots {
		rootPool.AddCert(c)
	}
	for _, c := range chain {
		middle.AddCert(c)
	}
	at := now
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         rootPool,
		Intermediates: middle,
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return fmt.Errorf("does not come from alipay_root_cert: %w", err)
	}
	return nil
}
