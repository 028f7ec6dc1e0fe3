package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

type dayRow struct {
	AccountID  string        `db:"account_id"`
	Day        string        `db:"day"`
	MerchantID string        `db:"merchant_id"`
	Channel    string        `db:"channel"`
	Planned    bool          `db:"planned"`
	NextTryAt  sql.NullInt64 `db:"next_try_at"`
	Tries      int           `db:"tries"`
	LateAt     sql.NullInt64 `db:"late_at"`
	FinishedAt sql.NullInt64 `db:"finished_at"`
	Waiting    bool          `db:"waiting"`
	Statement  int64         `db:"statement_due"`
	LeaseOwner string        `db:"lease_owner"`
	LeaseUntil int64         `db:"lease_until"`
	Fence      int64         `db:"fence"`
}

const selectDay = `SELECT account_id, day, merchant_id, channel, planned, next_try_at, tries, late_at, finished_at, waiting, statement_due, lease_owner, lease_until, fence
	FROM reconcile_days WHERE `

func (r *dayRow) lease(fence int64, due time.Time) (reconcile.DayLease, error) {
	day, err := channels.ParseDay(r.Day)
	return reconcile.DayLease{
		DayKey: reconcile.DayKey{AccountID: r.AccountID, Day: day}, Fence: fence, Scheduled: r.NextTryAt.Valid, DueAt: due,
		Tries: r.Tries, LateAt: fromNullMillis(r.LateAt),
	}, err
}

// dayColumn writes a day that may be none.
func dayColumn(d channels.Day) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func fromDayColumn(s string) (channels.Day, error) {
	if s == "" {
		return channels.Day{}, nil
	}
	return channels.ParseDay(s)
}

