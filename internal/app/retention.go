package app

import (
	"context"
	"time"
)

// retentionGap is the pause between two batches: removing old rows must not keep
// payments waiting for the database.
const retentionGap = 200 * time.Millisecond

// retain removes what is older than the configuration keeps, now and then and a
// little at a time. Several replicas may do it at once.
func (g *Gateway) retain(ctx context.Context) {
	ticker := time.NewTicker(g.in.Config.Retention.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		removed, err := g.in.Retain(ctx)
		if err != nil && ctx.Err() == nil {
			g.in.Logger.Warn("old rows could not be removed; trying again", "error", err)
		}
		if removed > 0 {
			g.in.Logger.Info("old events and callbacks were removed", "rows", removed)
		}
	}
}

// Retain removes delivered events and callbacks that are older than the
// configuration keeps, and tells how many rows.
func (in *Installation) Retain(ctx context.Context) (removed int, err error) {
	r, now := in.Config.Retention, in.Now()
	merchants, err := in.Merchants.ListMerchants(ctx)
	if err != nil {
		return 0, err
	}
	for _, m := range merchants {
		n, err := in.inBatches(ctx, r.EventsDays, now, m.ID, in.DB.PurgeEvents)
		if removed += n; err != nil {
			return removed, err
		}
		accounts, err := in.Merchants.AccountsOf(ctx, m.ID)
		if err != nil {
			return removed, err
		}
		for _, a := range accounts {
			n, err := in.inBatches(ctx, r.NotificationsDays, now, a.ID, in.DB.PurgeNotifications)
			if removed += n; err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

// inBatches removes what is older than days until nothing is left.
func (in *Installation) inBatches(ctx context.Context, days int, now time.Time, id string,
	purge func(ctx context.Context, id string, before time.Time, limit int) (int, error),
) (removed int, err error) {
	if days == 0 {
		return 0, nil
	}
	batch := in.Config.Retention.Batch
	for {
		n, err := purge(ctx, id, now.AddDate(0, 0, -days), batch)
		removed += n
		if err != nil || n < batch {
			return removed, err
		}
		select {
		case <-ctx.Done():
			return removed, ctx.Err()
		case <-time.After(retentionGap):
		}
	}
}
