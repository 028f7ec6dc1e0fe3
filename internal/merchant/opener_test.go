package merchant_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/merchant"
)

// fakeChannel only knows what it was made from.
type fakeChannel struct {
	channels.Channel
	accountID string
	version   int64
}

func (fakeChannel) Name() string { return "alipay" }
func (fakeChannel) Capabilities() channels.Capabilities {
	return channels.Capabilities{MinAmount: 1, MaxAmount: 5_000_000}
}

// factories count what is made of each version of each account.
type factories struct {
	mu    sync.Mutex
	made  map[string]int
	total atomic.Int64
	fail  atomic.Bool
	hold  chan struct{} // when set, a construction waits for it
}

func (f *factories) alipay(account merchant.Account, credentials []byte) (channels.Channel, error) {
	if f.hold != nil {
		<-f.hold
	}
	f.total.Add(1)
	if f.fail.Load() {
		return nil, errors.New("the key is damaged")
	}
	if !strings.Contains(string(credentials), secretCanary) {
		return nil, errors.New("the credentials are not in clear")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made[fmt.Sprintf("%s/%d", account.ID, account.Version)]++
	return fakeChannel{accountID: account.ID, version: account.Version}, nil
}

var errCore = errors.New("the core's own not found")

func newOpener(t *testing.T, f fixture, make *factories, limit int) *merchant.Opener {
	t.Helper()
	o, err := merchant.NewOpener(merchant.OpenerDeps{
		Repository: f.repo, Box: f.box, Factories: merchant.Factories{"alipay": make.alipay},
		Logger: slog.New(slog.DiscardHandler), NotFound: errCore, Limit: limit,
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func alipayAccounts(n int) []merchant.AccountRequest {
	var list []merchant.AccountRequest
	for range n {
		list = append(list, merchant.AccountRequest{Channel: "alipay", Credentials: credentials(newID()), Terms: merchant.Terms{Weight: 7}})
	}
	return list
}

func TestOpener_OneConstructionHoweverManyAsk(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := create(t, f.Service, alipayAccounts(1)...).Accounts[0].ID
	fs := &factories{made: map[string]int{}, hold: make(chan struct{})}
	o := newOpener(t, f, fs, 0)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			channel, account, err := o.Open(t.Context(), id)
			if err != nil {
				t.Error(err)
				return
			}
			if channel.(fakeChannel).accountID != id || account.ID != id || account.Capabilities.MaxAmount != 5_000_000 || account.Weight != 7 {
				t.Errorf("opened %+v with %+v", channel, account)
			}
		})
	}
	close(fs.hold)
	all.Wait()
	if n := fs.total.Load(); n != 1 {
		t.Errorf("%d constructions, want 1", n)
	}
}

func TestOpener_OneCallersEndFailsNobodyElse(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := create(t, f.Service, alipayAccounts(1)...).Accounts[0].ID
	fs := &factories{made: map[string]int{}, hold: make(chan struct{})}
	o := newOpener(t, f, fs, 0)
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	f.repo.beforeCredentials = sync.OnceFunc(func() { close(started) })
	first := make(chan error, 1)
	go func() { _, _, err := o.Open(ctx, id); first <- err }()
	<-started
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first caller gets %v, want its own end", err)
	}
	close(fs.hold)
	if _, _, err := o.Open(t.Context(), id); err != nil {
		t.Errorf("the second caller gets %v", err)
	}
	if n := fs.total.Load(); n != 1 {
		t.Errorf("%d constructions, want 1", n)
	}
}

