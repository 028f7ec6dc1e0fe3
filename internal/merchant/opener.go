package merchant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/paymux/paymux/channels"
)

// Factory makes the channel of an account from its credentials in clear, which
// it must not keep beyond what the channel needs.
type Factory func(account Account, credentials []byte) (channels.Channel, error)

// Factories maps a channel's name to its factory.
type Factories map[string]Factory

// DefaultOpenChannels is how many channels an [Opener] keeps when it is not
// told: each holds parsed keys and a pool of connections.
const DefaultOpenChannels = 1024

// OpenerDeps are what an [Opener] needs; Limit 0 is [DefaultOpenChannels], the
// rest but NotFound is required.
type OpenerDeps struct {
	Repository Accounts
	Box        Box
	Factories  Factories
	Logger     *slog.Logger
	// NotFound is the caller's own error for an account that does not exist:
	// Open's error then is it, besides [ErrNotFound].
	NotFound error
	// Limit bounds the channels that are kept.
	Limit int
}

// Opener gives the channels of accounts to the core, and a merchant's accounts
// to the router. The account's row is read each time, so that a change made on
// another replica holds with the next call; only the channel that was made from
// one version of the credentials is kept. It is safe for concurrent use.
type Opener struct {
	OpenerDeps
	open *openChannels
}

// NewOpener makes an opener.
func NewOpener(deps OpenerDeps) (*Opener, error) {
	if deps.Repository == nil || deps.Box == nil || len(deps.Factories) == 0 || deps.Logger == nil {
		return nil, errors.New("make account opener: a dependency is missing")
	}
	if deps.Limit <= 0 {
		deps.Limit = DefaultOpenChannels
	}
	return &Opener{OpenerDeps: deps, open: newOpenChannels(deps.Limit)}, nil
}

// Open gives the channel of an account, enabled or not, with what routing knows
// of it. The error for an unknown account is NotFound and [ErrNotFound].
func (o *Opener) Open(ctx context.Context, accountID string) (channels.Channel, channels.Account, error) {
	account, err := o.Repository.AccountByID(ctx, accountID)
	if errors.Is(err, ErrNotFound) {
		return nil, channels.Account{}, fmt.Errorf("open account %q: %w", accountID, errors.Join(ErrNotFound, o.NotFound))
	}
	if err != nil {
		return nil, channels.Account{}, fmt.Errorf("open account %q: %w", accountID, err)
	}
	channel, err := o.channel(ctx, account)
	if err != nil {
		return nil, channels.Account{}, fmt.Errorf("open account %q: %w", accountID, err)
	}
	return channel, routed(account, channel), nil
}

// Routes lists a merchant's accounts for the router, oldest first, disabled
// ones too. One whose channel cannot be made is listed as disabled, so that it
// does not take the others with it; the log says why.
func (o *Opener) Routes(ctx context.Context, merchantID string) ([]channels.Account, error) {
	if merchantID == "" {
		return nil, nil
	}
	accounts, err := o.Repository.AccountsOf(ctx, merchantID)
	if err != nil {
		return nil, fmt.Errorf("list accounts of merchant %q: %w", merchantID, err)
	}
	routes := make([]channels.Account, 0, len(accounts))
	for _, account := range accounts {
		channel, err := o.channel(ctx, account)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("list accounts of merchant %q: %w", merchantID, ctx.Err())
		}
		if err != nil {
			o.Logger.WarnContext(ctx, "account cannot be opened and is left out of routing",
				"account_id", account.ID, "channel", account.Channel, "error", err)
			account.Enabled = false
			routes = append(routes, routed(account, nil))
			continue
		}
		routes = append(routes, routed(account, channel))
	}
	return routes, nil
}

func (o *Opener) channel(ctx context.Context, account Account) (channels.Channel, error) {
	return o.open.get(ctx, account.ID, account.Version, func(ctx context.Context) (channels.Channel, int64, error) {
		return o.construct(ctx, account)
	})
}

// construct reads the credentials and makes the channel. They may be newer than
// the account's row; the version that they came with is what counts.
func (o *Opener) construct(ctx context.Context, account Account) (channels.Channel, int64, error) {
	factory, ok := o.Factories[account.Channel]
	if !ok {
		return nil, 0, fmt.Errorf("this build has no channel %q", account.Channel)
	}
	sealed, err := o.Repository.CredentialsOf(ctx, account.ID)
	if err != nil {
		return nil, 0, fmt.Errorf("read credentials: %w", err)
	}
	plain, err := o.Box.Open(sealed.Sealed, CredentialsAAD(account.ID))
	if err != nil {
		return nil, 0, fmt.Errorf("open credentials: %w", err)
	}
	account.Version = sealed.Version
	channel, err := factory(account, plain)
	if err != nil {
		return nil, 0, fmt.Errorf("make channel %q: %w", account.Channel, err)
	}
	return channel, sealed.Version, nil
}

// routed is what routing knows of an account; channel is nil where there is none.
func routed(a Account, channel channels.Channel) channels.Account {
	r := channels.Account{
		ID: a.ID, MerchantID: a.MerchantID, Channel: a.Channel, Enabled: a.Enabled, Weight: a.Weight,
		FeeRatePPM: a.FeeRatePPM, MinAmount: a.MinAmount, MaxAmount: a.MaxAmount, Scenes: slices.Clone(a.Scenes), Hours: slices.Clone(a.Hours),
	}
	if channel != nil {
		r.Capabilities = channel.Capabilities()
	}
	return r
}
