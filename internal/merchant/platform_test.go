package merchant_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/signing"
)

func TestEnsurePlatformKeys_ReplicasThatStartTogetherShareThem(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := newService(t, f.repo, f.box, f.clock).EnsurePlatformKeys(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := f.EnsurePlatformKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	ring, err := f.KeyRing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ring.All()); n != 2 {
		t.Errorf("%d keys, want one rsa2 and one ed25519", n)
	}
	for _, alg := range []signing.Algorithm{signing.RSA2, signing.Ed25519} {
		if _, err := ring.Current(alg); err != nil {
			t.Error(err)
		}
	}
}

func TestRotatePlatformKey_PublishedBeforeItSigns(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if err := f.EnsurePlatformKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := currentSerial(t, f)
	next, err := f.RotatePlatformKey(t.Context(), signing.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	var invalid *merchant.InvalidError
	if err := f.RetirePlatformKey(t.Context(), first); !errors.As(err, &invalid) {
		t.Errorf("retiring the only key that signs gives %v, want an InvalidError", err)
	}
	f.clock.advance(merchant.RingRefresh)
	if got := currentSerial(t, f); got != first {
		t.Error("the new key signs at once, before clients can know it")
	}
	if ring, err := f.KeyRing(t.Context()); err != nil || ring.PublicKeys()[next.Serial] == nil {
		t.Errorf("the new key is not published (%v)", err)
	}
	f.clock.advance(merchant.PlatformKeyLead)
	if got := currentSerial(t, f); got != next.Serial {
		t.Error("the new key does not sign after its lead")
	}
	if err := f.RetirePlatformKey(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(merchant.RingRefresh)
	if ring, err := f.KeyRing(t.Context()); err != nil || ring.PublicKeys()[first] != nil {
		t.Errorf("the retired key is still published (%v)", err)
	}
	if err := f.RetirePlatformKey(t.Context(), "none"); !errors.Is(err, merchant.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func currentSerial(t *testing.T, f fixture) string {
	t.Helper()
	ring, err := f.KeyRing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ring.Current(signing.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	return key.Serial
}

func TestKeyRing_ServesOnWhileTheDatabaseIsGone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.repo.readErr = errors.New("database is gone")
	if _, err := f.KeyRing(t.Context()); err == nil {
		t.Error("a ring came from nowhere")
	}
	f.repo.readErr = nil
	if err := f.EnsurePlatformKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := currentSerial(t, f)
	f.repo.readErr = errors.New("database is gone")
	f.clock.advance(time.Hour)
	if got := currentSerial(t, f); got != want {
		t.Errorf("key %s signs, want %s", got, want)
	}
}
