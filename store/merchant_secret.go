package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/merchant"
)

const secretColumns = `id, merchant_id, secret, created_at, retired_at`

// secretRow is a row of webhook_secrets.
type secretRow struct {
	ID         string        `db:"id"`
	MerchantID string        `db:"merchant_id"`
	Secret     []byte        `db:"secret"`
	CreatedAt  int64         `db:"created_at"`
	RetiredAt  sql.NullInt64 `db:"retired_at"`
}

func (r secretRow) webhookSecret() (merchant.WebhookSecret, error) {
	return merchant.WebhookSecret{
		ID: r.ID, MerchantID: r.MerchantID, Sealed: r.Secret,
		CreatedAt: fromMillis(r.CreatedAt), RetiredAt: fromNullMillis(r.RetiredAt),
	}, nil
}

func insertSecret(ctx context.Context, q sqlx.ExtContext, s merchant.WebhookSecret) error {
	_, err := q.ExecContext(ctx, `INSERT INTO webhook_secrets (`+secretColumns+`) VALUES (?, ?, ?, ?, ?)`,
		s.ID, s.MerchantID, s.Sealed, millis(s.CreatedAt), nullMillis(s.RetiredAt))
	return err
}

// RotateSecret is merchant.WebhookSecrets'.
func (m Merchants) RotateSecret(ctx context.Context, next merchant.WebhookSecret, retireAt time.Time) error {
	return m.db.write(ctx, func(tx *Tx) error {
		// One rotation of a merchant after the other: of two at once neither would
		// retire the other's secret.
		var id string
		err := sqlx.GetContext(ctx, tx.q, &id, `SELECT id FROM merchants WHERE id = ? `+m.db.dialect.forUpdate, next.MerchantID)
		if err != nil {
			return absent(err)
		}
		_, err = tx.q.ExecContext(ctx, `DELETE FROM webhook_secrets WHERE merchant_id = ? AND retired_at <= ?`,
			next.MerchantID, millis(next.CreatedAt))
		if err != nil {
			return fmt.Errorf("remove retired secrets: %w", err)
		}
		_, err = tx.q.ExecContext(ctx, `UPDATE webhook_secrets SET retired_at = ? WHERE merchant_id = ? AND retired_at IS NULL`,
			millis(retireAt), next.MerchantID)
		if err != nil {
			return fmt.Errorf("retire secrets: %w", err)
		}
		return taken(insertSecret(ctx, tx.q, next), merchant.ErrDuplicate)
	})
}

// LiveSecrets is merchant.WebhookSecrets'.
func (m Merchants) LiveSecrets(ctx context.Context, merchantID string, at time.Time, limit int) ([]merchant.WebhookSecret, error) {
	var list []merchant.WebhookSecret
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []secretRow
		err := sqlx.SelectContext(ctx, q, &rows, `
			SELECT `+secretColumns+` FROM webhook_secrets
			WHERE merchant_id = ? AND (retired_at IS NULL OR retired_at > ?)
			ORDER BY created_at DESC, id DESC LIMIT ?`, merchantID, millis(at), limit)
		if err != nil {
			return err
		}
		list, err = convert(rows, secretRow.webhookSecret)
		return err
	})
	return list, err
}
