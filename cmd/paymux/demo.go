package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/demo"
	"github.com/paymux/paymux/signing"
)

func newDemoCommand(env *environment) *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Walk the whole closed loop on every channel and show each step",
		Long: "Starts the embedded default on free ports in a temporary folder, pays, is notified, asks and refunds in every\n" +
			"scene of every channel, closes the day's books, and exits with 0 only if every step came out right.",
		Example: example("paymux demo", "paymux demo --keep"),
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return env.demo(c.Context(), keep) },
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave it up afterwards and print what to open")
	return c
}

func (env *environment) demo(ctx context.Context, keep bool) error {
	dir, err := os.MkdirTemp("", "paymux-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	logs, err := os.Create(dir + "/paymux.log") //nolint:gosec // in the folder just made
	if err != nil {
		return fmt.Errorf("make the demo's log: %w", err)
	}
	defer func() { _ = logs.Close() }()

	receiver, err := demo.Listen(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = receiver.Close() }()
	serveCtx, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan app.Profile, 1)
	ended := make(chan error, 1)
	_, _ = fmt.Fprintln(env.stdout, "Starting the gateway, its database and the sandbox in a temporary folder …")
	start := time.Now()
	go func() {
		ended <- app.Serving{
			Source: app.Source{DataDir: dir}, Listen: "127.0.0.1:0",
			Logger: slog.New(slog.NewJSONHandler(logs, nil)), Now: env.now,
			Ready: func(p app.Profile) error { ready <- p; return nil }, DemoNotifyURL: receiver.URL(),
		}.Run(serveCtx)
	}()
	var p app.Profile
	select {
	case p = <-ready:
	case err := <-ended:
		return fmt.Errorf("start the gateway: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
	_, _ = fmt.Fprintf(env.stdout, "Ready after %s: API %s, sandbox %s\n", time.Since(start).Round(time.Millisecond), p.API, p.Sandbox)

	walkErr := env.walk(ctx, p, dir, receiver)
	if errors.Is(walkErr, demo.ErrNotRight) {
		_, _ = fmt.Fprintf(env.stderr, "\nThe end of the gateway's log:\n%s\n", lastLines(dir+"/paymux.log", 20))
	}
	if walkErr == nil {
		_, _ = fmt.Fprintf(env.stdout, "Every step came out right, in %s.\n", time.Since(start).Round(time.Millisecond))
	}
	if keep && ctx.Err() == nil {
		env.invite(p, dir)
		<-ctx.Done()
	}
	stop()
	if err := <-ended; err != nil && walkErr == nil {
		return fmt.Errorf("stop the gateway: %w", err)
	}
	return walkErr
}

func (env *environment) walk(ctx context.Context, p app.Profile, dir string, receiver *demo.Receiver) error {
	client, err := profile(p).client()
	if err != nil {
		return err
	}
	keys, err := client.FetchPlatformKeys(ctx)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(p.WebhookSecretFile)
	if err != nil {
		return fmt.Errorf("read the webhook secret: %w", err)
	}
	secret, err := signing.ParseWebhookSecret(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return demo.Run(ctx, demo.Target{
		API: p.API, Sandbox: p.Sandbox, MerchantID: p.MerchantID, KeySerial: p.KeySerial, Key: client.Key,
		PlatformKeys: keys, WebhookSecret: secret, Receiver: receiver,
		Reconcile: func(ctx context.Context, day string) error { return env.closeDay(ctx, dir, day) },
	}, env.stdout, env.colour)
}

// closeDay is `paymux reconcile` on the demo's folder, whose own words are shown
// only where it fails.
func (env *environment) closeDay(ctx context.Context, dir, day string) error {
	var said bytes.Buffer
	command := *env
	command.stdout, command.stderr = &said, &said
	if code := run(ctx, &command, []string{"reconcile", "--date", day, "--data", dir}); code != exitDone {
		return fmt.Errorf("it exited with %d: %s", code, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// invite prints what to open and try while the demo is kept up.
func (env *environment) invite(p app.Profile, dir string) {
	_, _ = fmt.Fprintf(env.stdout, `
It stays up until you press Ctrl-C. To look around:
  console             %s as %s, password in %s
  API documentation   %s/docs
  simulators' books   %s/_control/trades
  a signed request    paymux call --profile %s GET /v1/payments
`, p.Console, p.ConsoleUser, p.ConsolePasswordFile, p.API, p.Sandbox, dir+"/"+app.ProfileFile)
}

// lastLines gives the last lines of a file that is not large.
func lastLines(path string, n int) string {
	f, err := os.Open(path) //nolint:gosec // the demo's own log
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(f)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
