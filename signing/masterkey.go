package signing

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// masterKeyBytes is the key length of AES-256.
const masterKeyBytes = 32

// ErrMasterKey says that a master key cannot be used; it never shows the key.
var ErrMasterKey = errors.New("a master key is 32 random bytes in base64 or hex; make one with openssl rand -base64 32")

// MasterKey seals secrets at rest. It comes from a file or the environment and
// never lies in the database beside what it seals.
type MasterKey struct {
	ID  string // names the key in sealed blobs; 1 to 64 characters
	Key [masterKeyBytes]byte
}

// String shows the id only.
func (k MasterKey) String() string { return "master key " + k.ID }

// GoString is String, so that no format verb prints the key.
func (k MasterKey) GoString() string { return k.String() }

// MarshalText is String, so that no encoder writes the key by mistake; it is
// written with [MasterKey.Encode].
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Encode writes the key in base64, as [ParseMasterKey] reads it.
func (k MasterKey) Encode() string { return base64.StdEncoding.EncodeToString(k.Key[:]) }

// GenerateMasterKey makes a key.
func GenerateMasterKey(random io.Reader) (MasterKey, error) {
	var key [masterKeyBytes]byte
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return MasterKey{}, fmt.Errorf("generate master key: %w", err)
	}
	return newMasterKey(key), nil
}

// ParseMasterKey reads 32 bytes in standard base64 or hex; white space around
// them, such as a file's last line end, is passed over. The id is derived from
// the key, so that the same key has the same id wherever it is read. The error
// is [ErrMasterKey].
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "\r\n") {
		return MasterKey{}, ErrMasterKey
	}
	var (
		raw []byte
		err error
	)
	switch len(text) {
	case hex.EncodedLen(masterKeyBytes):
		raw, err = hex.DecodeString(text)
	case base64.StdEncoding.EncodedLen(masterKeyBytes):
		raw, err = base64.StdEncoding.Strict().DecodeString(text)
	default:
		return MasterKey{}, ErrMasterKey
	}
	if err != nil || len(raw) != masterKeyBytes {
		return MasterKey{}, ErrMasterKey
	}
	key := [masterKeyBytes]byte(raw)
	if key == ([masterKeyBytes]byte{}) {
		return MasterKey{}, ErrMasterKey
	}
	return newMasterKey(key), nil
}

// newMasterKey derives the id: enough of a hash to tell keys apart, with a
// label of its own so that it is the hash of nothing else.
func newMasterKey(key [masterKeyBytes]byte) MasterKey {
	const idBytes = 8
	sum := sha256.Sum256(append([]byte("paymux master key id\x00"), key[:]...))
	return MasterKey{ID: hex.EncodeToString(sum[:idBytes]), Key: key}
}
