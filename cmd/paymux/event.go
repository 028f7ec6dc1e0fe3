package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/payment"
)

func newEventCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use: "event", Short: "Send a merchant's event again", RunE: needSubcommand,
		Example: example("paymux event resend --id evt_01… --reason 'ticket 4711'"),
	}
	c.AddCommand(newEventResendCommand(env))
	return c
}

func newEventResendCommand(env *environment) *cobra.Command {
	o := &operation{work: work{env: env}}
	c := &cobra.Command{
		Use: "resend", Short: "Make an event due at once, whatever became of it", Args: cobra.NoArgs,
		Long: "The running serve delivers it, from the beginning of its ladder. An event without an address takes the merchant's\n" +
			"present one; an address that is disabled gets this one try.",
		Example: example("paymux event resend --id evt_01… --reason 'the receiver lost it'", "paymux event resend --id evt_01… --reason 'ticket 4711' --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.do(c.Context(), func(in *app.Installation) error { return o.resendEvent(c.Context(), in) })
		},
	}
	o.flagsFor(c, "id of the event, evt_…", true)
	return c
}

func (o *operation) resendEvent(ctx context.Context, in *app.Installation) error {
	merchantID, err := in.DB.EventOwner(ctx, o.id)
	if errors.Is(err, payment.ErrNotFound) {
		return fmt.Errorf("there is no event %s", o.id)
	}
	if err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]any{"reason": o.reason})
	if err != nil {
		return err
	}
	view, err := in.Desk(in.Audit(actor(), "event.resend", merchantID, o.id, string(detail))).Resend(ctx, merchantID, o.id)
	if err != nil {
		return err
	}
	return o.print(view, func(out *tabwriter.Writer) {
		row(out, view.ID, view.Type, view.Status, fmt.Sprint(view.Attempts, " tries so far"))
	})
}
