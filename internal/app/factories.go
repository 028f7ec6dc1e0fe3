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
		alipay.Name: {open: openAlipay, check: checkAlipay, fromSandbox: alipayFromSandbox},
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

func openAlipay(credentials []byte, deps channelDeps) (channels.Channel, error) {
	cfg, err := alipay.ParseConfig(credentials)
	if err != nil {
		return nil, err
	}
	return alipay.New(cfg, alipay.Deps{HTTP: transport.New(deps.limits, nil), Now: deps.now, Logger: deps.logger})
}

func checkAlipay(raw []byte) (string, []byte, error) {
	cfg, err := alipay.ParseConfig(raw)
	if err != nil {
		return "", nil, err
	}
	// Keys and certificates are read here, so that a wrong one is told to
	// whoever brings it and not to the first payer.
	if _, err := alipay.New(cfg, alipay.Deps{Now: time.Now}); err != nil {
		return "", nil, err
	}
	canonical, err := json.Marshal(cfg)
	return cfg.Identity(), canonical, err
}

func alipayFromSandbox(raw json.RawMessage) ([]byte, error) {
	cfg, err := alipay.FromSandbox(raw, alipay.PublicKeyMode)
	if err != nil {
		return nil, err
	}
	return json.Marshal(cfg)
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
