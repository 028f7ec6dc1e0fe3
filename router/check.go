package router

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// Check looks at rules with the merchant's accounts beside them: accounts that
// do not exist are faults; disabled accounts, rules that can never be reached
// and weights that never apply are warnings. now is for dates that are over.
func (rs *Rules) Check(accounts []channels.Account, now time.Time) []Issue {
	c := &checker{rules: rs, accounts: accounts, space: newSpace(rs, accounts), steps: allSteps}
	boxes := make([]box, len(rs.List))
	for i := range rs.List {
		boxes[i] = c.space.box(&rs.List[i], accounts)
	}
	for i := range rs.List {
		r := &rs.List[i]
		field := fmt.Sprintf("rules[%d]", i)
		c.targets(field, r)
		c.weights(field, r)
		if !r.When.To.IsZero() && r.When.To.Before(channels.DayAt(now)) {
			c.warn(field+".when.dates", "is over since "+r.When.To.Next().String()+"; the rule matches no payment any more")
		}
		c.reach(i, boxes)
	}
	c.defaults(boxes)
	return c.issues
}

type checker struct {
	rules    *Rules
	accounts []channels.Account
	space    *space
	issues   []Issue
	// steps are left of the work on what covers what.
	steps int
}

func (c *checker) covered(b box, others []box) bool {
	granted := min(maxSteps, c.steps)
	left := granted
	yes := covered(b, others, &left)
	c.steps -= granted - max(left, 0)
	return yes
}

func (c *checker) warn(field, message string) {
	c.issues = append(c.issues, Issue{Field: field, Severity: Warning, Message: message})
}

// reach warns of a rule that earlier ones leave nothing to.
func (c *checker) reach(i int, boxes []box) {
	for j := range i {
		if c.covered(boxes[i], boxes[j:j+1]) {
			c.warn(fmt.Sprintf("rules[%d]", i), "is never reached: rule "+c.rules.List[j].Name+" before it matches every payment that it is for")
			return
		}
	}
	if i > 1 && c.covered(boxes[i], boxes[:i]) {
		c.warn(fmt.Sprintf("rules[%d]", i), "is never reached: the rules before it together match every payment that it is for")
		return
	}
	c.reachBound(i, boxes)
}

