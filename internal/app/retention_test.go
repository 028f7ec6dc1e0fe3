package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymux/paymux/internal/config"
)

func TestInBatches_RemovesALittleAtATimeUntilNothingIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &Installation{Config: config.Config{Retention: config.Retention{Batch: 10}}}
		now, left, calls := time.Now(), 25, 0
		purge := func(_ context.Context, id string, before time.Time, limit int) (int, error) {
			calls++
			if id != "m" || limit != 10 || !before.Equal(now.AddDate(0, 0, -400)) {
				t.Errorf("asked to remove %d of %s before %v", limit, id, before)
			}
			n := min(left, limit)
			left -= n
			return n, nil
		}
		if n, err := in.inBatches(t.Context(), 400, now, "m", purge); err != nil || n != 25 || calls != 3 {
			t.Errorf("%d rows in %d batches, %v", n, calls, err)
		}
		if n, err := in.inBatches(t.Context(), 0, now, "m", purge); err != nil || n != 0 || calls != 3 {
			t.Errorf("0 days are for ever, yet %d rows went, %v", n, err)
		}
		left = 1000
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if n, err := in.inBatches(ctx, 400, now, "m", purge); !errors.Is(err, context.Canceled) || n != 10 {
			t.Errorf("after its end %d rows went, %v", n, err)
		}
	})
}
