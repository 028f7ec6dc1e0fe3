package merchant

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/paymux/paymux/signing"
)

var _ signing.KeySource = (*Service)(nil)

// newKey reads a public key and writes it in its one stored form.
func newKey(merchantID string, text []byte, at time.Time) (Key, error) {
	pub, err := signing.ParseRequestKeyPEM(text)
	if err != nil {
		return Key{}, err
	}
	canonical, err := signing.EncodePublicKeyPEM(pub)
	if err != nil {
		return Key{}, err
	}
	return Key{Serial: signing.Serial(pub), MerchantID: merchantID, PublicKeyPEM: string(canonical), CreatedAt: at}, nil
}

// AddKey gives a merchant a further public key, live at once. A key that the
// merchant has already is answered as it stands. Errors are [*InvalidError],
// ErrNotFound, ErrKeyTaken and ErrKeyRevoked.
func (s *Service) AddKey(ctx context.Context, merchantID string, publicKeyPEM []byte) (Key, error) {
	if _, err := s.Profile(ctx, merchantID); err != nil {
		return Key{}, err
	}
	key, err := newKey(merchantID, publicKeyPEM, s.stamp())
	if err != nil {
		return Key{}, &InvalidError{Faults: []Fault{{"public_key", "cannot be used: " + err.Error()}}}
	}
	err = s.Repository.InsertKey(ctx, key)
	if !errors.Is(err, ErrDuplicate) {
		if err != nil {
			return Key{}, fmt.Errorf("add key %s: %w", key.Serial, err)
		}
		return key, nil
	}
	have, err := s.Repository.KeyBySerial(ctx, key.Serial)
	switch {
	case err != nil:
		return Key{}, lookup("key", key.Serial, err)
	case have.MerchantID != merchantID:
		return Key{}, fmt.Errorf("add key %s: %w", key.Serial, ErrKeyTaken)
	case !have.Live():
		return Key{}, fmt.Errorf("add key %s: %w", key.Serial, ErrKeyRevoked)
	}
	return have, nil
}

// RevokeKey stops a key for good, on every replica with the next request. Doing
// it again changes nothing; ErrNotFound for a serial that is not the merchant's.
func (s *Service) RevokeKey(ctx context.Context, merchantID, serial string) error {
	err := s.Repository.RevokeKey(ctx, merchantID, serial, s.stamp())
	if err != nil {
		return fmt.Errorf("revoke key %q of merchant %q: %w", serial, merchantID, err)
	}
	return nil
}

// Keys lists a merchant's keys, newest first, revoked ones too.
func (s *Service) Keys(ctx context.Context, merchantID string) ([]Key, error) {
	keys, err := s.Repository.KeysOf(ctx, merchantID)
	if err != nil {
		return nil, fmt.Errorf("list keys of merchant %q: %w", merchantID, err)
	}
	return keys, nil
}

// VerificationKey is the [signing.KeySource] of the API. It reads the database
// each time, so that a revocation holds from its commit on; only the parsed
// form of a key is remembered.
func (s *Service) VerificationKey(ctx context.Context, merchantID, serial string) (crypto.PublicKey, signing.Merchant, error) {
	key, m, err := s.Repository.KeyOfMerchant(ctx, merchantID, serial)
	if errors.Is(err, ErrNotFound) || err == nil && !key.Live() {
		return nil, signing.Merchant{}, signing.ErrKeyUnknown
	}
	if err != nil {
		return nil, signing.Merchant{}, fmt.Errorf("read key of merchant: %w", err)
	}
	pub, err := s.parsed.get(key)
	if err != nil {
		return nil, signing.Merchant{}, fmt.Errorf("read key %s: %w", key.Serial, err)
	}
	return pub, signing.Merchant{ID: m.ID, Disabled: m.Status != Active, AnswerAlgorithm: m.AnswerAlgorithm}, nil
}

// parsedKeys remembers the parsed form of public keys by their text: what is
// stored decides, never what is remembered.
type parsedKeys struct {
	limit int

	mu   sync.RWMutex
	keys map[[sha256.Size]byte]*rsa.PublicKey
}

func newParsedKeys(limit int) *parsedKeys {
	return &parsedKeys{limit: limit, keys: make(map[[sha256.Size]byte]*rsa.PublicKey)}
}

func (p *parsedKeys) get(k Key) (*rsa.PublicKey, error) {
	id := sha256.Sum256([]byte(k.Serial + "\n" + k.PublicKeyPEM))
	p.mu.RLock()
	pub, ok := p.keys[id]
	p.mu.RUnlock()
	if ok {
		return pub, nil
	}
	pub, err := signing.ParseRequestKeyPEM([]byte(k.PublicKeyPEM))
	if err != nil {
		return nil, err
	}
	if signing.Serial(pub) != k.Serial {
		return nil, fmt.Errorf("%w: the stored key is not what its serial says", signing.ErrKeyKind)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.keys) >= p.limit {
		// Parsing again is cheap; an order of use is not worth its lock.
		clear(p.keys)
	}
	p.keys[id] = pub
	return pub, nil
}
