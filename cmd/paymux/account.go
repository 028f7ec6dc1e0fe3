package main

import (
	"context"
	"errors"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/merchant"
)

func newAccountCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:     "account",
		Short:   "Make merchants' accounts at channels",
		Long:    "Works on an installation beside a running serve too; what it changes holds with the next payment.",
		Example: example("paymux account list", "paymux account add --merchant mer_01… --channel alipay --credentials alipay.json"),
		RunE:    needSubcommand,
	}
	c.AddCommand(
		newAccountAddCommand(env), newAccountListCommand(env), newAccountUpdateCommand(env), newAccountHoursCommand(env),
		newAccountSwitchCommand(env, "disable", "Take an account out of routing; what is in flight there goes on", (*merchant.Service).DisableAccount),
		newAccountSwitchCommand(env, "enable", "Put a disabled account back", (*merchant.Service).EnableAccount),
	)
	return c
}

// addition is one run of account add.
type addition struct {
	work
	channel, credentials string
	fromSandbox          bool
	sandbox              string
	terms                merchant.Terms
	scenes, hours        []string
}

func newAccountAddCommand(env *environment) *cobra.Command {
	a := &addition{work: work{env: env}}
	c := &cobra.Command{
		Use: "add", Short: "Give a merchant an account at a channel", Args: cobra.NoArgs,
		Long: "The credentials are a JSON object, see docs/channels.md and configs/accounts; \"<name>_file\" takes a\n" +
			"file's content. They are checked, encrypted and never shown again. " +
			"The account's identity at the channel is unique in the installation and never changes.",
		Example: example("paymux account add --merchant mer_01… --channel alipay --credentials alipay.json --fee-rate-ppm 6000",
			"paymux account add --merchant mer_01… --channel alipay --sandbox-account --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			if (a.credentials == "") == !a.fromSandbox {
				return &usageError{errors.New("give either --credentials or --sandbox-account; see paymux account add --help")}
			}
			return a.do(c.Context(), func(in *app.Installation) error { return a.run(c.Context(), in) })
		},
	}
	a.flags(c)
	a.requireMerchant(c)
	f := c.Flags()
	f.StringVar(&a.channel, "channel", "", "the channel's name: alipay, wechatpay, unionpay")
	f.StringVar(&a.credentials, "credentials", "", "JSON file with the credentials; - reads stdin")
	f.BoolVar(&a.fromSandbox, "sandbox-account", false, "open a new account at the sandbox, which must be running, and take its credentials")
	f.StringVar(&a.sandbox, "sandbox", "", "address of the sandbox, where it is another than the installation's")
	f.IntVar(&a.terms.Weight, "weight", app.SandboxTerms().Weight, "share among the accounts that a payment can go to; 0: only when nothing else is left")
	f.Int64Var(&a.terms.FeeRatePPM, "fee-rate-ppm", 0, "contracted fee in millionths of the amount; 0.6 % is 6000")
	f.Int64Var(&a.terms.MinAmount, "min-amount", 0, "least amount of a payment in minor units; 0: the channel's own")
	f.Int64Var(&a.terms.MaxAmount, "max-amount", 0, "largest amount of a payment in minor units; 0: the channel's own")
	f.StringSliceVar(&a.scenes, "scenes", nil, "what it is contracted for, of qr,barcode,web,h5,app,jsapi (default: all of the channel's)")
	f.StringSliceVar(&a.hours, "hours", nil, hoursHelp)
	require(c, "channel")
	return c
}

func (a *addition) run(ctx context.Context, in *app.Installation) error {
	for _, scene := range a.scenes {
		a.terms.Scenes = append(a.terms.Scenes, channels.Scene(scene))
	}
	var err error
	if a.terms.Hours, err = parseHours(a.hours); err != nil {
		return err
	}
	req, err := a.request(ctx, in)
	if err != nil {
		return err
	}
	account, err := in.Merchants.AddAccount(ctx, req)
	if err != nil {
		return err
	}
	return a.accountChanged(ctx, in, "account.add", account)
}

