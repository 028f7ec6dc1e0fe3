package router

import (
	"slices"
	"strconv"

	"github.com/paymux/paymux/channels"
)

// filter gives the first reason for which an account is no candidate, whatever
// the rules say.
func (r *Router) filter(a *channels.Account, req *channels.RouteRequest) (channels.Rejection, string) {
	least, most := Limits(*a)
	minor := req.Amount.Minor()
	switch {
	case req.Channel != "" && a.Channel != req.Channel:
		return channels.RejectedChannel, "the payment asks for " + req.Channel
	case !offers(a, req.Scene):
		return channels.RejectedScene, "the account at " + a.Channel + " does not offer the scene " + string(req.Scene)
	case !slices.Contains(a.Capabilities.Currencies, req.Amount.Currency()):
		return channels.RejectedCurrency, a.Channel + " does not take " + string(req.Amount.Currency())
	case minor < least || minor > most:
		return channels.RejectedAmount, "the account takes " + strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(most, 10) + " in minor units"
	case !a.Enabled:
		return channels.RejectedDisabled, "the account is disabled"
	case !channels.OpenAt(a.Hours, req.At):
		return channels.RejectedWindow, "the account takes no payments at this time of the day"
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

func offers(a *channels.Account, scene channels.Scene) bool {
	_, offered := a.Capabilities.Scenes[scene]
	return offered && (len(a.Scenes) == 0 || slices.Contains(a.Scenes, scene))
}

// Scenes are what the account offers, in the order in which documents show them.
func Scenes(a channels.Account) []channels.Scene {
	out := []channels.Scene{}
	for _, s := range channels.Scenes() {
		if offers(&a, s) {
			out = append(out, s)
		}
	}
	return out
}
