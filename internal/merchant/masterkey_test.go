package merchant_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/signing"
)

// sealedInstallation has far more sealed values than one batch.
func sealedInstallation(t *testing.T, old signing.MasterKey) (fixture, merchant.Created) {
	t.Helper()
	f := fixture{repo: newMemory(), clock: newClock(), box: newBox(t, old)}
	f.Service = newService(t, f.repo, f.box, f.clock)
	made := create(t, f.Service, alipayAccounts(120)...)
	if err := f.EnsurePlatformKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f, made
}

const sealedTotal = 120 + 1 + 2

func TestRotateMasterKey_CarriesOnAfterACrash(t *testing.T) {
	t.Parallel()
	old, next := newMasterKey(t), newMasterKey(t)
	f, made := sealedInstallation(t, old)
	rotating := newService(t, f.repo, newBox(t, next, old), f.clock)
	crash := errors.New("killed")
	done := 0
	f.repo.replaceErr = func() error {
		if done++; done > 1 {
			return crash
		}
		return nil
	}
	report, err := rotating.RotateMasterKey(t.Context())
	if !errors.Is(err, crash) || report.Resealed == 0 || report.Resealed >= sealedTotal {
		t.Fatalf("%+v, %v; want to stop in the middle", report, err)
	}
	// In between both keys are needed, and enough.
	if _, err := rotating.Secrets(t.Context(), made.Merchant.ID); err != nil {
		t.Error(err)
	}
	f.repo.replaceErr = nil
	rest, err := rotating.RotateMasterKey(t.Context())
	if err != nil || rest.Current != report.Resealed || rest.Resealed != sealedTotal-report.Resealed {
		t.Errorf("the rest is %+v, %v; want %d current", rest, err, report.Resealed)
	}
	if again, err := rotating.RotateMasterKey(t.Context()); err != nil || again.Resealed != 0 || again.Current != sealedTotal {
		t.Errorf("a further run did %+v, %v; want nothing", again, err)
	}
	only := newService(t, f.repo, newBox(t, next), f.clock)
	if _, err := only.Secrets(t.Context(), made.Merchant.ID); err != nil {
		t.Errorf("without the old key: %v", err)
	}
	if _, err := only.KeyRing(t.Context()); err != nil {
		t.Errorf("without the old key: %v", err)
	}
}

func TestRotateMasterKey_LeavesWhatChangesMeanwhileToItsWriter(t *testing.T) {
	t.Parallel()
	old, next := newMasterKey(t), newMasterKey(t)
	f := fixture{repo: newMemory(), clock: newClock(), box: newBox(t, old)}
	f.Service = newService(t, f.repo, f.box, f.clock)
	req := merchant.AccountRequest{Channel: "alipay", Credentials: credentials("one")}
	id := create(t, f.Service, req).Accounts[0].ID
	rotating := newService(t, f.repo, newBox(t, next, old), f.clock)
	var all sync.WaitGroup
	all.Go(func() {
		for range 50 {
			if _, err := rotating.UpdateCredentials(t.Context(), id, req.Credentials); err != nil {
				t.Error(err)
			}
		}
	})
	for range 20 {
		if _, err := rotating.RotateMasterKey(t.Context()); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	both := f
	both.box = newBox(t, next, old)
	if _, _, err := newOpener(t, both, &factories{made: map[string]int{}}, 0).Open(t.Context(), id); err != nil {
		t.Errorf("the credentials do not open: %v", err)
	}
	if a, err := f.Account(t.Context(), id); err != nil || a.Version != 51 {
		t.Errorf("version %d, %v; no change may be lost", a.Version, err)
	}
}

func TestRotateMasterKey_NamesWhatCannotBeOpened(t *testing.T) {
	t.Parallel()
	old, next := newMasterKey(t), newMasterKey(t)
	f, _ := sealedInstallation(t, old)
	f.repo.accounts[3].Credentials.Sealed = []byte("damaged")
	report, err := newService(t, f.repo, newBox(t, next, old), f.clock).RotateMasterKey(t.Context())
	var unreadable *merchant.UnreadableError
	if !errors.As(err, &unreadable) || !errors.Is(err, signing.ErrSealed) {
		t.Fatalf("got %v, want an UnreadableError", err)
	}
	if want := "accounts.credentials of " + f.repo.accounts[3].Account.ID; unreadable.Count != 1 || unreadable.Places[0] != want {
		t.Errorf("it names %d: %v; want %s", unreadable.Count, unreadable.Places, want)
	}
	if report.Resealed != sealedTotal-1 {
		t.Errorf("%d were sealed again, want all others", report.Resealed)
	}
}
