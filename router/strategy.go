package router

import (
	"math"

	"github.com/paymux/paymux/channels"
)

// Numbers of the strategies; docs/routing.md gives their formulas.
const (
	// nearRate is how far below the best success rate still counts as best.
	nearRate = 0.02
	// idleShare keeps the weight 1/(in flight + idleShare) finite.
	idleShare = 0.1
	// partPerMillion is the unit of fee rates.
	partPerMillion = 1_000_000
)

// standing is an account that is left after filter and rules.
type standing struct {
	index   int
	account *channels.Account
	target  *Target
	// weight is the account's, or what the rule gives it.
	weight float64
	load   Load
	fee    int64
	// pull is what the account is drawn by; 0: it is out of the draw. why says in
	// what respect it stands where it stands.
	pull float64
}

// choose fills in what becomes of those that are left.
func (r *Router) choose(out []channels.Candidate, left []standing, strategy Strategy, mix Mix, req *channels.RouteRequest) {
	if len(left) == 0 {
		return
	}
	shareOut(left)
	last := lastResort(left)
	if strategy != Weighted && strategy != LowestFee {
		r.load(left)
	}
	for i := range left {
		left[i].fee = Fee(req.Amount.Minor(), left[i].account.FeeRatePPM)
	}
	switch strategy {
	case LowestFee:
		pullByFee(left)
	case SuccessRate:
		pullBySuccess(left)
	case LeastInFlight:
		pullByLoad(left)
	case Mixed:
		pullByMix(left, mix)
	case Weighted:
		for i := range left {
			left[i].pull = left[i].weight
		}
	}
	t := tally{strategy: strategy, last: last, channel: req.Channel, total: settle(left)}
	best := draw(left, req.Sticky)
	for i := range left {
		t.explain(&out[left[i].index], &left[i], i == best)
	}
}

// settle takes accounts of weight 0 out of the draw and sums up the pulls.
// Figures that leave nobody in it must not stop a payment: then weights decide.
func settle(left []standing) float64 {
	total := 0.0
	for i := range left {
		if !left[i].competes() {
			left[i].pull = 0
		}
		total += left[i].pull
	}
	if total > 0 {
		return total
	}
	for i := range left {
		left[i].pull = left[i].weight
		total += left[i].pull
	}
	return total
}

// shareOut splits a channel's weight among its accounts that are left, by their
// own weights; evenly where these are all 0.
func shareOut(left []standing) {
	for i := range left {
		t := left[i].target
		if t == nil || t.Account != "" || !t.Weighs {
			continue
		}
		own, n := 0, 0
		for j := range left {
			if left[j].target == t {
				own += left[j].account.Weight
				n++
			}
		}
		if own > 0 {
			left[i].weight = float64(t.Weight) * float64(left[i].account.Weight) / float64(own)
		} else {
			left[i].weight = float64(t.Weight) / float64(n)
		}
	}
}

// lastResort tells whether only accounts of weight 0 are left, and then weighs
// them alike.
func lastResort(left []standing) bool {
	for i := range left {
		if left[i].weight > 0 {
			return false
		}
	}
	for i := range left {
		left[i].weight = 1
	}
	return true
}

func (r *Router) load(left []standing) {
	for i := range left {
		left[i].load = atRest
		if r.loads != nil {
			left[i].load = r.loads.Load(left[i].account.ID)
		}
	}
}

// Fee is the contracted fee of an amount in its minor units, rounded half up.
func Fee(minor, ratePPM int64) int64 {
	whole, rest := minor/partPerMillion, minor%partPerMillion
	return whole*ratePPM + (rest*ratePPM+partPerMillion/2)/partPerMillion
}

// competes tells whether an account is in the draw while others are.
func (s *standing) competes() bool { return s.weight > 0 }

// pullByFee: the least fee of this payment; equal ones by weight.
func pullByFee(left []standing) {
	least := int64(math.MaxInt64)
	for i := range left {
		if left[i].competes() {
			least = min(least, left[i].fee)
		}
	}
	for i := range left {
		if left[i].fee == least {
			left[i].pull = left[i].weight
		}
	}
}

// pullBySuccess: the best success rate; those near it by weight and warmth.
func pullBySuccess(left []standing) {
	best := 0.0
	for i := range left {
		if left[i].competes() {
			best = max(best, left[i].load.SuccessRate)
		}
	}
	for i := range left {
		if left[i].load.SuccessRate >= best-nearRate {
			left[i].pull = left[i].weight * left[i].load.Warmth
		}
	}
}

// pullByLoad: 1/(in flight + 0.1). An account that is not warm yet is taken for
// as busy as the warm ones are on average, times its warmth: an idle one would
// else draw nearly all.
func pullByLoad(left []standing) {
	sum, warm := 0.0, 0
	for i := range left {
		left[i].pull = 1 / (float64(left[i].load.InFlight) + idleShare)
		if left[i].competes() && left[i].load.Warmth >= 1 {
			sum += left[i].pull
			warm++
		}
	}
	for i := range left {
		if left[i].load.Warmth >= 1 {
			continue
		}
		if warm > 0 {
			left[i].pull = min(left[i].pull, sum/float64(warm))
		}
		left[i].pull *= left[i].load.Warmth
	}
}

// pullByMix: the sum of the four scores, each 0 to 1, by their coefficients,
// times warmth.
func pullByMix(left []standing, mix Mix) {
	heaviest, idlest := 0.0, 0.0
	cheapest, dearest := int64(math.MaxInt64), int64(0)
	for i := range left {
		if !left[i].competes() {
			continue
		}
		heaviest = max(heaviest, left[i].weight)
		idlest = max(idlest, 1/(float64(left[i].load.InFlight)+idleShare))
		cheapest, dearest = min(cheapest, left[i].fee), max(dearest, left[i].fee)
	}
	for i := range left {
		s := &left[i]
		if !s.competes() {
			continue
		}
		fee := 1.0
		if dearest > cheapest {
			fee = float64(dearest-s.fee) / float64(dearest-cheapest)
		}
		score := float64(mix.Weight)*s.weight/heaviest + float64(mix.Fee)*fee + float64(mix.Success)*s.load.SuccessRate +
			float64(mix.InFlight)/(float64(s.load.InFlight)+idleShare)/idlest
		s.pull = s.load.Warmth * score / float64(mix.sum())
	}
}

// draw is weighted rendezvous hashing: the order's uniform number for each
// account, drawn out by its pull. The highest wins, each account as often as its
// pull says; the order's number alone decides, so no source of random is needed.
// It gives -1 when nothing pulls.
func draw(left []standing, sticky string) int {
	best, highest := -1, math.Inf(-1)
	for i := range left {
		if left[i].pull <= 0 {
			continue
		}
		if s := math.Log(uniform(left[i].account.ID, sticky)) / left[i].pull; best < 0 || s > highest {
			best, highest = i, s
		}
	}
	return best
}

// FNV-1a, written out because hash/fnv allocates.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// uniform is a number in (0,1) that hangs on account and order alone.
func uniform(accountID, sticky string) float64 {
	h := uint64(fnvOffset)
	for i := range len(accountID) {
		h = (h ^ uint64(accountID[i])) * fnvPrime
	}
	h *= fnvPrime // a zero byte between the two
	for i := range len(sticky) {
		h = (h ^ uint64(sticky[i])) * fnvPrime
	}
	return (float64(spread(h)>>11) + 0.5) / (1 << 53)
}

// spread spreads the bits of FNV, whose high ones are weak for short inputs.
func spread(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
