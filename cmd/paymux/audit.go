package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/audit"
)

// maxAuditPage bounds a page of the trail.
const maxAuditPage = 1000

// auditView is an entry as the command shows it.
type auditView struct {
	ID         string          `json:"id"`
	At         time.Time       `json:"at"`
	Actor      string          `json:"actor"`
	Action     string          `json:"action"`
	MerchantID string          `json:"merchant_id"`
	Subject    string          `json:"subject"`
	Detail     json.RawMessage `json:"detail"`
}

func viewAudit(e audit.Entry) auditView {
	v := auditView{ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, MerchantID: e.MerchantID, Subject: e.Subject, Detail: json.RawMessage("{}")}
	if e.Detail != "" {
		v.Detail = json.RawMessage(e.Detail)
	}
	return v
}

func viewAudits(list []audit.Entry) []auditView {
	views := make([]auditView, len(list))
	for i, e := range list {
		views[i] = viewAudit(e)
	}
	return views
}

func newAuditCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use: "audit", Short: "Show who did what", RunE: needSubcommand,
		Example: example("paymux audit list --subject pay_01…"),
	}
	c.AddCommand(newAuditListCommand(env))
	return c
}

func newAuditListCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	var f audit.Filter
	var cursor string
	c := &cobra.Command{
		Use: "list", Short: "List what people did, newest first", Args: cobra.NoArgs,
		Example: example("paymux audit list --limit 20", "paymux audit list --actor cli:root --action refund.settle --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if f.BeforeTime, f.BeforeID, err = parseAuditCursor(cursor); err != nil {
				return err
			}
			if f.Limit < 1 || f.Limit > maxAuditPage {
				return &usageError{fmt.Errorf("--limit %d: it must be 1 to %d", f.Limit, maxAuditPage)}
			}
			return w.do(c.Context(), func(in *app.Installation) error { return w.listAudit(c.Context(), in, f) })
		},
	}
	w.flags(c)
	c.Flags().StringVar(&f.MerchantID, "merchant", "", "only what was a merchant's business")
	c.Flags().StringVar(&f.Actor, "actor", "", "only what one did: a console user's name, or cli: and the system's user")
	c.Flags().StringVar(&f.Action, "action", "", "only one kind of act, such as refund.settle")
	c.Flags().StringVar(&f.Subject, "subject", "", "only what was done to one attempt, refund, event, …")
	c.Flags().IntVar(&f.Limit, "limit", 100, "how many at most")
	c.Flags().StringVar(&cursor, "cursor", "", "next_cursor of the page before")
	return c
}

func (w *work) listAudit(ctx context.Context, in *app.Installation, f audit.Filter) error {
	list, err := in.DB.ListAudit(ctx, f)
	if err != nil {
		return err
	}
	var next *string
	if len(list) == f.Limit {
		last := list[len(list)-1]
		text := strconv.FormatInt(last.At.UnixMilli(), 10) + "." + last.ID
		next = &text
	}
	return w.print(map[string]any{"data": viewAudits(list), "next_cursor": next}, func(out *tabwriter.Writer) {
		row(out, "AT", "ACTOR", "ACTION", "SUBJECT", "DETAIL")
		for _, e := range list {
			row(out, e.At.Format(time.RFC3339), e.Actor, e.Action, e.Subject, e.Detail)
		}
		if next != nil {
			row(out, "more with --cursor "+*next)
		}
	})
}

func parseAuditCursor(cursor string) (at time.Time, id string, err error) {
	if cursor == "" {
		return time.Time{}, "", nil
	}
	ms, id, _ := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || id == "" {
		return time.Time{}, "", &usageError{fmt.Errorf("--cursor %q is none of a page's", cursor)}
	}
	return time.UnixMilli(n).UTC(), id, nil
}
