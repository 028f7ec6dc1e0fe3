package payment

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
)

func routeRequest(p *Payment, tried []string, now time.Time) channels.RouteRequest {
	return channels.RouteRequest{
		MerchantID: p.MerchantID, Amount: p.Amount, Scene: p.Scene, Channel: p.PinnedChannel, Region: p.Region,
		Metadata: p.Metadata, Sticky: p.MerchantOrderNo, At: now, Tried: tried,
	}
}

// route decides where the payment goes next; a decision without a chosen
// account becomes the refusal that the caller is told.
func (s *Service) route(ctx context.Context, p *Payment, tried []string) (channels.Decision, error) {
	if p.Amount.IsZero() {
		return channels.Decision{}, refuse(CodeCurrency, "this currency is not offered; CNY is")
	}
	d, err := s.Router.Decide(ctx, routeRequest(p, tried, s.now()))
	if err != nil {
		return channels.Decision{}, readError(err, "route")
	}
	if _, ok := d.Chosen(); !ok {
		return d, unroutable(d, p)
	}
	return d, nil
}

// unroutable finds the first filter that left no candidate: the refusal names
// that one.
func unroutable(d channels.Decision, p *Payment) *Error {
	survivors := len(d.Candidates)
	drop := func(why ...channels.Rejection) bool {
		for _, c := range d.Candidates {
			for _, r := range why {
				if c.Rejection == r {
					survivors--
				}
			}
		}
		return survivors <= 0
	}
	switch {
	case drop(channels.RejectedChannel, channels.RejectedScene):
		return refuse(CodeSceneUnsupported, "no account of this merchant offers the scene %s%s", p.Scene, onChannel(p))
	case drop(channels.RejectedCurrency):
		return refuse(CodeCurrency, "no account of this merchant takes %s for this scene", p.Amount.Currency())
	case slices.ContainsFunc(d.Candidates, func(c channels.Candidate) bool { return c.Rejection == channels.RejectedAmount }) &&
		drop(channels.RejectedAmount, channels.RejectedRule):
		return refuse(CodeAmountOutOfRange, "the amount %s is outside the limits of every account that could take it", p.Amount)
	default:
		return noChannel()
	}
}

func onChannel(p *Payment) string {
	if p.PinnedChannel == "" {
		return ""
	}
	return " on " + p.PinnedChannel
}

// nextRoute decides where a payment goes after tries that are proven to have
// had no effect; ok is false when there is no further account.
func (s *Service) nextRoute(ctx context.Context, p *Payment, tried []string) (channels.Decision, bool) {
	if len(tried) >= s.cfg.MaxAttempts {
		return channels.Decision{}, false
	}
	d, err := s.route(ctx, p, tried)
	var refusal *Error
	if err != nil && !errors.As(err, &refusal) {
		s.Logger.ErrorContext(ctx, "no failover: the router cannot decide", "payment_id", p.ID, "error", err)
	}
	return d, err == nil
}
