package payment_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
)

// memory is a strict payment.Store: transactions run one after the other, an
// error rolls everything back, rows are copies, and whoever breaks the rules of
// the port (a change without the lock, a time finer than a millisecond read
// back, a doubled sequence) gets a panic rather than a pass.
type memory struct {
	mu          sync.Mutex
	payments    map[string]payment.Payment
	attempts    map[string]payment.Attempt
	refunds     map[string]payment.Refund
	leases      map[string]lease
	events      []payment.Event
	history     []payment.Change
	notified    map[string]payment.NotificationRecord
	copies      map[string]int
	differences map[string]payment.Discrepancy
	audited     []audit.Entry

	// trouble is asked before and after each commit; an error before it undoes
	// the transaction, one after it only hides that it happened.
	trouble func(phase string) error
	// twice runs each transaction's function a second time after undoing the
	// first, as a database that tries a deadlock again does.
	twice bool
}

type lease struct {
	until time.Time
	fence int64
}

func newMemory() *memory {
	return &memory{
		payments: map[string]payment.Payment{}, attempts: map[string]payment.Attempt{},
		refunds: map[string]payment.Refund{}, leases: map[string]lease{},
		notified: map[string]payment.NotificationRecord{}, copies: map[string]int{},
		differences: map[string]payment.Discrepancy{},
	}
}

type memoryTx struct {
	*memory
	locked map[string]bool
	undo   []func()
}

