package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// dayView is one business day.
type dayView struct {
	Scope         scope
	Day           channels.Day
	Before, After string
	Rows          []summaryRow
	Total         *summaryRow
	Chart         *chart
	Results       []reconcile.Reconciliation
	// Missing are accounts that have no result of the day yet.
	Missing       []reconcile.Account
	Statements    []reconcile.Statement
	Discrepancies []reconcile.Discrepancy
	// More: there are more discrepancies than these.
	More bool
	// Proposals are those of the day that wait for a second person; nil: none.
	Proposals *proposals
}

// summaryRow is both sides of an account over some days.
type summaryRow struct {
	MerchantID, AccountID, Channel string
	Currency                       money.Currency
	Ours, Theirs                   reconcile.Side
	Status                         reconcile.Status
	Open                           int64
	Days                           int
	// Matched: a bill was read and matched. Without one neither side has sums.
	Matched bool
}

// Off is what the channel's side has more than ours.
func (r summaryRow) Off() reconcile.Side {
	return reconcile.Side{
		Payments: r.Theirs.Payments - r.Ours.Payments, Refunds: r.Theirs.Refunds - r.Ours.Refunds,
		PaymentMinor: r.Theirs.PaymentMinor - r.Ours.PaymentMinor, RefundMinor: r.Theirs.RefundMinor - r.Ours.RefundMinor,
		FeeMinor: r.Theirs.FeeMinor - r.Ours.FeeMinor,
	}
}

func summaryRows(sums []reconcile.AccountSummary) []summaryRow {
	out := make([]summaryRow, 0, len(sums))
	for _, s := range sums {
		out = append(out, summaryRow{
			MerchantID: s.MerchantID, AccountID: s.AccountID, Channel: s.Channel, Currency: s.Currency,
			Ours: s.Ours, Theirs: s.Theirs, Status: s.Status, Open: s.Open, Days: s.Days,
			Matched: s.Status == reconcile.StatusBalanced || s.Status == reconcile.StatusDifferences || s.Ours != (reconcile.Side{}) || s.Theirs != (reconcile.Side{}),
		})
	}
	sortRows(out)
	return out
}

func sortRows(rows []summaryRow) {
	slices.SortStableFunc(rows, func(a, b summaryRow) int {
		return cmp.Or(compareChannels(a.Channel, b.Channel), cmp.Compare(a.MerchantID, b.MerchantID), cmp.Compare(a.AccountID, b.AccountID))
	})
}

// shownDiscrepancies is how many of a day's stand on its page.
const shownDiscrepancies = 10

func (c *Console) dayPage(v *visit) error {
	day, err := channels.ParseDay(v.r.PathValue("day"))
	if err != nil {
		return payment.ErrNotFound
	}
	sc, err := c.scope(v)
	if err != nil {
		return err
	}
	sc = sc.bounded()
	ctx := v.r.Context()
	view := dayView{Scope: sc, Day: day, Before: dayLink(day.Add(-1), sc)}
	if day.Before(channels.DayAt(c.deps.Now())) {
		view.After = dayLink(day.Next(), sc)
	}
	if view.Results, err = c.reconciliations(ctx, reconcile.ListFilter{MerchantID: sc.MerchantID, Day: day, Limit: listPage}); err != nil {
		return err
	}
	view.lay()
	if err := c.missing(v, &view); err != nil {
		return err
	}
	if sc.MerchantID != "" {
		if view.Statements, err = c.deps.Reconciliations.Statements(ctx, sc.MerchantID, day); err != nil {
			return err
		}
	}
	found, err := c.deps.Reconciliations.Discrepancies(ctx, reconcile.DiscrepancyFilter{MerchantID: sc.MerchantID, Day: day, Limit: shownDiscrepancies + 1})
	if err != nil {
		return err
	}
	view.Discrepancies, view.More = found, len(found) > shownDiscrepancies
	if view.More {
		view.Discrepancies = found[:shownDiscrepancies]
	}
	if view.Proposals, err = c.proposals(ctx, sc, day); err != nil {
		return err
	}
	return c.show(v, "day", "day.title", view, day.String())
}

func dayLink(day channels.Day, sc scope) string {
	return Prefix + "/days/" + day.String() + merchantQuery("?", sc.chosen())
}

