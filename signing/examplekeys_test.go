package signing_test

import (
	"crypto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/signing"
)

const exampleFolder = "../certs.example"

// goldenTime is the clock of every deterministic test.
var goldenTime = time.Unix(1763700000, 0).UTC()

func exampleFile(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(exampleFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func exampleSigner(t testing.TB, name string) crypto.Signer {
	t.Helper()
	key, err := signing.ParsePrivateKeyPEM(exampleFile(t, name+"-private.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func examplePlatformKey(t testing.TB, name string) signing.PlatformKey {
	t.Helper()
	key, err := signing.NewPlatformKey(exampleSigner(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func exampleRing(t testing.TB) *signing.KeyRing {
	t.Helper()
	ring, err := signing.NewKeyRing(examplePlatformKey(t, "platform-ed25519"), examplePlatformKey(t, "platform-rsa2"))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestExampleKeys_BelongTogether(t *testing.T) {
	for name, alg := range map[string]signing.Algorithm{
		"merchant": signing.RSA2, "platform-rsa2": signing.RSA2, "platform-ed25519": signing.Ed25519,
	} {
		signer := exampleSigner(t, name)
		pub, err := signing.ParsePublicKeyPEM(exampleFile(t, name+"-public.pem"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if signing.Serial(pub) != signing.Serial(signer.Public()) {
			t.Errorf("%s: the public file is not the private file's other half", name)
		}
		if got, err := signing.AlgorithmOf(pub); got != alg || err != nil {
			t.Errorf("%s: algorithm %q, %v, want %q", name, got, err, alg)
		}
	}
	readme := string(exampleFile(t, "README.md"))
	for _, name := range []string{"merchant", "platform-rsa2", "platform-ed25519"} {
		if serial := signing.Serial(exampleSigner(t, name).Public()); !strings.Contains(readme, serial) {
			t.Errorf("the README lacks the serial %s of %s", serial, name)
		}
	}
	cert, err := signing.ParsePublicKeyPEM(exampleFile(t, "merchant-certificate.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if signing.Serial(cert) != signing.Serial(exampleSigner(t, "merchant").Public()) {
		t.Error("the certificate's key is not the merchant's")
	}
}
