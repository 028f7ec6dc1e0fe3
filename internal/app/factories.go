package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/alipay"
	"github.com/paymux/paymux/channels/transport"
	"github.com/paymux/paymux/channels/unionpay"
	"github.com/paymux/paymux/channels/wechatpay"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/router"
)

// channelKind is what the gateway must know of a channel to offer it. Adding a
// channel is one line in channelKinds.
type channelKind struct {
	// open makes the channel of an account from its credentials.
	open func(credentials []byte, deps channelDeps) (channels.Channel, error)
	// check reads credentials strictly and gives the account's identity and the
	// credentials as they are stored.
	check func(raw []byte) (identity string, canonical []byte, err error)
	// fromSandbox turns the sandbox's credentials into an account's.
	fromSandbox func(raw json.RawMessage) ([]byte, error)
}

// channelDeps is what a channel works with.
type channelDeps struct {
	limits transport.Limits
	now    func() time.Time
	logger *slog.Logger
}

// channelKinds is the one map of channels.
func channelKinds() map[string]channelKind {
	return map[string]channelKind{
		alipay.Name: kindOf(alipay.ParseConfig,
			func(raw []byte) (alipay.Config, error) { return alipay.FromSandbox(raw, alipay.PublicKeyMode) },
			func(c alipay.Config, d channelDeps) (channels.Channel, error) {
				return alipay.New(c, alipay.Deps{HTTP: transport.New(d.limits, nil), Now: d.now, Logger: d.logger})
			}),
		unionpay.Name: kindOf(unionpay.ParseConfig, unionpay.FromSandbox,
			func(c unionpay.Config, d channelDeps) (channels.Channel, error) {
				return unionpay.New(c, unionpay.Deps{HTTP: transport.New(d.limits, nil), Now: d.now, Logger: d.logger})
			}),
		wechatpay.Name: kindOf(wechatpay.ParseConfig,
			func(raw []byte) (wechatpay.Config, error) { return wechatpay.FromSandbox(raw, wechatpay.PublicKeyMode) },
			func(c wechatpay.Config, d channelDeps) (channels.Channel, error) {
				return wechatpay.New(c, wechatpay.Deps{HTTP: transport.New(d.limits, nil), Now: d.now, Logger: d.logger})
			}),
	}
}

// kindOf makes the kind of a channel whose credentials are a C.
func kindOf[C interface{ Identity() string }](
	parse, fromSandbox func([]byte) (C, error), open func(C, channelDeps) (channels.Channel, error),
) channelKind {
	return channelKind{
		open: func(credentials []byte, deps channelDeps) (channels.Channel, error) {
			c, err := parse(credentials)
			if err != nil {
				return nil, err
			}
			return open(c, deps)
		},
		check: func(raw []byte) (string, []byte, error) {
			c, err := parse(raw)
			if err != nil {
				return "", nil, err
			}
			// Keys and certificates are read here, so that a wrong one is told to
			// whoever brings it and not to the first payer.
			if _, err := open(c, channelDeps{now: time.Now, logger: slog.New(slog.DiscardHandler)}); err != nil {
				return "", nil, err
			}
			canonical, err := json.Marshal(c)
			return c.Identity(), canonical, err
		},
		fromSandbox: func(raw json.RawMessage) ([]byte, error) {
			c, err := fromSandbox(raw)
			if err != nil {
				return nil, err
			}
			return json.Marshal(c)
		},
	}
}

// ChannelNames lists the channels of this build in a stable order.
func ChannelNames() []string {
	var names []string
	for name := range channelKinds() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// validate is merchant.Validate over the channels of this build.
func validate(channel string, raw []byte) (string, []byte, error) {
	kind, ok := channelKinds()[channel]
	if !ok {
		return "", nil, fmt.Errorf("this build has no channel %q; it has %v", channel, ChannelNames())
	}
	identity, canonical, err := kind.check(raw)
	if err != nil {
		return "", nil, err
	}
	return channel + "/" + identity, canonical, nil
}

// factories are merchant.Factories whose channels stand behind their guards.
func factories(deps channelDeps, guards *router.Guards) merchant.Factories {
	out := merchant.Factories{}
	for name, kind := range channelKinds() {
		out[name] = func(account merchant.Account, credentials []byte) (channels.Channel, error) {
			ch, err := kind.open(credentials, deps)
			if err != nil {
				return nil, err
			}
			return guards.Guard(account.ID, ch), nil
		}
	}
	return out
}
