package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// maxDetail and maxForeignID bound texts that come from a channel's message.
const (
	maxDetail    = 256
	maxForeignID = 64
)

// recordNotification keeps a verified callback, raw and sealed. A copy of one
// that is kept already is counted and gets the new verdict.
func recordNotification(ctx context.Context, q sqlx.ExtContext, d dialect, box Sealer, n payment.NotificationRecord) error {
	header, err := box.Seal(n.Header, notificationPlace(n.AccountID, n.Digest, "header"))
	if err != nil {
		return fmt.Errorf("seal notification: %w", err)
	}
	body, err := box.Seal(n.Body, notificationPlace(n.AccountID, n.Digest, "body"))
	if err != nil {
		return fmt.Errorf("seal notification: %w", err)
	}
	at := n.ReceivedAt.UnixMilli()
	_, err = q.ExecContext(ctx, `
		INSERT INTO notifications (id, channel, account_id, digest, sealed_header, sealed_body, attempt_id, payment_id, verdict, detail, received_at, last_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) `+d.events.repeatedNotification,
		n.ID, n.Channel, n.AccountID, n.Digest, header, body, clip(n.AttemptID, maxForeignID), n.PaymentID,
		string(n.Verdict), clip(n.Detail, maxDetail), at, at)
	if err != nil {
		return fmt.Errorf("insert notification: %w", err)
	}
	return nil
}

// notificationPlace binds a sealed text to its row.
func notificationPlace(accountID, digest, part string) []byte {
	return []byte("notification/" + accountID + "/" + digest + "/" + part)
}

func rejectedPlace(id, part string) []byte { return []byte("rejected/" + id + "/" + part) }

// clip cuts a text to so many bytes at a rune's border.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most]
}

