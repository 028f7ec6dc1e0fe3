package wechatpay

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// minKeyBits is the least RSA key: WECHATPAY2-SHA256-RSA2048.
const minKeyBits = 2048

// parsePrivateKey reads PKCS#8 or PKCS#1, in PEM or in bare base64. Its errors
// hold nothing of the key.
func parsePrivateKey(text string) (*rsa.PrivateKey, error) {
	der, err := keyBytes(text)
	if err != nil {
		return nil, err
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		rsaKey, ok := key.(*rsa.PrivateKey)
		if !ok {
			return nil, errors.New("is not an RSA key")
		}
		return rsaKey, nil
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, errors.New("is neither a PKCS#8 nor a PKCS#1 private key")
	}
	return key, nil
}

// parsePublicKey reads a PKIX key, in PEM or in bare base64.
func parsePublicKey(text string) (*rsa.PublicKey, error) {
	der, err := keyBytes(text)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("is not a public key")
	}
	return checkedKey(key)
}

func keyBytes(text string) ([]byte, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(der) == 0 {
		return nil, errors.New("is neither PEM nor base64")
	}
	return der, nil
}

func checkedKey(key any) (*rsa.PublicKey, error) {
	rsaKey, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("is not an RSA key")
	}
	if rsaKey.N.BitLen() < minKeyBits {
		return nil, errors.New("is shorter than 2048 bits")
	}
	return rsaKey, nil
}

// parseCertificate reads a PEM certificate of WeChat Pay's and gives the key
// that it stands for, under its serial.
func parseCertificate(text string) (id string, key ringKey, err error) {
	cert, err := utils.LoadCertificate(text)
	if err != nil {
		return "", ringKey{}, errors.New("is not a PEM certificate")
	}
	public, err := checkedKey(cert.PublicKey)
	if err != nil {
		return "", ringKey{}, err
	}
	return utils.GetCertificateSerialNumber(*cert),
		ringKey{key: public, notBefore: cert.NotBefore.UTC(), notAfter: cert.NotAfter.UTC()}, nil
}
