package merchant

import (
	"context"
	"fmt"

	"github.com/paymux/paymux/signing"
)

// CreateRequest is a merchant to make.
type CreateRequest struct {
	Name      string
	NotifyURL string
	// LatePolicy is refund when empty, AnswerAlgorithm rsa2.
	LatePolicy      LatePolicy
	AnswerAlgorithm signing.Algorithm
	// PublicKeyPEM is the merchant's first public key: RSA, PKIX, PKCS#1 or a
	// certificate.
	PublicKeyPEM []byte
	// Accounts are the merchant's first accounts; MerchantID is left empty.
	Accounts []AccountRequest
}

// Created is a merchant just made, with its first webhook secret in clear: the
// one time that it is shown.
type Created struct {
	Merchant      Merchant
	Key           Key
	WebhookSecret Secret
	Accounts      []Account
}

// CreateMerchant makes a merchant with its first key, webhook secret and
// accounts, whole or not at all. Wrong fields are an [*InvalidError], a key or
// an identity that exists ErrKeyTaken or ErrIdentityTaken.
func (s *Service) CreateMerchant(ctx context.Context, req CreateRequest) (Created, error) {
	if req.LatePolicy == "" {
		req.LatePolicy = LateRefund
	}
	if req.AnswerAlgorithm == "" {
		req.AnswerAlgorithm = signing.RSA2
	}
	now := s.stamp()
	m := Merchant{
		ID: "mer_" + s.NewID(), Name: req.Name, Status: Active, NotifyURL: req.NotifyURL,
		LatePolicy: req.LatePolicy, AnswerAlgorithm: req.AnswerAlgorithm, CreatedAt: now,
	}
	var f faults
	f.name(m.Name)
	f.notifyURL(m.NotifyURL)
	f.latePolicy(m.LatePolicy)
	f.answerAlgorithm(m.AnswerAlgorithm)
	key, err := newKey(m.ID, req.PublicKeyPEM, now)
	if err != nil {
		f.add("public_key", "cannot be used: "+err.Error())
	}
	if err := f.err(); err != nil {
		return Created{}, err
	}
	b := Beginning{Merchant: m, Key: key}
	made := Created{Merchant: m, Key: key}
	b.Secret, made.WebhookSecret, err = s.newSecret(m.ID, now)
	if err != nil {
		return Created{}, err
	}
	for _, account := range req.Accounts {
		account.MerchantID = m.ID
		a, err := s.newAccount(account, now)
		if err != nil {
			return Created{}, err
		}
		b.Accounts = append(b.Accounts, a)
		made.Accounts = append(made.Accounts, a.Account)
	}
	if err := s.Repository.InsertMerchant(ctx, b); err != nil {
		return Created{}, fmt.Errorf("create merchant: %w", err)
	}
	return made, nil
}

// Profile reads a merchant, disabled or not; ErrNotFound.
func (s *Service) Profile(ctx context.Context, id string) (Merchant, error) {
	m, err := s.Repository.MerchantByID(ctx, id)
	return m, lookup("merchant", id, err)
}

// ListMerchants lists all merchants in the order in which they were made.
func (s *Service) ListMerchants(ctx context.Context) ([]Merchant, error) {
	var all []Merchant
	after := ""
	for {
		page, err := s.Repository.ListMerchants(ctx, after, listPage)
		if err != nil {
			return nil, fmt.Errorf("list merchants: %w", err)
		}
		all = append(all, page...)
		if len(page) < listPage {
			return all, nil
		}
		after = page[len(page)-1].ID
	}
}

// DisableMerchant stops a merchant's new requests on every replica at once.
// What is in flight goes on. Doing it again changes nothing.
func (s *Service) DisableMerchant(ctx context.Context, id string) error {
	return s.setStatus(ctx, id, Disabled)
}

// EnableMerchant lets a disabled merchant work again.
func (s *Service) EnableMerchant(ctx context.Context, id string) error {
	return s.setStatus(ctx, id, Active)
}

func (s *Service) setStatus(ctx context.Context, id string, status Status) error {
	if err := s.Repository.SetMerchantStatus(ctx, id, status); err != nil {
		return fmt.Errorf("set merchant %q %s: %w", id, status, err)
	}
	return nil
}
