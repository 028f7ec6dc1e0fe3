package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/payment"
)

func newRefundCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "refund",
		Short: "Ask about single refunds, send them again, settle them with evidence, start one",
		Long:  "Works beside a running serve. What changes anything needs --reason and leaves an entry in the audit trail.",
		Example: example("paymux refund ask --id 01K… --reason 'ticket 4711'",
			"paymux refund settle --id 01K… --failed --evidence 'not in the file of 2026-11-21' --reason 'ticket 4711'"),
		RunE: needSubcommand,
	}
	c.AddCommand(
		newRefundActCommand(env, "ask", "Ask the channel about a refund now and book what is certain",
			"Nothing but the question is sent. Exit 1 where the channel gives no answer.", false, (*payment.Service).AskRefund),
		newRefundActCommand(env, "resend", "Send a refund now, again under the same number where that is safe",
			"A refund that waits is sent for the first time. One in doubt is sent again only where the channel documents that this\n"+
				"pays out once (Alipay, WeChat Pay), never while a call may be under way.", true, (*payment.Service).ResendRefund),
		newRefundSettleCommand(env), newRefundCreateCommand(env),
	)
	return c
}

// newRefundActCommand makes a command that does one thing to one refund.
func newRefundActCommand(env *environment, name, short, long string, sends bool,
	do func(s *payment.Service, ctx context.Context, id, actor string) (*payment.Refund, error),
) *cobra.Command {
	o := &operation{work: work{env: env}}
	c := &cobra.Command{
		Use: name, Short: short, Long: long, Args: cobra.NoArgs,
		Example: example("paymux refund "+name+" --id 01K… --reason 'ticket 4711'", "paymux refund "+name+" --id 01K… --reason 'ticket 4711' --config paymux.yaml --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.act(c.Context(), func(ctx context.Context, in *app.Installation, core *payment.Service) error {
				if sends {
					if err := o.needsPublicURL(in); err != nil {
						return err
					}
				}
				r, err := do(core, ctx, o.id, actor())
				return o.refundResult(r, err)
			})
		},
	}
	o.flagsFor(c, "id of the refund (the number that the channel sees)", true)
	return c
}

// refundResult prints a refund, also one about which something went wrong.
func (o *operation) refundResult(r *payment.Refund, err error) error {
	if r == nil {
		return err
	}
	printed := o.print(payment.NewRefundView(r), func(out *tabwriter.Writer) {
		row(out, "refund", r.ID, r.Status, fmt.Sprint(r.Amount))
		row(out, "payment", r.PaymentID)
		row(out, "attempt", r.AttemptID, r.Channel, r.AccountID)
		if r.ChannelRefundNo != "" {
			row(out, "channel's number", r.ChannelRefundNo)
		}
		if r.Failure != nil {
			row(out, "failure", r.Failure.Code, r.Failure.Message, r.Failure.ChannelCode)
		}
	})
	return errors.Join(err, printed)
}

func newRefundCreateCommand(env *environment) *cobra.Command {
	o := &operation{work: work{env: env}}
	var req payment.OperatorRefund
	var secondTryOf string
	c := &cobra.Command{
		Use: "create", Short: "Refund a payment on the operator's behalf, or try one of the gateway's own again", Args: cobra.NoArgs,
		Long: "The rules of the merchant's own refunds hold: together they never pass what was paid. The same --number again gives\n" +
			"the refund that it made. --second-try-of starts a new try of a refund of duplicate or late money that the channel\n" +
			"refused. The merchant is told by the usual webhooks.",
		Example: example("paymux refund create --payment pay_01… --number goodwill-1 --amount 500 --text 'goodwill' --reason 'ticket 4711'",
			"paymux refund create --second-try-of 01K… --reason 'the account was short of money' --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.act(c.Context(), func(ctx context.Context, in *app.Installation, core *payment.Service) error {
				if err := o.needsPublicURL(in); err != nil {
					return err
				}
				if secondTryOf != "" {
					return o.refundResult(core.RetryRefund(ctx, secondTryOf, actor()))
				}
				req.Actor = actor()
				return o.refundResult(core.StartRefund(ctx, req))
			})
		},
	}
	o.flagsFor(c, "", true)
	c.Flags().StringVar(&req.PaymentID, "payment", "", "id of the payment")
	c.Flags().StringVar(&req.Number, "number", "", "a number of your own, 1 to 64 of A-Z a-z 0-9 _ -; the same again makes no second refund")
	c.Flags().Int64Var(&req.Amount, "amount", 0, "amount in the currency's minor unit")
	c.Flags().StringVar(&req.Reason, "text", "refunded by the operator", "what the channel and the merchant are told, at most 80 characters")
	c.Flags().StringVar(&secondTryOf, "second-try-of", "", "id of a refund of the gateway that failed")
	c.MarkFlagsRequiredTogether("payment", "number", "amount")
	c.MarkFlagsMutuallyExclusive("payment", "second-try-of")
	c.MarkFlagsOneRequired("payment", "second-try-of")
	return c
}
