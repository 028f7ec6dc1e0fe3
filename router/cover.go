package router

import (
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// Every condition is a set of values in a dimension of its own, and a rule is
// the product of its sets: a box. Each dimension is cut at all values that some
// rule names into atoms that all rules treat alike, so that sets are bits and
// "are all payments of this box in earlier boxes?" can be worked out exactly.
// The dimensions are taken as independent: where they are not (a date has one
// weekday), a rule may be out of reach without being found, never the reverse.

// bits is a set of atoms.
type bits []uint64

func full(n int) bits {
	b := make(bits, (n+63)/64)
	for i := range n {
		b[i/64] |= 1 << (i % 64)
	}
	return b
}

func (b bits) set(i int) { b[i/64] |= 1 << (i % 64) }

func (b bits) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

func (b bits) and(c bits) bits {
	out := make(bits, len(b))
	for i := range b {
		out[i] = b[i] & c[i]
	}
	return out
}

func (b bits) minus(c bits) bits {
	out := make(bits, len(b))
	for i := range b {
		out[i] = b[i] &^ c[i]
	}
	return out
}

// box is a set of payments: one set of atoms in each dimension.
type box []bits

// Bounds of the work on one question and on all of a check together; beyond
// them a rule counts as reachable.
const (
	maxSteps = 20_000
	allSteps = 400_000
)

// covered tells whether every payment of b is in one of others.
func covered(b box, others []box, steps *int) bool {
	for i, o := range others {
		if *steps--; *steps < 0 {
			return false
		}
		if !b.meets(o) {
			continue
		}
		// What of b lies outside of o, dimension by dimension, must be in the rest.
		inside := slices.Clone(b)
		for d := range inside {
			if outside := inside[d].minus(o[d]); !outside.empty() {
				piece := slices.Clone(inside)
				piece[d] = outside
				if !covered(piece, others[i+1:], steps) {
					return false
				}
			}
			inside[d] = inside[d].and(o[d])
		}
		return true
	}
	return false
}

func (b box) meets(o box) bool {
	for d := range b {
		if b[d].and(o[d]).empty() {
			return false
		}
	}
	return true
}

// space is the dimensions that a set of rules needs.
type space struct {
	amounts, days, minutes cuts
	currencies             names[money.Currency]
	scenes                 names[channels.Scene]
	regions                names[string]
	channels               names[string]
	metadata               []names[string]
	keys                   []string
}

// cuts are the points at which a line is cut: atom i begins at point i.
type cuts []int64

func (c *cuts) at(points ...int64) { *c = append(*c, points...) }

func (c *cuts) done() {
	slices.Sort(*c)
	*c = slices.Compact(*c)
}

// between gives the atoms from a point up to another.
func (c cuts) between(into bits, from, to int64) {
	for i, p := range c {
		if p >= from && p < to {
			into.set(i)
		}
	}
}

// names are the values that rules name; one more atom stands for all others.
type names[T comparable] []T

func (n *names[T]) add(values ...T) {
	for _, v := range values {
		if !slices.Contains(*n, v) {
			*n = append(*n, v)
		}
	}
}

func (n names[T]) atoms() int { return len(n) + 1 }

// of gives the atoms of some values; all for none.
func (n names[T]) of(values []T) bits {
	if len(values) == 0 {
		return full(n.atoms())
	}
	b := make(bits, (n.atoms()+63)/64)
	for _, v := range values {
		b.set(slices.Index(n, v))
	}
	return b
}

const (
	beyondAmounts = maxAmount + 1
	firstDay      = -1 << 62
	beyondDays    = 1 << 62
	minutes       = 24 * 60
)

// dayBounds gives the seconds in which dates lie.
func (c *Conditions) dayBounds() (from, to int64) {
	from, to = firstDay, beyondDays
	if !c.From.IsZero() {
		from = c.From.Start().Unix()
	}
	if !c.To.IsZero() {
		to = c.To.Next().Start().Unix()
	}
	return from, to
}

func (c *Conditions) amountBounds() (from, to int64) {
	if c.MaxAmount == 0 {
		return max(c.MinAmount, 1), beyondAmounts
	}
	return max(c.MinAmount, 1), c.MaxAmount + 1
}

// newSpace cuts the dimensions for rules.
func newSpace(rs *Rules, accounts []channels.Account) *space {
	s := &space{amounts: cuts{1}, days: cuts{firstDay}, minutes: cuts{0}, scenes: channels.Scenes(), channels: names[string]{""}}
	for i := range accounts {
		s.channels.add(accounts[i].Channel)
	}
	for i := range rs.List {
		c := &rs.List[i].When
		s.amounts.at(c.amountBounds())
		s.days.at(c.dayBounds())
		for _, h := range c.Hours {
			from, to := h.Bounds()
			s.minutes.at(int64(from), int64(to))
		}
		s.currencies.add(c.Currencies...)
		s.regions.add(c.Regions...)
		for _, p := range c.Metadata {
			k := slices.Index(s.keys, p.Key)
			if k < 0 {
				k = len(s.keys)
				s.keys, s.metadata = append(s.keys, p.Key), append(s.metadata, nil)
			}
			s.metadata[k].add(p.Values...)
		}
	}
	s.amounts.done()
	s.days.done()
	s.minutes.done()
	return s
}

// dimChannel is the dimension of the channel that a payment is bound to.
const dimChannel = 7

// box gives the payments that a rule is for.
func (s *space) box(r *Rule, accounts []channels.Account) box {
	c := &r.When
	b := box{s.within(s.amounts, c.amountBounds), s.within(s.days, c.dayBounds), s.hours(c.Hours), s.weekdays(c.Weekdays)}
	b = append(b, s.currencies.of(c.Currencies), s.scenes.of(c.Scenes), s.regions.of(c.Regions), s.bound(r, accounts))
	for k, key := range s.keys {
		var values []string
		for _, p := range c.Metadata {
			if p.Key == key {
				values = p.Values
			}
		}
		b = append(b, s.metadata[k].of(values))
	}
	return b
}

func (s *space) within(c cuts, bounds func() (int64, int64)) bits {
	b := make(bits, (len(c)+63)/64)
	from, to := bounds()
	c.between(b, from, to)
	return b
}

func (s *space) hours(hours []channels.Hours) bits {
	if len(hours) == 0 {
		return full(len(s.minutes))
	}
	b := make(bits, (len(s.minutes)+63)/64)
	for _, h := range hours {
		from, to := h.Bounds()
		if from < to {
			s.minutes.between(b, int64(from), int64(to))
			continue
		}
		s.minutes.between(b, int64(from), minutes)
		s.minutes.between(b, 0, int64(to))
	}
	return b
}

func (s *space) weekdays(days []time.Weekday) bits {
	if len(days) == 0 {
		return full(7)
	}
	b := make(bits, 1)
	for _, d := range days {
		b.set(int(d))
	}
	return b
}

// bound gives the channels that a payment may be bound to for the rule to be
// for it; "" is a payment that is free.
func (s *space) bound(r *Rule, accounts []channels.Account) bits {
	var of []string
	for _, name := range s.channels {
		if r.speaksOf(name, accounts) {
			of = append(of, name)
		}
	}
	b := s.channels.of(of)
	if len(r.Use) == 0 {
		return full(s.channels.atoms())
	}
	return b
}

// everything is the box of a rule without conditions.
func (s *space) everything() box { return s.box(&Rule{}, nil) }
