package signing_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/paymux/paymux/signing"
)

func needOpenSSL(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("SKIPPED: openssl is not installed, the signatures are NOT checked by a second implementation")
	}
}

// OpenSSL is the second judge: it verifies our golden signatures, and for RSA
// makes the same bytes from the same text.
func TestOpenSSL_AgreesWithGolden(t *testing.T) {
	needOpenSSL(t)
	v := loadVectors(t)
	for _, r := range v.Requests {
		folder := opensslFolder(t, r.Text, r.Signature)
		openssl(t, folder, true, "dgst", "-sha256", "-verify", absolute(t, "merchant-public.pem"), "-signature", "signature", "text")
		openssl(t, folder, true, "dgst", "-sha256", "-sign", absolute(t, "merchant-private.pem"), "-out", "theirs", "text")
		theirs, err := os.ReadFile(filepath.Join(folder, "theirs"))
		if err != nil {
			t.Fatal(err)
		}
		if base64.StdEncoding.EncodeToString(theirs) != r.Signature {
			t.Errorf("%s: openssl signs otherwise", r.Name)
		}
		// The judge can say no.
		spoilt := opensslFolder(t, r.Text+"\n", r.Signature)
		openssl(t, spoilt, false, "dgst", "-sha256", "-verify", absolute(t, "merchant-public.pem"), "-signature", "signature", "text")
	}
	for _, a := range v.Answers {
		folder := opensslFolder(t, a.Text, a.Signature)
		pub := absolute(t, a.Key+"-public.pem")
		if a.Key == "platform-ed25519" {
			openssl(t, folder, true, "pkeyutl", "-verify", "-pubin", "-inkey", pub, "-rawin", "-in", "text", "-sigfile", "signature")
			continue
		}
		openssl(t, folder, true, "dgst", "-sha256", "-verify", pub, "-signature", "signature", "text")
	}
}

// Keys that OpenSSL makes, in each form that it writes, are read here.
func TestOpenSSL_KeysAreRead(t *testing.T) {
	needOpenSSL(t)
	folder := t.TempDir()
	openssl(t, folder, true, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "pkcs8")
	openssl(t, folder, true, "rsa", "-in", "pkcs8", "-traditional", "-out", "pkcs1")
	openssl(t, folder, true, "rsa", "-in", "pkcs8", "-pubout", "-out", "pkix")
	openssl(t, folder, true, "rsa", "-in", "pkcs8", "-RSAPublicKey_out", "-out", "pkcs1pub")
	openssl(t, folder, true, "req", "-x509", "-key", "pkcs8", "-subj", "/CN=x", "-out", "certificate")
	openssl(t, folder, true, "pkcs8", "-topk8", "-in", "pkcs8", "-passout", "pass:x", "-out", "protected")
	serials := map[string]bool{}
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, name := range []string{"pkcs8", "pkcs1"} {
		key, err := signing.ParsePrivateKeyPEM(read(name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		serials[signing.Serial(key.Public())] = true
	}
	for _, name := range []string{"pkix", "pkcs1pub", "certificate"} {
		key, err := signing.ParseRequestKeyPEM(read(name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		serials[signing.Serial(key)] = true
	}
	if len(serials) != 1 {
		t.Errorf("one key has the serials %v", serials)
	}
	if _, err := signing.ParsePrivateKeyPEM(read("protected")); err == nil {
		t.Error("a protected key is read")
	}
}

func opensslFolder(t *testing.T, text, signature string) string {
	t.Helper()
	folder := t.TempDir()
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"text": []byte(text), "signature": raw} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func openssl(t *testing.T, folder string, want bool, arguments ...string) {
	t.Helper()
	got := runCommand(t, folder, nil, append([]string{"openssl"}, arguments...))
	if (got.err == nil) != want {
		t.Fatalf("openssl %v: %v\n%s%s", arguments, got.err, got.stdout, got.stderr)
	}
}
