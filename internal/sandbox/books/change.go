package books

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// change is one entry of a record: V is stored under its kind and identity; Gone takes it away.
type change struct {
	Kind kind            `json:"k"`
	ID   string          `json:"id,omitempty"`
	V    json.RawMessage `json:"v,omitempty"`
	Gone bool            `json:"gone,omitempty"`
}

type kind string

const (
	kindTrade    kind = "trade"
	kindCode     kind = "code"
	kindCallback kind = "callback"
	kindMark     kind = "mark"
	kindAccount  kind = "account"
	kindSetting  kind = "setting"
)

// Tx is one change of the books: all of it happens or nothing. It is valid only inside the function it is given to.
type Tx struct {
	store  *Store
	seq    uint64 // newest change that this one read
	ops    []func(seq uint64)
	lines  [][]byte
	queued []Callback
	err    error
}

// Change runs fn alone among all changes. When fn fails nothing happens; else Change returns once it is durable.
// fn must be quick and must not call the Store.
func (s *Store) Change(fn func(tx *Tx) error) error {
	tx := &Tx{store: s}
	seq, refused := s.apply(tx, fn)
	if err := s.journal.wait(seq); err != nil { // also when refused: the reason may be a change that isn't durable yet
		return err
	}
	if refused != nil {
		return refused
	}
	if s.onQueued != nil {
		for _, c := range tx.queued {
			s.onQueued(c)
		}
	}
	return nil
}

func (s *Store) apply(tx *Tx, fn func(tx *Tx) error) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := fn(tx); err != nil {
		return tx.seq, err
	}
	if tx.err != nil {
		return tx.seq, tx.err
	}
	if len(tx.lines) == 0 {
		return tx.seq, nil
	}
	seq := s.journal.append(bytes.Join(tx.lines, []byte{','}))
	for _, op := range tx.ops {
		op(seq)
	}
	return seq, nil
}

func (tx *Tx) add(c change, v any, op func(seq uint64)) {
	var err error
	if v != nil {
		if c.V, err = json.Marshal(v); err != nil {
			tx.err = errors.Join(tx.err, fmt.Errorf("encode %s: %w", c.Kind, err))
			return
		}
	}
	line, err := json.Marshal(c)
	if err != nil {
		tx.err = errors.Join(tx.err, fmt.Errorf("encode %s: %w", c.Kind, err))
		return
	}
	tx.lines = append(tx.lines, line)
	tx.ops = append(tx.ops, op)
}

// Trade reads a trade as it is before this change.
func (tx *Tx) Trade(key Key) (Trade, bool) {
	e, ok := tx.store.trades[key]
	if !ok {
		return Trade{}, false
	}
	tx.seq = max(tx.seq, e.seq)
	return e.trade.clone(), true
}

// TradeAsOf reads a trade as it stands at now, before this change.
func (tx *Tx) TradeAsOf(key Key, now time.Time) (Trade, bool) {
	t, ok := tx.Trade(key)
	return t.AsOf(now), ok
}

// SaveTrade stores a trade, new or changed; the caller must not write to it afterwards.
func (tx *Tx) SaveTrade(t Trade) {
	tx.add(change{Kind: kindTrade}, &t, func(seq uint64) { tx.store.putTrade(&t, seq) })
}

// Number gives a trade that has no number of the channel's yet the first one made that no other trade has.
func (tx *Tx) Number(t *Trade, makeNo func() string) {
	for t.ChannelTradeNo == "" {
		no := makeNo()
		if _, taken := tx.store.byChannelNo[channelNo{t.Channel, no}]; !taken {
			t.ChannelTradeNo = no
		}
	}
}

// SaveCode stores what a token leads to.
func (tx *Tx) SaveCode(c Code) {
	tx.add(change{Kind: kindCode}, c, func(uint64) { tx.store.codes[c.Token] = c })
}

// Code finds what a token leads to.
func (tx *Tx) Code(token string) (Code, bool) {
	c, ok := tx.store.codes[token]
	return c, ok
}

// CodeLives reports whether there is a code that has not expired at now.
func (tx *Tx) CodeLives(token string, now time.Time) bool {
	c, ok := tx.store.codes[token]
	return ok && now.Before(c.ExpiresAt)
}

// Queue stores a callback and has it sent once the change is durable.
func (tx *Tx) Queue(c Callback) {
	tx.SaveCallback(c)
	tx.queued = append(tx.queued, c)
}

// SaveCallback stores a callback's progress.
func (tx *Tx) SaveCallback(c Callback) {
	tx.add(change{Kind: kindCallback}, c, func(uint64) { tx.store.callbacks[c.ID] = c })
}

// DropCallback forgets a callback that is acknowledged or given up.
func (tx *Tx) DropCallback(id string) {
	tx.add(change{Kind: kindCallback, ID: id, Gone: true}, nil, func(uint64) { delete(tx.store.callbacks, id) })
}

// MarkOnce remembers a name and reports whether it was new.
func (tx *Tx) MarkOnce(name string) bool {
	if tx.store.marks[name] {
		return false
	}
	tx.add(change{Kind: kindMark, ID: name}, nil, func(uint64) { tx.store.marks[name] = true })
	return true
}

// AddAccount stores a new account.
func (tx *Tx) AddAccount(a Account) error {
	for _, known := range tx.store.accounts {
		if known.Channel == a.Channel && known.ID == a.ID {
			return fmt.Errorf("the sandbox has %s account %s already", a.Channel, a.ID)
		}
	}
	tx.add(change{Kind: kindAccount}, a, func(uint64) { tx.store.accounts = append(tx.store.accounts, a) })
	return nil
}

// SaveSetting stores a value under name.
func (tx *Tx) SaveSetting(name string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		tx.err = errors.Join(tx.err, fmt.Errorf("encode setting %s: %w", name, err))
		return
	}
	tx.add(change{Kind: kindSetting, ID: name}, json.RawMessage(raw), func(uint64) { tx.store.settings[name] = raw })
}

// Setting reads a value stored under name into v; it reports false where there is none.
func (tx *Tx) Setting(name string, v any) (bool, error) {
	raw, ok := tx.store.settings[name]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("read setting %s: %w", name, err)
	}
	return true, nil
}

func (s *Store) putTrade(t *Trade, seq uint64) {
	old, known := s.trades[t.Key]
	if !known {
		s.order = append(s.order, t.Key)
		s.byNumber[t.OutTradeNo] = append(s.byNumber[t.OutTradeNo], t.Key)
	}
	if t.ChannelTradeNo != "" {
		s.byChannelNo[channelNo{t.Channel, t.ChannelTradeNo}] = t.Key
	}
	if t.Open() && !t.ExpiresAt.IsZero() && (!known || !old.trade.ExpiresAt.Equal(t.ExpiresAt) || !old.trade.Open()) {
		s.expiries.push(expiry{t.ExpiresAt, t.Key})
	}
	if !t.WakeAt.IsZero() && (!known || !old.trade.WakeAt.Equal(t.WakeAt)) {
		s.expiries.push(expiry{t.WakeAt, t.Key})
	}
	s.trades[t.Key] = &entry{t, seq}
}
