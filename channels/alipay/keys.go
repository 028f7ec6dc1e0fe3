package alipay

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"

	"github.com/paymux/paymux/channels/credentials"
)

// errBadSignature says nothing more on purpose: which key or text was tried is
// of use to a forger only.
var errBadSignature = errors.New("signature does not verify")

// verifier is one key of Alipay's that may sign; serial is empty for a key
// configured without a certificate.
type verifier struct {
	serial string
	key    *rsa.PublicKey
}

// keyRing holds every key that may have signed an answer or a notification.
// It never fetches one.
type keyRing struct {
	// bySerial: certificate mode, where messages name the key.
	bySerial  bool
	verifiers []verifier
}

// verify checks the signature over text. In certificate mode a serial that a
// message names must be a configured one and only its key counts; in
// public-key mode the name means nothing, as any key must be configured anyhow.
func (k keyRing) verify(serial string, text, signature []byte) error {
	digest := sha256.Sum256(text)
	for _, v := range k.verifiers {
		if k.bySerial && serial != "" && v.serial != serial {
			continue
		}
		if rsa.VerifyPKCS1v15(v.key, crypto.SHA256, digest[:], signature) == nil {
			return nil
		}
	}
	return errBadSignature
}

// parsePublicKey reads PKIX or PKCS#1, in PEM or in bare base64.
func parsePublicKey(text string) (*rsa.PublicKey, error) {
	der, err := credentials.DER(text)
	if err != nil {
		return nil, err
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		rsaKey, ok := key.(*rsa.PublicKey)
		if !ok {
			return nil, errors.New("is not an RSA key")
		}
		return rsaKey, nil
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return nil, errors.New("is not an RSA public key")
	}
	return key, nil
}
