package signing_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/paymux/paymux/signing"
)

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func publicPEM(t testing.TB, pub crypto.PublicKey) []byte {
	t.Helper()
	text, err := signing.EncodePublicKeyPEM(pub)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPEM_RoundTrip(t *testing.T) {
	ed, err := signing.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	generated, err := signing.GenerateRSA(signing.MinRSABits)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{generated, ed} {
		text, err := signing.EncodePrivateKeyPEM(key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(text, []byte("-----BEGIN PRIVATE KEY-----\n")) {
			t.Errorf("private key is not PKCS#8: %.30s", text)
		}
		again, err := signing.ParsePrivateKeyPEM(text)
		if err != nil {
			t.Fatal(err)
		}
		pub, err := signing.ParsePublicKeyPEM(publicPEM(t, key.Public()))
		if err != nil {
			t.Fatal(err)
		}
		signature, err := signing.Sign(again, mustAlgorithm(t, pub), []byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		if err := signing.Verify(pub, []byte("text"), signature); err != nil {
			t.Errorf("%T: %v", key, err)
		}
		if err := signing.Verify(pub, []byte("texT"), signature); !errors.Is(err, signing.ErrSignature) {
			t.Errorf("%T: another text: %v", key, err)
		}
	}
}

func mustAlgorithm(t testing.TB, pub crypto.PublicKey) signing.Algorithm {
	t.Helper()
	alg, err := signing.AlgorithmOf(pub)
	if err != nil {
		t.Fatal(err)
	}
	return alg
}

func TestPEM_OtherForms(t *testing.T) {
	signer := exampleSigner(t, "merchant").(*rsa.PrivateKey)
	want := signing.Serial(signer.Public())
	pkcs1, err := signing.ParsePrivateKeyPEM(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(signer)))
	if err != nil || signing.Serial(pkcs1.Public()) != want {
		t.Errorf("PKCS#1 private: %v", err)
	}
	plain := publicPEM(t, signer.Public())
	for name, text := range map[string][]byte{
		"PKCS#1":      pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&signer.PublicKey)),
		"certificate": exampleFile(t, "merchant-certificate.pem"),
		"CR LF":       bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")),
		"BOM":         append([]byte("\uFEFF"), plain...),
		"blank lines": []byte("\n \n" + string(plain) + "\n\n"),
		"no last end": bytes.TrimSpace(plain),
	} {
		pub, err := signing.ParseRequestKeyPEM(text)
		if err != nil || signing.Serial(pub) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPEM_PublicRefused(t *testing.T) {
	good := publicPEM(t, exampleSigner(t, "merchant").Public())
	goodKey := exampleSigner(t, "merchant").Public().(*rsa.PublicKey)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	huge := new(big.Int).Lsh(big.NewInt(1), signing.MaxRSABits)
	huge.SetBit(huge, 0, 1)
	block, _ := pem.Decode(good)
	for name, v := range map[string]struct {
		text []byte
		want error
	}{
		"empty":               {nil, signing.ErrPEM},
		"no PEM":              {[]byte("ssh-rsa AAAA"), signing.ErrPEM},
		"DER":                 {block.Bytes, signing.ErrPEM},
		"text before":         {append([]byte("subject=x\n"), good...), signing.ErrPEM},
		"text behind":         {append(bytes.Clone(good), "x"...), signing.ErrPEM},
		"two keys":            {append(bytes.Clone(good), good...), signing.ErrPEM},
		"damaged then good":   {append([]byte("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n"), good...), signing.ErrPEM},
		"cut":                 {good[:len(good)-30], signing.ErrPEM},
		"damaged DER":         {pemOf("PUBLIC KEY", block.Bytes[:len(block.Bytes)-1]), signing.ErrPEM},
		"DER with a tail":     {pemOf("PUBLIC KEY", append(bytes.Clone(block.Bytes), 0)), signing.ErrPEM},
		"wrong label":         {pemOf("CERTIFICATE", block.Bytes), signing.ErrPEM},
		"unknown label":       {pemOf("SOMETHING", block.Bytes), signing.ErrPEM},
		"private key":         {exampleFile(t, "merchant-private.pem"), signing.ErrPEM},
		"too long":            {append(bytes.Clone(good), bytes.Repeat([]byte("\n"), signing.MaxPEMBytes)...), signing.ErrPEM},
		"RSA-1024":            {publicPEM(t, weakRSA(t).Public()), signing.ErrWeakKey},
		"RSA above the top":   {publicPEM(t, &rsa.PublicKey{N: huge, E: 65537}), signing.ErrWeakKey},
		"exponent 3":          {publicPEM(t, &rsa.PublicKey{N: goodKey.N, E: 3}), signing.ErrWeakKey},
		"exponent even":       {publicPEM(t, &rsa.PublicKey{N: goodKey.N, E: 65538}), signing.ErrWeakKey},
		"exponent one":        {publicPEM(t, &rsa.PublicKey{N: goodKey.N, E: 1}), signing.ErrWeakKey},
		"modulus even":        {publicPEM(t, &rsa.PublicKey{N: new(big.Int).Add(goodKey.N, big.NewInt(1)), E: 65537}), signing.ErrWeakKey},
		"ECDSA":               {publicPEM(t, curve.Public()), signing.ErrKeyKind},
		"Ed25519 for request": {exampleFile(t, "platform-ed25519-public.pem"), signing.ErrKeyKind},
	} {
		if _, err := signing.ParseRequestKeyPEM(v.text); !errors.Is(err, v.want) {
			t.Errorf("%s: error %v, want %v", name, err, v.want)
		}
	}
}

func TestPEM_PrivateRefused(t *testing.T) {
	good := exampleFile(t, "merchant-private.pem")
	weak, err := signing.EncodePrivateKeyPEM(weakRSA(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]struct {
		text []byte
		want error
		says string
	}{
		"public":          {exampleFile(t, "merchant-public.pem"), signing.ErrPEM, "private key is needed"},
		"password":        {pemOf("ENCRYPTED PRIVATE KEY", []byte{1}), signing.ErrPEM, "openssl pkey"},
		"two keys":        {append(bytes.Clone(good), good...), signing.ErrPEM, "more than one"},
		"damaged":         {pemOf("PRIVATE KEY", []byte{1, 2}), signing.ErrPEM, "damaged"},
		"RSA-1024":        {weak, signing.ErrWeakKey, "1024"},
		"unknown label":   {pemOf("EC PRIVATE KEY", []byte{1}), signing.ErrPEM, "PKCS#8"},
		"password in old": {[]byte(strings.Replace(string(pemOf("RSA PRIVATE KEY", []byte{1})), "-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1)), signing.ErrPEM, "openssl pkey"},
	} {
		_, err := signing.ParsePrivateKeyPEM(v.text)
		if !errors.Is(err, v.want) || !strings.Contains(err.Error(), v.says) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestGenerateRSA_RefusesSmall(t *testing.T) {
	for _, bits := range []int{-1, 0, 1024, 2047, 8193} {
		if _, err := signing.GenerateRSA(bits); !errors.Is(err, signing.ErrWeakKey) {
			t.Errorf("%d bits: error %v", bits, err)
		}
	}
}

func TestSign_RefusesMismatch(t *testing.T) {
	for name, v := range map[string]struct {
		signer crypto.Signer
		alg    signing.Algorithm
		want   error
	}{
		"RSA key for ed25519":  {exampleSigner(t, "merchant"), signing.Ed25519, signing.ErrKeyKind},
		"Ed25519 key for rsa2": {exampleSigner(t, "platform-ed25519"), signing.RSA2, signing.ErrKeyKind},
		"no algorithm":         {exampleSigner(t, "merchant"), "", signing.ErrKeyKind},
		"weak key":             {weakRSA(t), signing.RSA2, signing.ErrWeakKey},
	} {
		if _, err := signing.Sign(v.signer, v.alg, []byte("x")); !errors.Is(err, v.want) {
			t.Errorf("%s: error %v, want %v", name, err, v.want)
		}
	}
	weak := weakRSA(t)
	if err := signing.Verify(weak.Public(), []byte("x"), rawSign(t, weak, []byte("x"))); !errors.Is(err, signing.ErrWeakKey) {
		t.Errorf("a weak key verifies: %v", err)
	}
}

func FuzzParsePEM(f *testing.F) {
	for _, name := range []string{"merchant-public", "merchant-private", "merchant-certificate", "platform-ed25519-public", "platform-ed25519-private"} {
		f.Add(exampleFile(f, name+".pem"))
	}
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if pub, err := signing.ParsePublicKeyPEM(text); err == nil {
			again, err := signing.ParsePublicKeyPEM(publicPEM(t, pub))
			if err != nil || signing.Serial(again) != signing.Serial(pub) {
				t.Fatalf("a key that was read is not read again: %v", err)
			}
		}
		if key, err := signing.ParsePrivateKeyPEM(text); err == nil {
			mustAlgorithm(t, key.Public())
		}
	})
}
