package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/signing"
)

const platformKeyColumns = `serial, algorithm, generation, private_key, created_at, retired_at`

// platformKeyRow is a row of platform_keys.
type platformKeyRow struct {
	Serial     string        `db:"serial"`
	Algorithm  string        `db:"algorithm"`
	Generation int64         `db:"generation"`
	PrivateKey []byte        `db:"private_key"`
	CreatedAt  int64         `db:"created_at"`
	RetiredAt  sql.NullInt64 `db:"retired_at"`
}

func (r platformKeyRow) platformKey() (merchant.PlatformKey, error) {
	algorithm, err := oneOf(r.Algorithm, signing.RSA2, signing.Ed25519)
	return merchant.PlatformKey{
		Serial: r.Serial, Algorithm: algorithm, Generation: r.Generation, Sealed: r.PrivateKey,
		CreatedAt: fromMillis(r.CreatedAt), RetiredAt: fromNullMillis(r.RetiredAt),
	}, err
}

// InsertPlatformKey is merchant.PlatformKeys'.
func (m Merchants) InsertPlatformKey(ctx context.Context, k merchant.PlatformKey) error {
	return m.db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, `INSERT INTO platform_keys (`+platformKeyColumns+`) VALUES (?, ?, ?, ?, ?, ?)`,
			k.Serial, string(k.Algorithm), k.Generation, k.Sealed, millis(k.CreatedAt), nullMillis(k.RetiredAt))
		return taken(err, merchant.ErrDuplicate)
	})
}

// PlatformKeys is merchant.PlatformKeys'.
func (m Merchants) PlatformKeys(ctx context.Context) ([]merchant.PlatformKey, error) {
	var list []merchant.PlatformKey
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []platformKeyRow
		err := sqlx.SelectContext(ctx, q, &rows, `SELECT `+platformKeyColumns+` FROM platform_keys ORDER BY generation DESC, algorithm DESC`)
		if err != nil {
			return err
		}
		list, err = convert(rows, platformKeyRow.platformKey)
		return err
	})
	return list, err
}

// RetirePlatformKey is merchant.PlatformKeys'. The time of the first retirement
// stays.
func (m Merchants) RetirePlatformKey(ctx context.Context, serial string, at time.Time) error {
	return m.db.write(ctx, func(tx *Tx) error {
		return changeOne(tx.q.ExecContext(ctx,
			`UPDATE platform_keys SET retired_at = COALESCE(retired_at, ?) WHERE serial = ?`, millis(at), serial))
	})
}
