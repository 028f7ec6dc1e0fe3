package app

import (
	"context"
	"time"

	"github.com/paymux/paymux/channels"
)

// refreshTimeout bounds one account's refresh.
const refreshTimeout = 15 * time.Second

// refreshKeys asks the channels that hand out their next keys for them, at the
// start and then now and again, so that a rotation never meets a gateway that
// does not know the new key.
func (g *Gateway) refreshKeys(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		accounts, err := g.in.DB.Merchants().AccountsOf(ctx, "")
		if err != nil && ctx.Err() == nil {
			g.in.Logger.Warn("accounts cannot be listed to refresh their keys; trying again", "error", err)
		}
		for _, a := range accounts {
			g.refreshAccount(ctx, a.ID)
		}
		timer.Reset(g.in.Config.Channels.KeyRefresh)
	}
}

func (g *Gateway) refreshAccount(ctx context.Context, accountID string) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	ch, _, err := g.in.Accounts.Open(ctx, accountID)
	if err != nil {
		return // whoever uses the account is told
	}
	refresher, ok := unguarded(ch).(channels.KeyRefresher)
	if !ok {
		return
	}
	if err := refresher.RefreshKeys(ctx); err != nil && ctx.Err() == nil {
		g.in.Logger.Warn("a channel's next keys could not be fetched; trying again", "account_id", accountID, "error", err)
	}
}

// unguarded gives the channel behind an account's guard, for what no breaker
// minds.
func unguarded(ch channels.Channel) channels.Channel {
	if guarded, ok := ch.(interface{ Unwrap() channels.Channel }); ok {
		return guarded.Unwrap()
	}
	return ch
}
