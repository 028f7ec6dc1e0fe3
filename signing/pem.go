package signing

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// MaxPEMBytes bounds what the PEM readers look at.
const MaxPEMBytes = 64 << 10

// ErrPEM says that a text holds no key in a form that is read here.
var ErrPEM = errors.New("read PEM")

// GenerateRSA makes an RSA key pair of at least [MinRSABits] bits.
func GenerateRSA(bits int) (*rsa.PrivateKey, error) {
	if bits < MinRSABits || bits > MaxRSABits {
		return nil, fmt.Errorf("%w: %d bits asked for, %d to %d are taken", ErrWeakKey, bits, MinRSABits, MaxRSABits)
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("generate RSA key: %w", err)
	}
	return key, nil
}

// GenerateEd25519 makes an Ed25519 key pair.
func GenerateEd25519() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate Ed25519 key: %w", err)
	}
	return key, nil
}

// EncodePrivateKeyPEM writes a private key held in memory as PKCS#8
// ("PRIVATE KEY"). Files of it belong in mode 0600.
func EncodePrivateKeyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// EncodePublicKeyPEM writes a public key as PKIX ("PUBLIC KEY").
func EncodePublicKeyPEM(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ParsePrivateKeyPEM reads one RSA or Ed25519 private key, PKCS#8 or, for RSA,
// PKCS#1, and refuses one that is not fit for use ([ErrWeakKey], [ErrKeyKind]).
func ParsePrivateKeyPEM(text []byte) (crypto.Signer, error) {
	block, err := oneBlock(text)
	if err != nil {
		return nil, err
	}
	var key any
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, errEncryptedKey()
		}
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errEncryptedKey()
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
		return nil, fmt.Errorf("%w: this is the public half (%s), the private key is needed", ErrPEM, block.Type)
	default:
		return nil, fmt.Errorf(`%w: the block is no private key; it must begin with "-----BEGIN PRIVATE KEY-----" (PKCS#8)`, ErrPEM)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the private key is damaged or of an unsupported kind; export it again as PKCS#8", ErrPEM)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: %T cannot sign", ErrKeyKind, key)
	}
	if _, err := AlgorithmOf(signer.Public()); err != nil {
		return nil, err
	}
	return signer, nil
}

// ParsePublicKeyPEM reads one RSA or Ed25519 public key: PKIX, PKCS#1 or the
// key of an X.509 certificate, and refuses one that is not fit for use
// ([ErrWeakKey], [ErrKeyKind]). Nothing but the block may stand in the text.
func ParsePublicKeyPEM(text []byte) (crypto.PublicKey, error) {
	block, err := oneBlock(text)
	if err != nil {
		return nil, err
	}
	var pub crypto.PublicKey
	switch block.Type {
	case "PUBLIC KEY":
		pub, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		pub, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			pub = cert.PublicKey
		}
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return nil, fmt.Errorf("%w: this is a private key, which nobody else may hold; give its public half (openssl pkey -pubout)", ErrPEM)
	default:
		return nil, fmt.Errorf(`%w: the block is no public key; it must begin with "-----BEGIN PUBLIC KEY-----"`, ErrPEM)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the public key is damaged or of an unsupported kind; export it again (openssl pkey -pubout)", ErrPEM)
	}
	if _, err := AlgorithmOf(pub); err != nil {
		return nil, err
	}
	return pub, nil
}

// ParseRequestKeyPEM reads a merchant's public key. Requests are signed with
// RSA, so another kind of key is [ErrKeyKind].
func ParseRequestKeyPEM(text []byte) (*rsa.PublicKey, error) {
	pub, err := ParsePublicKeyPEM(text)
	if err != nil {
		return nil, err
	}
	key, ok := pub.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: requests are signed with RSA of %d bits or more; make a pair with paymux keygen", ErrKeyKind, MinRSABits)
	}
	return key, nil
}

func errEncryptedKey() error {
	return fmt.Errorf("%w: the private key is protected by a password; take it off with openssl pkey -in FILE -out NEWFILE, and keep the file in mode 0600", ErrPEM)
}

// oneBlock takes the only PEM block of a text. A byte order mark and blanks
// around it are passed over; anything else is refused, so that a key never
// means different things to different readers.
func oneBlock(text []byte) (*pem.Block, error) {
	if len(text) > MaxPEMBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes; one key is needed, not a bundle", ErrPEM, MaxPEMBytes)
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\uFEFF")))
	if !bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf(`%w: the text must begin with a line "-----BEGIN …-----"; leave out what stands before it`, ErrPEM)
	}
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%w: the block is cut off or damaged; copy it again with its BEGIN and END lines", ErrPEM)
	}
	// pem.Decode passes over a damaged block and takes the next one.
	if !bytes.HasPrefix(text, []byte("-----BEGIN "+block.Type+"-----")) || bytes.Count(text, []byte("-----BEGIN ")) != 1 {
		return nil, fmt.Errorf("%w: there is more than one block; leave only the key", ErrPEM)
	}
	if len(bytes.TrimSpace(rest)) != 0 {
		return nil, fmt.Errorf("%w: something stands behind the key's END line; leave it out", ErrPEM)
	}
	return block, nil
}
