package router

import (
	"context"
	"fmt"

	"github.com/paymux/paymux/channels"
)

// Accounts gives a merchant's accounts in a stable order.
type Accounts interface {
	Routes(ctx context.Context, merchantID string) ([]channels.Account, error)
}

// Health tells whether an account can be tried now; why says what is wrong.
type Health interface {
	Available(accountID string) (why string, ok bool)
}

// Loads tells how an account does now; strategies other than weighted and
// lowest fee ask.
type Loads interface {
	Load(accountID string) Load
}

// Load is how an account does now.
type Load struct {
	// InFlight is the number of calls under way that move money.
	InFlight int
	// SuccessRate is over the last calls that pay, 0 to 1; without calls 1.
	SuccessRate float64
	// Warmth is 1 for an account in steady use and less for one that was idle or
	// ill until lately: see slow start in docs/routing.md.
	Warmth float64
}

// atRest is the load of accounts of which nothing is known.
var atRest = Load{SuccessRate: 1, Warmth: 1}

// RuleBook gives a merchant's rules as they hold now; nil: it has none. It must
// answer at once.
type RuleBook interface {
	RulesOf(merchantID string) *Rules
}

// Router decides by filter, rules and weight.
type Router struct {
	accounts Accounts
	health   Health
	loads    Loads
	rules    RuleBook
}

// Option changes a router.
type Option func(*Router)

// WithLoads lets the strategies ask how accounts do; without it all are at rest.
func WithLoads(l Loads) Option { return func(r *Router) { r.loads = l } }

// WithRules lets merchants' rules decide; without it none has any.
func WithRules(b RuleBook) Option { return func(r *Router) { r.rules = b } }

// New makes a router.
func New(accounts Accounts, health Health, options ...Option) *Router {
	r := &Router{accounts: accounts, health: health}
	for _, o := range options {
		o(r)
	}
	return r
}

// Decide filters the merchant's accounts, keeps those that its first matching
// rule names, and chooses among them by the rule's strategy. The choice hangs on
// req.Sticky and the accounts' weights alone, so that each try of one order
// lands at the same account while the survivors and their weights are the same;
// over many orders each account gets its weight's share.
func (r *Router) Decide(ctx context.Context, req channels.RouteRequest) (channels.Decision, error) {
	accounts, err := r.accounts.Routes(ctx, req.MerchantID)
	if err != nil {
		return channels.Decision{}, fmt.Errorf("read the merchant's accounts: %w", err)
	}
	var rules *Rules
	if r.rules != nil {
		rules = r.rules.RulesOf(req.MerchantID)
	}
	return r.decide(accounts, rules, &req), nil
}

// usual is how many accounts a merchant has at most, usually: so many need no
// memory of their own in a decision.
const usual = 16

func (r *Router) decide(accounts []channels.Account, rules *Rules, req *channels.RouteRequest) channels.Decision {
	rule := rules.match(req, accounts)
	strategy, mix := rules.strategy(rule)
	d := channels.Decision{Strategy: string(strategy), Candidates: make([]channels.Candidate, len(accounts))}
	if rules != nil {
		d.RulesVersion = rules.Version
	}
	if rule != nil {
		d.Rule = rule.Name
	}
	var buffer [usual]standing
	left := buffer[:0]
	for i := range accounts {
		a := &accounts[i]
		c := channels.Candidate{AccountID: a.ID, Channel: a.Channel, Weight: a.Weight, FeeRatePPM: a.FeeRatePPM}
		var t *Target
		if rule != nil {
			if t = rule.target(*a); t != nil && t.Weighs {
				c.Weight = t.Weight
			}
		}
		c.Rejection, c.Reason = r.filter(a, req)
		if c.Rejection == "" {
			c.Rejection, c.Reason = rule.admits(t)
		}
		if c.Rejection == "" {
			left = append(left, standing{index: i, account: a, target: t, weight: float64(c.Weight)})
		}
		d.Candidates[i] = c
	}
	r.choose(d.Candidates, left, strategy, mix, req)
	return d
}

// admits tells whether the rule lets an account take the payment; t is what it
// says of the account.
func (r *Rule) admits(t *Target) (channels.Rejection, string) {
	switch {
	case r == nil:
		return "", ""
	case r.Refuse != "":
		return channels.RejectedRefused, "the rule " + r.Name + " refuses the payment: " + r.Refuse
	case len(r.Use) > 0 && t == nil:
		return channels.RejectedRule, "the rule " + r.Name + " names other accounts"
	default:
		return "", ""
	}
}