// keepRejected adds samples and removes the oldest of their accounts.
func keepRejected(ctx context.Context, q sqlx.ExtContext, box Sealer, samples []notify.Rejected, keep int) error {
	accounts := make(map[string]bool)
	for _, s := range samples {
		accounts[s.AccountID] = true
		header, err := box.Seal(s.Header, rejectedPlace(s.ID, "header"))
		if err != nil {
			return fmt.Errorf("seal sample: %w", err)
		}
		body, err := box.Seal(s.Body, rejectedPlace(s.ID, "body"))
		if err != nil {
			return fmt.Errorf("seal sample: %w", err)
		}
		_, err = q.ExecContext(ctx, `
			INSERT INTO rejected_notifications (id, channel, account_id, sealed_header, sealed_body, reason, received_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			s.ID, s.Channel, s.AccountID, header, body, s.Reason, s.ReceivedAt.UnixMilli())
		if err != nil {
			return fmt.Errorf("insert sample: %w", err)
		}
	}
	for account := range accounts {
		if err := trimRejected(ctx, q, account, keep); err != nil {
			return err
		}
	}
	return nil
}

func trimRejected(ctx context.Context, q sqlx.ExtContext, accountID string, keep int) error {
	var newestToGo string
	err := sqlx.GetContext(ctx, q, &newestToGo, `SELECT id FROM rejected_notifications WHERE account_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?`, accountID, keep)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("find old samples: %w", err)
	}
	if _, err := q.ExecContext(ctx, `DELETE FROM rejected_notifications WHERE account_id = ? AND id <= ?`, accountID, newestToGo); err != nil {
		return fmt.Errorf("remove old samples: %w", err)
	}
	return nil
}

type notificationRow struct {
	ID         string `db:"id"`
	Channel    string `db:"channel"`
	AccountID  string `db:"account_id"`
	Digest     string `db:"digest"`
	Header     []byte `db:"sealed_header"`
	Body       []byte `db:"sealed_body"`
	AttemptID  string `db:"attempt_id"`
	PaymentID  string `db:"payment_id"`
	Verdict    string `db:"verdict"`
	Detail     string `db:"detail"`
	Copies     int64  `db:"copies"`
	ReceivedAt int64  `db:"received_at"`
	LastAt     int64  `db:"last_at"`
}

func (r *notificationRow) kept() notify.KeptNotification {
	return notify.KeptNotification{
		NotificationRecord: payment.NotificationRecord{
			ID: r.ID, Channel: r.Channel, AccountID: r.AccountID, Digest: r.Digest, AttemptID: r.AttemptID, PaymentID: r.PaymentID,
			Verdict: payment.Verdict(r.Verdict), Detail: r.Detail, ReceivedAt: time.UnixMilli(r.ReceivedAt).UTC(),
		},
		Copies: r.Copies, LastAt: time.UnixMilli(r.LastAt).UTC(),
	}
}

const notificationColumns = `id, channel, account_id, digest, attempt_id, payment_id, verdict, detail, copies, received_at, last_at`

func listNotifications(ctx context.Context, q sqlx.ExtContext, f notify.NotificationFilter) ([]notify.KeptNotification, error) {
	var where conditions
	if f.AccountID != "" {
		where.add("account_id = ?", f.AccountID)
	}
	if f.PaymentID != "" {
		where.add("payment_id = ?", f.PaymentID)
	}
	if len(where.terms) == 0 {
		return nil, errors.New("list notifications: neither an account nor a payment is named")
	}
	if f.Verdict != "" {
		where.add("verdict = ?", string(f.Verdict))
	}
	where.before("received_at", f.BeforeTime, f.BeforeID)
	var rows []notificationRow
	err := sqlx.SelectContext(ctx, q, &rows, `SELECT `+notificationColumns+` FROM notifications WHERE `+where.String()+` ORDER BY received_at DESC, id DESC LIMIT ?`,
		append(where.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	out := make([]notify.KeptNotification, len(rows))
	for i := range rows {
		out[i] = rows[i].kept()
	}
	return out, nil
}

func notificationByID(ctx context.Context, q sqlx.ExtContext, box Sealer, id string) (notify.KeptNotification, error) {
	var row notificationRow
	err := sqlx.GetContext(ctx, q, &row, `SELECT `+notificationColumns+`, sealed_header, sealed_body FROM notifications WHERE id = ?`, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return notify.KeptNotification{}, payment.ErrNotFound
	case err != nil:
		return notify.KeptNotification{}, fmt.Errorf("read notification: %w", err)
	}
	n := row.kept()
	if n.Header, err = box.Open(row.Header, notificationPlace(row.AccountID, row.Digest, "header")); err != nil {
		return notify.KeptNotification{}, fmt.Errorf("open notification: %w", err)
	}
	if n.Body, err = box.Open(row.Body, notificationPlace(row.AccountID, row.Digest, "body")); err != nil {
		return notify.KeptNotification{}, fmt.Errorf("open notification: %w", err)
	}
	return n, nil
}

func listRejected(ctx context.Context, q sqlx.ExtContext, box Sealer, accountID string, limit int) ([]notify.Rejected, error) {
	var rows []struct {
		notificationRow
		Reason string `db:"reason"`
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT id, channel, account_id, sealed_header, sealed_body, reason, received_at FROM rejected_notifications
		WHERE account_id = ? ORDER BY id DESC LIMIT ?`, accountID, limit)
	if err != nil {
		return nil, fmt.Errorf("list rejected notifications: %w", err)
	}
	out := make([]notify.Rejected, len(rows))
	for i, r := range rows {
		out[i] = notify.Rejected{ID: r.ID, Channel: r.Channel, AccountID: r.AccountID, Reason: r.Reason, ReceivedAt: time.UnixMilli(r.ReceivedAt).UTC()}
		if out[i].Header, err = box.Open(r.Header, rejectedPlace(r.ID, "header")); err != nil {
			return nil, fmt.Errorf("open sample: %w", err)
		}
		if out[i].Body, err = box.Open(r.Body, rejectedPlace(r.ID, "body")); err != nil {
			return nil, fmt.Errorf("open sample: %w", err)
		}
	}
	return out, nil
}

// NotificationColumns lists the sealed columns of callbacks, for the rotation
// of the master key.
func NotificationColumns() []merchant.SealedColumn {
	var columns []merchant.SealedColumn
	for _, part := range []string{"header", "body"} {
		columns = append(columns,
			merchant.SealedColumn{
				Table: "notifications", Column: "sealed_" + part, Key: "id", Bound: []string{"account_id", "digest"},
				AAD: func(bound ...string) []byte { return notificationPlace(bound[0], bound[1], part) },
			},
			merchant.SealedColumn{
				Table: "rejected_notifications", Column: "sealed_" + part, Key: "id", Bound: []string{"id"},
				AAD: func(bound ...string) []byte { return rejectedPlace(bound[0], part) },
			})
	}
	return columns
}
