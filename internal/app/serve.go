package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/sandbox"
)

// Source says which installation is meant: a configuration file, or the
// embedded default in a folder.
type Source struct {
	ConfigFile string
	DataDir    string
	// Environ is the environment, "NAME=value".
	Environ []string
}

// Embedded tells whether it is the embedded default.
func (s Source) Embedded() bool { return s.ConfigFile == "" }

// Exists tells whether there is anything to work on yet: an embedded
// installation begins with its first start.
func (s Source) Exists() bool {
	if !s.Embedded() {
		return true
	}
	_, err := os.Stat(filepath.Join(s.DataDir, databaseFile))
	return err == nil
}

// Load reads the configuration of an installation. The embedded default's
// folder is made if need be.
func (s Source) Load() (config.Config, error) {
	if !s.Embedded() {
		return config.Load(config.Default(), s.ConfigFile, s.Environ)
	}
	dir, err := PrepareEmbedded(s.DataDir)
	if err != nil {
		return config.Config{}, err
	}
	return config.Load(config.Embedded(dir), "", s.Environ)
}

// Serving is a gateway to run.
type Serving struct {
	Source Source
	// Listen is another address than the configuration's; empty: that one.
	Listen string
	// ExposeSandbox allows an address beyond this machine although the sandbox runs.
	ExposeSandbox bool
	Logger        *slog.Logger
	Now           func() time.Time
	// Ready is told once when the gateway can take traffic.
	Ready func(Profile) error
	// DemoNotifyURL is where the webhooks of an embedded installation's merchant go
	// by default, when it is made; empty: nowhere.
	DemoNotifyURL string
}

// Run serves until ctx ends.
func (s Serving) Run(ctx context.Context) (err error) {
	cfg, err := s.Source.Load()
	if err != nil {
		return err
	}
	if s.Listen != "" {
		cfg.Server.Listen = s.Listen
	}
	if cfg.Sandbox.Enabled && !loopback(cfg.Server.Listen) && !s.ExposeSandbox && !cfg.Sandbox.Expose {
		return fmt.Errorf("the sandbox lets anybody who reaches it pay with play money, so it does not listen on %s; "+
			"use 127.0.0.1, or say --expose-sandbox if that is what you want", cfg.Server.Listen)
	}
	in, err := Open(ctx, cfg, s.Logger, s.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if err := s.schema(ctx, in); err != nil {
		return err
	}
	listener, err := listen(ctx, s.dir(cfg), "api", cfg.Server.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	public, err := publicURL(cfg.Server, listener)
	if err != nil {
		return err
	}
	g, err := NewGateway(ctx, in, listener, public)
	if err != nil {
		return err
	}
	return s.run(ctx, in, g)
}

// schema brings an embedded database up to date, and refuses another whose
// schema does not fit.
func (s Serving) schema(ctx context.Context, in *Installation) error {
	if s.Source.Embedded() {
		_, err := in.DB.Migrate(ctx)
		return err
	}
	if err := in.DB.CheckSchema(ctx); err != nil {
		return fmt.Errorf("%w; bring it up to date with: paymux migrate up --config %s", err, s.Source.ConfigFile)
	}
	return nil
}

// dir is where an embedded installation keeps its files; empty elsewhere.
func (s Serving) dir(cfg config.Config) string {
	if !s.Source.Embedded() {
		return ""
	}
	return filepath.Dir(cfg.Database.Path)
}

// run serves with the sandbox, where it is enabled, and says when it is ready.
func (s Serving) run(ctx context.Context, in *Installation, g *Gateway) error {
	var simulators *sandbox.Server
	profile := Profile{API: g.URL()}
	if in.Config.Sandbox.Enabled {
		var err error
		if simulators, err = openSandbox(in.Config.Sandbox, s.Now, s.Logger); err != nil {
			return err
		}
		profile.Sandbox = simulators.URL()
	}
	running, ctx := errgroup.WithContext(ctx)
	if simulators != nil {
		// The simulators end after the gateway: calls to them may be under way.
		sandboxCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		running.Go(func() error { return simulators.Run(sandboxCtx) })
		running.Go(func() error {
			defer stop()
			return g.Run(ctx)
		})
	} else {
		running.Go(func() error { return g.Run(ctx) })
	}
	running.Go(func() error { return s.announce(ctx, in, g, simulators, profile) })
	return running.Wait()
}

// announce waits until the gateway answers and says so.
func (s Serving) announce(ctx context.Context, in *Installation, g *Gateway, simulators *sandbox.Server, profile Profile) error {
	if s.Source.Embedded() && simulators != nil {
		credentials, err := json.Marshal(simulators.Credentials())
		if err != nil {
			return err
		}
		demo, err := in.ensureDemoMerchant(ctx, s.dir(in.Config), credentials, s.DemoNotifyURL)
		if err != nil {
			return err
		}
		demo.API, demo.Sandbox = profile.API, profile.Sandbox
		profile = demo
	}
	if g.console != nil {
		profile.Console = g.URL() + console.Prefix
	}
	if s.Source.Embedded() && g.console != nil {
		var err error
		if profile.ConsoleUser, profile.ConsolePasswordFile, err = in.ensureConsoleUser(ctx, s.dir(in.Config)); err != nil {
			return err
		}
	}
	if err := alive(ctx, g.URL()); err != nil {
		return err
	}
	if s.Source.Embedded() {
		text, err := json.MarshalIndent(profile, "", "  ")
		if err == nil {
			err = replaceFile(filepath.Join(s.dir(in.Config), ProfileFile), append(text, '\n'))
		}
		if err != nil {
			return fmt.Errorf("keep the profile: %w", err)
		}
	}
	s.Logger.InfoContext(ctx, "ready", "api", profile.API, "sandbox", profile.Sandbox)
	return s.Ready(profile)
}

// alive asks the server itself whether it serves.
func alive(ctx context.Context, base string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("the gateway does not answer on its own address: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answers %d on its own address", res.StatusCode)
	}
	return nil
}

// publicURL is where channels reach the gateway.
func publicURL(s config.Server, listener net.Listener) (string, error) {
	if s.PublicURL != "" {
		for len(s.PublicURL) > 0 && s.PublicURL[len(s.PublicURL)-1] == '/' {
			s.PublicURL = s.PublicURL[:len(s.PublicURL)-1]
		}
		return s.PublicURL, nil
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return "", fmt.Errorf("server.public_url is needed with the address %s: channels must know where to send their callbacks", listener.Addr())
	}
	return "http://" + listener.Addr().String(), nil
}

// RunSandbox serves the simulators alone until ctx ends.
func RunSandbox(ctx context.Context, dir, address string, scale float64, logger *slog.Logger, now func() time.Time, ready func(url string) error) error {
	simulators, err := sandbox.New(sandbox.Options{Dir: dir, Listen: address, Now: now, Logger: logger, NotifyScale: scale})
	if err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return simulators.Run(ctx) })
	running.Go(func() error { return ready(simulators.URL()) })
	return running.Wait()
}

// OpenForCommand opens an installation for an operator's command, beside a
// running server too. An embedded database is brought up to date first; another
// one must fit already.
func OpenForCommand(ctx context.Context, source Source, logger *slog.Logger, now func() time.Time) (*Installation, error) {
	cfg, err := source.Load()
	if err != nil {
		return nil, err
	}
	in, err := Open(ctx, cfg, logger, now)
	if err != nil {
		return nil, err
	}
	if err := (Serving{Source: source}).schema(ctx, in); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}
