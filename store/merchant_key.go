package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/merchant"
)

const keyColumns = `serial, merchant_id, public_key, created_at, revoked_at`

// keyRow is a row of merchant_keys.
type keyRow struct {
	Serial     string        `db:"serial"`
	MerchantID string        `db:"merchant_id"`
	PublicKey  string        `db:"public_key"`
	CreatedAt  int64         `db:"created_at"`
	RevokedAt  sql.NullInt64 `db:"revoked_at"`
}

func (r keyRow) key() (merchant.Key, error) {
	return merchant.Key{
		Serial: r.Serial, MerchantID: r.MerchantID, PublicKeyPEM: r.PublicKey,
		CreatedAt: fromMillis(r.CreatedAt), RevokedAt: fromNullMillis(r.RevokedAt),
	}, nil
}

func insertKey(ctx context.Context, q sqlx.ExtContext, k merchant.Key) error {
	_, err := q.ExecContext(ctx, `INSERT INTO merchant_keys (`+keyColumns+`) VALUES (?, ?, ?, ?, ?)`,
		k.Serial, k.MerchantID, k.PublicKeyPEM, millis(k.CreatedAt), nullMillis(k.RevokedAt))
	return err
}

// InsertKey is merchant.Keys'.
func (m Merchants) InsertKey(ctx context.Context, k merchant.Key) error {
	return m.db.write(ctx, func(tx *Tx) error {
		return taken(insertKey(ctx, tx.q, k), merchant.ErrDuplicate)
	})
}

// KeyBySerial is merchant.Keys'.
func (m Merchants) KeyBySerial(ctx context.Context, serial string) (merchant.Key, error) {
	var key merchant.Key
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var row keyRow
		err := sqlx.GetContext(ctx, q, &row, `SELECT `+keyColumns+` FROM merchant_keys WHERE serial = ?`, serial)
		if err != nil {
			return absent(err)
		}
		key, err = row.key()
		return err
	})
	return key, err
}

const keyOfMerchant = `
	SELECT k.serial, k.merchant_id, k.public_key, k.created_at, k.revoked_at,
		m.id AS "m.id", m.name AS "m.name", m.status AS "m.status", m.notify_url AS "m.notify_url",
		m.late_policy AS "m.late_policy", m.answer_algorithm AS "m.answer_algorithm", m.created_at AS "m.created_at"
	FROM merchant_keys k JOIN merchants m ON m.id = k.merchant_id
	WHERE k.serial = ? AND k.merchant_id = ?`

// KeyOfMerchant is merchant.Keys'.
func (m Merchants) KeyOfMerchant(ctx context.Context, merchantID, serial string) (merchant.Key, merchant.Merchant, error) {
	var key merchant.Key
	var owner merchant.Merchant
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var row struct {
			keyRow
			Merchant merchantRow `db:"m"`
		}
		err := sqlx.GetContext(ctx, q, &row, keyOfMerchant, serial, merchantID)
		if err != nil {
			return absent(err)
		}
		if owner, err = row.Merchant.merchant(); err != nil {
			return err
		}
		key, err = row.key()
		return err
	})
	return key, owner, err
}

// KeysOf is merchant.Keys'.
func (m Merchants) KeysOf(ctx context.Context, merchantID string) ([]merchant.Key, error) {
	var list []merchant.Key
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []keyRow
		err := sqlx.SelectContext(ctx, q, &rows,
			`SELECT `+keyColumns+` FROM merchant_keys WHERE merchant_id = ? ORDER BY created_at DESC, serial DESC`, merchantID)
		if err != nil {
			return err
		}
		list, err = convert(rows, keyRow.key)
		return err
	})
	return list, err
}

// RevokeKey is merchant.Keys'. The time of the first revocation stays.
func (m Merchants) RevokeKey(ctx context.Context, merchantID, serial string, at time.Time) error {
	return m.db.write(ctx, func(tx *Tx) error {
		return changeOne(tx.q.ExecContext(ctx,
			`UPDATE merchant_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE serial = ? AND merchant_id = ?`,
			millis(at), serial, merchantID))
	})
}
