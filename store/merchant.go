package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// Merchants keeps merchants, their keys, secrets and accounts, and the
// platform's keys.
type Merchants struct{ db *DB }

var _ merchant.Repository = Merchants{}

// Merchants is the part of the database behind [merchant.Repository].
func (db *DB) Merchants() Merchants { return Merchants{db} }

const merchantColumns = `id, name, status, notify_url, late_policy, answer_algorithm, created_at`

// merchantRow is a row of merchants.
type merchantRow struct {
	ID              string `db:"id"`
	Name            string `db:"name"`
	Status          string `db:"status"`
	NotifyURL       string `db:"notify_url"`
	LatePolicy      string `db:"late_policy"`
	AnswerAlgorithm string `db:"answer_algorithm"`
	CreatedAt       int64  `db:"created_at"`
}

func (r merchantRow) merchant() (merchant.Merchant, error) {
	m := merchant.Merchant{ID: r.ID, Name: r.Name, NotifyURL: r.NotifyURL, CreatedAt: fromMillis(r.CreatedAt)}
	var err [3]error
	m.Status, err[0] = oneOf(r.Status, merchant.Active, merchant.Disabled)
	m.LatePolicy, err[1] = oneOf(r.LatePolicy, merchant.LateRefund, merchant.LateAccept)
	m.AnswerAlgorithm, err[2] = oneOf(r.AnswerAlgorithm, signing.RSA2, signing.Ed25519)
	return m, errors.Join(err[:]...)
}

// absent names a row that is not there in the words of the merchants' ports.
func absent(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return merchant.ErrNotFound
	}
	return err
}

// taken names a unique key that is taken; other errors stay as they are.
func taken(err, means error) error {
	if errors.Is(err, payment.ErrDuplicate) {
		return means
	}
	return err
}

// InsertMerchant is merchant.Merchants'.
func (m Merchants) InsertMerchant(ctx context.Context, b merchant.Beginning) error {
	return m.db.write(ctx, func(tx *Tx) error {
		_, err := tx.q.ExecContext(ctx, `INSERT INTO merchants (`+merchantColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			b.Merchant.ID, b.Merchant.Name, string(b.Merchant.Status), b.Merchant.NotifyURL, string(b.Merchant.LatePolicy),
			string(b.Merchant.AnswerAlgorithm), millis(b.Merchant.CreatedAt))
		if err != nil {
			return fmt.Errorf("insert merchant: %w", taken(err, merchant.ErrDuplicate))
		}
		if err := insertKey(ctx, tx.q, b.Key); err != nil {
			return fmt.Errorf("insert key: %w", taken(err, merchant.ErrKeyTaken))
		}
		if err := insertSecret(ctx, tx.q, b.Secret); err != nil {
			return fmt.Errorf("insert webhook secret: %w", err)
		}
		for _, a := range b.Accounts {
			if err := insertAccount(ctx, tx.q, a); err != nil {
				return fmt.Errorf("insert %s account: %w", a.Account.Channel, taken(err, merchant.ErrIdentityTaken))
			}
		}
		return nil
	})
}

// MerchantByID is merchant.Merchants'.
func (m Merchants) MerchantByID(ctx context.Context, id string) (merchant.Merchant, error) {
	var found merchant.Merchant
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var row merchantRow
		err := sqlx.GetContext(ctx, q, &row, `SELECT `+merchantColumns+` FROM merchants WHERE id = ?`, id)
		if err != nil {
			return absent(err)
		}
		found, err = row.merchant()
		return err
	})
	return found, err
}

// ListMerchants is merchant.Merchants'.
func (m Merchants) ListMerchants(ctx context.Context, after string, limit int) ([]merchant.Merchant, error) {
	var list []merchant.Merchant
	err := m.db.read(ctx, func(q sqlx.ExtContext) error {
		var rows []merchantRow
		err := sqlx.SelectContext(ctx, q, &rows, `SELECT `+merchantColumns+` FROM merchants WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
		if err != nil {
			return err
		}
		list, err = convert(rows, merchantRow.merchant)
		return err
	})
	return list, err
}

// SetMerchantStatus is merchant.Merchants'.
func (m Merchants) SetMerchantStatus(ctx context.Context, id string, status merchant.Status) error {
	return m.db.write(ctx, func(tx *Tx) error {
		return changeOne(tx.q.ExecContext(ctx, `UPDATE merchants SET status = ? WHERE id = ?`, string(status), id))
	})
}

// changeOne makes an UPDATE that found no row merchant.ErrNotFound. Both
// databases count the rows that were found, changed or not.
func changeOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return merchant.ErrNotFound
	}
	return err
}

// convert makes rows of the database into values of the domain.
func convert[Row, Value any](rows []Row, value func(Row) (Value, error)) ([]Value, error) {
	values := make([]Value, 0, len(rows))
	for _, row := range rows {
		v, err := value(row)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}
