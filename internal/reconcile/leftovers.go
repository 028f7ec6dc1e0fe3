package reconcile

import (
	"context"
	"slices"
)

// lookBatch is how many rows are looked up at a time.
const lookBatch = 500

// leftovers explains every row of the bill that no row of our day answers to:
// it may be of another day of ours, wait to be settled, or not be ours.
func (d *dayRun) leftovers(ctx context.Context, rows []record) error {
	// What failed moved nothing: the row that did takes its place.
	slices.SortStableFunc(rows, func(a, b record) int { return order(a.failed, b.failed) })
	// judged are rows of ours that the bill has already.
	judged := map[key]bool{}
	for batch := range slices.Chunk(rows, lookBatch) {
		known, err := d.lookUp(ctx, batch)
		if err != nil {
			return err
		}
		if err := d.elsewhere(ctx, known); err != nil {
			return err
		}
		for _, b := range batch {
			ours, ok := known[b.key()]
			if !ok && b.refund {
				ours, ok = known[returnKey(&b)]
			}
			switch {
			case !ok || b.id == "" && !ours.own:
				d.foreign(b, message(codeForeign, b.what()))
				continue
			case judged[ours.key()]:
				d.repeated(b)
				continue
			}
			judged[ours.key()] = true
			if ours.settled() {
				d.otherDay(ours, b)
			} else {
				if err := d.repair(ctx, ours, b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// returnKey is what a refund is known by that the channel never had a number of.
func returnKey(r *record) key { return key{refund: true, id: "return/" + orderKey(r)} }

// lookUp finds rows of the bill in our books by our numbers, whatever their day
// and status.
func (d *dayRun) lookUp(ctx context.Context, rows []record) (map[key]record, error) {
	var attempts, refunds, orders []string
	for _, r := range rows {
		switch {
		case r.refund:
			if r.id != "" {
				refunds = append(refunds, r.id)
			}
			if r.order != "" {
				orders = append(orders, r.order)
			}
		case r.id != "":
			attempts = append(attempts, r.id)
		}
	}
	found, err := d.s.Store.MovementsByID(ctx, d.account.ID, d.terms.RefundOnAcceptance, attempts, refunds)
	if err != nil {
		return nil, err
	}
	known := make(map[key]record, len(found))
	for _, m := range found {
		r := ofMovement(m)
		known[r.key()] = r
	}
	if len(orders) == 0 {
		return known, nil
	}
	returns, err := d.s.Store.ReturnsOf(ctx, d.account.ID, d.terms.RefundOnAcceptance, orders)
	if err != nil {
		return nil, err
	}
	for _, m := range returns {
		r := ofMovement(m)
		known[returnKey(&r)] = r
	}
	return known, nil
}

// elsewhere adds to the pool which of our rows stand in bills of days further
// away: no day's bill has a row once more that another one's has.
func (d *dayRun) elsewhere(ctx context.Context, known map[key]record) error {
	ids := make([]string, 0, len(known))
	for _, r := range known {
		ids = append(ids, r.id)
	}
	for batch := range slices.Chunk(ids, lookBatch) {
		rows, err := d.s.Store.PoolOf(ctx, d.account.ID, batch)
		if err != nil {
			return err
		}
		for _, p := range rows {
			if _, near := d.pool[p.SubjectID]; !near && !p.Bill.IsZero() {
				d.pool[p.SubjectID] = p
			}
		}
	}
	return nil
}

// otherDay is a row of the bill whose money moved by our books on another day
// (or on this one, since the day's rows were read).
func (d *dayRun) otherDay(ours, theirs record) {
	home := d.terms.DayOf(ours.when())
	if p, ok := d.pool[ours.id]; ok && !p.Bill.IsZero() && p.Bill != d.job.Day {
		d.repeated(theirs)
		return
	}
	d.compare(ours, theirs)
	if home == d.job.Day || ours.carried {
		return
	}
	d.result.pool = append(d.result.pool, PoolRow{SubjectID: ours.id, Refund: ours.refund, Home: home, Bill: d.job.Day})
	d.result.settled = append(d.result.settled, Gone{
		SubjectID: ours.id, Kind: MissingAtChannel, At: d.s.now(),
		Evidence: message(codeOtherBill, d.job.Day.String(), number(theirs.line)),
	})
}
