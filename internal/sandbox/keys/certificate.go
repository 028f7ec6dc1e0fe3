package keys

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// CertificatePEM writes a certificate as PEM.
func CertificatePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// ParseCertificatePEM reads the first certificate of what CertificatePEM wrote.
func ParseCertificatePEM(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("a stored certificate is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read a stored certificate: %w", err)
	}
	return cert, nil
}
