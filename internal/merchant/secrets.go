package merchant

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/paymux/paymux/signing"
)

// Secret is a webhook secret in clear ("whsec_…"). It prints as a mask; only
// Reveal gives the text.
type Secret struct{ text string }

// Reveal is the secret itself, for the merchant's own file.
func (s Secret) Reveal() string { return s.text }

// String is a mask.
func (Secret) String() string { return "whsec_***" }

// GoString is String, so that no format verb prints the secret.
func (s Secret) GoString() string { return s.String() }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, so that no encoder writes the secret by mistake.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *Service) newSecret(merchantID string, at time.Time) (WebhookSecret, Secret, error) {
	text, err := signing.NewWebhookSecret(s.Random)
	if err != nil {
		return WebhookSecret{}, Secret{}, err
	}
	row := WebhookSecret{ID: "whs_" + s.NewID(), MerchantID: merchantID, CreatedAt: at}
	row.Sealed, err = s.Box.Seal([]byte(text), SecretAAD(row.ID))
	if err != nil {
		return WebhookSecret{}, Secret{}, fmt.Errorf("seal webhook secret: %w", err)
	}
	return row, Secret{text}, nil
}

// Rotated is a new webhook secret, in clear for the one time that it is shown.
type Rotated struct {
	ID     string
	Secret Secret
	// PreviousUntil is until when the secret before it signs too.
	PreviousUntil time.Time
}

// RotateSecret gives a merchant a new webhook secret that signs at once. The
// one before it signs too for [SecretOverlap]: the signature header then lists
// both, and a receiver with either verifies. ErrNotFound for no such merchant.
func (s *Service) RotateSecret(ctx context.Context, merchantID string) (Rotated, error) {
	if _, err := s.Profile(ctx, merchantID); err != nil {
		return Rotated{}, err
	}
	now := s.stamp()
	row, secret, err := s.newSecret(merchantID, now)
	if err != nil {
		return Rotated{}, err
	}
	until := now.Add(SecretOverlap)
	if err := s.Repository.RotateSecret(ctx, row, until); err != nil {
		return Rotated{}, fmt.Errorf("rotate webhook secret of merchant %q: %w", merchantID, err)
	}
	return Rotated{ID: row.ID, Secret: secret, PreviousUntil: until}, nil
}

// Secrets gives the bytes of a merchant's live webhook secrets, newest first,
// in the form that [signing.WebhookSignature] takes.
func (s *Service) Secrets(ctx context.Context, merchantID string) ([][]byte, error) {
	rows, err := s.Repository.LiveSecrets(ctx, merchantID, s.stamp(), MaxLiveSecrets)
	if err != nil {
		return nil, fmt.Errorf("read webhook secrets of merchant %q: %w", merchantID, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("webhook secret of merchant %q: %w", merchantID, ErrNotFound)
	}
	secrets := make([][]byte, 0, len(rows))
	for _, row := range rows {
		text, err := s.Box.Open(row.Sealed, SecretAAD(row.ID))
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", row, err)
		}
		secret, err := signing.ParseWebhookSecret(string(text))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", row, err)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}
