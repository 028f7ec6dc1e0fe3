package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paymux/paymux/channels"
)

// dueStatements is how many due statements are listed at a time.
const dueStatements = 20

// Plan takes up the days whose bills should be there by now, back to the
// configured number of days, and gives how many it took up. Accounts that take
// no payments any more are planned too: their refunds go on.
func (s *Service) Plan(ctx context.Context) (taken int, err error) {
	accounts, err := s.Directory.AccountsOf(ctx, "")
	if err != nil {
		return 0, fmt.Errorf("plan reconciliation: %w", err)
	}
	// A calendar is its channel's: opening one account of each is enough.
	calendars, without := map[string]channels.BillCalendar{}, map[string]bool{}
	for _, a := range accounts {
		if _, known := calendars[a.Channel]; known {
			continue
		}
		source, _, err := s.Directory.Bills(ctx, a.ID)
		switch {
		case errors.Is(err, ErrNoBills):
			without[a.Channel] = true
		case err != nil:
			s.Logger.WarnContext(ctx, "an account cannot be opened to plan its bills", "account_id", a.ID, "error", err)
		default:
			calendars[a.Channel] = source.BillCalendar()
		}
	}
	var days []PlannedDay
	for _, a := range accounts {
		calendar, known := calendars[a.Channel]
		switch {
		case !known && without[a.Channel]:
			continue
		case !known:
			calendar = unknownCalendar() // the day's run fails, and is seen
		}
		days = append(days, s.dueDays(a, terms{BillCalendar: calendar})...)
	}
	taken, err = s.Store.PlanDays(ctx, days)
	if err != nil {
		return 0, fmt.Errorf("plan reconciliation: %w", err)
	}
	return taken, nil
}

// unknownCalendar stands for the calendar of a channel of which no account can be
// opened: every channel's bill is due by then.
func unknownCalendar() channels.BillCalendar { return channels.BillCalendar{Due: 12 * time.Hour} }

func (s *Service) dueDays(a Account, t terms) []PlannedDay {
	now := s.now()
	first, today := t.DayOf(a.CreatedAt), t.DayOf(now)
	var days []PlannedDay
	for back := s.cfg.CatchUpDays; back >= 1; back-- {
		day := today.Add(-back)
		due := t.DueAt(day).Add(s.cfg.DueMargin)
		if day.Before(first) || now.Before(due) {
			continue
		}
		days = append(days, PlannedDay{DayKey: DayKey{AccountID: a.ID, Day: day}, MerchantID: a.MerchantID, Channel: a.Channel, TryAt: due})
	}
	return days
}

// Claim leases days whose time has come, for RunClaimed.
func (s *Service) Claim(ctx context.Context, limit int) ([]DayLease, error) {
	return s.Store.ClaimDays(ctx, s.Owner, s.now(), s.cfg.Lease, limit)
}

// RunClaimed reconciles a claimed day, and writes the statements that nothing
// holds up any more.
func (s *Service) RunClaimed(ctx context.Context, lease DayLease) error {
	account, err := s.Directory.AccountByID(ctx, lease.AccountID)
	if err != nil {
		return fmt.Errorf("reconcile account %s: %w", lease.AccountID, err)
	}
	r, err := s.runLeased(ctx, account, lease, Job{AccountID: lease.AccountID, Day: lease.Day})
	if errors.Is(err, ErrBusy) {
		return nil // another process carried it on
	}
	if err != nil {
		return fmt.Errorf("reconcile %s of account %s: %w", lease.Day, lease.AccountID, err)
	}
	s.Logger.InfoContext(ctx, "reconciled", "account_id", account.ID, "channel", account.Channel, "day", lease.Day, "status", r.Status,
		"version", r.Version, "matched", r.Matched, "open", r.Open, "failure", r.Failure.String())
	return s.WriteDueStatements(ctx)
}

// WriteDueStatements writes the statements of days of which no account is being
// reconciled or due, and whose discrepancies nobody is explaining: not every click
// is a version.
func (s *Service) WriteDueStatements(ctx context.Context) error {
	var (
		errs  []error
		after MerchantDay // one that cannot be written holds up nobody else's
	)
	for ctx.Err() == nil {
		due, err := s.Store.DueStatements(ctx, s.now(), s.now().Add(-s.cfg.StatementQuiet), after, dueStatements)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, d := range due {
			if _, err := s.WriteStatement(ctx, d.MerchantID, d.Day); err != nil {
				errs = append(errs, err)
			}
			after = d
		}
		if len(due) < dueStatements {
			break
		}
	}
	return errors.Join(errs...)
}

// Late counts the days whose bill is late, by account.
func (s *Service) Late(ctx context.Context) (map[string]int, error) { return s.Store.LateDays(ctx) }
