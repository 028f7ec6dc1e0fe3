package signing_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"os"
	"sync"
	"testing"
)

// This file makes signatures and keys that the package itself refuses to make.

var parseWeakRSA = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	text, err := os.ReadFile("testdata/rsa1024-private.pem")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(*rsa.PrivateKey), nil
})

func weakRSA(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := parseWeakRSA()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rawSign(t testing.TB, signer crypto.Signer, text []byte) []byte {
	t.Helper()
	message, opts := text, crypto.SignerOpts(crypto.Hash(0))
	if _, ok := signer.Public().(ed25519.PublicKey); !ok {
		digest := sha256.Sum256(text)
		message, opts = digest[:], crypto.SHA256
	}
	signature, err := signer.Sign(rand.Reader, message, opts)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func mustSign(t testing.TB, digest []byte, opts crypto.SignerOpts) []byte {
	t.Helper()
	signature, err := exampleSigner(t, "merchant").Sign(rand.Reader, digest, opts)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}
