package store

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/merchant"
)

// accountColumns are those of an account without its credentials.
const accountColumns = `id, merchant_id, channel, enabled, weight, fee_rate_ppm, min_amount, max_amount, scenes, identity, version, created_at`

// selectAccount reads an account with its hours, of which most have none.
const selectAccount = `SELECT ` + accountColumns + `, COALESCE(hours, '') AS hours FROM accounts LEFT JOIN account_hours ON account_id = id`

// accountRow is a row of accounts, without the credentials.
type accountRow struct {
	ID         string `db:"id"`
	MerchantID string `db:"merchant_id"`
	Channel    string `db:"channel"`
	Enabled    bool   `db:"enabled"`
	Weight     int    `db:"weight"`
	FeeRatePPM int64  `db:"fee_rate_ppm"`
	MinAmount  int64  `db:"min_amount"`
	MaxAmount  int64  `db:"max_amount"`
	Scenes     string `db:"scenes"` // separated by blanks
	Identity   string `db:"identity"`
	Version    int64  `db:"version"`
	CreatedAt  int64  `db:"created_at"`
	Hours      string `db:"hours"` // separated by blanks
}

func (r accountRow) account() (merchant.Account, error) {
	a := merchant.Account{
		ID: r.ID, MerchantID: r.MerchantID, Channel: r.Channel, Enabled: r.Enabled, Weight: r.Weight,
		FeeRatePPM: r.FeeRatePPM, MinAmount: r.MinAmount, MaxAmount: r.MaxAmount,
		Identity: r.Identity, Version: r.Version, CreatedAt: fromMillis(r.CreatedAt),
	}
	for _, name := range strings.Fields(r.Scenes) {
		scene, err := oneOf(name, channels.Scenes()...)
		if err != nil {
			return merchant.Account{}, err
		}
		a.Scenes = append(a.Scenes, scene)
	}
	for _, text := range strings.Fields(r.Hours) {
		hours, err := channels.ParseHours(text)
		if err != nil {
			return merchant.Account{}, err
		}
		a.Hours = append(a.Hours, hours)
	}
	return a, nil
}

func insertAccount(ctx context.Context, q sqlx.ExtContext, n merchant.NewAccount) error {
	a := n.Account
	scenes := make([]string, len(a.Scenes))
	for i, scene := range a.Scenes {
		scenes[i] = string(scene)
	}
	_, err := q.ExecContext(ctx, `INSERT INTO accounts (`+accountColumns+`, credentials) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.MerchantID, a.Channel, a.Enabled, a.Weight, a.FeeRatePPM, a.MinAmount, a.MaxAmount,
		strings.Join(scenes, " "), a.Identity, n.Credentials.Version, millis(a.CreatedAt), n.Credentials.Sealed)
	if err != nil || len(a.Hours) == 0 {
		return err
	}
	return insertHours(ctx, q, a.ID, a.Hours)
}

func insertHours(ctx context.Context, q sqlx.ExtContext, accountID string, hours []channels.Hours) error {
	texts := make([]string, len(hours))
	for i, h := range hours {
		texts[i] = h.String()
	}
	_, err := q.ExecContext(ctx, `INSERT INTO account_hours (account_id, hours) VALUES (?, ?)`, accountID, strings.Join(texts, " "))
	return err
}

// SetAccountHours is merchant.Accounts'.
func (m Merchants) SetAccountHours(ctx context.Context, accountID string, hours []channels.Hours) error {
	return m.db.write(ctx, func(tx *Tx) error {
		var id string
		if err := sqlx.GetContext(ctx, tx.q, &id, `SELECT id FROM accounts WHERE id = ? `+tx.db.dialect.forUpdate, accountID); err != nil {
			return absent(err)
		}
		if _, err := tx.q.ExecContext(ctx, `DELETE FROM account_hours WHERE account_id = ?`, accountID); err != nil || len(hours) == 0 {
			return err
		}
		return insertHours(ctx, tx.q, accountID, hours)
	})
}

// InsertAccount is merchant.Accounts'.
func (m Merchants) InsertAccount(ctx context.Context, a merchant.NewAccount) error {
	return m.db.write(ctx, func(tx *Tx) error {
		var id string
		err := sqlx.GetContext(ctx, tx.q, &id, `SELECT id FROM merchants WHERE id = ?`, a.Account.MerchantID)
		if err != nil {
			return absent(err)
		}
		return taken(insertAccount(ctx, tx.q, a), merchant.ErrIdentityTaken)
	})
}

// AccountByID is merchant.Accounts'.
func (m Merchants) AccountByID(ctx context.Context, id string) (merchant.Account, error) {
	var account merchant.Account
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var row accountRow
		err := sqlx.GetContext(ctx, q, &row, selectAccount+` WHERE id = ?`, id)
		if err != nil {
			return absent(err)
		}
		account, err = row.account()
		return err
	})
	return account, err
}

// AccountsOf is merchant.Accounts'.
func (m Merchants) AccountsOf(ctx context.Context, merchantID string) ([]merchant.Account, error) {
	query, args := selectAccount+` WHERE merchant_id = ? ORDER BY created_at, id`, []any{merchantID}
	if merchantID == "" {
		query, args = selectAccount+` ORDER BY created_at, id`, nil
	}
	var list []merchant.Account
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []accountRow
		err := sqlx.SelectContext(ctx, q, &rows, query, args...)
		if err != nil {
			return err
		}
		list, err = convert(rows, accountRow.account)
		return err
	})
	return list, err
}

// CredentialsOf is merchant.Accounts'.
func (m Merchants) CredentialsOf(ctx context.Context, accountID string) (merchant.SealedCredentials, error) {
	var row struct {
		Version     int64  `db:"version"`
		Credentials []byte `db:"credentials"`
	}
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		return absent(sqlx.GetContext(ctx, q, &row, `SELECT version, credentials FROM accounts WHERE id = ?`, accountID))
	})
	return merchant.SealedCredentials{Version: row.Version, Sealed: row.Credentials}, err
}

// ReplaceCredentials is merchant.Accounts'.
func (m Merchants) ReplaceCredentials(ctx context.Context, accountID string, c merchant.SealedCredentials) error {
	return m.db.write(ctx, func(tx *Tx) error {
		result, err := tx.q.ExecContext(ctx, `UPDATE accounts SET credentials = ?, version = ? WHERE id = ? AND version = ?`,
			c.Sealed, c.Version, accountID, c.Version-1)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var version int64
		if err := sqlx.GetContext(ctx, tx.q, &version, `SELECT version FROM accounts WHERE id = ?`, accountID); err != nil {
			return absent(err)
		}
		return merchant.ErrStale
	})
}

// SetAccountEnabled is merchant.Accounts'.
func (m Merchants) SetAccountEnabled(ctx context.Context, accountID string, enabled bool) error {
	return m.db.write(ctx, func(tx *Tx) error {
		return changeOne(tx.q.ExecContext(ctx, `UPDATE accounts SET enabled = ? WHERE id = ?`, enabled, accountID))
	})
}
