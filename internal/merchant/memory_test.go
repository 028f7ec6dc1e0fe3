package merchant_test

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/merchant"
)

// memory is a Repository in the test's memory. The real ones are tested with
// the store; this one lets a test stop or fail between any two steps.
type memory struct {
	mu        sync.Mutex
	merchants map[string]merchant.Merchant
	keys      map[string]merchant.Key
	secrets   []merchant.WebhookSecret
	accounts  []merchant.NewAccount
	platform  []merchant.PlatformKey

	// replaceErr, when set, is asked before each ReplaceSealed.
	replaceErr func() error
	// readErr, when set, is what PlatformKeys fails with.
	readErr error
	// credentialReads counts CredentialsOf; beforeCredentials runs before each.
	credentialReads   int
	beforeCredentials func()
}

func newMemory() *memory {
	return &memory{merchants: map[string]merchant.Merchant{}, keys: map[string]merchant.Key{}}
}

func (m *memory) InsertMerchant(_ context.Context, b merchant.Beginning) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.keys[b.Key.Serial]; ok {
		return merchant.ErrKeyTaken
	}
	for _, a := range b.Accounts {
		if m.identityTaken(a.Account) {
			return merchant.ErrIdentityTaken
		}
	}
	m.merchants[b.Merchant.ID] = b.Merchant
	m.keys[b.Key.Serial] = b.Key
	m.secrets = append(m.secrets, b.Secret)
	m.accounts = append(m.accounts, b.Accounts...)
	return nil
}

func (m *memory) identityTaken(a merchant.Account) bool {
	return slices.ContainsFunc(m.accounts, func(have merchant.NewAccount) bool {
		return have.Account.Channel == a.Channel && have.Account.Identity == a.Identity
	})
}

func (m *memory) MerchantByID(_ context.Context, id string) (merchant.Merchant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	have, ok := m.merchants[id]
	if !ok {
		return have, merchant.ErrNotFound
	}
	return have, nil
}

func (m *memory) ListMerchants(_ context.Context, after string, limit int) ([]merchant.Merchant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []merchant.Merchant
	for id, have := range m.merchants {
		if id > after {
			list = append(list, have)
		}
	}
	slices.SortFunc(list, func(a, b merchant.Merchant) int { return cmp.Compare(a.ID, b.ID) })
	return list[:min(limit, len(list))], nil
}

func (m *memory) SetMerchantStatus(_ context.Context, id string, status merchant.Status) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	have, ok := m.merchants[id]
	if !ok {
		return merchant.ErrNotFound
	}
	have.Status = status
	m.merchants[id] = have
	return nil
}

func (m *memory) InsertKey(_ context.Context, k merchant.Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.keys[k.Serial]; ok {
		return merchant.ErrDuplicate
	}
	m.keys[k.Serial] = k
	return nil
}

func (m *memory) KeyBySerial(_ context.Context, serial string) (merchant.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[serial]
	if !ok {
		return k, merchant.ErrNotFound
	}
	return k, nil
}

func (m *memory) KeyOfMerchant(_ context.Context, merchantID, serial string) (merchant.Key, merchant.Merchant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[serial]
	if !ok || k.MerchantID != merchantID {
		return merchant.Key{}, merchant.Merchant{}, merchant.ErrNotFound
	}
	return k, m.merchants[merchantID], nil
}

func (m *memory) KeysOf(_ context.Context, merchantID string) ([]merchant.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []merchant.Key
	for _, k := range m.keys {
		if k.MerchantID == merchantID {
			list = append(list, k)
		}
	}
	return list, nil
}

func (m *memory) RevokeKey(_ context.Context, merchantID, serial string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[serial]
	if !ok || k.MerchantID != merchantID {
		return merchant.ErrNotFound
	}
	if k.Live() {
		k.RevokedAt = at
		m.keys[serial] = k
	}
	return nil
}

func (m *memory) RotateSecret(_ context.Context, next merchant.WebhookSecret, retireAt time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.secrets {
		if m.secrets[i].MerchantID == next.MerchantID && m.secrets[i].RetiredAt.IsZero() {
			m.secrets[i].RetiredAt = retireAt
		}
	}
	m.secrets = append(m.secrets, next)
	return nil
}

func (m *memory) LiveSecrets(_ context.Context, merchantID string, at time.Time, limit int) ([]merchant.WebhookSecret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []merchant.WebhookSecret
	for _, s := range slices.Backward(m.secrets) {
		if s.MerchantID == merchantID && s.Live(at) {
			list = append(list, s)
		}
	}
	return list[:min(limit, len(list))], nil
}

