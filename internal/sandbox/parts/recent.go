package parts

import (
	"slices"
	"sync"
)

const recentKept = 8 // of each kind of call

// Recent keeps the latest good answers to an account, by the kind of call, for answers that come too late. The zero
// value keeps none yet.
type Recent[A any] struct {
	mu     sync.Mutex
	byCall map[string][]recentAnswer[A]
}

type recentAnswer[A any] struct {
	number string
	answer A
}

// Add keeps the answer to a call about the order with a number.
func (r *Recent[A]) Add(call, number string, answer A) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byCall == nil {
		r.byCall = make(map[string][]recentAnswer[A])
	}
	kept := append(r.byCall[call], recentAnswer[A]{number, answer})
	if len(kept) > recentKept {
		kept = slices.Clone(kept[len(kept)-recentKept:])
	}
	r.byCall[call] = kept
}

// Other answers the latest answer that tells of another order.
func (r *Recent[A]) Other(call, number string) (A, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, kept := range slices.Backward(r.byCall[call]) {
		if kept.number != number {
			return kept.answer, true
		}
	}
	var none A
	return none, false
}
