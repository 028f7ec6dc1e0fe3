package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/router"
)

func newRoutesReplayCommand(env *environment) *cobra.Command {
	r := &routes{work: work{env: env}}
	var date string
	c := &cobra.Command{
		Use: "replay", Short: "Show what rules would have changed on a day's real payments", Args: cobra.NoArgs,
		Long: "Reads the payments that the merchant made on a day and asks where the rules would have sent each: shares of channels\n" +
			"and accounts, amounts, fees by the contracted rates, and payments that no account would take. Changes nothing.\n" +
			"Accounts, limits and fees are those of now; every account counts as well and at rest, as what its breaker and its\n" +
			"load were at the time is not known any more.",
		Example: example("paymux routes replay --merchant mer_01… --file rules.yaml",
			"paymux routes replay --merchant mer_01… --file rules.yaml --date 2026-11-11 --json",
			"paymux routes replay --merchant mer_01…    # the rules that hold"),
		RunE: func(c *cobra.Command, _ []string) error {
			day := channels.DayAt(env.now()).Add(-1)
			if date != "" {
				var err error
				if day, err = channels.ParseDay(date); err != nil {
					return &usageError{fmt.Errorf("--date: %w", err)}
				}
			}
			return r.do(c.Context(), func(in *app.Installation) error { return r.replay(c.Context(), in, day) })
		},
	}
	r.flagsFor(c, "file with the rules, YAML or JSON; - reads stdin (default: the rules that hold)")
	c.Flags().StringVar(&date, "date", "", "the day, as 2006-01-02 in Asia/Shanghai (default: yesterday)")
	return c
}

// replayView is a replay for machines.
type replayView struct {
	MerchantID string `json:"merchant_id"`
	Date       string `json:"date"`
	// Source is the file, or the version that holds.
	Source string `json:"source"`
	router.ReplayReport
	Issues []router.Issue `json:"issues"`
}

func (r *routes) replay(ctx context.Context, in *app.Installation, day channels.Day) error {
	document, source, err := r.candidate(ctx, in)
	if err != nil {
		return err
	}
	var rules *router.Rules
	var issues []router.Issue
	if document != "" {
		rules, issues, err = in.CheckRules(ctx, r.merchantID, document)
		if err != nil {
			return err
		}
		if rules == nil {
			if err := r.printCheck(nil, issues); err != nil {
				return err
			}
			return errReported
		}
	}
	report, err := in.ReplayRules(ctx, r.merchantID, rules, day)
	if err != nil {
		return err
	}
	view := replayView{MerchantID: r.merchantID, Date: day.String(), Source: source, ReplayReport: report, Issues: append([]router.Issue{}, issues...)}
	return r.print(view, func(out *tabwriter.Writer) { view.lines(out) })
}

// candidate gives the rules to try out, and where they are from.
func (r *routes) candidate(ctx context.Context, in *app.Installation) (document, source string, err error) {
	if r.file != "" {
		document, err = r.document()
		return document, r.file, err
	}
	revision, err := in.RulesRevision(ctx, r.merchantID, 0)
	if errors.Is(err, payment.ErrNotFound) {
		return "", "no rules", nil
	}
	return revision.Document, fmt.Sprintf("version %d", revision.Version), err
}

func (v replayView) lines(out *tabwriter.Writer) {
	row(out, fmt.Sprintf("payments of %s, %s: %d of %s; would by %s:", v.MerchantID, v.Date, v.Orders, yuan(v.Amount), v.Source))
	row(out, fmt.Sprintf("  %d (%s) go to another account, %s; %d are not taken, %s",
		v.Moved, share(v.Moved, v.Orders), yuan(v.MovedAmount), v.Untaken, yuan(v.UntakenAmount)))
	row(out, fmt.Sprintf("  contracted fees of those that are taken: %s instead of %s, %s", yuan(v.FeesWould), yuan(v.FeesWas), signed(v.FeesWould-v.FeesWas)))
	row(out)
	row(out, "CHANNEL", "ACCOUNT", "RATE", "SHARE", "", "PAYMENTS", "", "AMOUNT", "", "FEES", "")
	row(out, "", "", "", "was", "would", "was", "would", "was", "would", "was", "would")
	for _, c := range v.Channels {
		v.share(out, c, "all", "")
		for _, a := range v.Accounts {
			if a.Channel == c.Channel {
				v.share(out, a, a.AccountID, fmt.Sprintf("%.2f %%", float64(a.FeeRatePPM)/10_000))
			}
		}
	}
	row(out)
	row(out, "RULE", "PAYMENTS", "AMOUNT")
	for _, r := range v.Rules {
		name := r.Name
		if name == "" {
			name = "(none)"
		}
		row(out, name, r.Orders, yuan(r.Amount))
	}
	if len(v.UntakenWhy) == 0 {
		return
	}
	row(out)
	row(out, "NOT TAKEN", "PAYMENTS", "AMOUNT", "FOR INSTANCE")
	for _, w := range v.UntakenWhy {
		row(out, w.Reason, w.Orders, yuan(w.Amount), strings.Join(w.Examples, " "))
	}
}

func (v replayView) share(out *tabwriter.Writer, s router.ReplayShare, account, rate string) {
	row(out, s.Channel, account, rate, share(s.Was.Orders, v.Orders), share(s.Would.Orders, v.Orders), s.Was.Orders, s.Would.Orders,
		yuan(s.Was.Amount), yuan(s.Would.Amount), yuan(s.Was.Fee), yuan(s.Would.Fee))
}

func share(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// yuan shows fen.
func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

func signed(fen int64) string {
	if fen < 0 {
		return yuan(fen)
	}
	return "+" + yuan(fen)
}
