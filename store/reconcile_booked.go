package store

import (
	"context"
	"time"

	"github.com/paymux/paymux/channels"
)

const (
	// bookedAgain is how often at most a day is reconciled again because of what
	// was booked on it later.
	bookedAgain = time.Hour
	// A movement may stand in the bill of the day before or after its own: clocks
	// differ, and UnionPay's day ends at 23:00.
	bookedBefore = time.Hour
	bookedAfter  = 2 * time.Hour
)

// ofEarlierDay tells whether a movement is of a day before the one on which it
// is written.
func ofEarlierDay(at, now time.Time) bool {
	return !at.IsZero() && !now.IsZero() && channels.DayAt(at).Before(channels.DayAt(now))
}

// bookedLate makes the days in whose bills a movement of an earlier day may
// stand due again, once they were matched: what is booked after a day's books
// were closed is held against the bill too. A run that is under way finds at its
// end that the time at which its day is due has moved.
func (tx *Tx) bookedLate(ctx context.Context, accountID string, at, now time.Time) error {
	if !ofEarlierDay(at, now) {
		return nil
	}
	due := millis(dueAgain(now))
	_, err := tx.q.ExecContext(ctx, `UPDATE reconcile_days SET next_try_at = CASE WHEN lease_owner <> '' THEN next_try_at + 1 ELSE ? END
		WHERE account_id = ? AND day IN (?, ?, ?) AND (lease_owner <> '' OR (finished_at IS NOT NULL AND (next_try_at IS NULL OR next_try_at > ?)))`,
		due, accountID, channels.DayAt(at.Add(-bookedBefore)).String(), channels.DayAt(at).String(), channels.DayAt(at.Add(bookedAfter)).String(), due)
	return err
}

// dueAgain is when a day is due on which something was booked late: what comes
// within an hour is taken up together.
func dueAgain(now time.Time) time.Time { return now.Truncate(bookedAgain).Add(bookedAgain) }
