package store_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// merchantTime is the clock of the tests on merchants, to the millisecond.
var merchantTime = time.Date(2026, 11, 21, 4, 0, 0, 456e6, time.UTC)

// merchantCanary is part of every credential of these tests.
const merchantCanary = "c4n4ry-of-credentials"

var merchantIDs atomic.Int64

func merchantID() string { return fmt.Sprintf("%026d", merchantIDs.Add(1)) }

func masterKey(t *testing.T) signing.MasterKey {
	t.Helper()
	key, err := signing.GenerateMasterKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func secretBox(t *testing.T, keys ...signing.MasterKey) *signing.SecretBox {
	t.Helper()
	box, err := signing.NewSecretBox(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func merchantService(t *testing.T, db *store.DB, box merchant.Box, now func() time.Time) *merchant.Service {
	t.Helper()
	s, err := merchant.New(merchant.Deps{
		Repository: db.Merchants(), Box: box, Now: now, NewID: merchantID, Random: rand.Reader,
		Validate: func(_ string, raw []byte) (string, []byte, error) {
			var c struct {
				ID string `json:"id"`
			}
			return c.ID, raw, json.Unmarshal(raw, &c)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fixedTime() time.Time { return merchantTime }

func newPublicKey(t *testing.T) []byte {
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

func accountRequest(merchantID, identity string) merchant.AccountRequest {
	return merchant.AccountRequest{
		MerchantID: merchantID, Channel: "alipay",
		Credentials: fmt.Appendf(nil, `{"id":%q,"key":%q}`, identity, merchantCanary),
		Terms: merchant.Terms{
			Weight: 3, FeeRatePPM: 6000, MinAmount: 1, MaxAmount: 500,
			Scenes: []channels.Scene{channels.SceneQR, channels.SceneBarcode},
		},
	}
}

func createMerchant(t *testing.T, s *merchant.Service, accounts ...string) merchant.Created {
	t.Helper()
	req := merchant.CreateRequest{
		Name: "茶馆 Ä", NotifyURL: "https://example.com/hook", LatePolicy: merchant.LateAccept,
		AnswerAlgorithm: signing.Ed25519, PublicKeyPEM: newPublicKey(t),
	}
	for _, identity := range accounts {
		req.Accounts = append(req.Accounts, accountRequest("", identity))
	}
	made, err := s.CreateMerchant(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestMerchants_ComeBackAsTheyWereMade(t *testing.T) {
	t.Parallel()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		s := merchantService(t, db, secretBox(t, masterKey(t)), fixedTime)
		made := createMerchant(t, s, "one")
		if got, err := s.Profile(t.Context(), made.Merchant.ID); err != nil || got != made.Merchant {
			t.Errorf("merchant %+v, %v; want %+v", got, err, made.Merchant)
		}
		if got, err := s.Keys(t.Context(), made.Merchant.ID); err != nil || len(got) != 1 || got[0] != made.Key {
			t.Errorf("keys %+v, %v", got, err)
		}
		got, err := s.AccountsOf(t.Context(), made.Merchant.ID)
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", made.Accounts) {
			t.Errorf("accounts %+v, %v; want %+v", got, err, made.Accounts)
		}
		if list, err := s.ListMerchants(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%d merchants, %v", len(list), err)
		}
		for _, id := range []string{"mer_none", strings.ToLower(made.Merchant.ID) + " ", strings.ToUpper(made.Merchant.ID)} {
			if _, err := s.Profile(t.Context(), id); !errors.Is(err, merchant.ErrNotFound) {
				t.Errorf("merchant %q: %v, want ErrNotFound", id, err)
			}
		}
		if _, err := s.Account(t.Context(), "acc_none"); !errors.Is(err, merchant.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if err := s.DisableAccount(t.Context(), "acc_none"); !errors.Is(err, merchant.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if err := s.DisableMerchant(t.Context(), "mer_none"); !errors.Is(err, merchant.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		for range 2 { // again changes nothing
			if err := s.DisableMerchant(t.Context(), made.Merchant.ID); err != nil {
				t.Error(err)
			}
			if err := s.DisableAccount(t.Context(), made.Accounts[0].ID); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestMerchants_ListPagesThroughAll(t *testing.T) {
	t.Parallel()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		s := merchantService(t, db, secretBox(t, masterKey(t)), fixedTime)
		var want []string
		for range 3 {
			want = append(want, createMerchant(t, s).Merchant.ID)
		}
		var got []string
		after := ""
		for {
			page, err := db.Merchants().ListMerchants(t.Context(), after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page {
				got = append(got, m.ID)
				after = m.ID
			}
			if len(page) < 2 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("listed %v, want %v", got, want)
		}
	})
}

func TestMerchants_RevokedKeyIsGoneWithTheNextRead(t *testing.T) {
	t.Parallel()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		box := secretBox(t, masterKey(t))
		s, replica := merchantService(t, db, box, fixedTime), merchantService(t, db, box, fixedTime)
		made := createMerchant(t, s)
		var revoked atomic.Bool
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 50 {
					before := revoked.Load()
					_, m, err := replica.VerificationKey(t.Context(), made.Merchant.ID, made.Key.Serial)
					switch {
					case err == nil && before:
						t.Error("a revoked key verified")
					case err == nil && m.AnswerAlgorithm != signing.Ed25519:
						t.Errorf("merchant %+v", m)
					case err != nil && !errors.Is(err, signing.ErrKeyUnknown):
						t.Error(err)
					}
				}
			})
		}
		if err := s.RevokeKey(t.Context(), made.Merchant.ID, made.Key.Serial); err != nil {
			t.Error(err)
		}
		revoked.Store(true)
		all.Wait()
		if _, _, err := replica.VerificationKey(t.Context(), made.Merchant.ID, made.Key.Serial); !errors.Is(err, signing.ErrKeyUnknown) {
			t.Errorf("got %v, want ErrKeyUnknown", err)
		}
		if err := s.RevokeKey(t.Context(), made.Merchant.ID, made.Key.Serial); err != nil {
			t.Errorf("revoking again: %v", err)
		}
		if err := s.RevokeKey(t.Context(), made.Merchant.ID, "NONE"); !errors.Is(err, merchant.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if _, err := s.AddKey(t.Context(), made.Merchant.ID, []byte(made.Key.PublicKeyPEM)); !errors.Is(err, merchant.ErrKeyRevoked) {
			t.Errorf("got %v, want ErrKeyRevoked", err)
		}
	})
}

func TestMerchants_KeyAndIdentityAreUnique(t *testing.T) {
	t.Parallel()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		s := merchantService(t, db, secretBox(t, masterKey(t)), fixedTime)
		a, b := createMerchant(t, s, "2021-a"), createMerchant(t, s)
		if _, err := s.AddKey(t.Context(), b.Merchant.ID, []byte(a.Key.PublicKeyPEM)); !errors.Is(err, merchant.ErrKeyTaken) {
			t.Errorf("got %v, want ErrKeyTaken", err)
		}
		_, err := s.CreateMerchant(t.Context(), merchant.CreateRequest{Name: "x", PublicKeyPEM: []byte(a.Key.PublicKeyPEM)})
		if !errors.Is(err, merchant.ErrKeyTaken) {
			t.Errorf("got %v, want ErrKeyTaken", err)
		}
		_, err = s.CreateMerchant(t.Context(), merchant.CreateRequest{
			Name: "x", PublicKeyPEM: newPublicKey(t), Accounts: []merchant.AccountRequest{accountRequest("", "2021-a")},
		})
		if !errors.Is(err, merchant.ErrIdentityTaken) {
			t.Errorf("got %v, want ErrIdentityTaken", err)
		}
		if list, err := s.ListMerchants(t.Context()); err != nil || len(list) != 2 {
			t.Errorf("%d merchants, %v; a refused one was left half", len(list), err)
		}
		for _, other := range []string{"2021-A", "2021-a "} {
			if _, err := s.AddAccount(t.Context(), accountRequest(b.Merchant.ID, other)); err != nil {
				t.Errorf("identity %q is another one: %v", other, err)
			}
		}
		var added atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := s.AddAccount(t.Context(), accountRequest(b.Merchant.ID, "raced"))
				if err == nil {
					added.Add(1)
				} else if !errors.Is(err, merchant.ErrIdentityTaken) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if added.Load() != 1 {
			t.Errorf("one identity was added %d times", added.Load())
		}
	})
}

func TestMerchants_CredentialsChangeByVersion(t *testing.T) {
	t.Parallel()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		s := merchantService(t, db, secretBox(t, masterKey(t)), fixedTime)
		id := createMerchant(t, s, "one").Accounts[0].ID
		req := accountRequest("", "one")
		var done, stale atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := s.UpdateCredentials(t.Context(), id, req.Credentials)
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, merchant.ErrStale):
					stale.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		a, err := s.Account(t.Context(), id)
		if err != nil || a.Version != 1+done.Load() || done.Load()+stale.Load() != 8 {
			t.Errorf("version %d after %d changes and %d stale ones, %v", a.Version, done.Load(), stale.Load(), err)
		}
		c, err := db.Merchants().CredentialsOf(t.Context(), id)
		if err != nil || c.Version != a.Version {
			t.Errorf("credentials of version %d, %v; want %d", c.Version, err, a.Version)
		}
		if _, err := db.Merchants().CredentialsOf(t.Context(), "acc_none"); !errors.Is(err, merchant.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

func TestMerchants_SecretsOverlapAtAnyConcurrency(t *testing.T) {
	t.Parallel()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		var now atomic.Int64
		now.Store(merchantTime.UnixMilli())
		s := merchantService(t, db, secretBox(t, masterKey(t)), func() time.Time { return time.UnixMilli(now.Load()) })
		made := createMerchant(t, s)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, err := s.RotateSecret(t.Context(), made.Merchant.ID); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		live := func(want int) {
			t.Helper()
			if got, err := s.Secrets(t.Context(), made.Merchant.ID); err != nil || len(got) != want {
				t.Errorf("%d secrets sign, %v; want %d", len(got), err, want)
			}
		}
		live(6)
		now.Add(merchant.SecretOverlap.Milliseconds() - 1)
		live(6)
		now.Add(1)
		live(1) // of five at once, each retired those before it
		if _, err := s.RotateSecret(t.Context(), made.Merchant.ID); err != nil {
			t.Fatal(err)
		}
		live(2)
		if n, err := db.Int(t.Context(), `SELECT COUNT(*) FROM webhook_secrets`); err != nil || n != 2 {
			t.Errorf("%d secrets are kept, %v; retired ones must go", n, err)
		}
		if _, err := s.RotateSecret(t.Context(), "mer_none"); !errors.Is(err, merchant.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

func TestMerchants_ReplicasShareTheFirstPlatformKeys(t *testing.T) {
	t.Parallel()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		box := secretBox(t, masterKey(t))
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := merchantService(t, db, box, fixedTime).EnsurePlatformKeys(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s := merchantService(t, db, box, fixedTime)
		ring, err := s.KeyRing(t.Context())
		if err != nil || len(ring.All()) != 2 {
			t.Fatalf("ring %v, %v; want two keys", ring, err)
		}
		if _, err := s.RotatePlatformKey(t.Context(), signing.RSA2); err != nil {
			t.Error(err)
		}
		if keys, err := s.PlatformKeys(t.Context()); err != nil || len(keys) != 3 || keys[0].Generation != 2 {
			t.Errorf("keys %v, %v; want 3, the newest first", keys, err)
		}
		if err := db.Merchants().RetirePlatformKey(t.Context(), "NONE", merchantTime); !errors.Is(err, merchant.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

// Every sealed column of the schema is under the new key after a rotation, with
// the old one taken away: those of payments and callbacks too.
func TestMerchants_RotationOfTheMasterKeyReachesEverySealedColumn(t *testing.T) {
	t.Parallel()
	old, next := masterKey(t), masterKey(t)
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		s := merchantService(t, db, secretBox(t, old), fixedTime)
		made := createMerchant(t, s, "one")
		if err := s.EnsurePlatformKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		record := payment.NotificationRecord{
			ID: merchantID(), Channel: "alipay", AccountID: made.Accounts[0].ID, Digest: strings.Repeat("ab", 32),
			Header: []byte("h"), Body: []byte("b"), Verdict: payment.VerdictIgnored, ReceivedAt: merchantTime,
		}
		err := db.InTx(t.Context(), func(tx payment.Tx) error { return tx.RecordNotification(t.Context(), record) })
		if err != nil {
			t.Fatal(err)
		}
		rotating := merchantService(t, db, secretBox(t, next, old), fixedTime)
		report, err := rotating.RotateMasterKey(t.Context())
		if err != nil || report.Resealed != 1+1+2+2 {
			t.Fatalf("%+v, %v; want 6 values sealed again", report, err)
		}
		if again, err := rotating.RotateMasterKey(t.Context()); err != nil || again.Resealed != 0 || again.Current != 6 {
			t.Errorf("a further run did %+v, %v; want nothing", again, err)
		}
		only := secretBox(t, next)
		for _, column := range db.Merchants().SealedColumns() {
			values, err := db.Merchants().SealedAfter(t.Context(), column, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				if _, err := only.Open(v.Sealed, v.AAD); err != nil {
					t.Errorf("%s.%s of %s: %v", column.Table, column.Column, v.Key, err)
				}
			}
		}
	}, func(cfg *store.Config) { cfg.Sealer = secretBox(t, old) })
}

func TestMerchants_ReplaceSealedLeavesWhatChanged(t *testing.T) {
	t.Parallel()
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		s := merchantService(t, db, secretBox(t, masterKey(t)), fixedTime)
		id := createMerchant(t, s, "one").Accounts[0].ID
		column := merchant.SealedColumns()[0]
		before, err := db.Merchants().CredentialsOf(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		replace := func(old, next []byte) {
			t.Helper()
			if err := db.Merchants().ReplaceSealed(t.Context(), column, []merchant.Resealed{{Key: id, Old: old, New: next}}); err != nil {
				t.Fatal(err)
			}
		}
		replace([]byte("an older value"), []byte("lost"))
		if now, err := db.Merchants().CredentialsOf(t.Context(), id); err != nil || !bytes.Equal(now.Sealed, before.Sealed) {
			t.Errorf("a value that had changed was replaced (%v)", err)
		}
		replace(before.Sealed, []byte("next"))
		if now, err := db.Merchants().CredentialsOf(t.Context(), id); err != nil || string(now.Sealed) != "next" || now.Version != before.Version {
			t.Errorf("%v, %v", now, err)
		}
	})
}

func TestMerchants_NoPlainSecretLiesInTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := storetest.Open(t, store.Config{Driver: store.SQLite, Path: filepath.Join(dir, "paymux.db")})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := merchantService(t, db, secretBox(t, masterKey(t)), fixedTime)
	made := createMerchant(t, s, "identity-in-clear")
	rotated, err := s.RotateSecret(t.Context(), made.Merchant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.EnsurePlatformKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var dump []byte
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		dump = append(dump, text...)
	}
	if !bytes.Contains(dump, []byte("identity-in-clear")) {
		t.Fatal("the dump does not hold what was written; the search proves nothing")
	}
	for name, canary := range map[string]string{
		"credentials":    merchantCanary,
		"first secret":   strings.TrimPrefix(made.WebhookSecret.Reveal(), "whsec_"),
		"second secret":  strings.TrimPrefix(rotated.Secret.Reveal(), "whsec_"),
		"a private key":  "PRIVATE KEY",
		"secrets' label": "whsec_",
	} {
		if bytes.Contains(dump, []byte(canary)) {
			t.Errorf("%s lies in the file in clear", name)
		}
	}
}
