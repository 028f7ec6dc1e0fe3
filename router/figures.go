package router

import (
	"slices"
	"sync"
	"time"
)

const (
	// window is how many of the last calls the figures are over.
	window = 100
	// prior is how many good calls every account is credited with, so that one
	// bad call of two is no rate of a half, and one of which nothing is known
	// counts as good.
	prior = 10
)

// figures are the outcomes and times of an account's last calls.
type figures struct {
	mu   sync.Mutex
	ok   [window]bool
	took [window]time.Duration
	at   [window]time.Time
	n    int
}

func (f *figures) add(at time.Time, ok bool, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.n % window
	f.ok[i], f.took[i], f.at[i] = ok, took, at
	f.n++
}

// count gives the calls since a time, and the good ones among them.
func (f *figures) count(since time.Time) (calls, good int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range min(f.n, window) {
		if f.at[i].Before(since) {
			continue
		}
		calls++
		if f.ok[i] {
			good++
		}
	}
	return calls, good
}

// smoothed is the success rate since a time, with the credit.
func (f *figures) smoothed(since time.Time) float64 {
	calls, good := f.count(since)
	return float64(good+prior) / float64(calls+prior)
}

// rate gives the share of good outcomes since a time; -1 without calls.
func (f *figures) rate(since time.Time) float64 {
	calls, good := f.count(since)
	if calls == 0 {
		return -1
	}
	return float64(good) / float64(calls)
}

// latency gives the median time of the calls since a time; 0 without calls.
func (f *figures) latency(since time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	times := make([]time.Duration, 0, window)
	for i := range min(f.n, window) {
		if !f.at[i].Before(since) {
			times = append(times, f.took[i])
		}
	}
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}
