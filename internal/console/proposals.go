package console

import (
	"context"
	"net/url"
	"strconv"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

// proposedStatus is the filter's word for open discrepancies whose explanation
// waits for a second person. The word for open has them too: they are among what
// is counted as open everywhere else.
const proposedStatus = "proposed"

// mostProposals is up to where proposals are counted.
const mostProposals = 99

// proposals is how many explanations wait for a second person, and where they
// are listed.
type proposals struct{ Count, Href string }

// proposals counts those of a merchant (of all for none chosen) and of a day
// (of all days for the zero one); nil: none wait.
func (c *Console) proposals(ctx context.Context, sc scope, day channels.Day) (*proposals, error) {
	list, err := c.deps.Reconciliations.Discrepancies(ctx, reconcile.DiscrepancyFilter{
		MerchantID: sc.MerchantID, Day: day, Proposed: true, Limit: mostProposals + 1,
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	q := url.Values{"status": {proposedStatus}}
	if merchant := sc.chosen(); merchant != "" {
		q.Set("merchant", merchant)
	}
	if !day.IsZero() {
		q.Set("day", day.String())
	}
	p := &proposals{Count: strconv.Itoa(len(list)), Href: Prefix + "/discrepancies?" + q.Encode()}
	if len(list) > mostProposals {
		p.Count = strconv.Itoa(mostProposals) + "+"
	}
	return p, nil
}
