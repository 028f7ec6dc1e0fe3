package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/merchant"
)

func newMerchantCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "merchant",
		Short: "Make merchants, their public keys and webhook secrets",
		Long:  "Works on an installation beside a running serve too; what it changes holds with the next request.",
		Example: example("paymux merchant create --name 'Tea shop' --notify-url https://shop.example/hook",
			"paymux merchant list --json"),
		RunE: needSubcommand,
	}
	key := &cobra.Command{
		Use: "key", Short: "Add or revoke a merchant's public keys", RunE: needSubcommand,
		Example: example("paymux merchant key add --merchant mer_01… --public-key public_key.pem"),
	}
	key.AddCommand(newKeyAddCommand(env), newKeyRevokeCommand(env))
	secret := &cobra.Command{
		Use: "secret", Short: "Replace a merchant's webhook secret", RunE: needSubcommand,
		Example: example("paymux merchant secret rotate --merchant mer_01…"),
	}
	secret.AddCommand(newSecretRotateCommand(env))
	c.AddCommand(
		newMerchantCreateCommand(env), newMerchantListCommand(env), newMerchantShowCommand(env),
		newMerchantStatusCommand(env, "disable", "Stop a merchant's new requests; what is in flight goes on", (*merchant.Service).DisableMerchant),
		newMerchantStatusCommand(env, "enable", "Let a disabled merchant work again", (*merchant.Service).EnableMerchant),
		key, secret,
	)
	return c
}

// work is what the commands on an installation have in common: its flags, the
// form of their result and the merchant that they are about.
type work struct {
	installation
	env        *environment
	json       bool
	merchantID string
}

func (w *work) flags(c *cobra.Command) {
	w.installation.flags(c)
	c.Flags().BoolVar(&w.json, "json", false, "print JSON")
}

func (w *work) requireMerchant(c *cobra.Command) {
	c.Flags().StringVar(&w.merchantID, "merchant", "", "id of the merchant, mer_…")
	require(c, "merchant")
}

func require(c *cobra.Command, flags ...string) {
	for _, name := range flags {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is not defined: a mistake in this program
		}
	}
}

// do opens the installation for one piece of work.
func (w *work) do(ctx context.Context, fn func(in *app.Installation) error) (err error) {
	in, err := w.open(ctx, w.env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return wrongInput(fn(in))
}

// wrongInput makes what the caller gave wrong a usage error.
func wrongInput(err error) error {
	if _, ok := errors.AsType[*merchant.InvalidError](err); ok {
		return &usageError{err}
	}
	return err
}

// print gives the result: value for machines, or else lines for people.
func (w *work) print(value any, lines func(out *tabwriter.Writer)) error {
	if w.json {
		return w.env.printJSON(value)
	}
	out := tabwriter.NewWriter(w.env.stdout, 0, 0, 2, ' ', 0)
	lines(out)
	return out.Flush()
}

func newMerchantListCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	c := &cobra.Command{
		Use: "list", Short: "List all merchants", Args: cobra.NoArgs,
		Example: example("paymux merchant list", "paymux merchant list --config paymux.yaml --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error {
				list, err := in.Merchants.ListMerchants(c.Context())
				if err != nil {
					return err
				}
				views := make([]merchantView, len(list))
				for i, m := range list {
					views[i] = viewMerchant(m)
				}
				return w.print(map[string]any{"data": views}, func(out *tabwriter.Writer) {
					row(out, "MERCHANT", "STATUS", "NAME", "CREATED")
					for _, m := range views {
						row(out, m.ID, m.Status, m.Name, m.CreatedAt.Format(time.RFC3339))
					}
				})
			})
		},
	}
	w.flags(c)
	return c
}

func newMerchantShowCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	c := &cobra.Command{
		Use: "show", Short: "Show a merchant with its keys and accounts", Args: cobra.NoArgs,
		Example: example("paymux merchant show --merchant mer_01…", "paymux merchant show --merchant mer_01… --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error { return w.show(c.Context(), in) })
		},
	}
	w.flags(c)
	w.requireMerchant(c)
	return c
}

func (w *work) show(ctx context.Context, in *app.Installation) error {
	m, err := in.Merchants.Profile(ctx, w.merchantID)
	if err != nil {
		return err
	}
	keys, err := in.Merchants.Keys(ctx, m.ID)
	if err != nil {
		return err
	}
	accounts, err := in.Merchants.AccountsOf(ctx, m.ID)
	if err != nil {
		return err
	}
	view := struct {
		merchantView
		Keys     []keyView     `json:"keys"`
		Accounts []accountView `json:"accounts"`
	}{viewMerchant(m), viewKeys(keys), viewAccounts(accounts)}
	return w.print(view, func(out *tabwriter.Writer) {
		row(out, "merchant", view.ID)
		row(out, "name", view.Name)
		row(out, "status", view.Status)
		row(out, "webhooks to", orDash(view.NotifyURL))
		row(out, "late payment", view.LatePayment)
		row(out, "answers signed", view.AnswerAlgorithm)
		row(out, "created", view.CreatedAt.Format(time.RFC3339))
		for _, k := range view.Keys {
			row(out, "key", k.Serial, k.state())
		}
		for _, a := range view.Accounts {
			row(out, "account", a.ID, a.Channel, a.Identity, a.state())
		}
	})
}

func newMerchantStatusCommand(env *environment, use, short string, set func(*merchant.Service, context.Context, string) error) *cobra.Command {
	w := &work{env: env}
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Example: example("paymux merchant " + use + " --merchant mer_01…"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error {
				if err := set(in.Merchants, c.Context(), w.merchantID); err != nil {
					return err
				}
				m, err := in.Merchants.Profile(c.Context(), w.merchantID)
				if err != nil {
					return err
				}
				if err := w.acted(c.Context(), in, "merchant."+use, m.ID, m.ID, nil); err != nil {
					return err
				}
				return w.print(viewMerchant(m), func(out *tabwriter.Writer) { row(out, m.ID, m.Status) })
			})
		},
	}
	w.flags(c)
	w.requireMerchant(c)
	return c
}

// row writes cells as one line of a table. What fails to be written is told by
// the table's Flush.
func row(out *tabwriter.Writer, cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			_, _ = fmt.Fprint(out, "\t")
		}
		_, _ = fmt.Fprint(out, cell)
	}
	_, _ = fmt.Fprintln(out)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