// reachBound warns of a rule that earlier ones leave nothing to but payments
// bound to a channel that they don't speak of.
func (c *checker) reachBound(i int, boxes []box) {
	var left []string
	for k, name := range c.space.channels {
		only := make(bits, len(boxes[i][dimChannel]))
		only.set(k)
		part := slices.Clone(boxes[i])
		part[dimChannel] = part[dimChannel].and(only)
		switch {
		case part[dimChannel].empty(), c.covered(part, boxes[:i]):
		case name == "":
			return
		default:
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		c.warn(fmt.Sprintf("rules[%d]", i), "is reached only by payments that are bound to "+strings.Join(left, " or ")+
			" by their request or the payer's code: rules before it match all others that it is for")
	}
}

// defaults warns of a default that no payment comes to.
func (c *checker) defaults(boxes []box) {
	everything := len(boxes) > 0 && c.covered(c.space.everything(), boxes)
	used := func(want Strategy) bool {
		if s, _ := c.rules.strategy(nil); s == want && !everything {
			return true
		}
		return slices.ContainsFunc(c.rules.List, func(r Rule) bool {
			s, _ := c.rules.strategy(&r)
			return s == want && r.Refuse == "" && (want != Mixed || r.Mix.sum() == 0)
		})
	}
	inherits := slices.ContainsFunc(c.rules.List, func(r Rule) bool { return r.Strategy == "" && r.Refuse == "" })
	if c.rules.Strategy != "" && everything && !inherits {
		c.warn("strategy", "never applies: some rule matches every payment, and each has a strategy of its own")
	}
	if c.rules.Mix.sum() > 0 && !used(Mixed) {
		c.warn("mix", "never applies: nothing that brings no coefficients of its own weighs by mix")
	}
}

// targets looks for what a rule names in vain.
func (c *checker) targets(field string, r *Rule) {
	usable := len(r.Use) == 0
	for k := range r.Use {
		t := &r.Use[k]
		at := fmt.Sprintf("%s.use[%d]", field, k)
		if t.Account != "" {
			a := c.account(t.Account)
			switch {
			case a == nil:
				c.issues = append(c.issues, Issue{Field: at + ".account", Severity: Fault, Message: "the merchant has no account " + t.Account + c.have()})
			case !a.Enabled:
				c.warn(at+".account", "account "+t.Account+" is disabled; no payment goes there until it is enabled")
			default:
				usable = true
			}
			continue
		}
		n, enabled := 0, 0
		for i := range c.accounts {
			if c.accounts[i].Channel == t.Channel {
				n++
				if c.accounts[i].Enabled {
					enabled++
				}
			}
		}
		switch {
		case n == 0:
			c.issues = append(c.issues, Issue{Field: at + ".channel", Severity: Fault, Message: "the merchant has no account at " + t.Channel + c.have()})
		case enabled == 0:
			c.warn(at+".channel", "every account at "+t.Channel+" is disabled")
		default:
			usable = true
		}
	}
	if !usable {
		c.warn(field+".use", "names no account that is enabled: every payment that matches is refused for now")
	}
}

func (c *checker) account(id string) *channels.Account {
	for i := range c.accounts {
		if c.accounts[i].ID == id {
			return &c.accounts[i]
		}
	}
	return nil
}

// have lists what could have been named.
func (c *checker) have() string {
	if len(c.accounts) == 0 {
		return "; it has none"
	}
	list := make([]string, len(c.accounts))
	for i, a := range c.accounts {
		list[i] = a.ID + " (" + a.Channel + ")"
	}
	return "; it has " + strings.Join(list, ", ")
}

// weights looks for weights that make no difference.
func (c *checker) weights(field string, r *Rule) {
	if len(r.Use) == 0 {
		return
	}
	strategy, _ := c.rules.strategy(r)
	positive, weighs := 0, false
	for k := range r.Use {
		t := &r.Use[k]
		at := fmt.Sprintf("%s.use[%d]", field, k)
		weighs = weighs || t.Weighs
		if t.Weight > 0 {
			positive++
		}
		if why := c.idle(r, t); why != "" {
			c.warn(at, why)
		}
		if t.Weighs && t.Weight > 1 && strategy == LeastInFlight {
			c.warn(at+".weight", "never applies: least_in_flight weighs by calls in flight alone; only 0, for when nothing else is left, counts")
		}
	}
	switch {
	case !weighs:
	case positive == 0:
		c.warn(field+".use", "the weights never apply: all of them are 0")
	case len(r.Use) == 1:
		c.warn(field+".use[0].weight", "never applies: there is nothing that it is weighed against")
	}
}

// idle says why a target never takes a payment of its rule; empty: it may.
func (c *checker) idle(r *Rule, t *Target) string {
	named, fits := 0, false
	for i := range c.accounts {
		a := &c.accounts[i]
		if r.target(*a) != t {
			continue
		}
		named++
		// Without capabilities the account could not be opened: it is not known
		// what it can do.
		fits = fits || a.Capabilities.Scenes == nil || fitting(a, &r.When)
	}
	switch {
	case named > 0 && !fits:
		return "never applies: no account of it takes what the rule is for, by scene, currency or limits"
	case named == 0 && t.Account == "" && slices.ContainsFunc(c.accounts, func(a channels.Account) bool { return a.Channel == t.Channel }):
		return "never applies: each account at " + t.Channel + " is named by itself too, which goes before"
	}
	return ""
}

// fitting tells whether an account can take some payment that meets conditions.
func fitting(a *channels.Account, c *Conditions) bool {
	least, most := Limits(*a)
	top := c.MaxAmount
	if top == 0 {
		top = math.MaxInt64
	}
	if least > top || most < c.MinAmount {
		return false
	}
	if len(c.Scenes) > 0 && !slices.ContainsFunc(c.Scenes, func(s channels.Scene) bool { return offers(a, s) }) {
		return false
	}
	return len(c.Currencies) == 0 || slices.ContainsFunc(a.Capabilities.Currencies, func(m money.Currency) bool { return slices.Contains(c.Currencies, m) })
}