func (m *memory) InsertAccount(_ context.Context, a merchant.NewAccount) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.identityTaken(a.Account) {
		return merchant.ErrIdentityTaken
	}
	m.accounts = append(m.accounts, a)
	return nil
}

func (m *memory) account(id string) (*merchant.NewAccount, error) {
	i := slices.IndexFunc(m.accounts, func(a merchant.NewAccount) bool { return a.Account.ID == id })
	if i < 0 {
		return nil, merchant.ErrNotFound
	}
	return &m.accounts[i], nil
}

func (m *memory) AccountByID(_ context.Context, id string) (merchant.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.account(id)
	if err != nil {
		return merchant.Account{}, err
	}
	return a.Account, nil
}

func (m *memory) AccountsOf(_ context.Context, merchantID string) ([]merchant.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []merchant.Account
	for _, a := range m.accounts {
		if merchantID == "" || a.Account.MerchantID == merchantID {
			list = append(list, a.Account)
		}
	}
	return list, nil
}

func (m *memory) CredentialsOf(_ context.Context, id string) (merchant.SealedCredentials, error) {
	if m.beforeCredentials != nil {
		m.beforeCredentials()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.credentialReads++
	a, err := m.account(id)
	if err != nil {
		return merchant.SealedCredentials{}, err
	}
	return a.Credentials, nil
}

func (m *memory) ReplaceCredentials(_ context.Context, id string, c merchant.SealedCredentials) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.account(id)
	if err != nil {
		return err
	}
	if a.Account.Version != c.Version-1 {
		return merchant.ErrStale
	}
	a.Account.Version, a.Credentials = c.Version, c
	return nil
}

func (m *memory) SetAccountEnabled(_ context.Context, id string, enabled bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.account(id)
	if err != nil {
		return err
	}
	a.Account.Enabled = enabled
	return nil
}

func (m *memory) InsertPlatformKey(_ context.Context, k merchant.PlatformKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, have := range m.platform {
		if have.Serial == k.Serial || have.Algorithm == k.Algorithm && have.Generation == k.Generation {
			return merchant.ErrDuplicate
		}
	}
	m.platform = append(m.platform, k)
	return nil
}

func (m *memory) PlatformKeys(context.Context) ([]merchant.PlatformKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.readErr != nil {
		return nil, m.readErr
	}
	list := slices.Clone(m.platform)
	slices.SortStableFunc(list, func(a, b merchant.PlatformKey) int { return cmp.Compare(b.Generation, a.Generation) })
	return list, nil
}

func (m *memory) RetirePlatformKey(_ context.Context, serial string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.platform {
		if m.platform[i].Serial == serial {
			m.platform[i].RetiredAt = at
			return nil
		}
	}
	return merchant.ErrNotFound
}

func (m *memory) SetAccountHours(_ context.Context, accountID string, hours []channels.Hours) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.accounts {
		if m.accounts[i].Account.ID == accountID {
			m.accounts[i].Account.Hours = hours
			return nil
		}
	}
	return merchant.ErrNotFound
}

func (m *memory) SealedColumns() []merchant.SealedColumn { return merchant.SealedColumns() }

// sealed lists every sealed value of a table with the place that it lies in.
func (m *memory) sealed(table string) map[string]*[]byte {
	values := map[string]*[]byte{}
	switch table {
	case "accounts":
		for i := range m.accounts {
			values[m.accounts[i].Account.ID] = &m.accounts[i].Credentials.Sealed
		}
	case "webhook_secrets":
		for i := range m.secrets {
			values[m.secrets[i].ID] = &m.secrets[i].Sealed
		}
	case "platform_keys":
		for i := range m.platform {
			values[m.platform[i].Serial] = &m.platform[i].Sealed
		}
	}
	return values
}

func (m *memory) SealedAfter(_ context.Context, c merchant.SealedColumn, after string, limit int) ([]merchant.SealedValue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []merchant.SealedValue
	for key, blob := range m.sealed(c.Table) {
		if key > after {
			list = append(list, merchant.SealedValue{Key: key, AAD: c.AAD(key), Sealed: *blob})
		}
	}
	slices.SortFunc(list, func(a, b merchant.SealedValue) int { return cmp.Compare(a.Key, b.Key) })
	return list[:min(limit, len(list))], nil
}

func (m *memory) ReplaceSealed(_ context.Context, c merchant.SealedColumn, list []merchant.Resealed) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.replaceErr != nil {
		if err := m.replaceErr(); err != nil {
			return err
		}
	}
	values := m.sealed(c.Table)
	for _, v := range list {
		if blob := values[v.Key]; blob != nil && bytes.Equal(*blob, v.Old) {
			*blob = v.New
		}
	}
	return nil
}