// PlanDays implements [reconcile.Days].
func (db *DB) PlanDays(ctx context.Context, days []reconcile.PlannedDay) (int, error) {
	var missing []reconcile.PlannedDay
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		missing = nil
		for _, d := range days {
			var planned bool
			err := sqlx.GetContext(ctx, q, &planned, `SELECT planned FROM reconcile_days WHERE account_id = ? AND day = ?`, d.AccountID, d.Day.String())
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if !planned {
				missing = append(missing, d)
			}
		}
		return nil
	})
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	var taken int64
	err = db.write(ctx, func(tx *Tx) error {
		taken = 0
		for _, d := range missing {
			_, err := tx.q.ExecContext(ctx, db.dialect.insertIgnore+` INTO reconcile_days (account_id, day, merchant_id, channel) VALUES (?, ?, ?, ?)`,
				d.AccountID, d.Day.String(), d.MerchantID, d.Channel)
			if err != nil {
				return err
			}
			n, err := affected(tx.q.ExecContext(ctx, `UPDATE reconcile_days SET planned = 1, next_try_at = ? WHERE account_id = ? AND day = ? AND planned = 0`,
				millis(d.TryAt), d.AccountID, d.Day.String()))
			if err != nil {
				return err
			}
			taken += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("plan days: %w", err)
	}
	return int(taken), nil
}

// ClaimDays implements [reconcile.Days].
func (db *DB) ClaimDays(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]reconcile.DayLease, error) {
	var due bool
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		return sqlx.GetContext(ctx, q, &due, `SELECT EXISTS (SELECT 1 FROM reconcile_days WHERE next_try_at <= ?)`, millis(now))
	})
	if err != nil || !due || limit <= 0 {
		return nil, err
	}
	var leases []reconcile.DayLease
	err = db.write(ctx, func(tx *Tx) error {
		leases = nil
		clock, err := db.clockMillis(ctx, tx.q)
		if err != nil {
			return err
		}
		var rows []dayRow
		// Older days first: a day may wait for the one before it.
		err = sqlx.SelectContext(ctx, tx.q, &rows, selectDay+`next_try_at <= ? AND lease_until <= ? ORDER BY day, account_id LIMIT ? `+db.dialect.forUpdateSkip,
			millis(now), clock, limit)
		if err != nil {
			return err
		}
		for i := range rows {
			l, err := tx.leaseDay(ctx, &rows[i], owner, now, clock+lease.Milliseconds())
			if err != nil {
				return err
			}
			leases = append(leases, l)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim days: %w", err)
	}
	return leases, nil
}

// leaseDay leases a day; it is due until the run ends, should the process die.
func (tx *Tx) leaseDay(ctx context.Context, r *dayRow, owner string, now time.Time, until int64) (reconcile.DayLease, error) {
	due := fromMillis(millis(now))
	if r.NextTryAt.Valid {
		due = fromNullMillis(r.NextTryAt)
	}
	_, err := tx.q.ExecContext(ctx, `UPDATE reconcile_days SET lease_owner = ?, lease_until = ?, fence = fence + 1, next_try_at = ? WHERE account_id = ? AND day = ?`,
		owner, until, millis(due), r.AccountID, r.Day)
	if err != nil {
		return reconcile.DayLease{}, err
	}
	return r.lease(r.Fence+1, due)
}

// AcquireDay implements [reconcile.Days].
func (db *DB) AcquireDay(ctx context.Context, a reconcile.Account, day channels.Day, owner string, now time.Time, lease time.Duration) (l reconcile.DayLease, err error) {
	err = db.write(ctx, func(tx *Tx) error {
		clock, err := db.clockMillis(ctx, tx.q)
		if err != nil {
			return err
		}
		_, err = tx.q.ExecContext(ctx, db.dialect.insertIgnore+` INTO reconcile_days (account_id, day, merchant_id, channel) VALUES (?, ?, ?, ?)`,
			a.ID, day.String(), a.MerchantID, a.Channel)
		if err != nil {
			return err
		}
		var row dayRow
		if err := sqlx.GetContext(ctx, tx.q, &row, selectDay+`account_id = ? AND day = ? `+db.dialect.forUpdate, a.ID, day.String()); err != nil {
			return err
		}
		if row.LeaseUntil > clock {
			return reconcile.ErrBusy
		}
		l, err = tx.leaseDay(ctx, &row, owner, now, clock+lease.Milliseconds())
		return err
	})
	if err != nil {
		return reconcile.DayLease{}, fmt.Errorf("take up %s of account %s: %w", day, a.ID, err)
	}
	return l, nil
}

// RenewDay implements [reconcile.Days].
func (db *DB) RenewDay(ctx context.Context, l reconcile.DayLease, lease time.Duration) error {
	clock := db.clock()
	return db.leased(ctx, l, `UPDATE reconcile_days SET lease_until = `+clock.sql+` + ? WHERE lease_owner <> '' AND account_id = ? AND day = ? AND fence = ?`,
		append(clock.args, lease.Milliseconds())...)
}

// ReleaseDay implements [reconcile.Days].
func (db *DB) ReleaseDay(ctx context.Context, l reconcile.DayLease, next time.Time) error {
	return db.leased(ctx, l, `UPDATE reconcile_days SET lease_owner = '', lease_until = 0, next_try_at = CASE WHEN next_try_at IS NULL THEN NULL ELSE ? END
		WHERE lease_owner <> '' AND account_id = ? AND day = ? AND fence = ?`, nullMillis(next))
}

// leased runs a statement that ends with account, day and fence.
func (db *DB) leased(ctx context.Context, l reconcile.DayLease, query string, args ...any) error {
	return db.write(ctx, func(tx *Tx) error {
		if _, err := tx.checkFence(ctx, l); err != nil {
			return err
		}
		_, err := tx.q.ExecContext(ctx, query, append(args, l.AccountID, l.Day.String(), l.Fence)...)
		return err
	})
}

// checkFence locks a day's row, refuses a lease that is not the newest and gives
// when the day is due.
func (tx *Tx) checkFence(ctx context.Context, l reconcile.DayLease) (due time.Time, err error) {
	var row dayRow
	err = sqlx.GetContext(ctx, tx.q, &row, selectDay+`account_id = ? AND day = ? `+tx.db.dialect.forUpdate, l.AccountID, l.Day.String())
	if errors.Is(err, sql.ErrNoRows) || (err == nil && row.Fence != l.Fence) {
		return due, fmt.Errorf("the lease on %s of account %s is lost: %w", l.Day, l.AccountID, reconcile.ErrBusy)
	}
	return fromNullMillis(row.NextTryAt), err
}

// DayStates implements [reconcile.Days].
func (db *DB) DayStates(ctx context.Context, merchantID string, from, to channels.Day) ([]reconcile.DayState, error) {
	var where conditions
	where.equal("merchant_id", merchantID)
	where.add("day >= ? AND day <= ?", from.String(), to.String())
	var rows []dayRow
	var clock int64
	err := db.read(ctx, func(q sqlx.ExtContext) (err error) {
		if clock, err = db.clockMillis(ctx, q); err != nil {
			return err
		}
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, selectDay+where.String()+` ORDER BY day, account_id`, where.args...)
	})
	if err != nil {
		return nil, fmt.Errorf("list days: %w", err)
	}
	return convert(rows, func(r dayRow) (reconcile.DayState, error) {
		day, err := channels.ParseDay(r.Day)
		return reconcile.DayState{
			DayKey: reconcile.DayKey{AccountID: r.AccountID, Day: day}, MerchantID: r.MerchantID, Channel: r.Channel,
			FinishedAt: fromNullMillis(r.FinishedAt), NextTryAt: fromNullMillis(r.NextTryAt), LateAt: fromNullMillis(r.LateAt),
			Leased: r.LeaseUntil > clock, Waiting: r.Waiting, StatementDue: r.Statement,
			Fence: r.Fence, Owner: r.LeaseOwner,
		}, err
	})
}

