package signing

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// serialBytes is how much of the key's SHA-256 makes the serial.
const serialBytes = 20

// Serial names a public key: the first 20 bytes of the SHA-256 of its PKIX
// DER form, as 40 upper-case hex digits. The same key always has the same
// serial; the result is empty for a kind of key that has no PKIX form.
func Serial(pub crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return strings.ToUpper(hex.EncodeToString(sum[:serialBytes]))
}

// PlatformKey is one of the keys that sign answers. The signer may be a key in
// memory or a handle to a KMS or an HSM.
type PlatformKey struct {
	Serial    string
	Algorithm Algorithm
	Signer    crypto.Signer
}

// NewPlatformKey derives serial and algorithm from the signer's public key and
// refuses one that is not fit for use ([ErrWeakKey], [ErrKeyKind]).
func NewPlatformKey(signer crypto.Signer) (PlatformKey, error) {
	alg, err := AlgorithmOf(signer.Public())
	if err != nil {
		return PlatformKey{}, fmt.Errorf("take platform key: %w", err)
	}
	return PlatformKey{Serial: Serial(signer.Public()), Algorithm: alg, Signer: signer}, nil
}

// Public is the key's public half.
func (k PlatformKey) Public() crypto.PublicKey { return k.Signer.Public() }

// String shows serial and algorithm only.
func (k PlatformKey) String() string { return string(k.Algorithm) + " key " + k.Serial }

// GoString is String, so that no format verb prints the private key.
func (k PlatformKey) GoString() string { return k.String() }

// KeyRing holds the platform keys that are live at once. It never changes
// after [NewKeyRing] and is safe for concurrent use; rotation puts a new ring
// in its place.
type KeyRing struct {
	keys    []PlatformKey
	current map[Algorithm]PlatformKey
}

// NewKeyRing makes a ring. The first key of each algorithm is the one that
// signs, the further ones stay published so that their answers can still be
// verified. A key given twice is refused, an empty ring too.
func NewKeyRing(keys ...PlatformKey) (*KeyRing, error) {
	ring := &KeyRing{current: make(map[Algorithm]PlatformKey)}
	serials := make(map[string]bool, len(keys))
	for _, key := range keys {
		if key.Signer == nil {
			return nil, fmt.Errorf("make key ring: key %s has no signer", key.Serial)
		}
		want, err := NewPlatformKey(key.Signer)
		if err != nil {
			return nil, fmt.Errorf("make key ring: %w", err)
		}
		if want.Serial != key.Serial || want.Algorithm != key.Algorithm {
			return nil, fmt.Errorf("make key ring: %s does not describe its signer, which is %s", key, want)
		}
		if serials[key.Serial] {
			return nil, fmt.Errorf("make key ring: %s stands twice", key)
		}
		serials[key.Serial] = true
		if _, ok := ring.current[key.Algorithm]; !ok {
			ring.current[key.Algorithm] = key
		}
		ring.keys = append(ring.keys, key)
	}
	if len(ring.keys) == 0 {
		return nil, fmt.Errorf("make key ring: no key; make one with paymux keygen")
	}
	slices.SortStableFunc(ring.keys, func(a, b PlatformKey) int {
		return rank(a.Algorithm) - rank(b.Algorithm)
	})
	return ring, nil
}

// rank puts rsa2, which every language has, before the rest.
func rank(alg Algorithm) int {
	if alg == RSA2 {
		return 0
	}
	return 1
}

// Current is the key that signs with an algorithm.
func (r *KeyRing) Current(alg Algorithm) (PlatformKey, error) {
	key, ok := r.current[alg]
	if !ok {
		return PlatformKey{}, fmt.Errorf("%w: the platform has no live key for %q", ErrKeyKind, alg)
	}
	return key, nil
}

// All lists the live keys: rsa2 before ed25519, within each the signing key
// first, then as given. The slice is the caller's own.
func (r *KeyRing) All() []PlatformKey { return slices.Clone(r.keys) }

// PublicKeys maps the serial of each live key to its public half, in the form
// that [VerifyAnswer] and [Client] take.
func (r *KeyRing) PublicKeys() map[string]crypto.PublicKey {
	keys := make(map[string]crypto.PublicKey, len(r.keys))
	for _, key := range r.keys {
		keys[key.Serial] = key.Public()
	}
	return keys
}
