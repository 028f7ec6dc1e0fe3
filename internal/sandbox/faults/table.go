package faults

import (
	"slices"
	"sync"
)

// Table is the faults that are set.
type Table struct {
	random func() float64

	mu     sync.Mutex
	lastID int
	faults []*Fault // counted ones first, each group in the order of posting
}

// NewTable makes an empty table; random answers a number in [0,1).
func NewTable(random func() float64) *Table { return &Table{random: random} }

// Set adds a fault and answers it with its number. Counted faults strike in the order of posting and before uncounted
// ones; an uncounted one takes the place of an earlier uncounted one for the same channel and operation.
func (t *Table) Set(f Fault) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastID++
	f.ID = t.lastID
	at := len(t.faults)
	if f.Count != nil {
		n := *f.Count
		f.Count = &n
		at = slices.IndexFunc(t.faults, func(o *Fault) bool { return o.Count == nil })
		if at < 0 {
			at = len(t.faults)
		}
	} else if f.Kind != RefuseConnection {
		t.faults = slices.DeleteFunc(t.faults, func(o *Fault) bool {
			return o.Count == nil && o.Kind != RefuseConnection && o.Channel == f.Channel && o.Operation == f.Operation
		})
		at = len(t.faults)
	}
	stored := f
	t.faults = slices.Insert(t.faults, at, &stored)
	return f.copy()
}

// Clear takes away the faults of a channel; an empty name takes away all.
func (t *Table) Clear(channel string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = slices.DeleteFunc(t.faults, func(f *Fault) bool { return channel == "" || f.Channel == channel })
}

// List answers the faults in the order in which they strike.
func (t *Table) List() []Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]Fault, 0, len(t.faults))
	for _, f := range t.faults {
		out = append(out, f.copy())
	}
	return out
}

// Refusing reports whether a channel's own listener is to be closed.
func (t *Table) Refusing(channel string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.faults, func(f *Fault) bool {
		return f.Kind == RefuseConnection && (f.Channel == "" || f.Channel == channel)
	})
}

// Take decides which fault, if any, strikes a call, and counts it. can says which kinds the call can show.
func (t *Table) Take(channel string, op Operation, can func(Kind) bool) (Fault, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, f := range t.faults {
		if !f.meant(channel, op) || f.Kind == RefuseConnection || !can(f.Kind) {
			continue
		}
		if f.Rate != nil && t.random() >= *f.Rate {
			continue
		}
		hit := f.copy()
		if f.Count != nil {
			if *f.Count--; *f.Count == 0 {
				t.faults = slices.Delete(t.faults, i, i+1)
			}
		}
		return hit, true
	}
	return Fault{}, false
}

// GiveBack returns a taken fault that the call's outcome left no room to show.
func (t *Table) GiveBack(f Fault) {
	if f.Count == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.IndexFunc(t.faults, func(o *Fault) bool { return o.ID == f.ID }); i >= 0 {
		*t.faults[i].Count++
		return
	}
	one := 1
	f.Count = &one
	t.faults = slices.Insert(t.faults, 0, &f)
}

func (f *Fault) meant(channel string, op Operation) bool {
	return (f.Channel == "" || f.Channel == channel) && (f.Operation == "" || f.Operation == op)
}

func (f *Fault) copy() Fault {
	c := *f
	if f.Count != nil {
		n := *f.Count
		c.Count = &n
	}
	return c
}
