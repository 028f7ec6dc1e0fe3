package router

import (
	"cmp"
	"slices"

	"github.com/paymux/paymux/channels"
)

// Replay asks of orders of the past where rules would have sent them, and adds
// up what would change. It decides like [Router.Decide] with every account well
// and at rest: what accounts' breakers and loads were then is not known any
// more. Accounts, their limits and fees are those of now.
type Replay struct {
	router   Router
	rules    *Rules
	accounts []channels.Account
	report   ReplayReport
	byID     map[string]int
	byRule   map[string]int
	refused  map[channels.Rejection]int
}

// ReplayReport is what a replay found. Amounts are in minor units, of whatever
// currency; fees are by the contracted rates, of what was paid.
type ReplayReport struct {
	Orders int64 `json:"orders"`
	Amount int64 `json:"amount"`
	// Moved is how many orders would go to another account than they went to.
	Moved       int64 `json:"moved"`
	MovedAmount int64 `json:"moved_amount"`
	// FeesWas and FeesWould are the contracted fees of all orders that would be
	// taken.
	FeesWas   int64 `json:"fees_was"`
	FeesWould int64 `json:"fees_would"`
	// Untaken is how many orders no account would take.
	Untaken       int64         `json:"untaken"`
	UntakenAmount int64         `json:"untaken_amount"`
	UntakenWhy    []UntakenWhy  `json:"untaken_why"`
	Channels      []ReplayShare `json:"channels"`
	Accounts      []ReplayShare `json:"accounts"`
	// Rules is how many orders each rule matched, in the rules' order; the last
	// one, without a name, is orders that none matched.
	Rules []ReplayRule `json:"rules"`
}

// Flow is orders of one place.
type Flow struct {
	Orders int64 `json:"orders"`
	Amount int64 `json:"amount"`
	Paid   int64 `json:"paid"`
	Fee    int64 `json:"fee"`
}

func (f *Flow) add(o *PastOrder, ratePPM int64) {
	f.Orders++
	f.Amount += o.Request.Amount.Minor()
	f.Paid += o.PaidMinor
	f.Fee += Fee(o.PaidMinor, ratePPM)
}

// ReplayShare is what an account, or a channel, took and would take.
type ReplayShare struct {
	Channel string `json:"channel"`
	// AccountID is empty for a channel as a whole.
	AccountID  string `json:"account_id,omitempty"`
	FeeRatePPM int64  `json:"fee_rate_ppm,omitempty"`
	Was        Flow   `json:"was"`
	Would      Flow   `json:"would"`
}

// ReplayRule is how many orders a rule matched.
type ReplayRule struct {
	Name   string `json:"name"`
	Orders int64  `json:"orders"`
	Amount int64  `json:"amount"`
}

// UntakenWhy is why orders would not be taken, with some of them.
type UntakenWhy struct {
	// Why is what stood in the way of the account that came furthest.
	Why      channels.Rejection `json:"why"`
	Reason   string             `json:"reason"`
	Orders   int64              `json:"orders"`
	Amount   int64              `json:"amount"`
	Examples []string           `json:"examples"`
}

// maxExamples is how many order numbers an [UntakenWhy] names.
const maxExamples = 5

// well is the health of accounts in a replay.
type well struct{}

func (well) Available(string) (string, bool) { return "", true }

// NewReplay makes a replay of rules, nil for none, over a merchant's accounts.
func NewReplay(rules *Rules, accounts []channels.Account) *Replay {
	r := &Replay{
		router: Router{health: well{}}, rules: rules, accounts: accounts,
		byID: map[string]int{}, byRule: map[string]int{}, refused: map[channels.Rejection]int{},
	}
	for i, a := range accounts {
		r.byID[a.ID] = i
		r.report.Accounts = append(r.report.Accounts, ReplayShare{Channel: a.Channel, AccountID: a.ID, FeeRatePPM: a.FeeRatePPM})
	}
	if rules != nil {
		for i := range rules.List {
			r.byRule[rules.List[i].Name] = i
			r.report.Rules = append(r.report.Rules, ReplayRule{Name: rules.List[i].Name})
		}
	}
	r.byRule[""] = len(r.report.Rules)
	r.report.Rules = append(r.report.Rules, ReplayRule{})
	return r
}

