package keys

import (
	"strings"
	"testing"
)

func TestSignatures(t *testing.T) {
	key, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	text, err := PrivatePEM(key)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParsePrivatePEM(text)
	if err != nil || !read.Equal(key) {
		t.Fatalf("the key changed when it was written: %v", err)
	}
	signature, err := Sign(read, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if !Verify(&key.PublicKey, []byte("text"), signature) {
		t.Error("our own signature does not hold")
	}
	for _, wrong := range []string{Spoil(signature), "", "x", signature[:len(signature)-4]} {
		if Verify(&key.PublicKey, []byte("text"), wrong) {
			t.Errorf("%q holds", wrong)
		}
	}
	if Verify(&key.PublicKey, []byte("text "), signature) {
		t.Error("the signature holds over another text")
	}
	for _, wrong := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParsePrivatePEM(wrong); err == nil {
			t.Errorf("%q was read as a key", wrong)
		}
	}
}

func TestRandom(t *testing.T) {
	for n := range 40 {
		if n > 0 && len(Digits(n)) != n || strings.Trim(Digits(n+1), "0123456789") != "" {
			t.Errorf("%d digits", n)
		}
		if len(Hex(n)) != n || len(Letters(n)) != n || strings.Trim(Letters(n), letters) != "" {
			t.Errorf("%d characters", n)
		}
	}
}
