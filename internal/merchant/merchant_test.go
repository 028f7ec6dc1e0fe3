package merchant_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/signing"
)

// clock is a test's time, moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// validate stands for an adapter's reader of credentials.
func validate(channel string, raw []byte) (string, []byte, error) {
	var c struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	if channel != "alipay" && channel != "wechatpay" {
		return "", nil, errors.New("there is no such channel")
	}
	if json.Unmarshal(raw, &c) != nil || c.Secret == "" {
		return "", nil, errors.New("secret is required")
	}
	canonical, err := json.Marshal(c)
	return c.ID, canonical, err
}

func newBox(t *testing.T, keys ...signing.MasterKey) *signing.SecretBox {
	t.Helper()
	box, err := signing.NewSecretBox(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func newMasterKey(t *testing.T) signing.MasterKey {
	t.Helper()
	key, err := signing.GenerateMasterKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var counter atomic.Int64 // makes ids unique within the test process

func newID() string { return fmt.Sprintf("%026d", counter.Add(1)) }

func newService(t *testing.T, repo merchant.Repository, box merchant.Box, c *clock) *merchant.Service {
	t.Helper()
	s, err := merchant.New(merchant.Deps{
		Repository: repo, Box: box, Validate: validate, Now: c.now, NewID: newID, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fixture is a service over memory.
type fixture struct {
	*merchant.Service
	repo  *memory
	clock *clock
	box   *signing.SecretBox
}

func setup(t *testing.T) fixture {
	t.Helper()
	f := fixture{repo: newMemory(), clock: newClock(), box: newBox(t, newMasterKey(t))}
	f.Service = newService(t, f.repo, f.box, f.clock)
	return f
}

func publicKey(t *testing.T) []byte {
	t.Helper()
	key, err := signing.GenerateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signing.EncodePublicKeyPEM(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func create(t *testing.T, s *merchant.Service, accounts ...merchant.AccountRequest) merchant.Created {
	t.Helper()
	made, err := s.CreateMerchant(t.Context(), merchant.CreateRequest{Name: "Tea shop", PublicKeyPEM: publicKey(t), Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

const secretCanary = "c4n4ry-s3cr3t"

func credentials(id string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"secret":%q}`, id, secretCanary)
}

func TestCreateMerchant_NamesEveryFault(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.CreateMerchant(t.Context(), merchant.CreateRequest{
		Name: "a\nb", NotifyURL: "ftp://x", LatePolicy: "keep", AnswerAlgorithm: "md5", PublicKeyPEM: []byte("nothing"),
	})
	var invalid *merchant.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v, want an InvalidError", err)
	}
	var fields []string
	for _, fault := range invalid.Faults {
		fields = append(fields, fault.Field)
	}
	if got := strings.Join(fields, " "); got != "name notify_url late_payment answer_algorithm public_key" {
		t.Errorf("faults in %s", got)
	}
	if len(f.repo.merchants) != 0 {
		t.Error("a merchant was made all the same")
	}
}

func TestCreateMerchant_WholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	f := setup(t)
	create(t, f.Service, merchant.AccountRequest{Channel: "alipay", Credentials: credentials("taken")})
	_, err := f.CreateMerchant(t.Context(), merchant.CreateRequest{
		Name: "Other", PublicKeyPEM: publicKey(t),
		Accounts: []merchant.AccountRequest{{Channel: "alipay", Credentials: credentials("taken")}},
	})
	if !errors.Is(err, merchant.ErrIdentityTaken) {
		t.Fatalf("got %v, want ErrIdentityTaken", err)
	}
	if list, err := f.ListMerchants(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%d merchants, %v; want 1", len(list), err)
	}
}

func TestKeys_RevokedStopsAtOnceOnEveryReplica(t *testing.T) {
	t.Parallel()
	f := setup(t)
	replica := newService(t, f.repo, f.box, f.clock)
	made := create(t, f.Service)
	for _, s := range []*merchant.Service{f.Service, replica} {
		if _, m, err := s.VerificationKey(t.Context(), made.Merchant.ID, made.Key.Serial); err != nil || m.ID != made.Merchant.ID || m.Disabled {
			t.Fatalf("live key: %+v, %v", m, err)
		}
	}
	second, err := f.AddKey(t.Context(), made.Merchant.ID, publicKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.RevokeKey(t.Context(), made.Merchant.ID, made.Key.Serial); err != nil {
		t.Fatal(err)
	}
	for i, s := range []*merchant.Service{f.Service, replica} {
		if _, _, err := s.VerificationKey(t.Context(), made.Merchant.ID, made.Key.Serial); !errors.Is(err, signing.ErrKeyUnknown) {
			t.Errorf("replica %d: the revoked key gives %v, want ErrKeyUnknown", i, err)
		}
		if _, _, err := s.VerificationKey(t.Context(), made.Merchant.ID, second.Serial); err != nil {
			t.Errorf("replica %d: the second key gives %v", i, err)
		}
	}
	if _, err := f.AddKey(t.Context(), made.Merchant.ID, []byte(made.Key.PublicKeyPEM)); !errors.Is(err, merchant.ErrKeyRevoked) {
		t.Errorf("adding a revoked key gives %v, want ErrKeyRevoked", err)
	}
}

func TestKeys_OneKeyOneMerchant(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a, b := create(t, f.Service), create(t, f.Service)
	if _, err := f.AddKey(t.Context(), b.Merchant.ID, []byte(a.Key.PublicKeyPEM)); !errors.Is(err, merchant.ErrKeyTaken) {
		t.Errorf("another merchant's key gives %v, want ErrKeyTaken", err)
	}
	again, err := f.AddKey(t.Context(), a.Merchant.ID, []byte(a.Key.PublicKeyPEM))
	if err != nil || again.Serial != a.Key.Serial {
		t.Errorf("the own key again gives %v, %v", again.Serial, err)
	}
	if err := f.RevokeKey(t.Context(), b.Merchant.ID, a.Key.Serial); !errors.Is(err, merchant.ErrNotFound) {
		t.Errorf("revoking another merchant's key gives %v, want ErrNotFound", err)
	}
	if _, _, err := f.VerificationKey(t.Context(), b.Merchant.ID, a.Key.Serial); !errors.Is(err, signing.ErrKeyUnknown) {
		t.Errorf("another merchant's serial gives %v, want ErrKeyUnknown", err)
	}
}

func TestVerificationKey_DisabledMerchantIsNamed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	made := create(t, f.Service)
	if err := f.DisableMerchant(t.Context(), made.Merchant.ID); err != nil {
		t.Fatal(err)
	}
	if _, m, err := f.VerificationKey(t.Context(), made.Merchant.ID, made.Key.Serial); err != nil || !m.Disabled {
		t.Errorf("disabled=%t, %v; the caller must be able to answer merchant_disabled, signed", m.Disabled, err)
	}
}

func TestRotateSecret_BothSignDuringTheOverlap(t *testing.T) {
	t.Parallel()
	f := setup(t)
	made := create(t, f.Service)
	old, err := signing.ParseWebhookSecret(made.WebhookSecret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	f.clock.advance(time.Hour)
	rotated, err := f.RotateSecret(t.Context(), made.Merchant.ID)
	if err != nil {
		t.Fatal(err)
	}
	next, err := signing.ParseWebhookSecret(rotated.Secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if want := f.clock.now().Add(24 * time.Hour); !rotated.PreviousUntil.Equal(want) {
		t.Errorf("the old one signs until %v, want %v", rotated.PreviousUntil, want)
	}
	assertSecrets(t, f, made.Merchant.ID, next, old)
	f.clock.advance(24*time.Hour - time.Millisecond)
	assertSecrets(t, f, made.Merchant.ID, next, old)
	f.clock.advance(time.Millisecond)
	assertSecrets(t, f, made.Merchant.ID, next)
}

func assertSecrets(t *testing.T, f fixture, merchantID string, want ...[]byte) {
	t.Helper()
	got, err := f.Secrets(t.Context(), merchantID)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%x", got) != fmt.Sprintf("%x", want) {
		t.Errorf("%d secrets sign, not the wanted %d, newest first", len(got), len(want))
	}
}

func TestRotateSecret_ManyRotationsStayBounded(t *testing.T) {
	t.Parallel()
	f := setup(t)
	made := create(t, f.Service)
	for range merchant.MaxLiveSecrets + 3 {
		if _, err := f.RotateSecret(t.Context(), made.Merchant.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := f.Secrets(t.Context(), made.Merchant.ID); err != nil || len(got) != merchant.MaxLiveSecrets {
		t.Errorf("%d secrets sign, %v; want %d", len(got), err, merchant.MaxLiveSecrets)
	}
}

func TestAddAccount_IdentityIsUniqueAtAnyConcurrency(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a, b := create(t, f.Service), create(t, f.Service)
	var added, refused atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		id := a.Merchant.ID
		if i%2 == 1 {
			id = b.Merchant.ID
		}
		all.Go(func() {
			_, err := f.AddAccount(t.Context(), merchant.AccountRequest{MerchantID: id, Channel: "wechatpay", Credentials: credentials("1900000001")})
			switch {
			case err == nil:
				added.Add(1)
			case errors.Is(err, merchant.ErrIdentityTaken):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if added.Load() != 1 || refused.Load() != 15 {
		t.Errorf("%d added, %d refused; want 1 and 15", added.Load(), refused.Load())
	}
}

func TestUpdateCredentials_SameIdentityOnly(t *testing.T) {
	t.Parallel()
	f := setup(t)
	made := create(t, f.Service, merchant.AccountRequest{Channel: "alipay", Credentials: credentials("one")})
	id := made.Accounts[0].ID
	if _, err := f.UpdateCredentials(t.Context(), id, credentials("two")); !errors.Is(err, merchant.ErrIdentityChanged) {
		t.Errorf("got %v, want ErrIdentityChanged", err)
	}
	a, err := f.UpdateCredentials(t.Context(), id, credentials("one"))
	if err != nil || a.Version != 2 {
		t.Errorf("version %d, %v; want 2", a.Version, err)
	}
}

func TestSecrets_StayOutOfErrorsAndPrints(t *testing.T) {
	t.Parallel()
	f := setup(t)
	req := merchant.AccountRequest{Channel: "alipay", Credentials: credentials("one")}
	made := create(t, f.Service, req)
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("made", "created", made, "secret", made.WebhookSecret, "request", req)
	_, dup := f.AddAccount(t.Context(), merchant.AccountRequest{MerchantID: made.Merchant.ID, Channel: "alipay", Credentials: credentials("one")})
	_, bad := f.AddAccount(t.Context(), merchant.AccountRequest{MerchantID: made.Merchant.ID, Channel: "nosuch", Credentials: credentials("x")})
	document, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(document) + dup.Error() + bad.Error() +
		fmt.Sprintf("%v %+v %#v %s %v %+v %#v", made, made, made, made.WebhookSecret, req, req, req)
	for _, canary := range []string{secretCanary, strings.TrimPrefix(made.WebhookSecret.Reveal(), "whsec_"), made.WebhookSecret.Reveal()} {
		if strings.Contains(shown, canary) {
			t.Errorf("%q is shown", canary)
		}
	}
}

func TestNew_RefusesMissingParts(t *testing.T) {
	t.Parallel()
	if _, err := merchant.New(merchant.Deps{Random: io.LimitReader(rand.Reader, 1)}); err == nil {
		t.Error("a service without its parts was made")
	}
}
