package merchant

import (
	"context"
	"time"

	"github.com/paymux/paymux/channels"
)

// Repository is the database as this package needs it. Every method that
// writes is one transaction and is durable when it returns.
type Repository interface {
	Merchants
	Keys
	WebhookSecrets
	Accounts
	PlatformKeys
	SealedValues
}

// Beginning is what a merchant starts with; it is written whole or not at all.
type Beginning struct {
	Merchant Merchant
	Key      Key
	Secret   WebhookSecret
	Accounts []NewAccount
}

// NewAccount is an account with its first credentials.
type NewAccount struct {
	Account     Account
	Credentials SealedCredentials
}

// Merchants is the port for merchants.
type Merchants interface {
	// InsertMerchant fails with ErrDuplicate, ErrKeyTaken or ErrIdentityTaken.
	InsertMerchant(ctx context.Context, b Beginning) error
	// MerchantByID fails with ErrNotFound.
	MerchantByID(ctx context.Context, id string) (Merchant, error)
	// ListMerchants lists at most limit merchants with an id after the given
	// one, by id, which is the order in which they were made.
	ListMerchants(ctx context.Context, after string, limit int) ([]Merchant, error)
	// SetMerchantStatus fails with ErrNotFound.
	SetMerchantStatus(ctx context.Context, id string, status Status) error
}

// Keys is the port for merchants' public keys.
type Keys interface {
	// InsertKey fails with ErrDuplicate when the serial exists, whoever has it.
	InsertKey(ctx context.Context, k Key) error
	// KeyBySerial finds a key, live or not, whoever has it; ErrNotFound.
	KeyBySerial(ctx context.Context, serial string) (Key, error)
	// KeyOfMerchant reads a merchant and one of its keys as they are committed
	// now, in one point read; ErrNotFound.
	KeyOfMerchant(ctx context.Context, merchantID, serial string) (Key, Merchant, error)
	// KeysOf lists a merchant's keys, newest first.
	KeysOf(ctx context.Context, merchantID string) ([]Key, error)
	// RevokeKey stamps a live key of the merchant and leaves a revoked one as it
	// is; ErrNotFound.
	RevokeKey(ctx context.Context, merchantID, serial string, at time.Time) error
}

// WebhookSecrets is the port for webhook secrets.
type WebhookSecrets interface {
	// RotateSecret adds a secret and lets those of the merchant that were not
	// replaced before sign until retireAt.
	RotateSecret(ctx context.Context, next WebhookSecret, retireAt time.Time) error
	// LiveSecrets lists the merchant's secrets that are live at a time, newest
	// first, at most limit.
	LiveSecrets(ctx context.Context, merchantID string, at time.Time, limit int) ([]WebhookSecret, error)
}

// Accounts is the port for accounts at channels.
type Accounts interface {
	// InsertAccount fails with ErrIdentityTaken, or ErrNotFound for an unknown
	// merchant.
	InsertAccount(ctx context.Context, a NewAccount) error
	// AccountByID fails with ErrNotFound.
	AccountByID(ctx context.Context, id string) (Account, error)
	// AccountsOf lists a merchant's accounts, oldest first; every merchant's for
	// an empty id.
	AccountsOf(ctx context.Context, merchantID string) ([]Account, error)
	// CredentialsOf reads the credentials and their version together; ErrNotFound.
	CredentialsOf(ctx context.Context, accountID string) (SealedCredentials, error)
	// ReplaceCredentials puts credentials in the place of the version before
	// theirs; ErrStale when that is not the account's version.
	ReplaceCredentials(ctx context.Context, accountID string, c SealedCredentials) error
	// SetAccountHours fails with ErrNotFound.
	SetAccountHours(ctx context.Context, accountID string, hours []channels.Hours) error
	// SetAccountEnabled fails with ErrNotFound.
	SetAccountEnabled(ctx context.Context, accountID string, enabled bool) error
}

// PlatformKeys is the port for the platform's own keys.
type PlatformKeys interface {
	// InsertPlatformKey fails with ErrDuplicate when the algorithm has that
	// generation or the serial exists.
	InsertPlatformKey(ctx context.Context, k PlatformKey) error
	// PlatformKeys lists all keys, retired ones too, newest generation first.
	PlatformKeys(ctx context.Context) ([]PlatformKey, error)
	// RetirePlatformKey fails with ErrNotFound.
	RetirePlatformKey(ctx context.Context, serial string, at time.Time) error
}

// SealedColumn is a column whose values are sealed under the master key.
type SealedColumn struct {
	Table, Column string
	// Key is the table's primary key, a single text column.
	Key string
	// Bound names the text columns of the row that the value is bound to, in the
	// order in which AAD takes their values.
	Bound []string
	AAD   func(bound ...string) []byte
}

// SealedValue is one value of a sealed column.
type SealedValue struct {
	Key    string
	AAD    []byte // what the value is bound to
	Sealed []byte
}

// Resealed is a value with what takes its place.
type Resealed struct {
	Key      string
	Old, New []byte
}

// SealedValues is the port to every sealed value of the installation, those of
// other packages' tables too.
type SealedValues interface {
	// SealedColumns lists the columns.
	SealedColumns() []SealedColumn
	// SealedAfter lists at most limit values that are not NULL, by key, after a
	// key.
	SealedAfter(ctx context.Context, column SealedColumn, after string, limit int) ([]SealedValue, error)
	// ReplaceSealed replaces the values that still are Old, in one transaction.
	ReplaceSealed(ctx context.Context, column SealedColumn, values []Resealed) error
}

// CredentialsAAD is what an account's sealed credentials are bound to.
func CredentialsAAD(accountID string) []byte {
	return []byte("account/" + accountID + "/credentials")
}

// SecretAAD is what a sealed webhook secret is bound to.
func SecretAAD(secretID string) []byte { return []byte("webhook_secret/" + secretID + "/secret") }

// PlatformKeyAAD is what a platform key's sealed private key is bound to.
func PlatformKeyAAD(serial string) []byte {
	return []byte("platform_key/" + serial + "/private_key")
}

// SealedColumns lists the sealed columns of this package's own tables.
func SealedColumns() []SealedColumn {
	one := func(aad func(string) []byte) func(...string) []byte {
		return func(bound ...string) []byte { return aad(bound[0]) }
	}
	return []SealedColumn{
		{Table: "accounts", Column: "credentials", Key: "id", Bound: []string{"id"}, AAD: one(CredentialsAAD)},
		{Table: "webhook_secrets", Column: "secret", Key: "id", Bound: []string{"id"}, AAD: one(SecretAAD)},
		{Table: "platform_keys", Column: "private_key", Key: "serial", Bound: []string{"serial"}, AAD: one(PlatformKeyAAD)},
	}
}
