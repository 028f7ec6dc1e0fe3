package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/store"
)

func newMigrateCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the database's schema up to date, or show how far it is",
		Example: example("paymux migrate up --config paymux.yaml", "paymux migrate status --config paymux.yaml --json"),
		RunE:    needSubcommand,
	}
	c.AddCommand(
		migrateCommand(env, "up", "Apply the migrations that are missing", func(c *cobra.Command, in *app.Installation) ([]store.Migration, error) {
			return in.DB.Migrate(c.Context())
		}),
		migrateCommand(env, "status", "List the migrations and which are applied", func(c *cobra.Command, in *app.Installation) ([]store.Migration, error) {
			return in.DB.MigrationStatus(c.Context())
		}),
	)
	return c
}

func migrateCommand(env *environment, use, short string, do func(*cobra.Command, *app.Installation) ([]store.Migration, error)) *cobra.Command {
	var where installation
	var asJSON bool
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs, Example: example("paymux migrate " + use + " --config paymux.yaml"),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := where.source(env).Load()
			if err != nil {
				return err
			}
			in, err := app.Open(c.Context(), cfg, env.quietLogger(), env.now)
			if err != nil {
				return err
			}
			defer func() { _ = in.Close() }()
			list, err := do(c, in)
			if err != nil {
				return err
			}
			if asJSON {
				return env.printJSON(map[string]any{"migrations": list})
			}
			if len(list) == 0 {
				_, err = fmt.Fprintln(env.stdout, "the schema is up to date")
			}
			for _, m := range list {
				state := "pending"
				if m.Applied {
					state = "applied"
				}
				_, err = fmt.Fprintf(env.stdout, "%04d  %-24s %s\n", m.Version, m.Name, state)
			}
			return err
		},
	}
	where.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
