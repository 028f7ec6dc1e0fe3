package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
)

// Console keeps the console's users and sessions.
type Console struct{ db *DB }

var (
	_ console.Users    = Console{}
	_ console.Sessions = Console{}
)

// Console is the part of the database behind the console's ports.
func (db *DB) Console() Console { return Console{db} }

const consoleUserColumns = `id, name, role, merchant_id, password_hash, totp_secret, totp_pending, totp_step, disabled,
	created_at, updated_at, last_login_at, version`

type consoleUserRow struct {
	ID           string        `db:"id"`
	Name         string        `db:"name"`
	Role         string        `db:"role"`
	MerchantID   string        `db:"merchant_id"`
	PasswordHash string        `db:"password_hash"`
	TOTPSecret   []byte        `db:"totp_secret"`
	TOTPPending  []byte        `db:"totp_pending"`
	TOTPStep     int64         `db:"totp_step"`
	Disabled     bool          `db:"disabled"`
	CreatedAt    int64         `db:"created_at"`
	UpdatedAt    int64         `db:"updated_at"`
	LastLoginAt  sql.NullInt64 `db:"last_login_at"`
	Version      int64         `db:"version"`
}

// consolePlace binds a sealed secret to its user.
func consolePlace(userID, part string) []byte {
	return []byte("console_user/" + userID + "/" + part)
}

// consoleSealed lists the sealed columns of users, for the rotation of the
// master key.
func consoleSealed() []merchant.SealedColumn {
	column := func(name, part string) merchant.SealedColumn {
		return merchant.SealedColumn{
			Table: "console_users", Column: name, Key: "id", Bound: []string{"id"},
			AAD: func(bound ...string) []byte { return consolePlace(bound[0], part) },
		}
	}
	return []merchant.SealedColumn{column("totp_secret", "totp"), column("totp_pending", "totp_pending")}
}

func (c Console) user(r consoleUserRow) (console.User, error) {
	role, err := oneOf(r.Role, console.Roles()...)
	if err != nil {
		return console.User{}, err
	}
	u := console.User{
		ID: r.ID, Name: r.Name, Role: role, MerchantID: r.MerchantID, PasswordHash: r.PasswordHash, TOTPStep: r.TOTPStep,
		Disabled: r.Disabled, CreatedAt: fromMillis(r.CreatedAt), UpdatedAt: fromMillis(r.UpdatedAt),
		LastLoginAt: fromNullMillis(r.LastLoginAt), Version: r.Version,
	}
	for _, s := range []struct {
		sealed []byte
		into   *[]byte
		part   string
	}{{r.TOTPSecret, &u.TOTPSecret, "totp"}, {r.TOTPPending, &u.TOTPPending, "totp_pending"}} {
		if s.sealed == nil {
			continue
		}
		if *s.into, err = c.db.sealer.Open(s.sealed, consolePlace(r.ID, s.part)); err != nil {
			return console.User{}, fmt.Errorf("open the second step of %s: %w", u, err)
		}
	}
	return u, nil
}

// sealedTOTP gives both secrets of a user as they are kept.
func (c Console) sealedTOTP(u console.User) (secret, pending []byte, err error) {
	if secret, err = seal(c.db.sealer, string(u.TOTPSecret), consolePlace(u.ID, "totp")); err != nil {
		return nil, nil, err
	}
	pending, err = seal(c.db.sealer, string(u.TOTPPending), consolePlace(u.ID, "totp_pending"))
	return secret, pending, err
}

// InsertUser is console.Users'.
func (c Console) InsertUser(ctx context.Context, u console.User, entry audit.Entry) error {
	secret, pending, err := c.sealedTOTP(u)
	if err != nil {
		return fmt.Errorf("seal the second step: %w", err)
	}
	return c.db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, `INSERT INTO console_users (`+consoleUserColumns+`) VALUES (`+placeholders(13)+`)`,
			u.ID, u.Name, string(u.Role), u.MerchantID, u.PasswordHash, secret, pending, u.TOTPStep, u.Disabled,
			millis(u.CreatedAt), millis(u.UpdatedAt), nullMillis(u.LastLoginAt), u.Version)
		if err != nil {
			return fmt.Errorf("insert console user: %w", err)
		}
		return tx.InsertAudit(ctx, entry)
	})
}

// UserByName is console.Users'.
func (c Console) UserByName(ctx context.Context, name string) (console.User, error) {
	return c.one(ctx, `name = ?`, name)
}

// UserByID is console.Users'.
func (c Console) UserByID(ctx context.Context, id string) (console.User, error) {
	return c.one(ctx, `id = ?`, id)
}

func (c Console) one(ctx context.Context, where string, arg any) (u console.User, err error) {
	err = c.db.read(ctx, func(q sqlx.ExtContext) error {
		var row consoleUserRow
		if err := sqlx.GetContext(ctx, q, &row, `SELECT `+consoleUserColumns+` FROM console_users WHERE `+where, arg); err != nil {
			return orNotFound(err)
		}
		u, err = c.user(row)
		return err
	})
	return u, err
}

// ListUsers is console.Users'.
func (c Console) ListUsers(ctx context.Context, merchantID string) (list []console.User, err error) {
	var where conditions
	where.add("1 = 1")
	where.equal("merchant_id", merchantID)
	err = c.db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []consoleUserRow
		err := sqlx.SelectContext(ctx, q, &rows,
			`SELECT `+consoleUserColumns+` FROM console_users WHERE `+where.String()+` ORDER BY name`, where.args...)
		if err != nil {
			return err
		}
		list, err = convert(rows, c.user)
		return err
	})
	return list, err
}

// SaveUser is console.Users'. The step of the last code is UseTOTPStep's alone,
// the last login InsertSession's.
func (c Console) SaveUser(ctx context.Context, u console.User, revoke bool, keep string, entry audit.Entry) error {
	secret, pending, err := c.sealedTOTP(u)
	if err != nil {
		return fmt.Errorf("seal the second step: %w", err)
	}
	return c.db.write(ctx, func(tx *Tx) error {
		n, err := affected(tx.q.ExecContext(ctx, `
			UPDATE console_users SET role = ?, merchant_id = ?, password_hash = ?, totp_secret = ?, totp_pending = ?, disabled = ?,
				updated_at = ?, version = version + 1 WHERE id = ? AND version = ?`,
			string(u.Role), u.MerchantID, u.PasswordHash, secret, pending, u.Disabled, millis(u.UpdatedAt), u.ID, u.Version))
		if err != nil {
			return err
		}
		if n == 0 {
			return payment.ErrStale
		}
		if revoke {
			if _, err := tx.q.ExecContext(ctx, `DELETE FROM console_sessions WHERE user_id = ? AND hash <> ?`, u.ID, keep); err != nil {
				return fmt.Errorf("end sessions: %w", err)
			}
		}
		return tx.InsertAudit(ctx, entry)
	})
}

// UseTOTPStep is console.Users'.
func (c Console) UseTOTPStep(ctx context.Context, userID string, step int64) (first bool, err error) {
	err = c.db.write(ctx, func(tx *Tx) error {
		n, err := affected(tx.q.ExecContext(ctx, `UPDATE console_users SET totp_step = ? WHERE id = ? AND totp_step < ?`, step, userID, step))
		first = n > 0
		return err
	})
	return first, err
}
