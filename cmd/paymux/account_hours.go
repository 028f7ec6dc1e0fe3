package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/app"
)

const hoursHelp = "when it takes payments, each day in Asia/Shanghai, like 08:00-22:30 (default: always)"

func newAccountHoursCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	var id string
	var texts []string
	var always bool
	c := &cobra.Command{
		Use: "hours", Short: "Say when an account takes payments", Args: cobra.NoArgs,
		Example: example("paymux account hours --account acc_01… --hours 08:00-12:00,13:00-22:30", "paymux account hours --account acc_01… --always"),
		RunE: func(c *cobra.Command, _ []string) error {
			hours, err := parseHours(texts)
			if err != nil {
				return err
			}
			return w.do(c.Context(), func(in *app.Installation) error {
				if err := in.Merchants.SetAccountHours(c.Context(), id, hours); err != nil {
					return err
				}
				account, err := in.Merchants.Account(c.Context(), id)
				if err != nil {
					return err
				}
				return w.accountChanged(c.Context(), in, "account.hours", account)
			})
		},
	}
	w.flags(c)
	c.Flags().StringVar(&id, "account", "", "id of the account, acc_…")
	c.Flags().StringSliceVar(&texts, "hours", nil, hoursHelp)
	c.Flags().BoolVar(&always, "always", false, "at any time")
	c.MarkFlagsMutuallyExclusive("hours", "always")
	c.MarkFlagsOneRequired("hours", "always")
	require(c, "account")
	return c
}

func parseHours(texts []string) ([]channels.Hours, error) {
	var hours []channels.Hours
	for _, text := range texts {
		h, err := channels.ParseHours(text)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--hours: %w", err)}
		}
		hours = append(hours, h)
	}
	return hours, nil
}