func (m *memory) InTx(ctx context.Context, fn func(payment.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", payment.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	runs := 1
	if m.twice {
		runs = 2
	}
	for run := range runs {
		tx := &memoryTx{memory: m, locked: map[string]bool{}}
		done := false
		defer func() {
			if !done {
				tx.rollback()
			}
		}()
		err := fn(tx)
		if err == nil {
			err = m.fails("before commit")
		}
		if err != nil || run < runs-1 {
			tx.rollback()
			done = true
			if err != nil {
				return err
			}
			continue
		}
		done = true
	}
	return m.fails("after commit")
}

func (m *memory) fails(phase string) error {
	if m.trouble == nil {
		return nil
	}
	return m.trouble(phase)
}

func (tx *memoryTx) rollback() {
	for _, u := range slices.Backward(tx.undo) {
		u()
	}
}

// put writes a row and remembers how to undo it.
func put[K comparable, V any](tx *memoryTx, rows map[K]V, key K, v V) {
	old, had := rows[key]
	tx.undo = append(tx.undo, func() {
		if had {
			rows[key] = old
		} else {
			delete(rows, key)
		}
	})
	rows[key] = v
}

func (tx *memoryTx) must(paymentID string) {
	if !tx.locked[paymentID] {
		panic("the payment " + paymentID + " is changed without its lock")
	}
}

// stored is a time as a database gives it back.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

func (tx *memoryTx) InsertPayment(_ context.Context, p *payment.Payment) error {
	for _, o := range tx.payments {
		if o.MerchantID == p.MerchantID && o.MerchantOrderNo == p.MerchantOrderNo {
			return payment.ErrDuplicate
		}
	}
	tx.locked[p.ID] = true
	put(tx, tx.payments, p.ID, storedPayment(*p))
	return nil
}

func storedPayment(p payment.Payment) payment.Payment {
	for _, t := range []*time.Time{&p.ActionExpiresAt, &p.CreatedAt, &p.ExpiresAt, &p.PaidAt, &p.ClosedAt, &p.LateUntil} {
		*t = stored(*t)
	}
	p.Metadata = maps.Clone(p.Metadata)
	return p
}

func (tx *memoryTx) LockPayment(_ context.Context, id string) (*payment.Payment, error) {
	p, ok := tx.payments[id]
	if !ok {
		return nil, payment.ErrNotFound
	}
	tx.locked[id] = true
	return &p, nil
}

func (tx *memoryTx) UpdatePayment(_ context.Context, p *payment.Payment) error {
	tx.must(p.ID)
	old := tx.payments[p.ID]
	if old.Version != p.Version {
		return payment.ErrStale
	}
	p.Version++
	row := storedPayment(*p)
	row.ReservedMinor = old.ReservedMinor
	put(tx, tx.payments, p.ID, row)
	return nil
}

func (tx *memoryTx) Reserve(_ context.Context, id string, minor int64) (bool, error) {
	tx.must(id)
	p := tx.payments[id]
	if p.ReservedMinor+minor > p.PaidMinor {
		return false, nil
	}
	p.ReservedMinor += minor
	put(tx, tx.payments, id, p)
	return true, nil
}

func (tx *memoryTx) Release(_ context.Context, id string, minor int64) error {
	tx.must(id)
	p := tx.payments[id]
	p.ReservedMinor -= minor
	if p.ReservedMinor < 0 {
		panic("more was released than reserved on " + id)
	}
	put(tx, tx.payments, id, p)
	return nil
}

func storedAttempt(a payment.Attempt) payment.Attempt {
	for _, t := range []*time.Time{&a.Deadline, &a.SubmittedAt, &a.ExpiresAt, &a.LateUntil, &a.NextCheckAt, &a.CreatedAt, &a.PaidAt, &a.UpdatedAt} {
		*t = stored(*t)
	}
	return a
}

func (tx *memoryTx) InsertAttempt(_ context.Context, a *payment.Attempt) error {
	tx.must(a.PaymentID)
	if _, ok := tx.attempts[a.ID]; ok {
		return payment.ErrDuplicate
	}
	put(tx, tx.attempts, a.ID, storedAttempt(*a))
	return nil
}

func (tx *memoryTx) Attempt(_ context.Context, id string) (*payment.Attempt, error) {
	a, ok := tx.attempts[id]
	if !ok {
		return nil, payment.ErrNotFound
	}
	tx.must(a.PaymentID)
	return &a, nil
}

func (tx *memoryTx) UpdateAttempt(_ context.Context, a *payment.Attempt) error {
	tx.must(a.PaymentID)
	if _, ok := tx.attempts[a.ID]; !ok {
		panic("an attempt is updated that does not exist")
	}
	put(tx, tx.attempts, a.ID, storedAttempt(*a))
	put(tx, tx.leases, a.ID, lease{fence: tx.leases[a.ID].fence})
	return nil
}

func (tx *memoryTx) Attempts(_ context.Context, paymentID string) ([]*payment.Attempt, error) {
	return tx.attemptsOf(paymentID), nil
}

func (m *memory) attemptsOf(paymentID string) []*payment.Attempt {
	var out []*payment.Attempt
	for _, a := range m.attempts {
		if a.PaymentID == paymentID {
			out = append(out, &a)
		}
	}
	slices.SortFunc(out, func(a, b *payment.Attempt) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func storedRefund(r payment.Refund) payment.Refund {
	for _, t := range []*time.Time{&r.Deadline, &r.SubmittedAt, &r.NextCheckAt, &r.CreatedAt, &r.SucceededAt, &r.UpdatedAt} {
		*t = stored(*t)
	}
	return r
}

func (tx *memoryTx) InsertRefund(_ context.Context, r *payment.Refund) error {
	tx.must(r.PaymentID)
	for _, o := range tx.refunds {
		sameNo := r.MerchantRefundNo != "" && o.MerchantID == r.MerchantID && o.MerchantRefundNo == r.MerchantRefundNo
		sameKey := r.AutoKey != "" && o.AutoKey == r.AutoKey
		if o.ID == r.ID || sameNo || sameKey {
			return payment.ErrDuplicate
		}
	}
	put(tx, tx.refunds, r.ID, storedRefund(*r))
	return nil
}

func (tx *memoryTx) Refund(_ context.Context, id string) (*payment.Refund, error) {
	r, ok := tx.refunds[id]
	if !ok {
		return nil, payment.ErrNotFound
	}
	if !tx.locked[r.PaymentID] {
		// A notification may name another payment's refund; it may read it only.
		return &r, nil
	}
	return &r, nil
}

func (tx *memoryTx) UpdateRefund(_ context.Context, r *payment.Refund) error {
	tx.must(r.PaymentID)
	old := tx.refunds[r.ID]
	if old.Version != r.Version {
		return payment.ErrStale
	}
	r.Version++
	put(tx, tx.refunds, r.ID, storedRefund(*r))
	put(tx, tx.leases, r.ID, lease{fence: tx.leases[r.ID].fence})
	return nil
}

func (tx *memoryTx) Refunds(_ context.Context, paymentID string) ([]*payment.Refund, error) {
	return tx.refundsOf(paymentID), nil
}

func (m *memory) refundsOf(paymentID string) []*payment.Refund {
	var out []*payment.Refund
	for _, r := range m.refunds {
		if r.PaymentID == paymentID {
			out = append(out, &r)
		}
	}
	slices.SortFunc(out, func(a, b *payment.Refund) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func (tx *memoryTx) RecordNotification(_ context.Context, n payment.NotificationRecord) error {
	key := n.AccountID + "/" + n.Digest
	put(tx, tx.notified, key, n)
	put(tx, tx.copies, key, tx.copies[key]+1)
	return nil
}

func (tx *memoryTx) InsertEvent(_ context.Context, e *payment.Event) error {
	tx.must(e.PaymentID)
	for _, o := range tx.events {
		if o.PaymentID == e.PaymentID && o.Sequence >= e.Sequence {
			panic("an event's sequence does not grow")
		}
	}
	n := len(tx.events)
	tx.undo = append(tx.undo, func() { tx.events = tx.events[:n] })
	tx.events = append(tx.events, *e)
	return nil
}

func (tx *memoryTx) InsertChange(_ context.Context, c payment.Change) error {
	tx.must(c.PaymentID)
	n := len(tx.history)
	tx.undo = append(tx.undo, func() { tx.history = tx.history[:n] })
	tx.history = append(tx.history, c)
	return nil
}

func (tx *memoryTx) RecordDiscrepancy(_ context.Context, d payment.Discrepancy) error {
	key := strings.Join([]string{string(d.Kind), d.AttemptID, d.RefundID}, "/")
	if _, ok := tx.differences[key]; !ok {
		put(tx, tx.differences, key, d)
	}
	return nil
}

func (tx *memoryTx) InsertAudit(_ context.Context, e audit.Entry) error {
	if err := e.Check(); err != nil {
		return err
	}
	n := len(tx.audited)
	tx.undo = append(tx.undo, func() { tx.audited = tx.audited[:n] })
	tx.audited = append(tx.audited, e)
	return nil
}

// ListAudit is there for the tests, newest first.
func (m *memory) ListAudit(_ context.Context, f audit.Filter) ([]audit.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []audit.Entry
	for _, e := range slices.Backward(m.audited) {
		if (f.Subject == "" || e.Subject == f.Subject) && len(out) < f.Limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (m *memory) PaymentByID(_ context.Context, merchantID, id string) (*payment.Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.payments[id]
	if !ok || p.MerchantID != merchantID {
		return nil, payment.ErrNotFound
	}
	return &p, nil
}

func (m *memory) PaymentByOrderNo(_ context.Context, merchantID, orderNo string) (*payment.Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.payments {
		if p.MerchantID == merchantID && p.MerchantOrderNo == orderNo {
			return &p, nil
		}
	}
	return nil, payment.ErrNotFound
}

func (m *memory) ListPayments(_ context.Context, f payment.PaymentFilter) ([]*payment.Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*payment.Payment
	for _, p := range m.payments {
		if p.MerchantID == f.MerchantID && p.Status != payment.Unsent {
			out = append(out, &p)
		}
	}
	slices.SortFunc(out, func(a, b *payment.Payment) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

func (m *memory) AttemptsOf(_ context.Context, ids ...string) (map[string][]*payment.Attempt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]*payment.Attempt{}
	for _, id := range ids {
		out[id] = m.attemptsOf(id)
	}
	return out, nil
}

func (m *memory) AttemptByID(_ context.Context, id string) (*payment.Attempt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.attempts[id]
	if !ok {
		return nil, payment.ErrNotFound
	}
	return &a, nil
}

func (m *memory) RefundByID(_ context.Context, merchantID, id string) (*payment.Refund, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.refunds[id]
	if !ok || r.MerchantID != merchantID {
		return nil, payment.ErrNotFound
	}
	return &r, nil
}

func (m *memory) RefundByNo(_ context.Context, merchantID, no string) (*payment.Refund, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.refunds {
		if r.MerchantID == merchantID && r.MerchantRefundNo == no {
			return &r, nil
		}
	}
	return nil, payment.ErrNotFound
}

func (m *memory) FindPayment(_ context.Context, id string) (*payment.Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.payments[id]
	if !ok {
		return nil, payment.ErrNotFound
	}
	return &p, nil
}

func (m *memory) FindRefund(_ context.Context, id string) (*payment.Refund, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.refunds[id]
	if !ok {
		return nil, payment.ErrNotFound
	}
	return &r, nil
}

func (m *memory) ListRefunds(_ context.Context, f payment.RefundFilter) ([]*payment.Refund, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*payment.Refund
	for _, r := range m.refundsOf(f.PaymentID) {
		if r.MerchantID == f.MerchantID {
			out = append(out, r)
		}
	}
	slices.Reverse(out)
	return out[:min(len(out), f.Limit)], nil
}

func (m *memory) HistoryOf(_ context.Context, paymentID string) ([]payment.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []payment.Change
	for _, c := range m.history {
		if c.PaymentID == paymentID {
			out = append(out, c)
		}
	}
	return out, nil
}

func (m *memory) ClaimAttempts(_ context.Context, _ string, now time.Time, d time.Duration, limit int) ([]payment.Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	due := map[string]due{}
	for id, a := range m.attempts {
		due[id] = dueRow(a.PaymentID, a.NextCheckAt)
	}
	return m.claim(due, now, d, limit), nil
}

func (m *memory) ClaimRefunds(_ context.Context, _ string, now time.Time, d time.Duration, limit int) ([]payment.Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	due := map[string]due{}
	for id, r := range m.refunds {
		due[id] = dueRow(r.PaymentID, r.NextCheckAt)
	}
	return m.claim(due, now, d, limit), nil
}

type due struct {
	paymentID string
	at        time.Time
}

func dueRow(paymentID string, at time.Time) due { return due{paymentID, at} }

func (m *memory) claim(rows map[string]due, now time.Time, d time.Duration, limit int) []payment.Claim {
	var out []payment.Claim
	for id, row := range rows {
		if row.at.IsZero() || row.at.After(now) || m.leases[id].until.After(now) {
			continue
		}
		out = append(out, payment.Claim{ID: id, PaymentID: row.paymentID})
	}
	slices.SortFunc(out, func(a, b payment.Claim) int {
		if c := rows[a.ID].at.Compare(rows[b.ID].at); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	out = out[:min(len(out), limit)]
	for i, c := range out {
		l := lease{until: now.Add(d), fence: m.leases[c.ID].fence + 1}
		m.leases[c.ID] = l
		out[i].Fence = l.fence
	}
	return out
}
