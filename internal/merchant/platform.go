package merchant

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/paymux/paymux/signing"
)

// platformAlgorithms are the algorithms that the platform always has a key of.
func platformAlgorithms() []signing.Algorithm {
	return []signing.Algorithm{signing.RSA2, signing.Ed25519}
}

// EnsurePlatformKeys makes the platform keys that do not exist yet, one rsa2 and
// one ed25519. Replicas that start together end with the same keys.
func (s *Service) EnsurePlatformKeys(ctx context.Context) error {
	keys, err := s.Repository.PlatformKeys(ctx)
	if err != nil {
		return fmt.Errorf("read platform keys: %w", err)
	}
	for _, alg := range platformAlgorithms() {
		if slices.ContainsFunc(keys, func(k PlatformKey) bool { return k.Algorithm == alg && k.RetiredAt.IsZero() }) {
			continue
		}
		_, err := s.insertPlatformKey(ctx, alg, nextGeneration(keys, alg))
		// Another replica was first: its key is as good.
		if err != nil && !errors.Is(err, ErrDuplicate) {
			return err
		}
	}
	return nil
}

// RotatePlatformKey makes a further key of an algorithm. It is published at
// once and signs after [PlatformKeyLead]; the one before it stays published
// until [Service.RetirePlatformKey].
func (s *Service) RotatePlatformKey(ctx context.Context, alg signing.Algorithm) (PlatformKey, error) {
	if _, err := signing.ParseAlgorithm(string(alg)); err != nil {
		return PlatformKey{}, &InvalidError{Faults: []Fault{{"algorithm", "must be rsa2 or ed25519"}}}
	}
	keys, err := s.Repository.PlatformKeys(ctx)
	if err != nil {
		return PlatformKey{}, fmt.Errorf("read platform keys: %w", err)
	}
	key, err := s.insertPlatformKey(ctx, alg, nextGeneration(keys, alg))
	if errors.Is(err, ErrDuplicate) {
		return PlatformKey{}, fmt.Errorf("rotate %s platform key: %w", alg, ErrStale)
	}
	return key, err
}

// RetirePlatformKey stops publishing a key. The last live key of an algorithm,
// or the only one that signs already, is refused as an [*InvalidError].
func (s *Service) RetirePlatformKey(ctx context.Context, serial string) error {
	keys, err := s.Repository.PlatformKeys(ctx)
	if err != nil {
		return fmt.Errorf("read platform keys: %w", err)
	}
	i := slices.IndexFunc(keys, func(k PlatformKey) bool { return k.Serial == serial })
	if i < 0 {
		return fmt.Errorf("platform key %q: %w", serial, ErrNotFound)
	}
	now := s.stamp()
	replaced := slices.ContainsFunc(keys, func(k PlatformKey) bool {
		return k.Serial != serial && k.Algorithm == keys[i].Algorithm && k.RetiredAt.IsZero() && signs(k, now)
	})
	if !replaced {
		return &InvalidError{Faults: []Fault{{"serial", "is of the only " + string(keys[i].Algorithm) +
			" key that signs; rotate first and wait " + PlatformKeyLead.String()}}}
	}
	if err := s.Repository.RetirePlatformKey(ctx, serial, now); err != nil {
		return fmt.Errorf("retire platform key %q: %w", serial, err)
	}
	return nil
}

// PlatformKeys lists all platform keys, retired ones too, newest first.
func (s *Service) PlatformKeys(ctx context.Context) ([]PlatformKey, error) {
	keys, err := s.Repository.PlatformKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list platform keys: %w", err)
	}
	return keys, nil
}

func nextGeneration(keys []PlatformKey, alg signing.Algorithm) int64 {
	var last int64
	for _, k := range keys {
		if k.Algorithm == alg {
			last = max(last, k.Generation)
		}
	}
	return last + 1
}

