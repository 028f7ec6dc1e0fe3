package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/httpapi"
	"github.com/paymux/paymux/internal/reconcile"
)

// reconciler is reconciliation as this command uses it.
type reconciler interface {
	Accounts(ctx context.Context, merchantID string) ([]reconcile.Account, error)
	Run(ctx context.Context, job reconcile.Job) (reconcile.Reconciliation, error)
	WriteStatement(ctx context.Context, merchantID string, day channels.Day) (reconcile.Statement, error)
}

// reconcileOptions is which days' books to close.
type reconcileOptions struct {
	date, account, merchant string
	asJSON                  bool
}

func newReconcileCommand(env *environment) *cobra.Command {
	var where installation
	var options reconcileOptions
	c := &cobra.Command{
		Use:   "reconcile --date YYYY-MM-DD [--account ID] [--merchant ID]",
		Short: "Fetch a day's bills, match, repair and write the statements",
		Long: "Fetches the bills of a business day from the channels, holds them against our books, settles what a query at the\n" +
			"channel can settle, and writes the merchants' statements. It asks the channels whatever our own clock says, can be\n" +
			"repeated at any time, beside a running server too, and makes a new version only where the result has changed.\n\n" +
			"Exits with 0 when every run finished, balanced or with differences; with 1 when a bill is not there yet or is broken.",
		Example: example(
			"paymux reconcile --date 2025-11-21",
			"paymux reconcile --date 2025-11-21 --account acc_01KAJ2V0M3D9T5Q8W7XZC4B6N1 --config paymux.yaml --json"),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			day, err := channels.ParseDay(options.date)
			if err != nil {
				return &usageError{fmt.Errorf("--date: %w", err)}
			}
			in, err := where.open(c.Context(), env)
			if err != nil {
				return err
			}
			service, err := in.Reconciliation()
			if err == nil {
				err = env.reconcile(c.Context(), service, day, options)
			}
			if errors.Is(err, errReported) && in.Config.Sandbox.Enabled {
				_, _ = fmt.Fprintln(env.stderr, "The simulators run inside paymux serve: their bills can be had only while it runs on this installation.")
			}
			return errors.Join(err, in.Close())
		},
	}
	where.flags(c)
	c.Flags().StringVar(&options.date, "date", "", "the business day, as 2006-01-02 in Asia/Shanghai")
	c.Flags().StringVar(&options.account, "account", "", "only this account")
	c.Flags().StringVar(&options.merchant, "merchant", "", "only this merchant's accounts")
	c.Flags().BoolVar(&options.asJSON, "json", false, "print JSON")
	_ = c.MarkFlagRequired("date")
	return c
}

// accountResult is what became of one account's day.
type accountResult struct {
	httpapi.ReconciliationView
	MerchantID string `json:"merchant_id"`
	// Error is a fault of ours, where there is no result.
	Error string `json:"error,omitempty"`
}

// finished tells whether the books of the day were matched.
func (r accountResult) finished() bool {
	return r.Error == "" && (r.Status == reconcile.StatusBalanced || r.Status == reconcile.StatusDifferences)
}

func (env *environment) reconcile(ctx context.Context, service reconciler, day channels.Day, o reconcileOptions) error {
	accounts, err := chosenAccounts(ctx, service, o)
	if err != nil {
		return err
	}
	show := newProgress(env.stderr, o.asJSON)
	results := make([]accountResult, 0, len(accounts))
	finished := true
	for _, a := range accounts {
		r := runOne(ctx, service, show, a, day)
		if ctx.Err() != nil {
			return fmt.Errorf("stopped; run it again to carry on: %w", ctx.Err())
		}
		finished = finished && r.finished()
		results = append(results, r)
	}
	// Once for all accounts, so that a merchant gets one version.
	for i, r := range results {
		if !lastOfMerchant(results, i) || !slices.ContainsFunc(results, func(o accountResult) bool { return o.MerchantID == r.MerchantID && o.finished() }) {
			continue
		}
		show.statement(r.MerchantID)
		if _, err := service.WriteStatement(ctx, r.MerchantID, day); err != nil {
			return err
		}
	}
	if err := env.printResults(day, results, o.asJSON); err != nil {
		return err
	}
	if !finished {
		return errReported
	}
	return nil
}

func lastOfMerchant(results []accountResult, i int) bool {
	return !slices.ContainsFunc(results[i+1:], func(r accountResult) bool { return r.MerchantID == results[i].MerchantID })
}

func chosenAccounts(ctx context.Context, service reconciler, o reconcileOptions) ([]reconcile.Account, error) {
	accounts, err := service.Accounts(ctx, o.merchant)
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	if o.account != "" {
		accounts = slices.DeleteFunc(accounts, func(a reconcile.Account) bool { return a.ID != o.account })
	}
	switch {
	case len(accounts) > 0:
		return accounts, nil
	case o.account != "":
		return nil, fmt.Errorf("there is no account %s here; paymux account list shows those that there are", o.account)
	default:
		return nil, errors.New("there is no account to reconcile; paymux account list shows those that there are")
	}
}

func runOne(ctx context.Context, service reconciler, show *progress, a reconcile.Account, day channels.Day) accountResult {
	show.begin(a)
	rec, err := service.Run(ctx, reconcile.Job{AccountID: a.ID, Day: day, Progress: show.step, DeferStatement: true})
	if err != nil {
		show.end("failed: " + err.Error())
		return accountResult{
			ReconciliationView: httpapi.ReconciliationView{Date: day, Channel: a.Channel, AccountID: a.ID, Status: reconcile.StatusFailed, Bills: []httpapi.BillView{}},
			MerchantID:         a.MerchantID, Error: err.Error(),
		}
	}
	show.end(string(rec.Status))
	return accountResult{ReconciliationView: httpapi.NewReconciliationView(rec), MerchantID: a.MerchantID}
}
