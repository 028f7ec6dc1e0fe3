package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
)

// paymentEvidence is the flags of payment settle.
type paymentEvidence struct {
	operation
	paid, unpaid bool
	amount       int64
	tradeNo      string
	at           string
	evidence     string
}

func newPaymentSettleCommand(env *environment) *cobra.Command {
	e := &paymentEvidence{operation: operation{work: work{env: env}}}
	c := &cobra.Command{
		Use: "settle", Short: "Settle an attempt with evidence, where no query can", Args: cobra.NoArgs,
		Long: "For an attempt whose outcome only a file or the channel's console tells. Ask first: what the channel itself says is\n" +
			"better. Evidence against what the channel said is refused, as is \"unpaid\" while the channel may still take money.\n" +
			"Money of another amount than the order's is kept as an amount_mismatch discrepancy and not booked. Late money and\n" +
			"money beside the attempt that counts go back as they do after a callback.",
		Example: example("paymux payment settle --id 01K… --paid --amount 1250 --trade-no 2026112122001… --at 2026-11-21T09:30:00+08:00 \\\n"+
			"      --evidence 'bill of 2026-11-21, line 14' --reason 'ticket 4711'",
			"paymux payment settle --id 01K… --unpaid --evidence 'not in the settlement file' --reason 'ticket 4711' --json"),
		RunE: func(c *cobra.Command, _ []string) error { return e.run(c.Context()) },
	}
	e.flagsFor(c, "id of the attempt, or of a payment that has only one", true)
	c.Flags().BoolVar(&e.paid, "paid", false, "the evidence shows that the payer's money was taken")
	c.Flags().BoolVar(&e.unpaid, "unpaid", false, "the evidence shows that no money was taken")
	c.MarkFlagsMutuallyExclusive("paid", "unpaid")
	c.MarkFlagsOneRequired("paid", "unpaid")
	c.Flags().Int64Var(&e.amount, "amount", 0, "with --paid: the amount that was taken, in the currency's minor unit")
	c.Flags().StringVar(&e.tradeNo, "trade-no", "", "the channel's number of it")
	c.Flags().StringVar(&e.at, "at", "", "with --paid: when it was paid, RFC 3339 (default: now)")
	c.Flags().StringVar(&e.evidence, "evidence", "", "where this is known from")
	require(c, "evidence")
	return c
}

func (e *paymentEvidence) run(ctx context.Context) error {
	at, err := moment("at", e.at)
	if err != nil {
		return err
	}
	return e.act(ctx, func(ctx context.Context, in *app.Installation, core *payment.Service) error {
		p, attempts, err := e.find(ctx, in)
		if err != nil {
			return err
		}
		if len(attempts) != 1 {
			return fmt.Errorf("payment %s has %d attempts; name the one that is meant, see paymux payment show", p.ID, len(attempts))
		}
		evidence := payment.AttemptEvidence{
			AttemptID: attempts[0].ID, Paid: e.paid, ChannelTradeNo: e.tradeNo, PaidAt: at, Evidence: e.evidence, Actor: actor(),
		}
		if e.paid && e.amount != 0 {
			if evidence.Amount, err = money.New(e.amount, p.Amount.Currency()); err != nil {
				return &usageError{fmt.Errorf("--amount %d: %w", e.amount, err)}
			}
		}
		_, err = core.SettleAttempt(ctx, evidence)
		if _, refused := errors.AsType[*payment.Error](err); err != nil && !refused {
			return err
		}
		return errors.Join(err, e.result(ctx, in, p.ID))
	})
}
