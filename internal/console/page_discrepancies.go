package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// discrepanciesView is a list with its filters.
type discrepanciesView struct {
	Scope    scope
	Filter   discrepancyForm
	Kinds    []reconcile.Kind
	Statuses []reconcile.DiscrepancyStatus
	Accounts []reconcile.Account
	Staff    []string
	List     []reconcile.Discrepancy
	// Proposals are those that wait for a second person, whatever else the filter
	// says; nil: none. OnlyProposals: the list is of them.
	Proposals     *proposals
	OnlyProposals bool
	// First and Next are pages of the same filter; empty where there is none.
	First, Next string
}

// discrepancyForm is the filter as the page's form has it.
type discrepancyForm struct {
	Merchant, Account, Kind, Status, Assignee, Day string
}

func (f discrepancyForm) values() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"merchant": f.Merchant, "account": f.Account, "kind": f.Kind, "status": f.Status, "assignee": f.Assignee, "day": f.Day,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

func kinds() []reconcile.Kind {
	return []reconcile.Kind{
		reconcile.MissingAtChannel, reconcile.MissingLocally, reconcile.AmountMismatch, reconcile.StatusMismatch,
		reconcile.FeeMismatch, reconcile.DuplicatePayment, reconcile.LateSuccess,
	}
}

func discrepancyStatuses() []reconcile.DiscrepancyStatus {
	return []reconcile.DiscrepancyStatus{reconcile.Open, reconcile.Repaired, reconcile.Resolved}
}

// anyStatus is the filter's word for all; without a word the open ones are
// shown, which is what people come for.
const anyStatus = "all"

func (c *Console) discrepanciesPage(v *visit) error {
	sc, err := c.scope(v)
	if err != nil {
		return err
	}
	view := discrepanciesView{Scope: sc, Kinds: kinds(), Statuses: discrepancyStatuses(), Filter: discrepancyForm{
		Merchant: sc.chosen(), Account: v.query("account"), Kind: v.query("kind"), Status: v.query("status"),
		Assignee: v.query("assignee"), Day: v.query("day"),
	}}
	if view.Filter.Status == "" {
		view.Filter.Status = string(reconcile.Open)
	}
	filter := reconcile.DiscrepancyFilter{MerchantID: sc.MerchantID, AccountID: view.Filter.Account, Assignee: view.Filter.Assignee, Limit: c.cfg.PageSize + 1}
	// What is no value of its set filters nothing.
	if slices.Contains(view.Kinds, reconcile.Kind(view.Filter.Kind)) {
		filter.Kind = reconcile.Kind(view.Filter.Kind)
	}
	if slices.Contains(view.Statuses, reconcile.DiscrepancyStatus(view.Filter.Status)) {
		filter.Status = reconcile.DiscrepancyStatus(view.Filter.Status)
	}
	view.OnlyProposals = view.Filter.Status == proposedStatus
	filter.Proposed = view.OnlyProposals
	if day, err := channels.ParseDay(view.Filter.Day); err == nil {
		filter.Day = day
	}
	filter.BeforeTime, filter.BeforeID = cursor(v.query("before"))
	if view.List, err = c.deps.Reconciliations.Discrepancies(v.r.Context(), filter); err != nil {
		return err
	}
	base := Prefix + "/discrepancies?"
	if !filter.BeforeTime.IsZero() {
		view.First = base + view.Filter.values().Encode()
	}
	if len(view.List) > c.cfg.PageSize {
		view.List = view.List[:c.cfg.PageSize]
		last := view.List[len(view.List)-1]
		q := view.Filter.values()
		q.Set("before", place(last.FoundAt, last.ID))
		view.Next = base + q.Encode()
	}
	if view.Proposals, err = c.proposals(v.r.Context(), sc, channels.Day{}); err != nil {
		return err
	}
	if view.Accounts, err = c.deps.Reconciliations.Accounts(v.r.Context(), sc.MerchantID); err != nil {
		return err
	}
	if view.Staff, err = c.assignees(v, sc.MerchantID); err != nil {
		return err
	}
	return c.show(v, "discrepancies", "discrepancies.title", view)
}

