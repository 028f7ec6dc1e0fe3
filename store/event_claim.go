package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/paymux/paymux/notify"
)

const (
	// wantsPerQuery bounds the endpoints that one statement asks for.
	wantsPerQuery = 64
	// buriedPerClaim bounds the events of one disabled endpoint that a claim ends.
	buriedPerClaim = 500
)

type dueRow struct {
	Endpoint string `db:"endpoint"`
	Since    int64  `db:"since"`
}

// dueEndpointsSQLite walks from endpoint to endpoint by the index: SQLite has no
// loose index scan of its own, and a backlog of one endpoint must not be read
// through on each look.
const dueEndpointsSQLite = `
	WITH RECURSIVE found (endpoint) AS (
		SELECT (SELECT e.endpoint FROM events e WHERE e.status = 'pending' AND e.endpoint > ? ORDER BY e.endpoint LIMIT 1)
		UNION ALL
		SELECT (SELECT e.endpoint FROM events e WHERE e.status = 'pending' AND e.endpoint > found.endpoint ORDER BY e.endpoint LIMIT 1)
		FROM found WHERE found.endpoint IS NOT NULL
	), first_due (endpoint, since) AS (
		SELECT endpoint, (SELECT MIN(e.next_at) FROM events e WHERE e.status = 'pending' AND e.endpoint = found.endpoint)
		FROM found WHERE endpoint IS NOT NULL
	)
	SELECT endpoint, since FROM first_due WHERE since <= ? LIMIT ?`

// dueEndpointsMySQL is answered by a loose index scan.
const dueEndpointsMySQL = `
	SELECT endpoint, MIN(next_at) AS since FROM events WHERE status = 'pending' AND endpoint > ?
	GROUP BY endpoint HAVING MIN(next_at) <= ? ORDER BY endpoint LIMIT ?`

