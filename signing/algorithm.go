package signing

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Algorithm names how a text is signed.
type Algorithm string

// The algorithms. The zero value is none of them and signs nothing.
const (
	// RSA2 is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2).
	RSA2 Algorithm = "rsa2"
	// Ed25519 is pure Ed25519 (RFC 8032, section 5.1).
	Ed25519 Algorithm = "ed25519"
)

// Bounds of RSA keys. The upper one keeps a registered key from making each
// verification dear.
const (
	MinRSABits = 2048
	MaxRSABits = 8192

	minRSAExponent = 65537
)

// Errors of keys and signatures; test them with [errors.Is].
var (
	// ErrSignature says that a signature does not fit text and key.
	ErrSignature = errors.New("the signature does not fit the text and the key")
	// ErrWeakKey says that a key is too small, too large or malformed.
	ErrWeakKey = errors.New("the key is not fit for use")
	// ErrKeyKind says that the kind of key and the algorithm do not belong together.
	ErrKeyKind = errors.New("the kind of key does not fit")
)

// ParseAlgorithm reads an algorithm's name, exactly as written in the API.
func ParseAlgorithm(name string) (Algorithm, error) {
	switch a := Algorithm(name); a {
	case RSA2, Ed25519:
		return a, nil
	default:
		return "", fmt.Errorf("unknown signature algorithm %q: use rsa2 or ed25519", name)
	}
}

// AlgorithmOf tells how a key signs, after checking that the key is fit for
// use: RSA of 2048 to 8192 bits with an odd exponent of at least 65537, or
// Ed25519. The error is [ErrWeakKey] or [ErrKeyKind] with what to do.
func AlgorithmOf(pub crypto.PublicKey) (Algorithm, error) {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		return RSA2, checkRSA(key)
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return "", fmt.Errorf("%w: an Ed25519 public key has %d bytes, this one %d", ErrWeakKey, ed25519.PublicKeySize, len(key))
		}
		return Ed25519, nil
	default:
		return "", fmt.Errorf("%w: %T is neither RSA nor Ed25519; make a key pair with paymux keygen", ErrKeyKind, pub)
	}
}

func checkRSA(key *rsa.PublicKey) error {
	if key == nil || key.N == nil {
		return fmt.Errorf("%w: the RSA key is empty", ErrWeakKey)
	}
	switch bits := key.N.BitLen(); {
	case bits < MinRSABits:
		return fmt.Errorf("%w: the RSA key has %d bits, at least %d are needed; make a new pair with paymux keygen", ErrWeakKey, bits, MinRSABits)
	case bits > MaxRSABits:
		return fmt.Errorf("%w: the RSA key has %d bits, at most %d are taken; make a new pair with paymux keygen", ErrWeakKey, bits, MaxRSABits)
	case key.N.Bit(0) == 0:
		return fmt.Errorf("%w: the RSA modulus is even, the key is damaged; export it again", ErrWeakKey)
	case key.E%2 == 0 || key.E < minRSAExponent:
		return fmt.Errorf("%w: the RSA exponent must be odd and at least %d; make a new pair with paymux keygen", ErrWeakKey, minRSAExponent)
	}
	return nil
}

// Sign signs a text. The signer's public key must be of the algorithm's kind.
// RSA2 signatures are deterministic; the random source given to the signer
// serves blinding in modules that want one.
func Sign(signer crypto.Signer, alg Algorithm, text []byte) ([]byte, error) {
	have, err := AlgorithmOf(signer.Public())
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", alg, err)
	}
	if have != alg {
		return nil, fmt.Errorf("sign with %s: %w: the key signs %s", alg, ErrKeyKind, have)
	}
	message, opts := text, crypto.SignerOpts(crypto.Hash(0))
	if alg == RSA2 {
		digest := sha256.Sum256(text)
		message, opts = digest[:], crypto.SHA256
	}
	signature, err := signer.Sign(rand.Reader, message, opts)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", alg, err)
	}
	return signature, nil
}

// Verify checks a signature with the algorithm of the key's kind. The error
// is [ErrSignature] when it does not fit, [ErrWeakKey] or [ErrKeyKind] when
// the key must not be used.
func Verify(pub crypto.PublicKey, text, signature []byte) error {
	alg, err := AlgorithmOf(pub)
	if err != nil {
		return err
	}
	switch alg {
	case RSA2:
		return verifyRSA(pub.(*rsa.PublicKey), sha256.Sum256(text), signature)
	case Ed25519:
		if !ed25519.Verify(pub.(ed25519.PublicKey), text, signature) {
			return ErrSignature
		}
		return nil
	default:
		return fmt.Errorf("%w: no verifier for %q", ErrKeyKind, alg)
	}
}

func verifyRSA(pub *rsa.PublicKey, digest [sha256.Size]byte, signature []byte) error {
	if rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], signature) != nil {
		return ErrSignature
	}
	return nil
}