// DueStatements implements [reconcile.Days].
func (db *DB) DueStatements(ctx context.Context, now, quiet time.Time, after reconcile.MerchantDay, limit int) ([]reconcile.MerchantDay, error) {
	var rows []struct {
		MerchantID string `db:"merchant_id"`
		Day        string `db:"day"`
	}
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		clock, err := db.clockMillis(ctx, q)
		if err != nil {
			return err
		}
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `SELECT DISTINCT d.merchant_id, d.day FROM reconcile_days d WHERE d.statement_due > 0
			AND NOT EXISTS (SELECT 1 FROM reconcile_days o WHERE o.merchant_id = d.merchant_id AND o.day = d.day
				AND (o.next_try_at <= ? OR o.lease_until > ?))
			AND NOT EXISTS (SELECT 1 FROM reconcile_days o JOIN reconcile_discrepancies p ON p.account_id = o.account_id AND p.day = o.day
				WHERE o.merchant_id = d.merchant_id AND o.day = d.day AND p.proposed_by <> '' AND p.updated_at > ?)
			AND (d.day > ? OR (d.day = ? AND d.merchant_id > ?))
			ORDER BY d.day, d.merchant_id LIMIT ?`,
			millis(now), clock, millis(quiet), dayColumn(after.Day), dayColumn(after.Day), after.MerchantID, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("list days whose statement is due: %w", err)
	}
	list := make([]reconcile.MerchantDay, len(rows))
	for i, r := range rows {
		list[i].MerchantID = r.MerchantID
		if list[i].Day, err = channels.ParseDay(r.Day); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// LateDays implements [reconcile.Days].
func (db *DB) LateDays(ctx context.Context) (map[string]int, error) {
	var rows []struct {
		AccountID string `db:"account_id"`
		Count     int    `db:"count"`
	}
	err := db.read(ctx, func(q sqlx.ExtContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `SELECT account_id, COUNT(*) AS count FROM reconcile_days
			WHERE late_at IS NOT NULL GROUP BY account_id`)
	})
	if err != nil {
		return nil, fmt.Errorf("count late days: %w", err)
	}
	late := make(map[string]int, len(rows))
	for _, r := range rows {
		late[r.AccountID] = r.Count
	}
	return late, nil
}
