package router

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

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

// strategyWeighted names the strategy in decisions.
const strategyWeighted = "weighted"

// Router decides by filter and weight.
type Router struct {
	accounts Accounts
	health   Health
}

// New makes a router.
func New(accounts Accounts, health Health) *Router {
	return &Router{accounts: accounts, health: health}
}

// Decide filters the merchant's accounts and chooses among the survivors by
// weight. The choice hangs on req.Sticky alone, so that each try of one order
// lands at the same account while the survivors are the same; over many orders
// each account gets its weight's share.
func (r *Router) Decide(ctx context.Context, req channels.RouteRequest) (channels.Decision, error) {
	accounts, err := r.accounts.Routes(ctx, req.MerchantID)
	if err != nil {
		return channels.Decision{}, fmt.Errorf("read the merchant's accounts: %w", err)
	}
	d := channels.Decision{Strategy: strategyWeighted, Candidates: make([]channels.Candidate, len(accounts))}
	best, bestScore, total := -1, math.Inf(-1), 0
	for i, a := range accounts {
		c := channels.Candidate{AccountID: a.ID, Channel: a.Channel, Weight: a.Weight, FeeRatePPM: a.FeeRatePPM}
		c.Rejection, c.Reason = r.filter(a, req)
		if c.Rejection == "" {
			total += a.Weight
			if s := score(req.Sticky, a); best < 0 || s > bestScore {
				best, bestScore = i, s
			}
		}
		d.Candidates[i] = c
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		switch {
		case i == best:
			c.Chosen, c.Reason = true, fmt.Sprintf("chosen by weight %d of %d%s", c.Weight, total, asPinned(req))
		case c.Rejection == "":
			c.Rejection, c.Reason = channels.NotChosen, fmt.Sprintf("eligible with weight %d of %d; the order fell to another account", c.Weight, total)
		}
	}
	return d, nil
}

func asPinned(req channels.RouteRequest) string {
	if req.Channel == "" {
		return ""
	}
	return " among the accounts at " + req.Channel
}

// filter gives the first reason for which an account is no candidate.
func (r *Router) filter(a channels.Account, req channels.RouteRequest) (channels.Rejection, string) {
	least, most := Limits(a)
	switch {
	case req.Channel != "" && a.Channel != req.Channel:
		return channels.RejectedChannel, "the payment asks for " + req.Channel
	case !slices.Contains(Scenes(a), req.Scene):
		return channels.RejectedScene, fmt.Sprintf("the account at %s does not offer the scene %s", a.Channel, req.Scene)
	case !slices.Contains(a.Capabilities.Currencies, req.Amount.Currency()):
		return channels.RejectedCurrency, fmt.Sprintf("%s does not take %s", a.Channel, req.Amount.Currency())
	case req.Amount.Minor() < least || req.Amount.Minor() > most:
		return channels.RejectedAmount, fmt.Sprintf("the account takes %d to %d in minor units", least, most)
	case !a.Enabled:
		return channels.RejectedDisabled, "the account is disabled"
	case slices.Contains(req.Tried, a.ID):
		return channels.RejectedTried, "the account was tried for this payment and did nothing"
	}
	if why, ok := r.health.Available(a.ID); !ok {
		return channels.RejectedBreaker, why
	}
	return "", ""
}

// Limits are the account's own bounds within the channel's, in minor units.
func Limits(a channels.Account) (least, most int64) {
	least, most = a.Capabilities.MinAmount, a.Capabilities.MaxAmount
	if a.MinAmount > 0 {
		least = max(least, a.MinAmount)
	}
	if a.MaxAmount > 0 {
		most = min(most, a.MaxAmount)
	}
	return least, most
}

// Scenes are what the account offers, in the order in which documents show them.
func Scenes(a channels.Account) []channels.Scene {
	out := []channels.Scene{}
	for _, s := range channels.Scenes() {
		_, offered := a.Capabilities.Scenes[s]
		if offered && (len(a.Scenes) == 0 || slices.Contains(a.Scenes, s)) {
			out = append(out, s)
		}
	}
	return out
}

// score is weighted rendezvous hashing: the order's uniform number for this
// account, drawn out by the weight. The highest score wins, each account as
// often as its weight says; weight 0 wins only where nothing else is left.
func score(sticky string, a channels.Account) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(a.ID))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(sticky))
	uniform := (float64(mix(h.Sum64())>>11) + 0.5) / (1 << 53)
	if a.Weight <= 0 {
		return -math.MaxFloat64 * (1 - uniform/2)
	}
	return math.Log(uniform) / float64(a.Weight)
}

// mix spreads the bits of FNV, whose high ones are weak for short inputs.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
