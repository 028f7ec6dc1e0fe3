package unionpay

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/paymux/paymux/channels/credentials"
)

// merchantKey is the key that signs requests and its certificate, whose serial
// number requests carry as certId. The faults hold nothing of the key.
func (c Config) merchantKey(given crypto.Signer) (crypto.Signer, *x509.Certificate, error) {
	signer, cert, err := c.configuredKey(given)
	if err != nil {
		return nil, nil, fmt.Errorf("unionpay credentials: %w", err)
	}
	public, err := credentials.PublicKey(signer.Public())
	if err != nil {
		return nil, nil, errors.New("unionpay credentials: the key that signs requests is not RSA of at least 2048 bits")
	}
	if !public.Equal(cert.PublicKey) {
		return nil, nil, errors.New("unionpay credentials: the merchant's certificate belongs to another key")
	}
	return signer, cert, nil
}

func (c Config) configuredKey(given crypto.Signer) (crypto.Signer, *x509.Certificate, error) {
	if c.PFXBase64 != "" {
		signer, cert, err := openPFX(c.PFXBase64, c.PFXPassword)
		if err != nil {
			return nil, nil, fmt.Errorf("pfx_base64 %w", err)
		}
		if given != nil {
			signer = given
		}
		return signer, cert, nil
	}
	cert, err := oneCertificate(c.MerchantCert)
	if err != nil {
		return nil, nil, fmt.Errorf("merchant_cert %w", err)
	}
	if given != nil {
		return given, cert, nil
	}
	key, err := parsePrivateKey(c.MerchantPrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("merchant_private_key %w", err)
	}
	return key, cert, nil
}

// openPFX reads a .pfx file with one key; certificates of the authority beside
// the merchant's are left aside, as trust is configured apart.
func openPFX(text, password string) (crypto.Signer, *x509.Certificate, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, nil, errors.New("is not base64")
	}
	key, cert, _, err := pkcs12.DecodeChain(raw, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, nil, errors.New("does not open with pfx_password")
	case err != nil:
		return nil, nil, errors.New("is not a PKCS#12 file with one key and its certificate")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, nil, errors.New("holds a key that cannot sign")
	}
	return signer, cert, nil
}

// parsePrivateKey reads PKCS#8 or PKCS#1 in PEM.
func parsePrivateKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("is not PEM")
	}
	return credentials.PrivateKey(block.Bytes)
}
