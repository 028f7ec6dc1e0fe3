package parts

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
)

// Accounts are a channel's accounts: S is what the books keep of one, A what its simulator works with.
type Accounts[S, A any] struct {
	channel string
	store   *books.Store
	ready   func(stored books.Account, secrets S) (*A, error)

	mu   sync.RWMutex
	byID map[string]*A
}

// LoadAccounts makes a channel's accounts ready that are in the books.
func LoadAccounts[S, A any](store *books.Store, channel string, ready func(stored books.Account, secrets S) (*A, error)) (*Accounts[S, A], error) {
	a := &Accounts[S, A]{channel: channel, store: store, ready: ready, byID: make(map[string]*A)}
	for _, stored := range store.Accounts(channel) {
		if err := a.load(stored); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Open stores another account and makes it ready.
func (a *Accounts[S, A]) Open(id string, secrets S, now time.Time) error {
	raw, err := json.Marshal(secrets)
	if err != nil {
		return fmt.Errorf("open %s account %s: %w", a.channel, id, err)
	}
	stored := books.Account{Channel: a.channel, ID: id, CreatedAt: now.UTC(), Secrets: raw}
	if err := a.store.Change(func(tx *books.Tx) error { return tx.AddAccount(stored) }); err != nil {
		return fmt.Errorf("open %s account %s: %w", a.channel, id, err)
	}
	return a.load(stored)
}

func (a *Accounts[S, A]) load(stored books.Account) error {
	var secrets S
	err := json.Unmarshal(stored.Secrets, &secrets)
	var account *A
	if err == nil {
		account, err = a.ready(stored, secrets)
	}
	if err != nil {
		return fmt.Errorf("read %s account %s: %w", a.channel, stored.ID, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID[stored.ID] = account
	return nil
}

// Find answers an account by its identity at the channel.
func (a *Accounts[S, A]) Find(id string) (*A, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	account, ok := a.byID[id]
	return account, ok
}

// Get is Find where there has to be one. Errors: books.ErrNotFound.
func (a *Accounts[S, A]) Get(id string) (*A, error) {
	account, ok := a.Find(id)
	if !ok {
		return nil, fmt.Errorf("%s account %s: %w", a.channel, id, books.ErrNotFound)
	}
	return account, nil
}
