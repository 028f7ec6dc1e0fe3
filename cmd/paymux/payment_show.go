package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// Bounds of what is shown of one payment.
const (
	shownRefunds       = 1000
	shownNotifications = 200
	shownEvents        = 200
	shownActs          = 100
)

// timeline is everything that the books hold of a payment.
type timeline struct {
	Payment       payment.View       `json:"payment"`
	Attempts      []attemptInside    `json:"attempts"`
	Refunds       []refundInside     `json:"refunds"`
	History       []changeView       `json:"history"`
	Notifications []notificationView `json:"notifications"`
	Events        []notify.EventView `json:"events"`
	Audit         []auditView        `json:"audit"`

	payment  *payment.Payment
	attempts []*payment.Attempt
	refunds  []*payment.Refund
}

// attemptInside is what an attempt has beside what merchants see.
type attemptInside struct {
	ID          string            `json:"id"`
	Owner       string            `json:"owner"`
	Deadline    *time.Time        `json:"deadline"`
	SubmittedAt *time.Time        `json:"submitted_at"`
	NextCheckAt *time.Time        `json:"next_check_at"`
	Checks      int               `json:"checks"`
	LateUntil   *time.Time        `json:"late_until"`
	Routing     channels.Decision `json:"routing"`
}

// refundInside is a refund with what merchants do not see.
type refundInside struct {
	payment.RefundView
	NextCheckAt *time.Time `json:"next_check_at"`
	Checks      int        `json:"checks"`
	Reserved    bool       `json:"reserved"`
}

type changeView struct {
	At        time.Time `json:"at"`
	Kind      string    `json:"kind"`
	AttemptID string    `json:"attempt_id,omitempty"`
	RefundID  string    `json:"refund_id,omitempty"`
	From      string    `json:"from,omitempty"`
	To        string    `json:"to,omitempty"`
	Cause     string    `json:"cause"`
	Detail    string    `json:"detail,omitempty"`
}

type notificationView struct {
	ID         string          `json:"id"`
	ReceivedAt time.Time       `json:"received_at"`
	LastAt     time.Time       `json:"last_at"`
	Channel    string          `json:"channel"`
	AccountID  string          `json:"account_id"`
	AttemptID  string          `json:"attempt_id"`
	Verdict    payment.Verdict `json:"verdict"`
	Detail     string          `json:"detail"`
	Copies     int64           `json:"copies"`
}

func newPaymentShowCommand(env *environment) *cobra.Command {
	o := &operation{work: work{env: env}}
	c := &cobra.Command{
		Use: "show", Short: "Show the whole story of a payment", Args: cobra.NoArgs,
		Long: "The payment, its attempts with the router's reasons, refunds, the history of every status, the channel's callbacks,\n" +
			"the events with their deliveries and what operators did. Found by the id of the payment, of an attempt or of a refund.",
		Example: example("paymux payment show --id pay_01…", "paymux payment show --id 01K… --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.do(c.Context(), func(in *app.Installation) error {
				p, _, err := o.find(c.Context(), in)
				if err != nil {
					return err
				}
				t, err := readTimeline(c.Context(), in, p)
				if err != nil {
					return err
				}
				return o.print(t, t.describe)
			})
		},
	}
	o.flagsFor(c, "id of the payment, of one of its attempts or of one of its refunds", false)
	return c
}

