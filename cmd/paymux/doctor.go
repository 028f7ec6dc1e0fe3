package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
)

func newDoctorCommand(env *environment) *cobra.Command {
	var where installation
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check an installation and say what is wrong and what to do",
		Long: "Checks the configuration, the keys, certificates' ends, the clock, the database, Redis and whether each channel\n" +
			"answers. It changes nothing. Exits with 1 when something failed.",
		Example: example("paymux doctor", "paymux doctor --config paymux.yaml --json"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			findings := app.Examine(c.Context(), where.source(env), env.logger("error", "text"), env.now)
			failed := false
			for _, f := range findings {
				failed = failed || f.Status == app.FindingFailed
			}
			if asJSON {
				if err := env.printJSON(map[string]any{"findings": findings, "healthy": !failed}); err != nil {
					return err
				}
			} else {
				env.printFindings(findings)
			}
			if failed {
				return errReported
			}
			return nil
		},
	}
	where.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (env *environment) printFindings(findings []app.Finding) {
	marks := map[string]string{app.FindingOK: "✓", app.FindingWarning: "!", app.FindingFailed: "✗"}
	for _, f := range findings {
		_, _ = fmt.Fprintf(env.stdout, "%s %-16s %s\n", marks[f.Status], f.What, f.Detail)
		if f.Advice != "" {
			_, _ = fmt.Fprintf(env.stdout, "  %-16s → %s\n", "", f.Advice)
		}
	}
}
