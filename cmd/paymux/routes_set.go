package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/router"
)

// checkView is what is wrong with rules, for machines.
type checkView struct {
	Valid  bool           `json:"valid"`
	Rules  int            `json:"rules"`
	Issues []router.Issue `json:"issues"`
}

func newRoutesCheckCommand(env *environment) *cobra.Command {
	r := &routes{work: work{env: env}}
	var strict bool
	c := &cobra.Command{
		Use: "check", Short: "Check rules without setting them", Args: cobra.NoArgs,
		Long: "Names what is wrong: unknown fields and accounts are errors; rules that are never reached, weights that never\n" +
			"apply and disabled accounts are warnings. Exits with 1 on errors, with --strict on warnings too.",
		Example: example("paymux routes check --merchant mer_01… --file rules.yaml", "paymux routes check --merchant mer_01… --file rules.yaml --strict --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			document, err := r.document()
			if err != nil {
				return err
			}
			return r.do(c.Context(), func(in *app.Installation) error {
				rules, issues, err := in.CheckRules(c.Context(), r.merchantID, document)
				if err != nil {
					return err
				}
				if err := r.printCheck(rules, issues); err != nil {
					return err
				}
				if rules == nil || strict && len(issues) > 0 {
					return errReported
				}
				return nil
			})
		},
	}
	r.flagsFor(c, "file with the rules, YAML or JSON; - reads stdin")
	c.Flags().BoolVar(&strict, "strict", false, "take warnings for errors")
	require(c, "file")
	return c
}

func (r *routes) printCheck(rules *router.Rules, issues []router.Issue) error {
	view := checkView{Valid: rules != nil, Issues: append([]router.Issue{}, issues...)}
	if rules != nil {
		view.Rules = len(rules.List)
	}
	return r.print(view, func(out *tabwriter.Writer) {
		for _, i := range issues {
			row(out, i.Severity, r.place(i), i.Field, i.Message)
		}
		switch {
		case !view.Valid:
			row(out, "the rules cannot be used")
		default:
			row(out, fmt.Sprintf("ok: %d rules, %d warnings", view.Rules, len(issues)))
		}
	})
}

func (r *routes) place(i router.Issue) string {
	name := r.file
	if name == "-" {
		name = "stdin"
	}
	if i.Line == 0 {
		return name
	}
	return fmt.Sprintf("%s:%d", name, i.Line)
}

func newRoutesSetCommand(env *environment) *cobra.Command {
	r := &routes{work: work{env: env}}
	var note string
	expect := int64(-1)
	c := &cobra.Command{
		Use: "set", Short: "Make a file the merchant's rules", Args: cobra.NoArgs,
		Long: "The rules are checked first; with errors nothing changes. The version before is kept, and who set the new one is\n" +
			"in the audit trail. A file that holds already changes nothing.",
		Example: example("paymux routes set --merchant mer_01… --file rules.yaml --reason 'lower fees'",
			"paymux routes set --merchant mer_01… --file rules.yaml --if-version 7 --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			document, err := r.document()
			if err != nil {
				return err
			}
			change := app.RulesChange{MerchantID: r.merchantID, Document: withoutBanner(document), Actor: actor(), Note: note, Expect: expect}
			return r.do(c.Context(), func(in *app.Installation) error { return r.set(c.Context(), in, change) })
		},
	}
	r.flagsFor(c, "file with the rules, YAML or JSON; - reads stdin")
	c.Flags().StringVar(&note, "reason", "", "why, for the history and the audit trail")
	c.Flags().Int64Var(&expect, "if-version", -1, "only in the place of this version; 0: where there are no rules yet")
	require(c, "file")
	return c
}

func (r *routes) set(ctx context.Context, in *app.Installation, change app.RulesChange) error {
	revision, issues, err := in.SetRules(ctx, change)
	if err != nil {
		return err
	}
	if revision.Version == 0 {
		if err := r.printCheck(nil, issues); err != nil {
			return err
		}
		return errReported
	}
	view := struct {
		revisionView
		Issues []router.Issue `json:"issues"`
	}{viewRevision(revision), append([]router.Issue{}, issues...)}
	view.Document = ""
	return r.print(view, func(out *tabwriter.Writer) {
		for _, i := range issues {
			row(out, i.Severity, r.place(i), i.Field, i.Message)
		}
		row(out, fmt.Sprintf("version %d of the rules of %s holds; running gateways follow within %s",
			revision.Version, revision.MerchantID, in.Config.Routing.Reload))
	})
}
