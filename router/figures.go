package router

import (
	"slices"
	"sync"
	"time"
)

// window is how many of the last calls the figures are over.
const window = 100

// figures are the outcomes and times of an account's last calls.
type figures struct {
	mu   sync.Mutex
	ok   [window]bool
	took [window]time.Duration
	n    int
}

func (f *figures) add(ok bool, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.n % window
	f.ok[i], f.took[i] = ok, took
	f.n++
}

// read gives the share of good outcomes (-1 without calls) and the median time.
func (f *figures) read() (float64, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(f.n, window)
	if n == 0 {
		return -1, 0
	}
	good := 0
	for _, ok := range f.ok[:n] {
		if ok {
			good++
		}
	}
	times := slices.Clone(f.took[:n])
	slices.Sort(times)
	return float64(good) / float64(n), times[n/2]
}