// Add asks where one order would have gone.
func (r *Replay) Add(o PastOrder) {
	d := r.router.decide(r.accounts, r.rules, &o.Request)
	minor := o.Request.Amount.Minor()
	r.report.Orders++
	r.report.Amount += minor
	rule := &r.report.Rules[r.byRule[d.Rule]]
	rule.Orders++
	rule.Amount += minor
	was := r.account(o)
	was.Was.add(&o, was.FeeRatePPM)
	chosen, ok := d.Chosen()
	if !ok {
		r.untaken(&o, &d)
		return
	}
	would := &r.report.Accounts[r.byID[chosen.AccountID]]
	would.Would.add(&o, would.FeeRatePPM)
	r.report.FeesWas += Fee(o.PaidMinor, was.FeeRatePPM)
	r.report.FeesWould += Fee(o.PaidMinor, would.FeeRatePPM)
	if chosen.AccountID != o.AccountID {
		r.report.Moved++
		r.report.MovedAmount += minor
	}
}

// account gives the line of where an order went, which may not be among the
// accounts any more.
func (r *Replay) account(o PastOrder) *ReplayShare {
	i, ok := r.byID[o.AccountID]
	if !ok {
		i = len(r.report.Accounts)
		r.byID[o.AccountID] = i
		r.report.Accounts = append(r.report.Accounts, ReplayShare{Channel: o.Channel, AccountID: o.AccountID})
	}
	return &r.report.Accounts[i]
}

// stages says how far an account came with each rejection: the furthest tells
// best what would have to change.
var stages = []channels.Rejection{
	channels.RejectedChannel, channels.RejectedScene, channels.RejectedCurrency, channels.RejectedDisabled,
	channels.RejectedAmount, channels.RejectedWindow, channels.RejectedRefused,
}

func (r *Replay) untaken(o *PastOrder, d *channels.Decision) {
	minor := o.Request.Amount.Minor()
	r.report.Untaken++
	r.report.UntakenAmount += minor
	furthest := channels.Candidate{Reason: "the merchant has no account for it"}
	stage := -1
	var rule *Rule
	if i := r.byRule[d.Rule]; d.Rule != "" {
		rule = &r.rules.List[i]
	}
	for i, c := range d.Candidates {
		// An account that the rule does not name could not have taken the order.
		if rule != nil && len(rule.Use) > 0 && rule.target(r.accounts[i]) == nil {
			continue
		}
		if s := slices.Index(stages, c.Rejection); s > stage {
			furthest, stage = c, s
		}
	}
	i, ok := r.refused[furthest.Rejection]
	if !ok {
		i = len(r.report.UntakenWhy)
		r.refused[furthest.Rejection] = i
		r.report.UntakenWhy = append(r.report.UntakenWhy, UntakenWhy{Why: furthest.Rejection, Reason: furthest.Reason})
	}
	why := &r.report.UntakenWhy[i]
	why.Orders++
	why.Amount += minor
	if len(why.Examples) < maxExamples {
		why.Examples = append(why.Examples, o.Request.Sticky)
	}
}

// Report gives what was found so far.
func (r *Replay) Report() ReplayReport {
	out := r.report
	out.Rules = slices.Clone(out.Rules)
	out.Accounts = slices.Clone(out.Accounts)
	out.UntakenWhy = append([]UntakenWhy{}, out.UntakenWhy...)
	slices.SortStableFunc(out.UntakenWhy, func(a, b UntakenWhy) int { return cmp.Compare(b.Orders, a.Orders) })
	out.Channels = nil
	for _, a := range out.Accounts {
		i := slices.IndexFunc(out.Channels, func(c ReplayShare) bool { return c.Channel == a.Channel })
		if i < 0 {
			i = len(out.Channels)
			out.Channels = append(out.Channels, ReplayShare{Channel: a.Channel})
		}
		c := &out.Channels[i]
		c.Was, c.Would = c.Was.plus(a.Was), c.Would.plus(a.Would)
	}
	return out
}

func (f Flow) plus(g Flow) Flow {
	return Flow{Orders: f.Orders + g.Orders, Amount: f.Amount + g.Amount, Paid: f.Paid + g.Paid, Fee: f.Fee + g.Fee}
}