func TestOpener_NewCredentialsHoldWithTheNextCall(t *testing.T) {
	t.Parallel()
	f := setup(t)
	req := merchant.AccountRequest{Channel: "alipay", Credentials: credentials("one")}
	id := create(t, f.Service, req).Accounts[0].ID
	fs := &factories{made: map[string]int{}}
	o := newOpener(t, f, fs, 0)
	for version := int64(1); version <= 3; version++ {
		channel, _, err := o.Open(t.Context(), id)
		if err != nil || channel.(fakeChannel).version != version {
			t.Fatalf("opened version %+v, %v; want %d", channel, err, version)
		}
		// As another replica would.
		if _, err := newService(t, f.repo, f.box, f.clock).UpdateCredentials(t.Context(), id, req.Credentials); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.DisableAccount(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, account, err := o.Open(t.Context(), id); err != nil || account.Enabled {
		t.Errorf("a disabled account opens with enabled=%t, %v; want false and no error", account.Enabled, err)
	}
}

// Credentials change while many open: nobody may get a version older than the
// one that was committed before he asked, and each version is made once.
func TestOpener_RacesWithChangesOfCredentials(t *testing.T) {
	t.Parallel()
	f := setup(t)
	req := merchant.AccountRequest{Channel: "alipay", Credentials: credentials("one")}
	id := create(t, f.Service, req).Accounts[0].ID
	fs := &factories{made: map[string]int{}}
	o := newOpener(t, f, fs, 0)
	var committed atomic.Int64
	committed.Store(1)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				least := committed.Load()
				channel, _, err := o.Open(t.Context(), id)
				if err != nil {
					t.Error(err)
					return
				}
				if got := channel.(fakeChannel).version; got < least {
					t.Errorf("version %d was opened after %d was committed", got, least)
				}
			}
		})
	}
	all.Go(func() {
		for range 30 {
			a, err := f.UpdateCredentials(t.Context(), id, req.Credentials)
			if err != nil {
				t.Error(err)
				return
			}
			committed.Store(a.Version)
		}
	})
	all.Wait()
	channel, _, err := o.Open(t.Context(), id)
	if err != nil || channel.(fakeChannel).version != 31 {
		t.Errorf("in the end version %+v, %v; want 31", channel, err)
	}
}

func TestOpener_KeepsNoMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	f := setup(t)
	accounts := create(t, f.Service, alipayAccounts(3)...).Accounts
	fs := &factories{made: map[string]int{}}
	o := newOpener(t, f, fs, 2)
	open := func(i int, wantTotal int64) {
		t.Helper()
		if _, _, err := o.Open(t.Context(), accounts[i].ID); err != nil {
			t.Fatal(err)
		}
		if n := fs.total.Load(); n != wantTotal {
			t.Errorf("%d constructions, want %d", n, wantTotal)
		}
	}
	open(0, 1)
	open(1, 2)
	open(0, 2)
	open(2, 3) // 1 was not used for longest
	open(0, 3)
	open(1, 4)
}

func TestOpener_FailuresAreNotRemembered(t *testing.T) {
	t.Parallel()
	f := setup(t)
	made := create(t, f.Service, alipayAccounts(1)...)
	id := made.Accounts[0].ID
	fs := &factories{made: map[string]int{}}
	o := newOpener(t, f, fs, 0)
	fs.fail.Store(true)
	if _, _, err := o.Open(t.Context(), id); err == nil || strings.Contains(err.Error(), secretCanary) {
		t.Errorf("got %v", err)
	}
	fs.fail.Store(false)
	if _, _, err := o.Open(t.Context(), id); err != nil {
		t.Error(err)
	}
	if _, _, err := o.Open(t.Context(), "acc_none"); !errors.Is(err, errCore) || !errors.Is(err, merchant.ErrNotFound) {
		t.Errorf("an unknown account gives %v, want both errors", err)
	}
}

func TestOpener_RoutesListOnlyTheMerchantsOwn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	mine := create(t, f.Service, append(alipayAccounts(2),
		merchant.AccountRequest{Channel: "wechatpay", Credentials: credentials("no factory here")})...)
	create(t, f.Service, alipayAccounts(2)...)
	o := newOpener(t, f, &factories{made: map[string]int{}}, 0)
	routes, err := o.Routes(t.Context(), mine.Merchant.ID)
	if err != nil || len(routes) != 3 {
		t.Fatalf("%d routes, %v; want 3", len(routes), err)
	}
	for i, route := range routes {
		if route.ID != mine.Accounts[i].ID || route.Enabled != (route.Channel == "alipay") {
			t.Errorf("route %d: %+v; the one that cannot be made must be listed as disabled", i, route)
		}
	}
	if routes, err := o.Routes(t.Context(), ""); err != nil || len(routes) != 0 {
		t.Errorf("no merchant has %d routes, %v", len(routes), err)
	}
}
