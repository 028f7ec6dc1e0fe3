package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/internal/reconcile/statement"
	"github.com/paymux/paymux/internal/worker"
)

// Reconciliation is reconciliation for a command or for the console, beside
// gateways that run or without one.
func (in *Installation) Reconciliation() (*reconcile.Service, error) {
	return in.reconciliation(in.Operator(""), ownerName(), func() {}), nil
}

func (in *Installation) reconciliation(core reconcile.Core, owner string, wake func()) *reconcile.Service {
	return reconcile.New(reconcileConfig(in.Config.Reconciliation), reconcile.Deps{
		Store: in.DB, Directory: directory{in}, Core: core,
		WriteCSV: statementWriter(statement.WriteCSV), WriteXLSX: statementWriter(statement.WriteXLSX),
		NewID: NewID, Now: in.Now, Owner: owner, Logger: in.Logger, Wake: wake, Sleep: sleepFor,
	})
}

func reconcileConfig(c config.Reconciliation) reconcile.Config {
	return reconcile.Config{
		RetryLadder: c.RetryLadder, DueMargin: c.DueMargin, LateAfter: c.LateAfter, EdgeMargin: c.EdgeMargin, CatchUpDays: c.CatchUpDays,
		FetchTimeout: c.FetchTimeout, MaxBillBytes: c.MaxBillBytes, MaxDifferences: c.MaxDifferences, MaxRepairs: c.MaxRepairs,
		KeepOriginals: time.Duration(c.KeepOriginalsDays) * 24 * time.Hour, SpillDir: c.SpillDir, SecondEyesAbove: c.SecondEyesAbove,
		StatementQuiet: c.StatementQuiet, StatementLanguage: c.StatementLanguage,
		Lease: c.Lease, BusyWait: c.BusyWait, Poll: c.Poll, Concurrency: c.Concurrency,
	}
}

// statementWriter is a writer of package statement as reconciliation's port.
func statementWriter(write func(io.Writer, statement.Input) (int64, error)) reconcile.StatementWriter {
	return func(w io.Writer, in reconcile.StatementInput) (int64, error) {
		return write(w, statement.Input{
			MerchantID: in.MerchantID, MerchantName: in.MerchantName, Day: in.Day, Version: in.Version,
			Rows: in.Rows, Accounts: in.Accounts, Discrepancies: in.Discrepancies, Language: in.Language,
		})
	}
}

// sleepFor waits, or ends with ctx.
func sleepFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// directory is reconcile.Directory over package merchant.
type directory struct{ in *Installation }

// AccountsOf implements [reconcile.Directory].
func (d directory) AccountsOf(ctx context.Context, merchantID string) ([]reconcile.Account, error) {
	accounts, err := d.in.Merchants.AccountsOf(ctx, merchantID)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	out := make([]reconcile.Account, len(accounts))
	for i, a := range accounts {
		if _, known := names[a.MerchantID]; !known {
			if names[a.MerchantID], _, err = d.Merchant(ctx, a.MerchantID); err != nil {
				return nil, err
			}
		}
		out[i] = accountOf(a, names[a.MerchantID])
	}
	return out, nil
}

// AccountByID implements [reconcile.Directory].
func (d directory) AccountByID(ctx context.Context, id string) (reconcile.Account, error) {
	a, err := d.in.Merchants.Account(ctx, id)
	if errors.Is(err, merchant.ErrNotFound) {
		return reconcile.Account{}, fmt.Errorf("%w: %w", payment.ErrNotFound, err)
	}
	if err != nil {
		return reconcile.Account{}, err
	}
	name, _, err := d.Merchant(ctx, a.MerchantID)
	return accountOf(a, name), err
}

func accountOf(a merchant.Account, merchantName string) reconcile.Account {
	return reconcile.Account{
		ID: a.ID, MerchantID: a.MerchantID, MerchantName: merchantName, Channel: a.Channel, Enabled: a.Enabled,
		FeeRatePPM: a.FeeRatePPM, CreatedAt: a.CreatedAt,
	}
}

// Bills implements [reconcile.Directory]. No breaker minds bills.
func (d directory) Bills(ctx context.Context, accountID string) (channels.BillSource, bool, error) {
	ch, _, err := d.in.Accounts.Open(ctx, accountID)
	if err != nil {
		return nil, false, err
	}
	source, ok := unguarded(ch).(channels.BillSource)
	if !ok {
		return nil, false, fmt.Errorf("account %s at %s: %w", accountID, ch.Name(), reconcile.ErrNoBills)
	}
	return source, ch.Capabilities().RefundRepeatable, nil
}

// Merchant implements [reconcile.Directory].
func (d directory) Merchant(ctx context.Context, id string) (name, notifyURL string, err error) {
	profile, err := d.in.Merchants.Profile(ctx, id)
	return profile.Name, profile.NotifyURL, err
}

// reconciler is the background work of reconciliation.
type reconciler struct {
	in      *Installation
	service *reconcile.Service
	loop    *worker.Loop[reconcile.DayLease]
	late    *prometheus.GaugeVec
}

func newReconciler(in *Installation, service *reconcile.Service, m *metrics) *reconciler {
	c := in.Config.Reconciliation
	r := &reconciler{
		in: in, service: service,
		loop: worker.NewLoop("reconciliation", worker.Config{Poll: c.Poll, Concurrency: c.Concurrency}, in.Logger, service.Claim, service.RunClaimed),
		late: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "paymux_reconciliation_late", Help: "Business days whose bill is late, by account.",
		}, []string{"account_id"}),
	}
	m.registry.MustRegister(r.late)
	return r
}

// run plans, works and clears up until ctx ends; what was begun is finished.
func (r *reconciler) run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.loop.Run(ctx)
	}()
	for {
		if err := r.look(ctx); err != nil && ctx.Err() == nil {
			r.in.Logger.ErrorContext(ctx, "reconciliation cannot be planned; trying again", "error", err)
		}
		if sleepFor(ctx, r.in.Config.Reconciliation.Poll) != nil {
			break
		}
	}
	<-done
}

// look takes up due days, writes due statements, removes old originals, and
// counts what is late.
func (r *reconciler) look(ctx context.Context) error {
	taken, err := r.service.Plan(ctx)
	if err != nil {
		return err
	}
	if taken > 0 {
		r.loop.Wake()
	}
	statements := r.service.WriteDueStatements(ctx)
	_, removed := r.service.RemoveOldOriginals(ctx)
	late, err := r.service.Late(ctx)
	if err == nil {
		r.late.Reset()
		for account, days := range late {
			r.late.WithLabelValues(account).Set(float64(days))
		}
	}
	return errors.Join(statements, removed, err)
}
