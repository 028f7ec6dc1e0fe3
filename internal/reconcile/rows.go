package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
)

// statementPage is how many rows of a statement are read at a time.
const statementPage = 1000

// StatementRows gives the rows of a merchant's day as they are now, ordered by
// time and number, one by one. Rows stand on the day in whose bill they stand.
// An error of each ends it and is returned.
func (s *Service) StatementRows(ctx context.Context, merchantID string, day channels.Day, each func(StatementRow) error) error {
	accounts, err := s.Directory.AccountsOf(ctx, merchantID)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	var streams []*rowStream
	for _, a := range accounts {
		own, err := s.rowStreams(ctx, a, day)
		if err != nil {
			return fmt.Errorf("read the rows of account %s: %w", a.ID, err)
		}
		streams = append(streams, own...)
	}
	for {
		var least *rowStream
		for _, st := range streams {
			row, err := st.peek(ctx)
			if err != nil {
				return err
			}
			if row == nil {
				continue
			}
			if least == nil || earlier(row, &least.page[0]) < 0 {
				least = st
			}
		}
		if least == nil {
			return nil
		}
		line := least.page[0]
		least.page = least.page[1:]
		if err := each(least.finish(line)); err != nil {
			return err
		}
	}
}

func earlier(a, b *StatementLine) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Number, b.Number))
}

// rowStream is the rows of one kind of an account's day, page by page.
type rowStream struct {
	// next reads the page behind a place; nil: page is all there is.
	next  func(ctx context.Context, after Place) ([]StatementLine, error)
	page  []StatementLine
	after Place
	over  bool
	view  *dayView
}

// peek gives the stream's first row that belongs to the day; nil at its end.
func (st *rowStream) peek(ctx context.Context) (*StatementLine, error) {
	for {
		for len(st.page) > 0 && st.next != nil && st.view.elsewhere[st.page[0].Number] {
			st.page = st.page[1:]
		}
		if len(st.page) > 0 {
			return &st.page[0], nil
		}
		if st.over || st.next == nil {
			return nil, nil //nolint:nilnil // the end
		}
		page, err := st.next(ctx, st.after)
		if err != nil {
			return nil, err
		}
		st.page, st.over = page, len(page) < statementPage
		if len(page) > 0 {
			last := page[len(page)-1]
			st.after = Place{At: last.At, ID: last.Number}
		}
	}
}

// finish fills in what the books alone don't say.
func (st *rowStream) finish(l StatementLine) StatementRow {
	v := st.view
	row := l.StatementRow
	refund := row.Type == RowRefund
	minor := row.AmountMinor
	if refund {
		minor = -minor
	}
	row.FeeMinor = v.terms.fee(refund, minor, l.OrderMinor, l.BeforeMinor)
	row.Result = ResultPending
	if v.matched {
		row.Result = ResultMatched
	}
	if d, ok := v.differences[row.Number]; ok {
		row.Result, row.Remark = string(d.Kind), d.Detail
		if d.Resolution != "" && d.Status == Resolved {
			row.Remark = row.Remark.and(Plain(d.Resolution))
		}
	}
	if row.Result == ResultMatched && (row.At.Before(v.waitsBefore) || !row.At.Before(v.made)) {
		row.Result = ResultPending
	}
	return row
}

// The results of a statement's row that are no kind of a discrepancy.
const (
	ResultMatched = "matched"
	ResultPending = "pending"
)

// dayView is what a day's result says of single rows.
type dayView struct {
	terms   terms
	matched bool
	// waitsBefore: what is earlier may wait for the bill of the day before. made
	// is when the bill was made: what is later does not stand in it.
	waitsBefore, made time.Time
	// elsewhere are rows of the day that stand in another day's bill.
	elsewhere   map[string]bool
	differences map[string]Discrepancy
	// attempts and refunds are rows of other days that stand in this day's bill.
	attempts, refunds []string
}

func (s *Service) rowStreams(ctx context.Context, a Account, day channels.Day) ([]*rowStream, error) {
	v, err := s.dayView(ctx, a, day)
	if err != nil {
		return nil, err
	}
	from, to := v.terms.Window(day)
	stream := func(refunds bool) *rowStream {
		return &rowStream{view: v, next: func(ctx context.Context, after Place) ([]StatementLine, error) {
			return s.Store.StatementPage(ctx, StatementQuery{
				AccountID: a.ID, Refunds: refunds, BySent: v.terms.RefundOnAcceptance, From: from, To: to, After: after, Limit: statementPage,
			})
		}}
	}
	var others []StatementLine
	for _, part := range [][2][]string{{v.attempts, nil}, {nil, v.refunds}} {
		for batch := range slices.Chunk(slices.Concat(part[0], part[1]), lookBatch) {
			ids := [2][]string{batch, nil}
			if part[0] == nil {
				ids = [2][]string{nil, batch}
			}
			lines, err := s.Store.StatementByID(ctx, a.ID, v.terms.RefundOnAcceptance, ids[0], ids[1])
			if err != nil {
				return nil, err
			}
			others = append(others, lines...)
		}
	}
	slices.SortFunc(others, func(x, y StatementLine) int { return earlier(&x, &y) })
	return []*rowStream{stream(false), stream(true), {view: v, page: others}}, nil
}

