package notify

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// memory is a queue in memory whose database clock is the one given to it.
type memory struct {
	mu       sync.Mutex
	now      func() time.Time
	rows     map[string]*memoryRow
	disabled map[Endpoint]bool
	// recordFails makes so many RecordDelivery calls fail: a process that dies
	// between sending and writing down.
	recordFails int
	released    int
}

type memoryRow struct {
	Event
	endpoint    Endpoint
	position    Position
	leaseUntil  time.Time
	fence       int64
	asked, done int64
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, rows: map[string]*memoryRow{}, disabled: map[Endpoint]bool{}}
}

func (m *memory) add(merchantID, url, id string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[id] = &memoryRow{
		Event: Event{
			Event:  payment.Event{ID: id, MerchantID: merchantID, Type: payment.PaymentSucceeded, NotifyURL: url, Body: []byte(`{"id":"` + id + `","data":{"n":1}}`), CreatedAt: at},
			Status: StatusPending, NextAt: at,
		},
		endpoint: EndpointOf(merchantID, url),
	}
}

func (m *memory) row(id string) memoryRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := *m.rows[id]
	r.Deliveries = slices.Clone(r.Deliveries)
	return r
}

func (m *memory) due(r *memoryRow, now time.Time) bool {
	return r.Status == StatusPending && !r.NextAt.After(now) && !r.leaseUntil.After(m.now())
}

func (m *memory) DueEndpoints(_ context.Context, now time.Time, after Endpoint, limit int) ([]Due, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	since := map[Endpoint]time.Time{}
	for _, r := range m.rows {
		if r.endpoint > after && m.due(r, now) {
			if at, ok := since[r.endpoint]; !ok || r.NextAt.Before(at) {
				since[r.endpoint] = r.NextAt
			}
		}
	}
	var out []Due
	for e, at := range since {
		out = append(out, Due{Endpoint: e, Since: at})
	}
	slices.SortFunc(out, func(a, b Due) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	return out[:min(limit, len(out))], nil
}

func (m *memory) ClaimDeliveries(_ context.Context, owner string, now time.Time, lease time.Duration, wants []Want) ([]Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	byEndpoint := map[Endpoint][]*memoryRow{}
	for _, r := range m.rows {
		if m.due(r, now) {
			byEndpoint[r.endpoint] = append(byEndpoint[r.endpoint], r)
		}
	}
	var out []Claim
	for _, w := range wants {
		rows := byEndpoint[w.Endpoint]
		slices.SortFunc(rows, func(a, b *memoryRow) int {
			return cmp.Or(a.NextAt.Compare(b.NextAt), cmp.Compare(a.ID, b.ID))
		})
		disabled := m.disabled[w.Endpoint]
		if disabled {
			m.bury(w.Endpoint, 500)
			rows = slices.DeleteFunc(rows, func(r *memoryRow) bool { return r.Status == StatusDead })
		}
		for _, r := range rows[:min(w.Most, len(rows))] {
			r.fence++
			r.leaseUntil = m.now().Add(lease)
			out = append(out, Claim{
				EventID: r.ID, MerchantID: r.MerchantID, Endpoint: r.endpoint, NotifyURL: r.NotifyURL, Body: r.Body,
				Position: r.position, Owner: owner, Fence: r.fence, Resends: r.asked, Disabled: disabled,
			})
		}
	}
	return out, nil
}

func (m *memory) RecordDelivery(_ context.Context, c Claim, d Delivery, next Next) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.recordFails > 0 {
		m.recordFails--
		return payment.ErrUnavailable
	}
	r := m.rows[c.EventID]
	r.Attempts++
	d.Number = r.Attempts
	r.Deliveries = append(r.Deliveries, d)
	if r.fence != c.Fence {
		return ErrLeaseLost
	}
	r.Status, r.NextAt, r.position, r.Reason, r.LastError = next.Status, next.At, next.Position, next.Reason, d.Error
	r.leaseUntil = time.Time{}
	if r.asked > c.Resends {
		r.Status, r.NextAt, r.position = StatusPending, m.now(), Position{}
	}
	r.done = c.Resends
	if next.DisableEndpoint {
		m.disabled[c.Endpoint] = true
	}
	return nil
}

func (m *memory) ReleaseDeliveries(_ context.Context, claims []Claim, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range claims {
		if r := m.rows[c.EventID]; r.fence == c.Fence {
			r.leaseUntil, r.NextAt = time.Time{}, at
			m.released++
		}
	}
	return nil
}

func (m *memory) BuryQueued(_ context.Context, e Endpoint, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.disabled[e] {
		return 0, nil
	}
	return m.bury(e, limit), nil
}

func (m *memory) bury(e Endpoint, limit int) int {
	n := 0
	for _, r := range m.rows {
		if n < limit && r.endpoint == e && r.Status == StatusPending && r.asked == r.done && !r.leaseUntil.After(m.now()) {
			r.Status, r.Reason = StatusDead, ReasonEndpointDisabled
			n++
		}
	}
	return n
}
