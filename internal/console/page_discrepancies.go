package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
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
