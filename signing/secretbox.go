package signing

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// A sealed blob is
//
//	version (1 byte) | length of key id (1 byte) | key id | nonce (12) | ciphertext | tag (16)
//
// AES-256-GCM authenticates version and key id with the caller's data. Nonces
// are random; one key seals far fewer than 2^32 blobs here.
const (
	blobVersion = 1

	maxMasterKeyID    = 64
	maxSecretBytes    = 1 << 20 // credentials and keys are a few KiB
	gcmOverhead       = 12 + 16
	blobHeaderBytes   = 2
	maxMasterKeysLive = 16
)

// Errors of [SecretBox.Open]; test them with [errors.Is].
var (
	// ErrSealed says that a blob cannot be opened: damaged, or moved from
	// the row that it was sealed for.
	ErrSealed = errors.New("the sealed secret is damaged or belongs to another place")
	// ErrMasterKeyUnknown says that the blob names a master key that is not
	// configured.
	ErrMasterKeyUnknown = errors.New("the secret is sealed under a master key that is not configured; add the old key beside the new one")
)

// SecretBox seals and opens secrets under master keys. It never changes after
// [NewSecretBox] and is safe for concurrent use.
type SecretBox struct {
	sealing string // id of the key that seals
	keys    map[string]cipher.AEAD
}

// NewSecretBox makes a box of 1 to 16 keys: the first seals, all of them open.
// To rotate, put the new key first, seal everything again for which
// [SecretBox.NeedsReseal] says so, then take the old key out.
func NewSecretBox(keys ...MasterKey) (*SecretBox, error) {
	if len(keys) == 0 || len(keys) > maxMasterKeysLive {
		return nil, fmt.Errorf("make secret box: %d master keys, 1 to %d are taken", len(keys), maxMasterKeysLive)
	}
	box := &SecretBox{sealing: keys[0].ID, keys: make(map[string]cipher.AEAD, len(keys))}
	for _, key := range keys {
		if key.ID == "" || len(key.ID) > maxMasterKeyID {
			return nil, fmt.Errorf("make secret box: the id of a master key has 1 to %d characters", maxMasterKeyID)
		}
		if _, ok := box.keys[key.ID]; ok {
			return nil, fmt.Errorf("make secret box: %s stands twice", key)
		}
		if key.Key == ([masterKeyBytes]byte{}) {
			return nil, fmt.Errorf("make secret box: %s: %w", key, ErrMasterKey)
		}
		block, err := aes.NewCipher(key.Key[:])
		if err != nil {
			return nil, fmt.Errorf("make secret box: %s: %w", key, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("make secret box: %s: %w", key, err)
		}
		box.keys[key.ID] = aead
	}
	return box, nil
}

// Seal encrypts a secret of at most 1 MiB. The additional data binds the blob
// to its place, for example "account/acc_123/credentials": it is not stored
// and must be the same to open.
func (b *SecretBox) Seal(plain, additional []byte) ([]byte, error) {
	if len(plain) > maxSecretBytes {
		return nil, fmt.Errorf("seal secret: %d bytes, at most %d are taken", len(plain), maxSecretBytes)
	}
	header := append([]byte{blobVersion, byte(len(b.sealing))}, b.sealing...) //nolint:gosec // an id has at most maxMasterKeyID characters
	blob := make([]byte, len(header), len(header)+len(plain)+gcmOverhead)
	copy(blob, header)
	return b.keys[b.sealing].Seal(blob, nil, plain, bind(header, additional)), nil //nolint:gosec // this AEAD makes its own random nonces
}

// Open decrypts a blob under whichever live key it names. The error is
// [ErrSealed] or [ErrMasterKeyUnknown].
func (b *SecretBox) Open(blob, additional []byte) ([]byte, error) {
	header, id, ok := cutBlob(blob)
	if !ok {
		return nil, ErrSealed
	}
	aead, ok := b.keys[id]
	if !ok {
		return nil, ErrMasterKeyUnknown
	}
	plain, err := aead.Open(nil, nil, blob[len(header):], bind(header, additional))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// NeedsReseal tells whether a blob is under another key than the one that
// seals, or cannot be read at all.
func (b *SecretBox) NeedsReseal(blob []byte) bool {
	_, id, ok := cutBlob(blob)
	return !ok || id != b.sealing
}

func cutBlob(blob []byte) (header []byte, id string, ok bool) {
	if len(blob) < blobHeaderBytes || blob[0] != blobVersion {
		return nil, "", false
	}
	end := blobHeaderBytes + int(blob[1])
	if len(blob) < end+gcmOverhead || len(blob) > end+gcmOverhead+maxSecretBytes {
		return nil, "", false
	}
	return blob[:end], string(blob[blobHeaderBytes:end]), true
}

// bind joins header and additional data unambiguously: the header's length
// leads, so no two pairs give the same bytes.
func bind(header, additional []byte) []byte {
	bound := make([]byte, 0, 8+len(header)+len(additional))
	bound = binary.BigEndian.AppendUint64(bound, uint64(len(header)))
	bound = append(bound, header...)
	return append(bound, additional...)
}
