package router

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// Strategy names how the accounts that are left are weighed against each other.
type Strategy string

// The strategies; docs/routing.md has their formulas.
const (
	// Weighted gives each account its weight's share.
	Weighted Strategy = "weighted"
	// LowestFee takes the least contracted fee; equal fees share by weight.
	LowestFee Strategy = "lowest_fee"
	// SuccessRate takes the best rate of late; near ones share by weight.
	SuccessRate Strategy = "success_rate"
	// LeastInFlight shares by 1/(calls in flight + 0.1).
	LeastInFlight Strategy = "least_in_flight"
	// Mixed shares by a linear mix of the others' scores.
	Mixed Strategy = "mix"
)

// Strategies lists them in the order in which documents show them.
func Strategies() []Strategy {
	return []Strategy{Weighted, LowestFee, SuccessRate, LeastInFlight, Mixed}
}

// Mix is the coefficients of [Mixed], each 0 to 100, one at least positive.
type Mix struct {
	Weight, Fee, Success, InFlight int64
}

func (m Mix) sum() int64 { return m.Weight + m.Fee + m.Success + m.InFlight }

// Rules are a merchant's rules. The first one that matches decides; where none
// does, all accounts are weighed by the default strategy. They are not changed
// once they are read: see [ReadRules].
type Rules struct {
	// Version is that of the stored document; 0: it is not stored.
	Version int64
	// Strategy is the default; empty: weighted.
	Strategy Strategy
	// Mix holds for rules of the strategy mix that bring none.
	Mix  Mix
	List []Rule
}

// Rule is one rule.
type Rule struct {
	// Name is unique among the merchant's rules.
	Name string
	When Conditions
	// Use is which accounts may take the payment; empty: all.
	Use []Target
	// Strategy is empty for the default.
	Strategy Strategy
	// Mix is zero for the default's.
	Mix Mix
	// Refuse says why no account may take the payment; empty: it is not refused.
	Refuse string
}

// Conditions say which payments a rule is for. All that are given must hold; of
// a list one entry must.
type Conditions struct {
	// MinAmount and MaxAmount are in minor units, both included; 0: open.
	MinAmount, MaxAmount int64
	Currencies           []money.Currency
	Scenes               []channels.Scene
	// Regions are compared letter by letter with the payment's region.
	Regions []string
	// Metadata must have each key with one of the values.
	Metadata []Pair
	// From and To are days in Asia/Shanghai, both included; zero: open.
	From, To channels.Day
	Weekdays []time.Weekday
	// Hours are spans of the day in Asia/Shanghai.
	Hours []channels.Hours
}

// Pair is a key of the metadata with the values that match.
type Pair struct {
	Key    string
	Values []string
}

// Target names an account, or all accounts of a channel.
type Target struct {
	Account string
	Channel string
	// Weight takes the place of the account's own; for a channel it is shared
	// out among its accounts that are left, by their own weights. Weighs tells
	// whether it is given; 0 is for when nothing else is left.
	Weight int
	Weighs bool
}

// target gives the target that speaks of an account; one that names the account
// itself goes before one that names its channel. nil: the rule names others.
func (r *Rule) target(a channels.Account) *Target {
	var ofChannel *Target
	for i := range r.Use {
		t := &r.Use[i]
		if t.Account == a.ID {
			return t
		}
		if t.Account == "" && t.Channel == a.Channel {
			ofChannel = t
		}
	}
	return ofChannel
}

// strategy gives how the rule weighs, r nil for where no rule matched.
func (rs *Rules) strategy(r *Rule) (Strategy, Mix) {
	s, m := Weighted, Mix{}
	if rs != nil {
		if rs.Strategy != "" {
			s = rs.Strategy
		}
		m = rs.Mix
	}
	if r != nil {
		if r.Strategy != "" {
			s = r.Strategy
		}
		if r.Mix.sum() > 0 {
			m = r.Mix
		}
	}
	if s == Mixed && m.sum() == 0 {
		m = Mix{Weight: 1, Fee: 1, Success: 1, InFlight: 1}
	}
	return s, m
}
