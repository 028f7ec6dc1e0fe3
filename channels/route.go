package channels

import (
	"time"

	"github.com/paymux/paymux/internal/money"
)

// Account is what routing knows of a merchant's account at a channel. It holds
// no credentials.
type Account struct {
	ID         string
	MerchantID string
	Channel    string
	Enabled    bool
	// Weight is the account's share among those that survive the filter; an
	// account of weight 0 is used only when it is pinned or nothing else is left.
	Weight int
	// FeeRatePPM is the contracted fee in millionths of the amount (0.6 % is 6000).
	FeeRatePPM int64
	// MinAmount and MaxAmount bound one payment in minor units; 0: the
	// channel's own limit.
	MinAmount, MaxAmount int64
	// Scenes is what the account is contracted for; empty: all of the channel's.
	Scenes []Scene
	// Hours is when the account takes payments, each day; empty: always.
	Hours []Hours
	// Capabilities are the channel's.
	Capabilities Capabilities
}

// RouteRequest is what the router decides by.
type RouteRequest struct {
	MerchantID string
	Amount     money.Amount
	Scene      Scene
	// Channel pins the channel; empty: any.
	Channel  string
	Region   string
	Metadata map[string]string
	// Sticky is the same for each try of one order, so that a retried order
	// lands where it was.
	Sticky string
	At     time.Time
	// Tried lists accounts that this payment has been tried at.
	Tried []string
}

// Rejection says why a candidate was not eligible.
type Rejection string

// The rejections, in the order in which the filter asks.
const (
	RejectedChannel  Rejection = "channel"  // another channel is asked for
	RejectedScene    Rejection = "scene"    // does not have the scene
	RejectedCurrency Rejection = "currency" // does not take the currency
	RejectedAmount   Rejection = "amount"   // outside the account's limits
	RejectedDisabled Rejection = "disabled" // switched off
	RejectedWindow   Rejection = "window"   // outside its hours
	RejectedTried    Rejection = "tried"    // tried for this payment already
	RejectedBreaker  Rejection = "breaker"  // its breaker is open or it is full
	RejectedRule     Rejection = "rule"     // the merchant's rule names others
	RejectedRefused  Rejection = "refused"  // the merchant's rule refuses the payment
	NotChosen        Rejection = "not_chosen"
)

// Candidate is one account in a decision.
type Candidate struct {
	AccountID string `json:"account_id"`
	Channel   string `json:"channel"`
	Chosen    bool   `json:"chosen"`
	// Rejection is empty for the chosen one.
	Rejection Rejection `json:"rejection,omitempty"`
	// Reason is a sentence for people.
	Reason string `json:"reason"`
	// Weight is the account's, or the one that the matching rule gives it.
	Weight int `json:"weight"`
	// Share is how likely an order like this one falls to the account, 0 to 1.
	Share float64 `json:"share"`
	// FeeRatePPM is the account's contracted fee at the time of the decision, in
	// millionths of the amount.
	FeeRatePPM int64 `json:"fee_rate_ppm"`
}

// Decision is the router's answer: every account of the merchant with what
// became of it, the chosen one (if any) among them.
type Decision struct {
	Candidates []Candidate `json:"candidates"`
	// Rule names the merchant's rule that matched, if any.
	Rule string `json:"rule,omitempty"`
	// RulesVersion is the version of the merchant's rules that decided; 0: it
	// has none.
	RulesVersion int64 `json:"rules_version,omitempty"`
	// Strategy names how the survivors were weighed.
	Strategy string `json:"strategy"`
}

// Chosen is the chosen candidate; ok is false when there is none.
func (d Decision) Chosen() (Candidate, bool) {
	for _, c := range d.Candidates {
		if c.Chosen {
			return c, true
		}
	}
	return Candidate{}, false
}
