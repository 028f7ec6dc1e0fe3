package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/payment"
)

func newPaymentCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "payment",
		Short: "Look at single payments, ask their channel, settle them with evidence",
		Long:  "Works beside a running serve. What changes anything needs --reason and leaves an entry in the audit trail.",
		Example: example("paymux payment show --id pay_01…",
			"paymux payment ask --id pay_01… --reason 'ticket 4711'"),
		RunE: needSubcommand,
	}
	c.AddCommand(newPaymentShowCommand(env), newPaymentAskCommand(env), newPaymentSettleCommand(env))
	return c
}

func newPaymentAskCommand(env *environment) *cobra.Command {
	o := &operation{work: work{env: env}}
	c := &cobra.Command{
		Use: "ask", Short: "Ask the channel about a payment now and book what is certain", Args: cobra.NoArgs,
		Long: "Asks about every attempt of the payment, or about one. Money that is found is booked as if its callback had come,\n" +
			"late money too. Nothing but the question is sent. Exit 1 where a channel gives no answer.",
		Example: example("paymux payment ask --id pay_01… --reason 'callback lost, ticket 4711'", "paymux payment ask --id 01K… --reason 'bill shows it' --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.act(c.Context(), func(ctx context.Context, in *app.Installation, core *payment.Service) error {
				p, attempts, err := o.find(ctx, in)
				if err != nil {
					return err
				}
				var failures error
				for _, a := range attempts {
					_, err := core.AskAttempt(ctx, a.ID, actor())
					failures = errors.Join(failures, err)
				}
				return errors.Join(o.result(ctx, in, p.ID), failures)
			})
		},
	}
	o.flagsFor(c, "id of the payment, or of one attempt (the order number that the channel sees)", true)
	return c
}

// find reads the payment that is meant and its attempts, or the one that is.
func (o *operation) find(ctx context.Context, in *app.Installation) (*payment.Payment, []*payment.Attempt, error) {
	paymentID := o.id
	a, err := in.DB.AttemptByID(ctx, o.id)
	switch {
	case err == nil:
		paymentID = a.PaymentID
	case !errors.Is(err, payment.ErrNotFound):
		return nil, nil, err
	}
	if r, err := in.DB.FindRefund(ctx, o.id); err == nil {
		paymentID = r.PaymentID
	} else if !errors.Is(err, payment.ErrNotFound) {
		return nil, nil, err
	}
	p, err := in.DB.FindPayment(ctx, paymentID)
	if errors.Is(err, payment.ErrNotFound) {
		return nil, nil, fmt.Errorf("there is no payment, attempt or refund %s", o.id)
	}
	if err != nil {
		return nil, nil, err
	}
	if a != nil {
		return p, []*payment.Attempt{a}, nil
	}
	attempts, err := in.DB.AttemptsOf(ctx, p.ID)
	return p, attempts[p.ID], err
}

// result prints the payment as it stands now.
func (o *operation) result(ctx context.Context, in *app.Installation, paymentID string) error {
	p, err := in.DB.FindPayment(ctx, paymentID)
	if err != nil {
		return err
	}
	attempts, err := in.DB.AttemptsOf(ctx, p.ID)
	if err != nil {
		return err
	}
	return o.print(payment.NewView(p, attempts[p.ID]), func(out *tabwriter.Writer) { describePayment(out, p, attempts[p.ID]) })
}

func describePayment(out *tabwriter.Writer, p *payment.Payment, attempts []*payment.Attempt) {
	row(out, "payment", p.ID, p.Status, fmt.Sprint(p.Amount))
	row(out, "merchant's order", p.MerchantOrderNo, p.MerchantID)
	if p.PaidMinor > 0 {
		row(out, "paid, reserved, refunded", fmt.Sprintf("%d, %d, %d", p.PaidMinor, p.ReservedMinor, p.RefundedMinor))
	}
	for _, a := range slices.Backward(attempts) {
		counted := ""
		if a.Counted {
			counted = "counts"
		}
		row(out, "attempt", a.ID, a.Status, a.Channel, a.AccountID, a.ChannelTradeNo, counted)
	}
}
