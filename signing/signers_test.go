package signing_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/paymux/paymux/signing"
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

// remoteSigner stands for a KMS or an HSM: only the interface is known, the
// key itself cannot be reached, and it may fail.
type remoteSigner struct {
	behind crypto.Signer
	fail   error
}

func (s remoteSigner) Public() crypto.PublicKey { return s.behind.Public() }

func (s remoteSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	return s.behind.Sign(random, digest, opts)
}

func TestSign_RemoteSigner(t *testing.T) {
	for _, name := range []string{"platform-rsa2", "platform-ed25519"} {
		local := examplePlatformKey(t, name)
		remote, err := signing.NewPlatformKey(remoteSigner{behind: local.Signer})
		if err != nil {
			t.Fatal(err)
		}
		want, err := signing.SignAnswer(local, goldenTime, goodNonce, 200, answerBody)
		if err != nil {
			t.Fatal(err)
		}
		got, err := signing.SignAnswer(remote, goldenTime, goodNonce, 200, answerBody)
		if err != nil || got != want {
			t.Errorf("%s: signed %+v, %v, want %+v", name, got, err, want)
		}
		gone := errors.New("the HSM does not answer")
		remote.Signer = remoteSigner{behind: local.Signer, fail: gone}
		if got, err := signing.SignAnswer(remote, goldenTime, goodNonce, 200, answerBody); !errors.Is(err, gone) || got.Signature != "" {
			t.Errorf("%s: signed %+v, %v", name, got, err)
		}
	}
}