// calendar is how an account's channel cuts days. One that cannot be opened has
// that of another account of its channel; with a guess, rows near a day's end
// would move to another day's statement.
func (s *Service) calendar(ctx context.Context, a Account) (channels.BillCalendar, error) {
	source, _, closed := s.Directory.Bills(ctx, a.ID)
	switch {
	case closed == nil:
		return source.BillCalendar(), nil
	case errors.Is(closed, ErrNoBills):
		return channels.BillCalendar{}, nil
	}
	all, err := s.Directory.AccountsOf(ctx, "")
	if err != nil {
		return channels.BillCalendar{}, err
	}
	for _, other := range all {
		if other.Channel != a.Channel || other.ID == a.ID {
			continue
		}
		if source, _, err := s.Directory.Bills(ctx, other.ID); err == nil {
			return source.BillCalendar(), nil
		}
	}
	return channels.BillCalendar{}, closed
}

// dayView reads what a day's result says of single rows.
func (s *Service) dayView(ctx context.Context, a Account, day channels.Day) (*dayView, error) {
	v := &dayView{terms: terms{ratePPM: a.FeeRatePPM, margin: s.cfg.EdgeMargin}, elsewhere: map[string]bool{}, differences: map[string]Discrepancy{}}
	var err error
	// An account that was given up must not hold the others' rows up for ever.
	if v.terms.BillCalendar, err = s.calendar(ctx, a); err != nil && a.Enabled {
		return nil, err
	}
	newest, err := s.Store.ListReconciliations(ctx, ListFilter{AccountID: a.ID, Day: day, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(newest) == 1 && !newest[0].FinishedAt.IsZero() {
		v.matched, v.made = true, newest[0].FinishedAt
		if len(newest[0].Bills) > 0 {
			v.made = newest[0].Bills[0].FetchedAt
		}
		if err := s.differences(ctx, newest[0].ID, v.differences); err != nil {
			return nil, err
		}
	}
	states, err := s.Store.DayStates(ctx, a.MerchantID, day, day)
	if err != nil {
		return nil, err
	}
	for _, st := range states {
		if st.AccountID == a.ID && st.Waiting {
			from, _ := v.terms.Window(day)
			v.waitsBefore = from.Add(s.cfg.EdgeMargin)
		}
	}
	pool, err := s.Store.Pool(ctx, a.ID, day.Add(-1), day)
	if err != nil {
		return nil, err
	}
	for _, p := range pool {
		v.place(p, day)
	}
	return v, nil
}

// place says on which day's statement a row of the pool stands.
func (v *dayView) place(p PoolRow, day channels.Day) {
	here := p.Bill == day && p.Home != day || p.Home == day.Add(-1) && p.Bill.IsZero()
	switch {
	case p.Home == day && p.Bill != day:
		v.elsewhere[p.SubjectID] = true
	case here && p.Refund:
		v.refunds = append(v.refunds, p.SubjectID)
	case here:
		v.attempts = append(v.attempts, p.SubjectID)
	}
}

// differences reads what a version found of rows of ours. What a query repaired
// agrees; late and double payments stay told.
func (s *Service) differences(ctx context.Context, reconciliationID string, into map[string]Discrepancy) error {
	return s.eachDiscrepancy(ctx, DiscrepancyFilter{ReconciliationID: reconciliationID}, func(d Discrepancy) error {
		if d.Status != Repaired || d.Kind == LateSuccess || d.Kind == DuplicatePayment {
			into[d.SubjectID] = d
		}
		return nil
	})
}

// eachDiscrepancy pages through a list of discrepancies, newest first.
func (s *Service) eachDiscrepancy(ctx context.Context, f DiscrepancyFilter, each func(Discrepancy) error) error {
	f.Limit = maxPage
	for {
		page, err := s.Store.ListDiscrepancies(ctx, f)
		if err != nil {
			return err
		}
		for _, d := range page {
			if err := each(d); err != nil {
				return err
			}
		}
		if len(page) < maxPage {
			return nil
		}
		last := page[len(page)-1]
		f.BeforeTime, f.BeforeID = last.FoundAt, last.ID
	}
}
