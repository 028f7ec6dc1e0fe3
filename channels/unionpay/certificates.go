package unionpay

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // UnionPay's authority signs certificates with SHA-1 to this day.
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/paymux/paymux/channels/credentials"
)

// The third part of the common name of UnionPay's signing certificates, for
// instance 041@8310000000083040@中国银联股份有限公司@00016495. At the test
// gateway it was testCN until 2020; certificates of merchants there have
// another one, for instance 700000000000001:SIGN.
const (
	productionCN = "中国银联股份有限公司"
	testCN       = "00040000:SIGN"
)

var (
	errNoCertificate = errors.New("message brings no certificate")
	errChain         = errors.New("the message's certificate does not come from middle_cert and root_cert")
	errOtherOwner    = errors.New("the message's certificate is not UnionPay's")
	errPeriod        = errors.New("the message's certificate, or one above it, is outside of its time")
)

// trust decides which certificates may sign messages to us.
type trust struct {
	middles, roots []*x509.Certificate
	allowTestCN    bool

	mu sync.Mutex
	// known are chains that were checked, by the exact text of the leaf; the
	// time is checked anew for each message. Only genuine ones get in, so there
	// are as many as UnionPay has.
	known map[string]chain
}

// chain is leaf, middle and root.
type chain [3]*x509.Certificate

// maxKnown bounds the memory of checked chains.
const maxKnown = 16

// signingKey gives the key of the certificate that a message brings, if that
// certificate is UnionPay's and in its time.
func (t *trust) signingKey(text string, now time.Time) (*rsa.PublicKey, error) {
	ch, err := t.chainOf(text)
	if err != nil {
		return nil, err
	}
	for _, c := range ch {
		if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			return nil, errPeriod
		}
	}
	return ch[0].PublicKey.(*rsa.PublicKey), nil //nolint:forcetypeassert // oneCertificate demands RSA
}

func (t *trust) chainOf(text string) (chain, error) {
	t.mu.Lock()
	ch, ok := t.known[text]
	t.mu.Unlock()
	if ok {
		return ch, nil
	}
	leaf, err := oneCertificate(text)
	if err != nil {
		return chain{}, errNoCertificate
	}
	if ch, err = t.build(leaf); err != nil {
		return chain{}, err
	}
	if !t.isUnionPay(leaf) {
		return chain{}, errOtherOwner
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= maxKnown {
		t.known = map[string]chain{}
	}
	t.known[strings.Clone(text)] = ch
	return ch, nil
}

func (t *trust) build(leaf *x509.Certificate) (chain, error) {
	for _, middle := range t.middles {
		if !signedBy(leaf, middle) {
			continue
		}
		for _, root := range t.roots {
			if signedBy(middle, root) {
				return chain{leaf, middle, root}, nil
			}
		}
	}
	return chain{}, errChain
}

// isUnionPay tells UnionPay's certificates from all others of the authority.
// There must be one common name: of several, readers take different ones.
func (t *trust) isUnionPay(leaf *x509.Certificate) bool {
	commonName := asn1.ObjectIdentifier{2, 5, 4, 3}
	names := 0
	for _, n := range leaf.Subject.Names {
		if n.Type.Equal(commonName) {
			names++
		}
	}
	parts := strings.Split(leaf.Subject.CommonName, "@")
	if names != 1 || len(parts) < 3 {
		return false
	}
	return parts[2] == productionCN || t.allowTestCN && parts[2] == testCN
}

// isAuthority tells whether a certificate may sign others.
func isAuthority(c *x509.Certificate) bool {
	return c.BasicConstraintsValid && c.IsCA && (c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageCertSign != 0)
}

// signedBy checks child's signature against parent's key. crypto/x509 refuses
// SHA-1, with which UnionPay's authority signs, so it is done here.
func signedBy(child, parent *x509.Certificate) bool {
	key, ok := parent.PublicKey.(*rsa.PublicKey)
	if !ok || !isAuthority(parent) || !bytes.Equal(child.RawIssuer, parent.RawSubject) {
		return false
	}
	var hash crypto.Hash
	var sum []byte
	switch tbs := child.RawTBSCertificate; child.SignatureAlgorithm {
	case x509.SHA1WithRSA:
		h := sha1.Sum(tbs) //nolint:gosec // see the import
		hash, sum = crypto.SHA1, h[:]
	case x509.SHA256WithRSA:
		h := sha256.Sum256(tbs)
		hash, sum = crypto.SHA256, h[:]
	case x509.SHA384WithRSA:
		h := sha512.Sum384(tbs)
		hash, sum = crypto.SHA384, h[:]
	case x509.SHA512WithRSA:
		h := sha512.Sum512(tbs)
		hash, sum = crypto.SHA512, h[:]
	default:
		return false
	}
	return rsa.VerifyPKCS1v15(key, hash, sum, child.Signature) == nil
}

// oneCertificate reads a text that is one PEM certificate and nothing else.
func oneCertificate(text string) (*x509.Certificate, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "-----BEGIN CERTIFICATE-----") || !strings.HasSuffix(text, "-----END CERTIFICATE-----") {
		return nil, errors.New("is not one PEM certificate and nothing else")
	}
	certs, err := allCertificates(text)
	if err != nil {
		return nil, err
	}
	if len(certs) != 1 {
		return nil, errors.New("holds more than one certificate")
	}
	return certs[0], nil
}

// allCertificates reads the certificates of a PEM text, each with an RSA key of
// at least 2048 bits. Text around them, as some tools write it, is left aside.
func allCertificates(text string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("holds something else than certificates")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a certificate that cannot be parsed")
		}
		if _, err := credentials.PublicKey(c.PublicKey); err != nil {
			return nil, errors.New("holds a certificate whose key is not RSA of at least 2048 bits")
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, errors.New("holds no PEM certificate")
	}
	return certs, nil
}
