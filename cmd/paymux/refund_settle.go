package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/payment"
)

func newRefundSettleCommand(env *environment) *cobra.Command {
	o := &operation{work: work{env: env}}
	var evidence payment.RefundEvidence
	var failed bool
	var at string
	c := &cobra.Command{
		Use: "settle", Short: "Settle a refund with evidence, where no query can", Args: cobra.NoArgs,
		Long: "For a refund in doubt about which only a file or the channel's console tells, such as one that never arrived at\n" +
			"UnionPay. Evidence against what the channel said is refused. One that failed gives its amount back to the payment;\n" +
			"the merchant is told either way.",
		Example: example("paymux refund settle --id 01K… --failed --evidence 'not in the settlement file of 2026-11-21' --reason 'ticket 4711'",
			"paymux refund settle --id 01K… --succeeded --channel-no 5501… --at 2026-11-21T09:30:00+08:00 --evidence 'file, line 3' --reason 'ticket 4711' --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			when, err := moment("at", at)
			if err != nil {
				return err
			}
			return o.act(c.Context(), func(ctx context.Context, _ *app.Installation, core *payment.Service) error {
				evidence.RefundID, evidence.At, evidence.Actor = o.id, when, actor()
				return o.refundResult(core.SettleRefund(ctx, evidence))
			})
		},
	}
	o.flagsFor(c, "id of the refund (the number that the channel sees)", true)
	c.Flags().BoolVar(&evidence.Succeeded, "succeeded", false, "the evidence shows that the money went back")
	c.Flags().BoolVar(&failed, "failed", false, "the evidence shows that no money went back")
	c.MarkFlagsMutuallyExclusive("succeeded", "failed")
	c.MarkFlagsOneRequired("succeeded", "failed")
	c.Flags().StringVar(&evidence.ChannelRefundNo, "channel-no", "", "the channel's number of it")
	c.Flags().StringVar(&at, "at", "", "with --succeeded: when, RFC 3339 (default: now)")
	c.Flags().StringVar(&evidence.Evidence, "evidence", "", "where this is known from")
	require(c, "evidence")
	return c
}
