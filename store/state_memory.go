package store

import (
	"container/heap"
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"time"
)

const (
	memoryShards = 64
	// sweptPerCall bounds the expired keys that one call removes. It is more
	// than a call adds, so the memory shrinks under any load.
	sweptPerCall = 8

	defaultMaxKeys = 1 << 20
)

// Memory is [State] in this process.
type Memory struct {
	now    func() time.Time
	seed   maphash.Seed
	shards [memoryShards]shard
}

// NewMemory makes an empty one that holds at most maxKeys keys (default 2^20)
// and answers [ErrStateFull] beyond: to forget a live key would be to allow
// what was forbidden.
func NewMemory(now func() time.Time, maxKeys int) *Memory {
	setDefault(&maxKeys, defaultMaxKeys)
	m := &Memory{now: now, seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].limit = max(1, maxKeys/memoryShards)
		m.shards[i].until = make(map[memoryKey]int64)
	}
	return m
}

// memoryKey keeps the keys of AddOnce and Allow apart.
type memoryKey struct {
	kind byte
	key  string
}

// shard is a part of the keys under a lock of its own.
type shard struct {
	mu    sync.Mutex
	limit int
	// until holds when each key ends, in Unix microseconds. For Allow that is
	// the theoretical arrival time of GCRA: a key whose time has come has its
	// whole burst again, like one that is unknown.
	until map[memoryKey]int64
	// ends orders the keys by an end that they have or had: one whose end has
	// moved is put back when it comes up.
	ends endHeap
}

func (m *Memory) locked(key memoryKey) *shard {
	s := &m.shards[maphash.Comparable(m.seed, key)%memoryShards]
	s.mu.Lock()
	return s
}

// AddOnce implements [State].
func (m *Memory) AddOnce(_ context.Context, key string, ttl time.Duration) (bool, error) {
	if ttl <= 0 {
		return false, errors.New("remember a key: its time must be positive")
	}
	k := memoryKey{kind: 'o', key: key}
	s := m.locked(k)
	defer s.mu.Unlock()
	now := m.now().UnixMicro()
	s.sweep(now)
	if until, ok := s.until[k]; ok && until > now {
		return false, nil
	}
	if err := s.set(k, now+ttl.Microseconds()); err != nil {
		return false, err
	}
	return true, nil
}

// Allow implements [State].
func (m *Memory) Allow(_ context.Context, key string, rate Rate, n int) (bool, time.Duration, error) {
	interval, err := rate.interval(n)
	if err != nil {
		return false, 0, err
	}
	k := memoryKey{kind: 'a', key: key}
	s := m.locked(k)
	defer s.mu.Unlock()
	now := m.now().UnixMicro()
	s.sweep(now)
	arrival := max(s.until[k], now) + int64(n)*interval
	if early := arrival - int64(rate.Burst)*interval - now; early > 0 {
		return false, time.Duration(early) * time.Microsecond, nil
	}
	if err := s.set(k, arrival); err != nil {
		return false, 0, err
	}
	return true, 0, nil
}

// Ping implements [State].
func (m *Memory) Ping(context.Context) error { return nil }

// Close implements [State].
func (m *Memory) Close() error { return nil }

// Len counts the keys, expired ones that are not removed yet among them.
func (m *Memory) Len() int {
	n := 0
	for i := range m.shards {
		m.shards[i].mu.Lock()
		n += len(m.shards[i].until)
		m.shards[i].mu.Unlock()
	}
	return n
}

func (s *shard) set(key memoryKey, until int64) error {
	if _, ok := s.until[key]; !ok {
		if len(s.until) >= s.limit {
			return ErrStateFull
		}
		heap.Push(&s.ends, end{at: until, key: key})
	}
	s.until[key] = until
	return nil
}

// sweep removes keys whose time has come.
func (s *shard) sweep(now int64) {
	for range sweptPerCall {
		if len(s.ends) == 0 || s.ends[0].at > now {
			return
		}
		next := &s.ends[0]
		if until := s.until[next.key]; until > now {
			next.at = until
			heap.Fix(&s.ends, 0)
			continue
		}
		delete(s.until, next.key)
		heap.Pop(&s.ends)
	}
}

type end struct {
	at  int64
	key memoryKey
}

type endHeap []end

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h endHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *endHeap) Push(x any) { *h = append(*h, x.(end)) }

// Pop implements [heap.Interface].
func (h *endHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = end{} // lets its text go
	*h = (*h)[:last]
	return e
}