// place and cursor write and read where the next page of a list begins.
func place(at time.Time, id string) string { return strconv.FormatInt(at.UnixMilli(), 10) + "." + id }

func cursor(text string) (time.Time, string) {
	ms, id, ok := strings.Cut(text, ".")
	n, err := strconv.ParseInt(ms, 10, 64)
	if !ok || err != nil || id == "" {
		return time.Time{}, ""
	}
	return time.UnixMilli(n).UTC(), id
}

// assignees lists who can look into a merchant's differences: its own staff and
// the operator's. A merchant's user is shown the own side only.
func (c *Console) assignees(v *visit, merchantID string) ([]string, error) {
	list, err := c.deps.Staff.List(v.r.Context(), v.user.MerchantID)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, u := range list {
		if !u.Disabled && u.may(workDiscrepancies) && (u.Operator() || u.MerchantID == merchantID || merchantID == "") {
			names = append(names, u.Name)
		}
	}
	return names, nil
}

// discrepancyView is one difference.
type discrepancyView struct {
	D          reconcile.Discrepancy
	Merchant   string
	Compare    []comparison
	Difference *int64
	Currency   money.Currency
	PaymentID  string
	Comments   []reconcile.Comment
	Acts       []audit.Entry
	Staff      []string
	// Proposed: a resolution waits for a second person; OwnProposal: not for
	// this one.
	Proposed, OwnProposal bool
}

// comparison is one line of both sides.
type comparison struct {
	Key          string
	Ours, Theirs string
	// Differs: both have a value, and not the same.
	Differs bool
	Number  bool
}

