package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/payment"
)

// purgeConsole is how many rows that are over one write removes.
const purgeConsole = 100

type consoleSessionRow struct {
	Hash      string `db:"hash"`
	UserID    string `db:"user_id"`
	Stage     string `db:"stage"`
	Address   string `db:"address"`
	CreatedAt int64  `db:"created_at"`
	SeenAt    int64  `db:"seen_at"`
	ExpiresAt int64  `db:"expires_at"`
}

func (r consoleSessionRow) session() (console.Session, error) {
	stage, err := oneOf(r.Stage, console.StageCode, console.StageFull)
	return console.Session{
		Hash: r.Hash, UserID: r.UserID, Stage: stage, Address: r.Address,
		CreatedAt: fromMillis(r.CreatedAt), SeenAt: fromMillis(r.SeenAt), ExpiresAt: fromMillis(r.ExpiresAt),
	}, err
}

// InsertSession is console.Sessions'.
func (c Console) InsertSession(ctx context.Context, s console.Session, ended string, entry audit.Entry) error {
	return c.db.write(ctx, func(tx *Tx) error {
		if err := beginLogin(ctx, tx, s); err != nil {
			return err
		}
		_, err := tx.q.ExecContext(ctx, `DELETE FROM console_sessions WHERE hash = ?`, ended)
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if err := purgeBefore(ctx, tx.q, "console_sessions", "hash", "expires_at", s.CreatedAt); err != nil {
			return err
		}
		_, err = tx.q.ExecContext(ctx, `
			INSERT INTO console_sessions (hash, user_id, stage, address, created_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			s.Hash, s.UserID, string(s.Stage), clip(s.Address, maxForeignID), millis(s.CreatedAt), millis(s.SeenAt), millis(s.ExpiresAt))
		if err != nil {
			return fmt.Errorf("insert session: %w", err)
		}
		return tx.InsertAudit(ctx, entry)
	})
}

// beginLogin notes a login with its user, if that is still who was checked. It
// locks the row: a change that ends the user's sessions comes before, and is
// seen here, or after, and ends this one.
func beginLogin(ctx context.Context, tx *Tx, s console.Session) error {
	noted := `last_login_at`
	var args []any
	if s.Stage == console.StageFull {
		noted, args = `?`, []any{millis(s.CreatedAt)}
	}
	n, err := affected(tx.q.ExecContext(ctx, `UPDATE console_users SET last_login_at = `+noted+` WHERE id = ? AND version = ? AND disabled = 0`,
		append(args, s.UserID, s.Version)...))
	if err != nil {
		return fmt.Errorf("note login: %w", err)
	}
	if n == 0 {
		return payment.ErrStale
	}
	return nil
}

// purgeBefore removes rows whose time is over, few at a time.
func purgeBefore(ctx context.Context, q sqlx.ExtContext, table, key, column string, at time.Time) error {
	var over []string
	err := sqlx.SelectContext(ctx, q, &over, fmt.Sprintf(`SELECT %s FROM %s WHERE %s < ? ORDER BY %s LIMIT ?`, key, table, column, column), millis(at), purgeConsole)
	if err != nil {
		return fmt.Errorf("find rows of %s that are over: %w", table, err)
	}
	for _, k := range over {
		if _, err := q.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %s WHERE %s = ? AND %s < ?`, table, key, column), k, millis(at)); err != nil {
			return fmt.Errorf("remove rows of %s that are over: %w", table, err)
		}
	}
	return nil
}

// SessionByHash is console.Sessions'.
func (c Console) SessionByHash(ctx context.Context, hash string) (s console.Session, u console.User, err error) {
	err = c.db.read(ctx, func(q sqlx.ExtContext) error {
		var row consoleSessionRow
		err := sqlx.GetContext(ctx, q, &row, `SELECT hash, user_id, stage, address, created_at, seen_at, expires_at FROM console_sessions WHERE hash = ?`, hash)
		if err != nil {
			return orNotFound(err)
		}
		s, err = row.session()
		return err
	})
	if err != nil {
		return console.Session{}, console.User{}, err
	}
	u, err = c.UserByID(ctx, s.UserID)
	return s, u, err
}

// TouchSession is console.Sessions'.
func (c Console) TouchSession(ctx context.Context, hash string, at time.Time) error {
	return c.db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, `UPDATE console_sessions SET seen_at = ? WHERE hash = ? AND seen_at < ?`, millis(at), hash, millis(at))
		return err
	})
}

// DeleteSession is console.Sessions'.
func (c Console) DeleteSession(ctx context.Context, hash string, entry audit.Entry) error {
	return c.db.write(ctx, func(tx *Tx) error {
		n, err := affected(tx.q.ExecContext(ctx, `DELETE FROM console_sessions WHERE hash = ?`, hash))
		if err != nil || n == 0 {
			return err
		}
		return tx.InsertAudit(ctx, entry)
	})
}

// CountTry is console.Sessions'.
func (c Console) CountTry(ctx context.Context, key string, now time.Time, window time.Duration) (n int, err error) {
	err = c.db.write(ctx, func(tx *Tx) error {
		if err := purgeBefore(ctx, tx.q, "console_tries", "name", "ends_at", now.Add(-window)); err != nil {
			return err
		}
		// The row is made first, so that two at once wait for one another on it.
		_, err := tx.q.ExecContext(ctx, tx.db.dialect.insertIgnore+` INTO console_tries (name, tries, ends_at) VALUES (?, 0, 0)`, key)
		if err != nil {
			return fmt.Errorf("begin to count tries: %w", err)
		}
		var row struct {
			Tries  int   `db:"tries"`
			EndsAt int64 `db:"ends_at"`
		}
		err = sqlx.GetContext(ctx, tx.q, &row, `SELECT tries, ends_at FROM console_tries WHERE name = ? `+tx.db.dialect.forUpdate, key)
		if err != nil {
			return fmt.Errorf("read tries: %w", err)
		}
		if row.EndsAt <= millis(now) {
			row.Tries, row.EndsAt = 0, millis(now.Add(window))
		}
		n = row.Tries + 1
		_, err = tx.q.ExecContext(ctx, `UPDATE console_tries SET tries = ?, ends_at = ? WHERE name = ?`, n, row.EndsAt, key)
		return err
	})
	return n, err
}

// ForgetTries is console.Sessions'.
func (c Console) ForgetTries(ctx context.Context, key string) error {
	return c.db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, `DELETE FROM console_tries WHERE name = ?`, key)
		return err
	})
}
