package credentials

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
)

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func asPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestSigner(t *testing.T) {
	good, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bare := base64.StdEncoding.EncodeToString(pkcs8(t, good))
	for name, text := range map[string]string{
		"PKCS#8":        asPEM(pkcs8(t, good)),
		"PKCS#1":        asPEM(x509.MarshalPKCS1PrivateKey(good)),
		"bare":          bare,
		"bare in lines": "\n" + bare[:64] + "\r\n" + bare[64:] + " \n",
	} {
		if signer, err := Signer("demo", "key", text, nil); err != nil || !good.Equal(signer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if signer, err := Signer("demo", "key", "", good); err != nil || signer != crypto.Signer(good) {
		t.Errorf("a given one: %v", err)
	}
	for name, tt := range map[string]struct {
		text  string
		given crypto.Signer
		want  string
	}{
		"none":        {"", nil, "demo credentials: key is missing"},
		"no key":      {asPEM([]byte("secret")), nil, "demo credentials: key is neither a PKCS#8 nor a PKCS#1 private key"},
		"no base64":   {"secret!", nil, "demo credentials: key is neither PEM nor base64"},
		"blank":       {" \n", nil, "demo credentials: key is neither PEM nor base64"},
		"curve":       {asPEM(pkcs8(t, curve)), nil, "demo credentials: key is not an RSA key"},
		"short":       {asPEM(pkcs8(t, short)), nil, "demo credentials: key is shorter than 2048 bits"},
		"given curve": {"", curve, "demo credentials: the key that signs requests is not RSA"},
		"given short": {"", short, "demo credentials: key is shorter than 2048 bits"},
	} {
		signer, err := Signer("demo", "key", tt.text, tt.given)
		if signer != nil || err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %q, want %q", name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the fault quotes the text: %v", name, err)
		}
	}
}

// FuzzPrivateKey: what is read is a key, and a fault quotes nothing of the text.
func FuzzPrivateKey(f *testing.F) {
	f.Add("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Add("MIIBOgIBAAJBAL")
	f.Add("bm90IGEga2V5")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := privateKey(text)
		if (key == nil) == (err == nil) {
			t.Fatalf("key %v, error %v", key != nil, err)
		}
		if len(text) > 80 && err != nil && strings.Contains(err.Error(), text) {
			t.Errorf("the fault quotes the text: %v", err)
		}
	})
}