// dueEndpoints lists endpoints with due events, those of processes that died
// among them.
func dueEndpoints(ctx context.Context, q sqlx.ExtContext, d dialect, clock clockTerm, now time.Time, after notify.Endpoint, limit int) ([]notify.Due, error) {
	var rows []dueRow
	if err := sqlx.SelectContext(ctx, q, &rows, d.events.dueEndpoints, string(after), now.UnixMilli(), limit); err != nil {
		return nil, fmt.Errorf("list due endpoints: %w", err)
	}
	var expired []dueRow
	args := append(append([]any{string(after)}, clock.args...), limit)
	err := sqlx.SelectContext(ctx, q, &expired, `
		SELECT endpoint, MIN(next_at) AS since FROM events
		WHERE status = 'sending' AND endpoint > ? AND lease_until <= `+clock.sql+`
		GROUP BY endpoint ORDER BY endpoint LIMIT ?`, args...)
	if err != nil {
		return nil, fmt.Errorf("list endpoints of ended leases: %w", err)
	}
	first := make(map[string]int64, len(rows)+len(expired))
	for _, r := range append(rows, expired...) {
		if since, ok := first[r.Endpoint]; !ok || r.Since < since {
			first[r.Endpoint] = r.Since
		}
	}
	due := make([]notify.Due, 0, len(first))
	for endpoint, since := range first {
		due = append(due, notify.Due{Endpoint: notify.Endpoint(endpoint), Since: time.UnixMilli(since).UTC()})
	}
	slices.SortFunc(due, func(a, b notify.Due) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	// What lies beyond either query's limit is found by the next look, which
	// begins after the last one given.
	return due[:min(limit, len(due))], nil
}

// dueEvents reads the ids of due events without locking them: the claim itself
// is one conditional update.
func dueEvents(ctx context.Context, q sqlx.ExtContext, clock clockTerm, now time.Time, wants []notify.Want) ([]string, error) {
	var ids []string
	for chunk := range slices.Chunk(wants, wantsPerQuery) {
		var query strings.Builder
		var args []any
		for i, w := range padded(chunk, notify.Want{}) {
			if i > 0 {
				query.WriteString(" UNION ALL ")
			}
			fmt.Fprintf(&query, `SELECT id FROM (SELECT id FROM events WHERE status = 'pending' AND endpoint = ? AND next_at <= ? ORDER BY next_at LIMIT ?) AS p%d
				UNION ALL SELECT id FROM (SELECT id FROM events WHERE status = 'sending' AND endpoint = ? AND lease_until <= %s LIMIT ?) AS s%d`, i, clock.sql, i)
			args = append(args, string(w.Endpoint), now.UnixMilli(), w.Most, string(w.Endpoint))
			args = append(append(args, clock.args...), w.Most)
		}
		var found []string
		if err := sqlx.SelectContext(ctx, q, &found, query.String(), args...); err != nil {
			return nil, fmt.Errorf("read due events: %w", err)
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	return ids, nil
}

// leaseEvents leases those of the events that are still due, none of them over
// what is wanted of its endpoint.
func leaseEvents(ctx context.Context, q sqlx.ExtContext, d dialect, clock clockTerm, owner string, now time.Time, lease time.Duration, wants []notify.Want, ids []string) ([]notify.Claim, error) {
	disabled, err := buryDisabled(ctx, q, wants)
	if err != nil {
		return nil, err
	}
	query, args, err := sqlx.In(`SELECT `+eventColumns+` FROM events
		WHERE id IN (?) AND (status = 'pending' AND next_at <= ? OR status = 'sending' AND lease_until <= `+clock.sql+`)
		ORDER BY id `+d.forUpdateSkip, append([]any{padded(ids, ""), now.UnixMilli()}, clock.args...)...)
	if err != nil {
		return nil, err
	}
	var rows []eventRow
	if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read events to lease: %w", err)
	}
	slices.SortStableFunc(rows, func(a, b eventRow) int { return cmp.Compare(a.NextAt, b.NextAt) })
	room := make(map[notify.Endpoint]int, len(wants))
	for _, w := range wants {
		room[w.Endpoint] += w.Most
	}
	var claims []notify.Claim
	for i := range rows {
		endpoint := notify.Endpoint(rows[i].Endpoint)
		if room[endpoint] == 0 {
			continue
		}
		room[endpoint]--
		claims = append(claims, rows[i].claim(owner, disabled[endpoint]))
	}
	if len(claims) == 0 {
		return nil, nil
	}
	leased := make([]string, len(claims))
	for i, c := range claims {
		leased[i] = c.EventID
	}
	slices.Sort(leased)
	query, args, err = sqlx.In(`UPDATE events SET status = 'sending', lease_owner = ?, lease_until = `+clock.sql+` + ?, fence = fence + 1 WHERE id IN (?)`,
		append(append([]any{owner}, clock.args...), lease.Milliseconds(), padded(leased, ""))...)
	if err != nil {
		return nil, err
	}
	if _, err := q.ExecContext(ctx, query, args...); err != nil {
		return nil, fmt.Errorf("lease events: %w", err)
	}
	return claims, nil
}

func (r *eventRow) claim(owner string, disabled bool) notify.Claim {
	return notify.Claim{
		EventID: r.ID, MerchantID: r.MerchantID, Endpoint: notify.Endpoint(r.Endpoint), NotifyURL: r.NotifyURL, Body: r.Body,
		Position: notify.Position{Step: r.Step, Early: r.Early},
		Owner:    owner, Fence: r.Fence + 1, Resends: r.ResendsAsked, Disabled: disabled,
	}
}

// buryDisabled ends due events of the disabled ones among the endpoints: they
// were being written while their endpoint was disabled.
func buryDisabled(ctx context.Context, q sqlx.ExtContext, wants []notify.Want) (map[notify.Endpoint]bool, error) {
	names := make([]string, len(wants))
	for i, w := range wants {
		names[i] = string(w.Endpoint)
	}
	query, args, err := sqlx.In(`SELECT endpoint FROM disabled_endpoints WHERE endpoint IN (?)`, padded(names, ""))
	if err != nil {
		return nil, err
	}
	var found []string
	if err := sqlx.SelectContext(ctx, q, &found, query, args...); err != nil {
		return nil, fmt.Errorf("read disabled endpoints: %w", err)
	}
	disabled := make(map[notify.Endpoint]bool, len(found))
	for _, name := range found {
		disabled[notify.Endpoint(name)] = true
		if _, err := bury(ctx, q, notify.Endpoint(name), buriedPerClaim); err != nil {
			return nil, err
		}
	}
	return disabled, nil
}

// buryQueued ends queued events of an endpoint if it is disabled.
func buryQueued(ctx context.Context, q sqlx.ExtContext, endpoint notify.Endpoint, limit int) (int, error) {
	var one int
	err := sqlx.GetContext(ctx, q, &one, `SELECT 1 FROM disabled_endpoints WHERE endpoint = ?`, string(endpoint))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("read disabled endpoint: %w", err)
	}
	return bury(ctx, q, endpoint, limit)
}

// bury ends pending events that nobody asked to resend.
func bury(ctx context.Context, q sqlx.ExtContext, endpoint notify.Endpoint, limit int) (int, error) {
	var ids []string
	err := sqlx.SelectContext(ctx, q, &ids, `
		SELECT id FROM events WHERE status = 'pending' AND endpoint = ? AND resends_asked = resends_done ORDER BY next_at LIMIT ?`,
		string(endpoint), limit)
	if err != nil {
		return 0, fmt.Errorf("read queued events: %w", err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	slices.Sort(ids)
	query, args, err := sqlx.In(`UPDATE events SET status = 'dead', reason = ? WHERE id IN (?) AND status = 'pending'`,
		notify.ReasonEndpointDisabled, padded(ids, ""))
	if err != nil {
		return 0, err
	}
	if _, err := q.ExecContext(ctx, query, args...); err != nil {
		return 0, fmt.Errorf("end queued events: %w", err)
	}
	return len(ids), nil
}

// padded fills a list up to a power of two with a value that names no row, so
// that there are few texts of a statement and each can stay prepared.
func padded[T any](list []T, nothing T) []T {
	size := 1
	for size < len(list) {
		size *= 2
	}
	full := append(make([]T, 0, size), list...)
	for len(full) < size {
		full = append(full, nothing)
	}
	return full
}