// lay makes the table and the chart of the results.
func (view *dayView) lay() {
	slices.SortStableFunc(view.Results, func(a, b reconcile.Reconciliation) int {
		return cmp.Or(compareChannels(a.Channel, b.Channel), cmp.Compare(a.AccountID, b.AccountID))
	})
	for _, r := range view.Results {
		view.Rows = append(view.Rows, summaryRow{
			MerchantID: r.MerchantID, AccountID: r.AccountID, Channel: r.Channel, Currency: r.Totals.Currency,
			Ours: r.Totals.Ours, Theirs: r.Totals.Theirs, Status: r.Status, Open: r.Open, Matched: !r.FinishedAt.IsZero(),
		})
	}
	view.Total = total(view.Rows)
	view.Chart = newChart(slices.DeleteFunc(slices.Clone(view.Rows), func(r summaryRow) bool { return !r.Matched }))
}

// total adds rows of one currency up; nil where they are of several, or few, or
// one has no sums yet.
func total(rows []summaryRow) *summaryRow {
	if len(rows) < 2 {
		return nil
	}
	sum := summaryRow{Currency: rows[0].Currency}
	for _, r := range rows {
		if r.Currency != sum.Currency || !r.Matched {
			return nil
		}
		sum.Ours, sum.Theirs = plus(sum.Ours, r.Ours), plus(sum.Theirs, r.Theirs)
	}
	return &sum
}

func plus(a, b reconcile.Side) reconcile.Side {
	return reconcile.Side{
		Payments: a.Payments + b.Payments, Refunds: a.Refunds + b.Refunds,
		PaymentMinor: a.PaymentMinor + b.PaymentMinor, RefundMinor: a.RefundMinor + b.RefundMinor, FeeMinor: a.FeeMinor + b.FeeMinor,
	}
}

// missing finds accounts without a result.
func (c *Console) missing(v *visit, view *dayView) error {
	accounts, err := c.deps.Reconciliations.Accounts(v.r.Context(), view.Scope.MerchantID)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, r := range view.Results {
		have[r.AccountID] = true
	}
	for _, a := range accounts {
		if !have[a.ID] && a.CreatedAt.Before(view.Day.Next().Start()) {
			view.Missing = append(view.Missing, a)
		}
	}
	slices.SortStableFunc(view.Missing, func(a, b reconcile.Account) int { return compareChannels(a.Channel, b.Channel) })
	return nil
}

// Whole tells whether every account's bill was matched, so that a day without
// discrepancies has none.
func (view dayView) Whole() bool {
	return len(view.Missing) == 0 && !slices.ContainsFunc(view.Rows, func(r summaryRow) bool { return !r.Matched })
}

// ran is how a run ended.
type ran struct {
	result reconcile.Reconciliation
	err    error
}

// notice says what came of a run that ended without an error: a bill that is
// not there, or is broken, is a result too.
func (r ran) notice() string {
	switch {
	case r.result.Status == reconcile.StatusPending:
		return "problem.run_pending"
	case r.result.Status == reconcile.StatusFailed:
		return "problem.run_failed"
	default:
		return "done.run"
	}
}

func (c *Console) runDay(v *visit) error {
	day, err := channels.ParseDay(v.r.PathValue("day"))
	if err != nil {
		return payment.ErrNotFound
	}
	accounts, err := c.deps.Reconciliations.Accounts(v.r.Context(), v.user.MerchantID)
	if err != nil {
		return err
	}
	wanted := v.form("account")
	at := slices.IndexFunc(accounts, func(a reconcile.Account) bool { return a.ID == wanted })
	if at < 0 {
		return payment.ErrNotFound
	}
	back := Prefix + "/days/" + day.String()
	if v.user.Operator() {
		back += merchantQuery("?", v.form("merchant"))
	}
	detail := map[string]string{"day": day.String(), "channel": accounts[at].Channel}
	entry := c.deps.Staff.act(v.user.Name, "reconciliation.run", accounts[at].MerchantID, wanted, detail)
	if err := c.deps.Audit.RecordAudit(v.r.Context(), entry); err != nil {
		return err
	}
	done, err := c.start(reconcile.Job{AccountID: wanted, Day: day})
	if err != nil {
		return v.answer(err, back, "")
	}
	wait := time.NewTimer(c.cfg.RunWait)
	defer wait.Stop()
	var run ran
	select {
	case run = <-done:
	case <-wait.C:
		return v.redirect(back, "done.run_goes_on")
	case <-v.r.Context().Done():
		return v.redirect(back, "done.run_goes_on")
	}
	if run.err == nil {
		return v.redirect(back, run.notice())
	}
	if key, ok := problemOf(run.err); ok {
		return v.redirect(back, key)
	}
	if errors.Is(run.err, payment.ErrNotFound) {
		return &refusal{http.StatusNotFound, "problem.not_found"}
	}
	return v.redirect(back, "problem.run_failed")
}
