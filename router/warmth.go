package router

import (
	"sync"
	"time"
)

// coldest is the warmth that slow start begins with.
const coldest = 0.1

// warmth is how long an account has been in steady use. It begins anew after a
// time without calls, and when a breaker closes or a rest ends: an account that
// nobody knows lately is not handed everything at once.
type warmth struct {
	mu    sync.Mutex
	last  time.Time // call that pays
	since time.Time
}

// used notes a call.
func (w *warmth) used(now time.Time, idle time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.last) > idle {
		w.since = now
	}
	w.last = now
}

// cooled begins anew at a time, where that is later than what is known.
func (w *warmth) cooled(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.After(w.since) {
		w.since = at
	}
}

// at gives 0.1 for an account that was idle up to 1 for one in use for as long
// as slow start lasts, growing evenly.
func (w *warmth) at(now time.Time, idle, slowStart time.Duration) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.IsZero() || now.Sub(w.last) > idle {
		return coldest
	}
	up := float64(now.Sub(w.since)) / float64(slowStart)
	return min(1, max(coldest, coldest+(1-coldest)*up))
}