func (a *addition) request(ctx context.Context, in *app.Installation) (merchant.AccountRequest, error) {
	req := merchant.AccountRequest{MerchantID: a.merchantID, Channel: a.channel, Terms: a.terms}
	if !a.fromSandbox {
		var err error
		req.Credentials, err = a.env.readCredentials(a.credentials)
		return req, err
	}
	// What the sandbox would open for nobody is better not asked for.
	if _, err := in.Merchants.Profile(ctx, a.merchantID); err != nil {
		return req, err
	}
	serving, err := a.serving(in.Config)
	if err != nil {
		return req, err
	}
	if a.sandbox != "" {
		serving.Sandbox = a.sandbox
	}
	opened, err := openSandboxAccounts(ctx, serving.Sandbox, a.channel)
	if err != nil {
		return req, err
	}
	req.Credentials = opened[0].Credentials
	if a.terms.FeeRatePPM == 0 && a.terms.MinAmount == 0 && a.terms.MaxAmount == 0 {
		terms := opened[0].Terms
		req.Terms.FeeRatePPM, req.Terms.MinAmount, req.Terms.MaxAmount = terms.FeeRatePPM, terms.MinAmount, terms.MaxAmount
	}
	return req, nil
}

// accountChanged keeps that an account was changed and prints it.
func (w *work) accountChanged(ctx context.Context, in *app.Installation, action string, account merchant.Account) error {
	detail := map[string]any{"channel": account.Channel, "enabled": account.Enabled, "credentials_version": account.Version}
	if err := w.acted(ctx, in, action, account.MerchantID, account.ID, detail); err != nil {
		return err
	}
	view := viewAccount(account)
	return w.print(view, func(out *tabwriter.Writer) { row(out, view.ID, view.Channel, view.Identity, view.state()) })
}

func newAccountListCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	c := &cobra.Command{
		Use: "list", Short: "List the accounts of a merchant, or all", Args: cobra.NoArgs,
		Example: example("paymux account list --json", "paymux account list --merchant mer_01…"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error {
				if w.merchantID != "" {
					if _, err := in.Merchants.Profile(c.Context(), w.merchantID); err != nil {
						return err
					}
				}
				accounts, err := in.Merchants.AccountsOf(c.Context(), w.merchantID)
				if err != nil {
					return err
				}
				views := viewAccounts(accounts)
				return w.print(map[string]any{"data": views}, func(out *tabwriter.Writer) {
					row(out, "ACCOUNT", "MERCHANT", "CHANNEL", "IDENTITY", "WEIGHT", "STATE")
					for _, a := range views {
						row(out, a.ID, a.MerchantID, a.Channel, a.Identity, a.Weight, a.state())
					}
				})
			})
		},
	}
	w.flags(c)
	c.Flags().StringVar(&w.merchantID, "merchant", "", "id of the merchant (default: all)")
	return c
}

func newAccountUpdateCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	var account, credentials string
	c := &cobra.Command{
		Use: "update", Short: "Replace an account's credentials, of the same identity", Args: cobra.NoArgs,
		Example: example("paymux account update --account acc_01… --credentials alipay.json"),
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := env.readCredentials(credentials)
			if err != nil {
				return err
			}
			return w.do(c.Context(), func(in *app.Installation) error {
				updated, err := in.Merchants.UpdateCredentials(c.Context(), account, text)
				if err != nil {
					return err
				}
				return w.accountChanged(c.Context(), in, "account.update", updated)
			})
		},
	}
	w.flags(c)
	c.Flags().StringVar(&account, "account", "", "id of the account, acc_…")
	c.Flags().StringVar(&credentials, "credentials", "", "JSON file with the credentials; - reads stdin")
	require(c, "account", "credentials")
	return c
}

func newAccountSwitchCommand(env *environment, use, short string, set func(*merchant.Service, context.Context, string) error) *cobra.Command {
	w := &work{env: env}
	var id string
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Example: example("paymux account " + use + " --account acc_01…"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error {
				if err := set(in.Merchants, c.Context(), id); err != nil {
					return err
				}
				account, err := in.Merchants.Account(c.Context(), id)
				if err != nil {
					return err
				}
				return w.accountChanged(c.Context(), in, "account."+use, account)
			})
		},
	}
	w.flags(c)
	c.Flags().StringVar(&id, "account", "", "id of the account, acc_…")
	require(c, "account")
	return c
}
