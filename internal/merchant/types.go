package merchant

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/signing"
)

// Status says whether a merchant may start new payments.
type Status string

// The statuses of a merchant.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
)

// LatePolicy is what happens to money that arrives after a payment ended.
type LatePolicy string

// The policies; their values are those of the core.
const (
	LateRefund LatePolicy = "refund"
	LateAccept LatePolicy = "accept"
)

// Merchant is a customer of the gateway. Times are UTC, to the millisecond.
type Merchant struct {
	ID     string // "mer_" and a ULID
	Name   string // 1 to 64 characters, for people
	Status Status
	// NotifyURL is where webhooks go when a payment names no other place; empty:
	// nowhere.
	NotifyURL       string
	LatePolicy      LatePolicy
	AnswerAlgorithm signing.Algorithm
	CreatedAt       time.Time
}

// Key is a merchant's public key, which verifies its requests.
type Key struct {
	Serial       string // [signing.Serial]; unique in the installation
	MerchantID   string
	PublicKeyPEM string // PKIX
	CreatedAt    time.Time
	RevokedAt    time.Time // zero: live
}

// Live tells whether the key verifies requests.
func (k Key) Live() bool { return k.RevokedAt.IsZero() }

// WebhookSecret signs a merchant's webhooks.
type WebhookSecret struct {
	ID         string // "whs_" and a ULID
	MerchantID string
	Sealed     []byte // bound to [SecretAAD]
	CreatedAt  time.Time
	// RetiredAt is when a replaced secret stops signing; zero: it was not
	// replaced.
	RetiredAt time.Time
}

// Live tells whether the secret signs at a time.
func (s WebhookSecret) Live(at time.Time) bool {
	return s.RetiredAt.IsZero() || at.Before(s.RetiredAt)
}

// String shows the id only.
func (s WebhookSecret) String() string { return "webhook secret " + s.ID }

// GoString is String, so that no format verb prints the blob.
func (s WebhookSecret) GoString() string { return s.String() }

// LogValue is String.
func (s WebhookSecret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Account is a merchant's account at a channel. Its credentials are read apart
// from it, see [SealedCredentials].
type Account struct {
	ID         string // "acc_" and a ULID
	MerchantID string
	Channel    string // "alipay", "wechatpay", "unionpay", …
	Enabled    bool
	// Weight is the account's share in routing; 0: only when nothing else is left.
	Weight int
	// FeeRatePPM is the contracted fee in millionths of the amount.
	FeeRatePPM int64
	// MinAmount and MaxAmount bound one payment in minor units, both included;
	// 0: the channel's own limit.
	MinAmount, MaxAmount int64
	// Scenes is what the account is contracted for; empty: all of the channel's.
	Scenes []channels.Scene
	// Hours is when the account takes payments, each day in Asia/Shanghai; empty:
	// always.
	Hours []channels.Hours
	// Identity is who the account is at the channel (app id with seller, merchant
	// number): unique in the installation, never changed, no secret.
	Identity string
	// Version counts the credentials: 1 for the first ones.
	Version   int64
	CreatedAt time.Time
}

// SealedCredentials is an account's credentials as they lie in the database.
type SealedCredentials struct {
	Version int64
	Sealed  []byte // bound to [CredentialsAAD]
}

// String shows the version only.
func (c SealedCredentials) String() string {
	return fmt.Sprintf("sealed credentials, version %d", c.Version)
}

// GoString is String, so that no format verb prints the blob.
func (c SealedCredentials) GoString() string { return c.String() }

// LogValue is String.
func (c SealedCredentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// PlatformKey is one of the keys that sign the gateway's answers.
type PlatformKey struct {
	Serial    string // [signing.Serial]
	Algorithm signing.Algorithm
	// Generation counts the keys of one algorithm from 1. It is unique, so that
	// replicas that start together make one key and not several.
	Generation int64
	Sealed     []byte // PKCS#8 PEM, bound to [PlatformKeyAAD]
	CreatedAt  time.Time
	RetiredAt  time.Time // zero: live, published and trusted
}

// String shows algorithm and serial only.
func (k PlatformKey) String() string { return string(k.Algorithm) + " platform key " + k.Serial }

// GoString is String, so that no format verb prints the blob.
func (k PlatformKey) GoString() string { return k.String() }

// LogValue is String.
func (k PlatformKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
