package credentials

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// minKeyBits is the least RSA key: each of the channels asks for 2048 bits.
const minKeyBits = 2048

// Signer is the key that signs requests: the given one, which may stay in
// hardware, or else the private key in text, which is the value of field. It is
// RSA of at least 2048 bits.
func Signer(channel, field, text string, given crypto.Signer) (crypto.Signer, error) {
	signer := given
	if signer == nil {
		if text == "" {
			return nil, fmt.Errorf("%s credentials: %s is missing", channel, field)
		}
		key, err := privateKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s credentials: %s %w", channel, field, err)
		}
		signer = key
	}
	public, ok := signer.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s credentials: the key that signs requests is not RSA", channel)
	}
	if _, err := PublicKey(public); err != nil {
		return nil, fmt.Errorf("%s credentials: %s %w", channel, field, err)
	}
	return signer, nil
}

// privateKey reads PKCS#8 or PKCS#1, in PEM or in bare base64.
func privateKey(text string) (*rsa.PrivateKey, error) {
	der, err := DER(text)
	if err != nil {
		return nil, err
	}
	return PrivateKey(der)
}

// PrivateKey reads an RSA key in PKCS#8 or PKCS#1. Its faults hold nothing of
// the key.
func PrivateKey(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		rsaKey, ok := key.(*rsa.PrivateKey)
		if !ok {
			return nil, errors.New("is not an RSA key")
		}
		return rsaKey, nil
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, errors.New("is neither a PKCS#8 nor a PKCS#1 private key")
	}
	return key, nil
}

// PublicKey accepts a public key that is RSA of at least 2048 bits.
func PublicKey(key crypto.PublicKey) (*rsa.PublicKey, error) {
	rsaKey, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("is not an RSA key")
	}
	if rsaKey.N.BitLen() < minKeyBits {
		return nil, errors.New("is shorter than 2048 bits")
	}
	return rsaKey, nil
}

// DER is what a key's text holds: one PEM block, or the bare base64 that the
// channels' key tools write.
func DER(text string) ([]byte, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(der) == 0 {
		return nil, errors.New("is neither PEM nor base64")
	}
	return der, nil
}
