package adaptertest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
)

// PrivateKey makes an RSA key of 2048 bits, as PEM of PKCS#8.
func PrivateKey(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return PrivatePEM(key)
}

// PrivatePEM is a private key as PEM of PKCS#8.
func PrivatePEM(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// PublicPEM is a private key's public part as PEM of PKIX.
func PublicPEM(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// AuthCodes makes payers' codes: so many digits, of which the first are the
// channel's prefix.
func AuthCodes(prefix string, digits int) func() string {
	return func() string {
		code := make([]byte, digits)
		_, _ = rand.Read(code) // it never fails: a process without randomness ends
		for i := range code {
			code[i] = '0' + code[i]%10
		}
		copy(code, prefix)
		return string(code)
	}
}
