package books

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// ErrNotFound says that the books hold no such trade, code or account.
var ErrNotFound = errors.New("not in the sandbox's books")

const (
	journalName = "books.journal"
	lockName    = "books.lock"
)

// Store is the books. Its methods may be called from many goroutines.
type Store struct {
	journal  *journal
	lock     *os.File
	onQueued func(Callback)

	mu          sync.RWMutex
	trades      map[Key]*entry
	order       []Key // oldest first
	byNumber    map[string][]Key
	byChannelNo map[channelNo]Key
	codes       map[string]Code
	marks       map[string]bool
	callbacks   map[string]Callback
	accounts    []Account // oldest first
	settings    map[string]json.RawMessage
	expiries    expiryHeap
}

// entry is a trade and the journal's number of its last change. The trade it points to is never written to again.
type entry struct {
	trade *Trade
	seq   uint64
}

type channelNo struct{ channel, no string }

// Open reads the books in dir, which is made if need be, and owns them until Close. onQueued is told of every callback
// once it is durable; it may be nil.
func Open(dir string, onQueued func(Callback)) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("own the sandbox's books in %s: %w (is another process using them?)", dir, err)
	}
	s := &Store{
		lock: lock, onQueued: onQueued,
		trades: make(map[Key]*entry), byNumber: make(map[string][]Key), byChannelNo: make(map[channelNo]Key),
		codes: make(map[string]Code), marks: make(map[string]bool), callbacks: make(map[string]Callback),
		settings: make(map[string]json.RawMessage),
	}
	path := filepath.Join(dir, journalName)
	if s.journal, err = openJournal(path, s.replay); err == nil {
		err = s.compactIfWorth(path)
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return s, nil
}

// Close writes what is pending and gives the folder up.
func (s *Store) Close() error {
	return errors.Join(s.journal.close(), s.lock.Close())
}

// Trade reads one trade once what it shows is durable.
func (s *Store) Trade(key Key) (Trade, error) {
	s.mu.RLock()
	e, ok := s.trades[key]
	s.mu.RUnlock()
	if !ok {
		return Trade{}, fmt.Errorf("trade %s: %w", key.OutTradeNo, ErrNotFound)
	}
	if err := s.journal.wait(e.seq); err != nil {
		return Trade{}, err
	}
	return e.trade.clone(), nil
}

// Trades answers the trades that keep lets pass (nil: all), newest first.
func (s *Store) Trades(keep func(*Trade) bool) ([]Trade, error) {
	s.mu.RLock()
	found := make([]*entry, 0, len(s.order))
	for i := len(s.order) - 1; i >= 0; i-- {
		e := s.trades[s.order[i]]
		if keep == nil || keep(e.trade) {
			found = append(found, e)
		}
	}
	s.mu.RUnlock()
	return s.settle(found)
}

// PaidTrades answers the trades of an account that were ever paid, oldest first.
func (s *Store) PaidTrades(channel, account string) ([]Trade, error) {
	paid, err := s.Trades(func(t *Trade) bool { return t.Channel == channel && t.Account == account && !t.PaidAt.IsZero() })
	slices.Reverse(paid)
	return paid, err
}

// Numbered answers the trades of any channel and account with this order number, newest first.
func (s *Store) Numbered(outTradeNo string) ([]Trade, error) {
	s.mu.RLock()
	keys := s.byNumber[outTradeNo]
	found := make([]*entry, 0, len(keys))
	for i := len(keys) - 1; i >= 0; i-- {
		found = append(found, s.trades[keys[i]])
	}
	s.mu.RUnlock()
	return s.settle(found)
}

func (s *Store) settle(found []*entry) ([]Trade, error) {
	var last uint64
	out := make([]Trade, 0, len(found))
	for _, e := range found {
		last = max(last, e.seq)
		out = append(out, e.trade.clone())
	}
	if err := s.journal.wait(last); err != nil {
		return nil, err
	}
	return out, nil
}

// ByChannelNo finds a trade's key by the channel's own number.
func (s *Store) ByChannelNo(channel, no string) (Key, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key, ok := s.byChannelNo[channelNo{channel, no}]
	return key, ok
}

// Code finds what a token leads to.
func (s *Store) Code(token string) (Code, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.codes[token]
	return c, ok
}

// Callbacks answers what is still to be sent, in no order.
func (s *Store) Callbacks() []Callback {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]Callback, 0, len(s.callbacks))
	for _, c := range s.callbacks {
		out = append(out, c)
	}
	return out
}

// Accounts answers a channel's accounts, oldest first.
func (s *Store) Accounts(channel string) []Account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Account
	for _, a := range s.accounts {
		if a.Channel == channel {
			out = append(out, a)
		}
	}
	return out
}

// Setting reads a value stored under name into v; it reports false where there is none.
func (s *Store) Setting(name string, v any) (bool, error) {
	s.mu.RLock()
	raw, ok := s.settings[name]
	s.mu.RUnlock()
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("read setting %s: %w", name, err)
	}
	return true, nil
}

// SettingOrNew reads the value stored under name; at the first start it is made and stored.
func SettingOrNew[T any](s *Store, name string, makeNew func() (T, error)) (T, error) {
	var v T
	known, err := s.Setting(name, &v)
	if err != nil || known {
		return v, err
	}
	if v, err = makeNew(); err != nil {
		return v, err
	}
	return v, s.Change(func(tx *Tx) error {
		tx.SaveSetting(name, v)
		return nil
	})
}

// Due answers the trades that are open though their limit has come, and those that their simulator wants to see again.
// Each limit and each moment is answered once in a process's life.
func (s *Store) Due(now time.Time) []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []Key
	for len(s.expiries) > 0 && !s.expiries[0].at.After(now) {
		key := s.expiries.pop().key
		if s.trades[key].trade.due(now) {
			due = append(due, key)
		}
	}
	return due
}
