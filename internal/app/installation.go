package app

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/transport"
	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/router"
	"github.com/paymux/paymux/store"
)

// Installation is an opened installation: what the server and the operators'
// commands have in common.
type Installation struct {
	Config    config.Config
	DB        *store.DB
	Merchants *merchant.Service
	// Accounts opens accounts' channels, each behind its guard.
	Accounts *merchant.Opener
	Guards   *router.Guards
	Logger   *slog.Logger
	Now      func() time.Time

	box merchant.Box
}

// Open opens the database and the keys. It checks the schema unless the caller
// is about to migrate it.
func Open(ctx context.Context, cfg config.Config, logger *slog.Logger, now func() time.Time) (*Installation, error) {
	box, err := openBox(cfg.Secrets)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Config{
		Driver: cfg.Database.Driver, Path: cfg.Database.Path, DSN: cfg.Database.DSN.Reveal(), Now: now, Sealer: box,
		MaxConns: cfg.Database.MaxConns, BatchLimit: cfg.Database.GroupJobs,
		LockWait: cfg.Database.LockWait, Timeout: cfg.Database.Timeout,
	})
	if err != nil {
		return nil, err
	}
	in := &Installation{Config: cfg, DB: db, Logger: logger, Now: now, box: box}
	if err := in.wire(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return in, nil
}

func (in *Installation) wire() error {
	var err error
	in.Merchants, err = merchant.New(merchant.Deps{
		Repository: in.DB.Merchants(), Box: in.box, Validate: validate, Now: in.Now, NewID: NewID, Random: rand.Reader,
	})
	if err != nil {
		return err
	}
	b, c, r := in.Config.Breaker, in.Config.Channels, in.Config.Routing
	in.Guards = router.NewGuards(router.Settings{
		Failures: uint32(b.Failures), OpenFor: b.OpenFor, Probes: uint32(b.Probes), //nolint:gosec // validated as positive and small
		TakenOutFor: b.TakenOutFor, MaxConcurrent: b.MaxConcurrent, SlowStart: r.SlowStart, Idle: r.Idle, Recent: r.Recent, Now: in.Now, OnChange: in.breakerMoved,
	})
	in.Accounts, err = merchant.NewOpener(merchant.OpenerDeps{
		Repository: in.DB.Merchants(), Box: in.box, Logger: in.Logger, NotFound: payment.ErrNotFound,
		Factories: factories(channelDeps{
			limits: transport.Limits{
				Dial: c.DialTimeout, TLS: c.TLSTimeout, Header: in.Config.Payments.CallTimeout, Total: in.Config.Payments.CallTimeout,
				IdleConns: c.IdleConns, Conns: c.MaxConns, Answer: c.MaxAnswerBytes,
			},
			now: in.Now, logger: in.Logger,
		}, in.Guards),
	})
	return err
}

func (in *Installation) breakerMoved(accountID, channel string, op channels.Operation, from, to router.State) {
	in.Logger.Warn("a circuit breaker moved", "account_id", accountID, "channel", channel, "operation", op, "from", from, "to", to)
}

// Close closes the database.
func (in *Installation) Close() error { return in.DB.Close() }

// NewID makes 26 letters and digits, ordered by time: the numbers that channels
// see, among others.
func NewID() string { return ulid.Make().String() }