func (s *Service) insertPlatformKey(ctx context.Context, alg signing.Algorithm, generation int64) (PlatformKey, error) {
	signer, err := newSigner(alg)
	if err != nil {
		return PlatformKey{}, err
	}
	text, err := signing.EncodePrivateKeyPEM(signer)
	if err != nil {
		return PlatformKey{}, err
	}
	key := PlatformKey{Serial: signing.Serial(signer.Public()), Algorithm: alg, Generation: generation, CreatedAt: s.stamp()}
	key.Sealed, err = s.Box.Seal(text, PlatformKeyAAD(key.Serial))
	if err != nil {
		return PlatformKey{}, fmt.Errorf("seal platform key: %w", err)
	}
	if err := s.Repository.InsertPlatformKey(ctx, key); err != nil {
		return PlatformKey{}, fmt.Errorf("add %s: %w", key, err)
	}
	return key, nil
}

func newSigner(alg signing.Algorithm) (crypto.Signer, error) {
	if alg == signing.Ed25519 {
		return signing.GenerateEd25519()
	}
	return signing.GenerateRSA(signing.MinRSABits)
}

// signs tells whether a live key has been published for long enough to sign.
// The first generation has nobody to wait for.
func signs(k PlatformKey, at time.Time) bool {
	return k.Generation == 1 || !at.Before(k.CreatedAt.Add(PlatformKeyLead))
}

// rings keeps the ring in use and the signers that it was made of.
type rings struct {
	mu      sync.Mutex
	ring    *signing.KeyRing
	readAt  time.Time
	reading sync.Mutex                     // held by whoever reads the database
	signers map[string]signing.PlatformKey // by serial; guarded by reading
}

func newRings() *rings { return &rings{signers: make(map[string]signing.PlatformKey)} }

func (r *rings) current(now time.Time) (ring *signing.KeyRing, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring, r.ring != nil && now.Before(r.readAt.Add(RingRefresh)) && !now.Before(r.readAt)
}

func (r *rings) put(ring *signing.KeyRing, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring, r.readAt = ring, at
}

// KeyRing gives the live platform keys, read at most [RingRefresh] ago. While
// the database is asked, or cannot be, the ring of before serves on: answers do
// not wait for it, and refusals are signed too.
func (s *Service) KeyRing(ctx context.Context) (*signing.KeyRing, error) {
	now := s.Now()
	ring, fresh := s.rings.current(now)
	if fresh {
		return ring, nil
	}
	if ring == nil {
		s.rings.reading.Lock()
	} else if !s.rings.reading.TryLock() {
		return ring, nil
	}
	defer s.rings.reading.Unlock()
	if ring, fresh = s.rings.current(now); fresh {
		return ring, nil
	}
	next, err := s.readRing(ctx, now)
	if err != nil && ring == nil {
		return nil, err
	}
	if err != nil {
		next = ring
	}
	s.rings.put(next, now)
	return next, nil
}

// readRing puts, of each algorithm, the newest key that signs first.
func (s *Service) readRing(ctx context.Context, now time.Time) (*signing.KeyRing, error) {
	rows, err := s.Repository.PlatformKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read platform keys: %w", err)
	}
	var ready, waiting []signing.PlatformKey
	live := make(map[string]bool)
	for _, row := range rows {
		if !row.RetiredAt.IsZero() {
			continue
		}
		key, err := s.signer(row)
		if err != nil {
			return nil, err
		}
		live[row.Serial] = true
		if signs(row, now) {
			ready = append(ready, key)
		} else {
			waiting = append(waiting, key)
		}
	}
	maps.DeleteFunc(s.rings.signers, func(serial string, _ signing.PlatformKey) bool { return !live[serial] })
	return signing.NewKeyRing(append(ready, waiting...)...)
}

func (s *Service) signer(row PlatformKey) (signing.PlatformKey, error) {
	if key, ok := s.rings.signers[row.Serial]; ok {
		return key, nil
	}
	text, err := s.Box.Open(row.Sealed, PlatformKeyAAD(row.Serial))
	if err != nil {
		return signing.PlatformKey{}, fmt.Errorf("open %s: %w", row, err)
	}
	signer, err := signing.ParsePrivateKeyPEM(text)
	if err != nil {
		return signing.PlatformKey{}, fmt.Errorf("read %s: %w", row, err)
	}
	key, err := signing.NewPlatformKey(signer)
	if err != nil {
		return signing.PlatformKey{}, err
	}
	if key.Serial != row.Serial {
		return signing.PlatformKey{}, fmt.Errorf("read %s: %w: it is not what its serial says", row, signing.ErrKeyKind)
	}
	s.rings.signers[row.Serial] = key
	return key, nil
}
