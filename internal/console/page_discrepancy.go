package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

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
	// Unsent is what the person wrote and an act that was refused did not take.
	Unsent unsent
}

// unsent is a text by the act whose form it was written in.
type unsent struct{ act, text string }

// In is the text for its form.
func (u unsent) In(act string) string {
	if u.act == act {
		return u.text
	}
	return ""
}

// Resolvable: an explanation is asked for.
func (view discrepancyView) Resolvable() bool {
	return view.D.Status == reconcile.Open && !view.Proposed
}

// Homeless is a text whose form the page has no more, because somebody else
// proposed, settled or withdrew an explanation meanwhile.
func (view discrepancyView) Homeless() string {
	if view.Unsent.act == actResolve && !view.Resolvable() || view.Unsent.act == actReject && !view.Proposed {
		return view.Unsent.text
	}
	return ""
}

// The acts that people write texts for, as templates name them.
const (
	actComment = "comment"
	actResolve = "resolve"
	actReject  = "reject"
)

// comparison is one line of both sides.
type comparison struct {
	Key          string
	Ours, Theirs string
	// Differs: both have a value, and not the same.
	Differs bool
	Number  bool
}

func (c *Console) discrepancyPage(v *visit) error {
	return c.showDiscrepancy(v, http.StatusOK, "", unsent{})
}

// showDiscrepancy shows the page; problem is why an act was refused, if one was.
func (c *Console) showDiscrepancy(v *visit, status int, problem string, kept unsent) error {
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
		Proposed: d.Status == reconcile.Open && d.ProposedBy != "", OwnProposal: d.ProposedBy == v.user.Name, Unsent: kept,
	}
	view.compare(&page{c: c, v: v, Lang: v.lang})
	// What people did is part of the story for everybody who works on it.
	if view.Acts, err = c.deps.Audit.ListAudit(ctx, audit.Filter{MerchantID: d.MerchantID, Subject: d.ID, Limit: c.cfg.PageSize}); err != nil {
		return err
	}
	if view.Staff, err = c.assignees(v, d.MerchantID); err != nil {
		return err
	}
	p := c.newPage(v, "discrepancy.title", view)
	if problem != "" {
		p.Notice, p.NoticeBad, p.Here = p.T(problem), true, discrepancyLink(d.ID)
	}
	return c.render(v, status, "discrepancy", p)
}

func discrepancyLink(id string) string { return Prefix + "/discrepancies/" + url.PathEscape(id) }

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
// its page. What is refused, because somebody else was faster for example, is
// answered with the page as it is now, and with what the person wrote.
func (c *Console) actOn(v *visit, wrote unsent, do func(d reconcile.Discrepancy, version int64) (done string, err error)) error {
	id := v.r.PathValue("id")
	d, _, err := c.deps.Reconciliations.Discrepancy(v.r.Context(), v.user.MerchantID, id)
	if err != nil {
		return err
	}
	if err := v.user.visible(d.MerchantID); err != nil {
		return err
	}
	done, err := do(d, v.version())
	if key, refused := problemOf(err); refused {
		status := http.StatusConflict
		if _, input := errors.AsType[*InputError](err); input || errors.Is(err, reconcile.ErrNoText) {
			status = http.StatusUnprocessableEntity
		}
		return c.showDiscrepancy(v, status, key, wrote)
	}
	return v.answer(err, discrepancyLink(d.ID), done)
}

func (c *Console) assign(v *visit) error {
	return c.actOn(v, unsent{}, func(d reconcile.Discrepancy, version int64) (string, error) {
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
	text := v.form("text")
	return c.actOn(v, unsent{actComment, text}, func(d reconcile.Discrepancy, _ int64) (string, error) {
		_, err := c.deps.Reconciliations.Comment(v.r.Context(), d.ID, v.actor(), text)
		return "done.comment", err
	})
}

func (c *Console) resolve(v *visit) error {
	reason := v.form("reason")
	return c.actOn(v, unsent{actResolve, reason}, func(d reconcile.Discrepancy, version int64) (string, error) {
		after, err := c.deps.Reconciliations.Resolve(v.r.Context(), d.ID, version, v.actor(), reason)
		if err == nil && after.Status == reconcile.Open {
			return "done.propose", nil
		}
		return "done.resolve", err
	})
}

func (c *Console) approve(v *visit) error {
	return c.actOn(v, unsent{}, func(d reconcile.Discrepancy, version int64) (string, error) {
		_, err := c.deps.Reconciliations.Approve(v.r.Context(), d.ID, version, v.actor())
		return "done.approve", err
	})
}

func (c *Console) reject(v *visit) error {
	reason := v.form("reason")
	return c.actOn(v, unsent{actReject, reason}, func(d reconcile.Discrepancy, version int64) (string, error) {
		_, err := c.deps.Reconciliations.Reject(v.r.Context(), d.ID, version, v.actor(), reason)
		if d.ProposedBy == v.user.Name {
			return "done.withdraw", err
		}
		return "done.reject", err
	})
}
