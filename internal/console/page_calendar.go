package console

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
)

// calendarView is a month.
type calendarView struct {
	Scope scope
	// Month is its first day; Before and After lead to the neighbours, After is
	// empty for the month of today.
	Month         channels.Day
	Before, After string
	Weeks         [][]calendarDay
	Accounts      []summaryRow
	// Open, Pending and Failed count what needs somebody, over the month.
	Open            int64
	Balanced        int
	Pending, Failed int
	AnyAccount      bool
	// Proposals are those, of whatever month, that wait for a second person; nil:
	// none.
	Proposals *proposals
}

// calendarDay is a cell of the month.
type calendarDay struct {
	Day             channels.Day
	Number          int
	InMonth, Future bool
	Today           bool
	Chips           []chip
}

// chip says how a channel's accounts stand on a day.
type chip struct {
	Channel string
	State   reconcile.Status
	Open    int64
}

// weekLength and the first column are as calendars are printed in China.
const (
	weekLength = 7
	listPage   = 1000
)

func (c *Console) calendarPage(v *visit) error {
	sc, err := c.scope(v)
	if err != nil {
		return err
	}
	sc = sc.bounded()
	today := channels.DayAt(c.deps.Now())
	first := monthOf(v.query("month"), today)
	view := calendarView{Scope: sc, Month: first}
	view.Before = monthLink(monthStart(first.Add(-1)), sc)
	if next := monthStart(first.Add(31)); !today.Before(next) {
		view.After = monthLink(next, sc)
	}
	last := monthStart(first.Add(31)).Add(-1)
	list, err := c.reconciliations(v.r.Context(), reconcile.ListFilter{MerchantID: sc.MerchantID, From: first, To: last, Limit: listPage})
	if err != nil {
		return err
	}
	view.count(list)
	view.Weeks = weeks(first, last, today, list)
	accounts, err := c.deps.Reconciliations.Accounts(v.r.Context(), sc.MerchantID)
	if err != nil {
		return err
	}
	view.AnyAccount = len(accounts) > 0
	sums, err := c.deps.Reconciliations.SettlementSummary(v.r.Context(), sc.MerchantID, first, last)
	if err != nil {
		return err
	}
	view.Accounts = summaryRows(sums)
	if view.Proposals, err = c.proposals(v.r.Context(), sc, channels.Day{}); err != nil {
		return err
	}
	return c.show(v, "calendar", "calendar.title", view)
}

// Partial tells whether days of the month have no sums yet.
func (view calendarView) Partial() bool { return view.Pending+view.Failed > 0 }

// reconciliations reads a list to its end, page by page.
func (c *Console) reconciliations(ctx context.Context, f reconcile.ListFilter) ([]reconcile.Reconciliation, error) {
	var all []reconcile.Reconciliation
	for {
		list, err := c.deps.Reconciliations.List(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if len(list) < f.Limit {
			return all, nil
		}
		f.After = &list[len(list)-1]
	}
}

func (view *calendarView) count(list []reconcile.Reconciliation) {
	for _, r := range list {
		view.Open += r.Open
		switch r.Status {
		case reconcile.StatusBalanced:
			view.Balanced++
		case reconcile.StatusPending:
			view.Pending++
		case reconcile.StatusFailed:
			view.Failed++
		case reconcile.StatusDifferences:
		}
	}
}

func monthOf(asked string, today channels.Day) channels.Day {
	if day, err := channels.ParseDay(asked + "-01"); err == nil && !today.Before(day) {
		return day
	}
	return monthStart(today)
}

func monthStart(d channels.Day) channels.Day {
	start, err := channels.ParseDay(d.Format("2006-01") + "-01")
	if err != nil {
		return d // every day's month has a first
	}
	return start
}

func monthLink(first channels.Day, sc scope) string {
	return Prefix + "/days?month=" + first.Format("2006-01") + merchantQuery("&", sc.chosen())
}

// chosen is the merchant to name in links; none where there is no choice.
func (s scope) chosen() string {
	if len(s.Merchants) < 2 {
		return ""
	}
	return s.MerchantID
}

// weeks lays a month out, Monday first.
func weeks(first, last, today channels.Day, list []reconcile.Reconciliation) [][]calendarDay {
	byDay := map[channels.Day][]reconcile.Reconciliation{}
	for _, r := range list {
		byDay[r.Day] = append(byDay[r.Day], r)
	}
	column := (int(first.Start().In(beijing).Weekday()) - int(time.Monday) + weekLength) % weekLength
	var out [][]calendarDay
	for d := first.Add(-column); !last.Before(d); {
		week := make([]calendarDay, 0, weekLength)
		for range weekLength {
			week = append(week, calendarDay{
				Day: d, Number: d.Start().In(beijing).Day(), InMonth: !d.Before(first) && !last.Before(d),
				Future: today.Before(d), Today: d == today, Chips: chips(byDay[d]),
			})
			d = d.Next()
		}
		out = append(out, week)
	}
	return out
}

// severity orders statuses, the one that needs somebody most first.
var severity = []reconcile.Status{reconcile.StatusFailed, reconcile.StatusDifferences, reconcile.StatusPending, reconcile.StatusBalanced}

// chips gives one word for each channel: the worst of its accounts.
func chips(list []reconcile.Reconciliation) []chip {
	byChannel := map[string]*chip{}
	var order []string
	for _, r := range list {
		ch := byChannel[r.Channel]
		if ch == nil {
			ch = &chip{Channel: r.Channel, State: r.Status}
			byChannel[r.Channel] = ch
			order = append(order, r.Channel)
		}
		ch.Open += r.Open
		if slices.Index(severity, r.Status) < slices.Index(severity, ch.State) {
			ch.State = r.Status
		}
	}
	slices.SortFunc(order, compareChannels)
	out := make([]chip, 0, len(order))
	for _, name := range order {
		out = append(out, *byChannel[name])
	}
	return out
}

// channelOrder is that of this build's channels; others follow by name.
var channelOrder = []string{"alipay", "wechatpay", "unionpay"}

func compareChannels(a, b string) int {
	place := func(s string) int {
		if i := slices.Index(channelOrder, s); i >= 0 {
			return i
		}
		return len(channelOrder)
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}
