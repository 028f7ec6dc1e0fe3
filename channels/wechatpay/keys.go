package wechatpay

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"

	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"github.com/paymux/paymux/channels/credentials"
)

// parsePublicKey reads a PKIX key, in PEM or in bare base64.
func parsePublicKey(text string) (*rsa.PublicKey, error) {
	der, err := credentials.DER(text)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("is not a public key")
	}
	return credentials.PublicKey(key)
}

// parseCertificate reads a PEM certificate of WeChat Pay's and gives the key
// that it stands for, under its serial.
func parseCertificate(text string) (id string, key ringKey, err error) {
	cert, err := utils.LoadCertificate(text)
	if err != nil {
		return "", ringKey{}, errors.New("is not a PEM certificate")
	}
	public, err := credentials.PublicKey(cert.PublicKey)
	if err != nil {
		return "", ringKey{}, err
	}
	return utils.GetCertificateSerialNumber(*cert),
		ringKey{key: public, notBefore: cert.NotBefore.UTC(), notAfter: cert.NotAfter.UTC()}, nil
}