func readTimeline(ctx context.Context, in *app.Installation, p *payment.Payment) (*timeline, error) {
	byPayment, err := in.DB.AttemptsOf(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	attempts := byPayment[p.ID]
	t := &timeline{
		Payment: payment.NewView(p, attempts), payment: p, attempts: attempts,
		Attempts: []attemptInside{}, Refunds: []refundInside{}, History: []changeView{}, Notifications: []notificationView{}, Events: []notify.EventView{},
	}
	subjects := []string{p.ID}
	for _, a := range attempts {
		subjects = append(subjects, a.ID)
		t.Attempts = append(t.Attempts, attemptInside{
			ID: a.ID, Owner: a.Owner, Deadline: timeOrNull(a.Deadline), SubmittedAt: timeOrNull(a.SubmittedAt),
			NextCheckAt: timeOrNull(a.NextCheckAt), Checks: a.Checks, LateUntil: timeOrNull(a.LateUntil), Routing: a.Decision,
		})
	}
	refunds, err := in.DB.ListRefunds(ctx, payment.RefundFilter{MerchantID: p.MerchantID, PaymentID: p.ID, Limit: shownRefunds})
	if err != nil {
		return nil, err
	}
	slices.Reverse(refunds)
	t.refunds = refunds
	for _, r := range refunds {
		subjects = append(subjects, r.ID)
		t.Refunds = append(t.Refunds, refundInside{
			RefundView: payment.NewRefundView(r), NextCheckAt: timeOrNull(r.NextCheckAt), Checks: r.Checks, Reserved: r.Reserved,
		})
	}
	if err := t.readStory(ctx, in, p); err != nil {
		return nil, err
	}
	return t, t.readActs(ctx, in, subjects)
}

// readStory reads what happened: moves, callbacks and events.
func (t *timeline) readStory(ctx context.Context, in *app.Installation, p *payment.Payment) error {
	history, err := in.DB.HistoryOf(ctx, p.ID)
	if err != nil {
		return err
	}
	for _, c := range history {
		t.History = append(t.History, changeView{
			At: c.At, Kind: c.Kind, AttemptID: c.AttemptID, RefundID: c.RefundID, From: c.From, To: c.To, Cause: c.Cause, Detail: c.Detail,
		})
	}
	notifications, err := in.DB.ListNotifications(ctx, notify.NotificationFilter{PaymentID: p.ID, Limit: shownNotifications})
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(notifications) {
		t.Notifications = append(t.Notifications, notificationView{
			ID: n.ID, ReceivedAt: n.ReceivedAt, LastAt: n.LastAt, Channel: n.Channel, AccountID: n.AccountID, AttemptID: n.AttemptID,
			Verdict: n.Verdict, Detail: n.Detail, Copies: n.Copies,
		})
	}
	events, err := in.DB.ListEvents(ctx, notify.EventFilter{MerchantID: p.MerchantID, PaymentID: p.ID, Limit: shownEvents})
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(events) {
		t.Events = append(t.Events, notify.NewEventView(e))
	}
	return nil
}

// readActs reads what people did to any part of the payment.
func (t *timeline) readActs(ctx context.Context, in *app.Installation, subjects []string) error {
	for _, e := range t.Events {
		subjects = append(subjects, e.ID)
	}
	var all []audit.Entry
	for _, subject := range subjects {
		list, err := in.DB.ListAudit(ctx, audit.Filter{Subject: subject, Limit: shownActs})
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b audit.Entry) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	t.Audit = viewAudits(all)
	return nil
}

// line is one moment of the story.
type line struct {
	at    time.Time
	cells []any
}

// describe writes the story for people: what it is now, then everything in the
// order in which it happened.
func (t *timeline) describe(out *tabwriter.Writer) {
	describePayment(out, t.payment, t.attempts)
	for _, r := range t.refunds {
		row(out, "refund", r.ID, r.Status, fmt.Sprint(r.Amount), r.Initiator)
	}
	for _, a := range t.attempts {
		for _, c := range a.Decision.Candidates {
			row(out, "routing of "+a.ID, c.Channel, c.AccountID, c.Reason)
		}
	}
	row(out)
	for _, l := range t.lines() {
		row(out, append([]any{l.at.Format("2006-01-02T15:04:05.000Z07:00")}, l.cells...)...)
	}
}

func (t *timeline) lines() []line {
	var lines []line
	add := func(at time.Time, cells ...any) { lines = append(lines, line{at, cells}) }
	for _, c := range t.History {
		what := c.Detail
		if c.To != "" {
			what = strings.TrimSpace(fmt.Sprintf("%s → %s %s", c.From, c.To, c.Detail))
		}
		add(c.At, c.Kind, cmp.Or(c.RefundID, c.AttemptID), what, "by "+c.Cause)
	}
	for _, n := range t.Notifications {
		add(n.ReceivedAt, "callback", n.AttemptID, string(n.Verdict)+" "+n.Detail, fmt.Sprint("received ", n.Copies, "×"))
	}
	for _, e := range t.Events {
		add(e.CreatedAt, "event", e.ID, e.Type, e.Status)
		for _, d := range e.Deliveries {
			outcome := "no answer"
			if d.HTTPStatus != nil {
				outcome = fmt.Sprint("HTTP ", *d.HTTPStatus)
			}
			add(d.At, "delivery", e.ID, fmt.Sprint("try ", d.Number), outcome)
		}
	}
	for _, a := range t.Audit {
		add(a.At, "act", a.Subject, a.Action, "by "+a.Actor)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	return lines
}