func (c *Console) discrepancyPage(v *visit) error {
	ctx := v.r.Context()
	d, comments, err := c.deps.Reconciliations.Discrepancy(ctx, v.user.MerchantID, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := v.user.visible(d.MerchantID); err != nil {
		return err
	}
	sc, err := c.scopeOf(ctx, v.user, d.MerchantID)
	if err != nil {
		return err
	}
	view := discrepancyView{
		D: d, Merchant: sc.Name(d.MerchantID), Comments: comments,
		Proposed: d.Status == reconcile.Open && d.ProposedBy != "", OwnProposal: d.ProposedBy == v.user.Name,
	}
	view.compare(&page{c: c, v: v, Lang: v.lang})
	// What people did is part of the story for everybody who works on it.
	if view.Acts, err = c.deps.Audit.ListAudit(ctx, audit.Filter{MerchantID: d.MerchantID, Subject: d.ID, Limit: c.cfg.PageSize}); err != nil {
		return err
	}
	if view.Staff, err = c.assignees(v, d.MerchantID); err != nil {
		return err
	}
	return c.show(v, "discrepancy", "discrepancy.title", view)
}

// compare lays both sides beside each other.
func (view *discrepancyView) compare(p *page) {
	d := view.D
	ours, theirs := sideOf(d.Ours), sideOf(d.Theirs)
	view.PaymentID = ours.PaymentID
	view.Currency = ours.Amount.Currency()
	if view.Currency == "" {
		view.Currency = theirs.Amount.Currency()
	}
	if d.Ours != nil && d.Theirs != nil && d.Kind == reconcile.FeeMismatch {
		view.Difference = difference(theirs.FeeMinor, ours.FeeMinor)
	} else if ours.Amount.Minor() != theirs.Amount.Minor() {
		view.Difference = difference(theirs.Amount.Minor(), ours.Amount.Minor())
	}
	fee := func(e *reconcile.Entry) string {
		if e == nil {
			return ""
		}
		return p.Minor(e.FeeMinor, e.Amount.Currency())
	}
	typed := func(e reconcile.Entry) string {
		if e.Type == "" {
			return ""
		}
		return p.Word("type", e.Type)
	}
	for _, line := range []comparison{
		{Key: "field.type", Ours: typed(ours), Theirs: typed(theirs)},
		{Key: "field.amount", Ours: p.Amount(ours.Amount), Theirs: p.Amount(theirs.Amount), Number: true},
		{Key: "field.fee", Ours: fee(d.Ours), Theirs: fee(d.Theirs), Number: true},
		{Key: "field.status", Ours: ourStatus(p, ours), Theirs: theirs.Status},
		{Key: "field.time", Ours: p.Time(ours.At), Theirs: p.Time(theirs.At)},
		{Key: "field.attempt", Ours: ours.AttemptID, Theirs: theirs.AttemptID},
		{Key: "field.channel_no", Ours: ours.ChannelTradeNo, Theirs: theirs.ChannelTradeNo},
		{Key: "field.refund", Ours: ours.RefundID, Theirs: theirs.RefundID},
		{Key: "field.channel_refund_no", Ours: ours.ChannelRefundNo, Theirs: theirs.ChannelRefundNo},
		{Key: "field.order_no", Ours: ours.MerchantOrderNo, Theirs: theirs.MerchantOrderNo},
	} {
		if line.Ours == "" && line.Theirs == "" {
			continue
		}
		// Each side has its own words for a state, and its own clock.
		comparable := line.Key != "field.status" && line.Key != "field.time"
		line.Differs = comparable && line.Ours != "" && line.Theirs != "" && line.Ours != line.Theirs
		view.Compare = append(view.Compare, line)
	}
}

// ourStatus is the word for our side's state; the channel's is shown as it
// writes it.
func ourStatus(p *page, e reconcile.Entry) string {
	if e.RefundID != "" {
		return p.Word("refund", e.Status)
	}
	return p.Word("attempt", e.Status)
}

func difference(theirs, ours int64) *int64 {
	d := theirs - ours
	return &d
}

func sideOf(e *reconcile.Entry) reconcile.Entry {
	if e == nil {
		return reconcile.Entry{}
	}
	return *e
}

// actOn does something to a discrepancy that the user may see and goes back to
// its page.
func (c *Console) actOn(v *visit, do func(d reconcile.Discrepancy, version int64) (done string, err error)) error {
	id := v.r.PathValue("id")
	d, _, err := c.deps.Reconciliations.Discrepancy(v.r.Context(), v.user.MerchantID, id)
	if err != nil {
		return err
	}
	if err := v.user.visible(d.MerchantID); err != nil {
		return err
	}
	done, err := do(d, v.version())
	return v.answer(err, Prefix+"/discrepancies/"+url.PathEscape(d.ID), done)
}

func (c *Console) assign(v *visit) error {
	return c.actOn(v, func(d reconcile.Discrepancy, version int64) (string, error) {
		assignee := v.form("assignee")
		if assignee != "" {
			names, err := c.assignees(v, d.MerchantID)
			if err != nil {
				return "done.assign", err
			}
			if !slices.Contains(names, assignee) {
				return "", &InputError{"problem.assignee"}
			}
		}
		_, err := c.deps.Reconciliations.Assign(v.r.Context(), d.ID, version, v.actor(), assignee)
		return "done.assign", err
	})
}

func (c *Console) comment(v *visit) error {
	return c.actOn(v, func(d reconcile.Discrepancy, _ int64) (string, error) {
		_, err := c.deps.Reconciliations.Comment(v.r.Context(), d.ID, v.actor(), v.form("text"))
		return "done.comment", err
	})
}

func (c *Console) resolve(v *visit) error {
	return c.actOn(v, func(d reconcile.Discrepancy, version int64) (string, error) {
		after, err := c.deps.Reconciliations.Resolve(v.r.Context(), d.ID, version, v.actor(), v.form("reason"))
		if err == nil && after.Status == reconcile.Open {
			return "done.propose", nil
		}
		return "done.resolve", err
	})
}

func (c *Console) approve(v *visit) error {
	return c.actOn(v, func(d reconcile.Discrepancy, version int64) (string, error) {
		_, err := c.deps.Reconciliations.Approve(v.r.Context(), d.ID, version, v.actor())
		return "done.approve", err
	})
}

func (c *Console) reject(v *visit) error {
	return c.actOn(v, func(d reconcile.Discrepancy, version int64) (string, error) {
		_, err := c.deps.Reconciliations.Reject(v.r.Context(), d.ID, version, v.actor(), v.form("reason"))
		if d.ProposedBy == v.user.Name {
			return "done.withdraw", err
		}
		return "done.reject", err
	})
}
