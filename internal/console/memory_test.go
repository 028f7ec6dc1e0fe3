package console_test

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/payment"
)

// memory keeps users, logins and the trail in memory, in the words of the ports.
type memory struct {
	mu       sync.Mutex
	users    map[string]console.User
	sessions map[string]console.Session
	tries    map[string]int
	until    map[string]time.Time
	trail    []audit.Entry
}

func newMemory() *memory {
	return &memory{users: map[string]console.User{}, sessions: map[string]console.Session{}, tries: map[string]int{}, until: map[string]time.Time{}}
}

func (m *memory) InsertUser(_ context.Context, u console.User, e audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.users {
		if other.Name == u.Name {
			return payment.ErrDuplicate
		}
	}
	m.users[u.ID] = u
	m.trail = append(m.trail, e)
	return e.Check()
}

func (m *memory) UserByName(_ context.Context, name string) (console.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.users {
		if u.Name == name {
			return u, nil
		}
	}
	return console.User{}, payment.ErrNotFound
}

func (m *memory) UserByID(_ context.Context, id string) (console.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.users[id]
	if !ok {
		return console.User{}, payment.ErrNotFound
	}
	return u, nil
}

func (m *memory) ListUsers(_ context.Context, merchantID string) ([]console.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []console.User
	for _, u := range m.users {
		if merchantID == "" || u.MerchantID == merchantID {
			list = append(list, u)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

func (m *memory) SaveUser(_ context.Context, u console.User, revoke bool, keep string, e audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.users[u.ID]
	if old.Version != u.Version {
		return payment.ErrStale
	}
	u.Version++
	u.TOTPStep, u.LastLoginAt = old.TOTPStep, old.LastLoginAt
	m.users[u.ID] = u
	for hash, s := range m.sessions {
		if revoke && s.UserID == u.ID && hash != keep {
			delete(m.sessions, hash)
		}
	}
	m.trail = append(m.trail, e)
	return e.Check()
}

func (m *memory) UseTOTPStep(_ context.Context, id string, step int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.users[id]
	if u.TOTPStep >= step {
		return false, nil
	}
	u.TOTPStep = step
	m.users[id] = u
	return true, nil
}

func (m *memory) InsertSession(_ context.Context, s console.Session, ended string, e audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u := m.users[s.UserID]; u.Disabled || u.Version != s.Version {
		return payment.ErrStale
	}
	s.Version = 0
	delete(m.sessions, ended)
	m.sessions[s.Hash] = s
	if s.Stage == console.StageFull {
		u := m.users[s.UserID]
		u.LastLoginAt = s.CreatedAt
		m.users[s.UserID] = u
	}
	m.trail = append(m.trail, e)
	return e.Check()
}

func (m *memory) SessionByHash(_ context.Context, hash string) (console.Session, console.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[hash]
	if !ok {
		return console.Session{}, console.User{}, payment.ErrNotFound
	}
	return s, m.users[s.UserID], nil
}

func (m *memory) TouchSession(_ context.Context, hash string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[hash]
	s.SeenAt = at
	m.sessions[hash] = s
	return nil
}

func (m *memory) DeleteSession(_ context.Context, hash string, e audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, hash)
	m.trail = append(m.trail, e)
	return e.Check()
}

func (m *memory) CountTry(_ context.Context, key string, now time.Time, window time.Duration) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.until[key].After(now) {
		m.tries[key], m.until[key] = 0, now.Add(window)
	}
	m.tries[key]++
	return m.tries[key], nil
}

func (m *memory) ForgetTries(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tries, key)
	delete(m.until, key)
	return nil
}

func (m *memory) RecordAudit(_ context.Context, e audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trail = append(m.trail, e)
	return e.Check()
}

func (m *memory) ListAudit(_ context.Context, f audit.Filter) ([]audit.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []audit.Entry
	for _, e := range slices.Backward(m.trail) {
		fits := (f.MerchantID == "" || e.MerchantID == f.MerchantID) && (f.Actor == "" || e.Actor == f.Actor) &&
			(f.Action == "" || e.Action == f.Action) && (f.Subject == "" || e.Subject == f.Subject)
		before := f.BeforeTime.IsZero() || e.At.Before(f.BeforeTime) || e.At.Equal(f.BeforeTime) && e.ID < f.BeforeID
		if fits && before {
			list = append(list, e)
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		if !list[i].At.Equal(list[j].At) {
			return list[i].At.After(list[j].At)
		}
		return list[i].ID > list[j].ID
	})
	return list[:min(len(list), f.Limit)], nil
}

// actions lists what the trail says was done, oldest first.
func (m *memory) actions() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []string
	for _, e := range m.trail {
		list = append(list, e.Action)
	}
	return list
}
