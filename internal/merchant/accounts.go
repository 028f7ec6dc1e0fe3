package merchant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
)

// Terms is what was agreed on for an account; the fields are those of [Account].
type Terms struct {
	Weight               int
	FeeRatePPM           int64
	MinAmount, MaxAmount int64
	Scenes               []channels.Scene
	Hours                []channels.Hours
}

// AccountRequest is an account to make.
type AccountRequest struct {
	MerchantID string
	Channel    string
	// Credentials is the JSON object that the channel's adapter reads.
	Credentials []byte
	Terms       Terms
}

// String leaves the credentials out.
func (r AccountRequest) String() string { return r.Channel + " account of merchant " + r.MerchantID }

// GoString is String, so that no format verb prints the credentials.
func (r AccountRequest) GoString() string { return r.String() }

// LogValue is String.
func (r AccountRequest) LogValue() slog.Value { return slog.StringValue(r.String()) }

// AddAccount gives a merchant an account at a channel, in use at once. Errors
// are [*InvalidError], ErrNotFound and ErrIdentityTaken.
func (s *Service) AddAccount(ctx context.Context, req AccountRequest) (Account, error) {
	if _, err := s.Profile(ctx, req.MerchantID); err != nil {
		return Account{}, err
	}
	a, err := s.newAccount(req, s.stamp())
	if err != nil {
		return Account{}, err
	}
	if err := s.Repository.InsertAccount(ctx, a); err != nil {
		return Account{}, fmt.Errorf("add %s: %w", req, err)
	}
	return a.Account, nil
}

func (s *Service) newAccount(req AccountRequest, at time.Time) (NewAccount, error) {
	var f faults
	f.terms(req.Terms)
	identity, canonical, err := s.validate(req.Channel, req.Credentials)
	if err != nil {
		f.add("credentials", "of channel "+req.Channel+" cannot be used: "+err.Error())
	}
	if err := f.err(); err != nil {
		return NewAccount{}, err
	}
	a := Account{
		ID: "acc_" + s.NewID(), MerchantID: req.MerchantID, Channel: req.Channel, Enabled: true,
		Weight: req.Terms.Weight, FeeRatePPM: req.Terms.FeeRatePPM,
		MinAmount: req.Terms.MinAmount, MaxAmount: req.Terms.MaxAmount,
		Scenes: slices.Clone(req.Terms.Scenes), Hours: slices.Clone(req.Terms.Hours), Identity: identity, Version: 1, CreatedAt: at,
	}
	sealed, err := s.Box.Seal(canonical, CredentialsAAD(a.ID))
	if err != nil {
		return NewAccount{}, fmt.Errorf("seal credentials: %w", err)
	}
	return NewAccount{Account: a, Credentials: SealedCredentials{Version: a.Version, Sealed: sealed}}, nil
}

func (s *Service) validate(channel string, raw []byte) (string, []byte, error) {
	if len(raw) == 0 || len(raw) > maxCredentials {
		return "", nil, fmt.Errorf("they must be a JSON object of at most %d bytes", maxCredentials)
	}
	identity, canonical, err := s.Validate(channel, raw)
	if err != nil {
		return "", nil, err
	}
	if identity == "" || len(identity) > maxIdentity {
		return "", nil, errors.New("they do not say who the account is at the channel")
	}
	return identity, canonical, nil
}

// maxIdentity is the width of the stored column.
const maxIdentity = 190

// UpdateCredentials replaces an account's credentials; every replica uses them
// with its next call. They must be of the same channel identity, else
// ErrIdentityChanged. Two updates at once: one of them is ErrStale.
func (s *Service) UpdateCredentials(ctx context.Context, accountID string, credentials []byte) (Account, error) {
	a, err := s.Repository.AccountByID(ctx, accountID)
	if err != nil {
		return Account{}, lookup("account", accountID, err)
	}
	identity, canonical, err := s.validate(a.Channel, credentials)
	if err != nil {
		return Account{}, &InvalidError{Faults: []Fault{{"credentials", "of channel " + a.Channel + " cannot be used: " + err.Error()}}}
	}
	if identity != a.Identity {
		return Account{}, fmt.Errorf("update credentials of account %q: %w", accountID, ErrIdentityChanged)
	}
	sealed, err := s.Box.Seal(canonical, CredentialsAAD(a.ID))
	if err != nil {
		return Account{}, fmt.Errorf("seal credentials: %w", err)
	}
	next := SealedCredentials{Version: a.Version + 1, Sealed: sealed}
	if err := s.Repository.ReplaceCredentials(ctx, a.ID, next); err != nil {
		return Account{}, fmt.Errorf("update credentials of account %q: %w", accountID, err)
	}
	a.Version = next.Version
	return a, nil
}

// Account reads an account; ErrNotFound.
func (s *Service) Account(ctx context.Context, id string) (Account, error) {
	a, err := s.Repository.AccountByID(ctx, id)
	return a, lookup("account", id, err)
}

// AccountsOf lists a merchant's accounts, oldest first, disabled ones too; every
// merchant's for an empty id.
func (s *Service) AccountsOf(ctx context.Context, merchantID string) ([]Account, error) {
	accounts, err := s.Repository.AccountsOf(ctx, merchantID)
	if err != nil {
		return nil, fmt.Errorf("list accounts of merchant %q: %w", merchantID, err)
	}
	return accounts, nil
}

// SetAccountHours says when an account takes payments, each day; none: always.
// Errors are [*InvalidError] and ErrNotFound.
func (s *Service) SetAccountHours(ctx context.Context, id string, hours []channels.Hours) error {
	var f faults
	f.hours(hours)
	if err := f.err(); err != nil {
		return err
	}
	if err := s.Repository.SetAccountHours(ctx, id, hours); err != nil {
		return fmt.Errorf("set hours of account %q: %w", id, err)
	}
	return nil
}

// DisableAccount takes an account out of routing. What is in flight there goes
// on. Doing it again changes nothing.
func (s *Service) DisableAccount(ctx context.Context, id string) error {
	return s.setEnabled(ctx, id, false)
}

// EnableAccount puts a disabled account back.
func (s *Service) EnableAccount(ctx context.Context, id string) error {
	return s.setEnabled(ctx, id, true)
}

func (s *Service) setEnabled(ctx context.Context, id string, enabled bool) error {
	if err := s.Repository.SetAccountEnabled(ctx, id, enabled); err != nil {
		return fmt.Errorf("set account %q enabled=%t: %w", id, enabled, err)
	}
	return nil
}
