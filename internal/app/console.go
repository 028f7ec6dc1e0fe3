package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/httpapi"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
	"github.com/paymux/paymux/store"
)

// Staff keeps the console's users, for the pages and for commands.
func (in *Installation) Staff() *console.Staff {
	return console.NewStaff(console.StaffDeps{
		Users: in.DB.Console(), Sessions: in.DB.Console(), Audit: in.DB, Hasher: console.NewHasher(console.DefaultCost()),
		Now: in.Now, NewID: NewID, Random: rand.Reader,
	})
}

// openConsole makes the pages of the staff.
func (g *Gateway) openConsole(publicURL string) error {
	in, cfg := g.in, g.in.Config.Console
	if !cfg.Enabled {
		return nil
	}
	limits := console.LoginLimits{
		Window: cfg.TriesWindow, TriesUser: cfg.TriesUser, TriesAddress: cfg.TriesAddress, Idle: cfg.Idle, Longest: cfg.Longest,
	}
	origin, https, err := originOf(publicURL)
	if err != nil {
		return err
	}
	staff := in.Staff()
	g.console, err = console.New(console.Config{
		Login: limits, Secure: secureCookies(cfg.SecureCookies, https, g.listener.Addr()), PublicOrigin: origin,
		TrustForwarded: cfg.TrustForwarded, PageSize: cfg.PageSize, MaxForm: in.Config.Server.MaxBodyBytes,
		RunWait: cfg.RunWait, RunTimeout: cfg.RunTimeout, FileTimeout: cfg.FileTimeout,
	}, console.Deps{
		Staff: staff, Logins: console.NewLogins(staff, in.DB.Console(), limits),
		Reconciliations: g.books, Payments: in.DB, Operator: g.core, Callbacks: in.DB, Audit: in.DB,
		Events: consoleEvents{in: in, wake: g.outbound.Wake}, Merchants: consoleMerchants{in},
		Logger: in.Logger, Now: in.Now, Random: rand.Reader, RequestID: httpapi.RequestID,
	})
	return err
}

// mounts are the handlers beside the API.
func (g *Gateway) mounts() map[string]http.Handler {
	if g.console == nil {
		return nil
	}
	return map[string]http.Handler{console.Prefix: g.console}
}

func originOf(public string) (origin string, https bool, err error) {
	u, err := url.Parse(public)
	if err != nil {
		return "", false, fmt.Errorf("server.public_url: %w", err)
	}
	return u.Scheme + "://" + u.Host, u.Scheme == "https", nil
}

// secureCookies: plain http is for this machine alone, as nobody else reads it.
func secureCookies(setting string, https bool, listener net.Addr) bool {
	tcp, ok := listener.(*net.TCPAddr)
	switch {
	case setting == "always":
		return true
	case setting == "never":
		return false
	default:
		return https || !ok || !tcp.IP.IsLoopback()
	}
}

// consoleEvents is console.Events: notify's Desk, whose resending keeps who
// asked for it.
type consoleEvents struct {
	in   *Installation
	wake func()
}

func (e consoleEvents) List(ctx context.Context, f notify.EventFilter) ([]notify.EventView, error) {
	return e.in.Desk(audit.Entry{}).List(ctx, f)
}

func (e consoleEvents) Get(ctx context.Context, merchantID, id string) (notify.EventView, error) {
	return e.in.Desk(audit.Entry{}).Get(ctx, merchantID, id)
}

func (e consoleEvents) Resend(ctx context.Context, merchantID, id string, entry audit.Entry) (notify.EventView, error) {
	desk := e.in.Desk(entry)
	desk.Wake = e.wake
	return desk.Resend(ctx, merchantID, id)
}

// consoleMerchants is console.Merchants.
type consoleMerchants struct{ in *Installation }

func (m consoleMerchants) ListMerchants(ctx context.Context) ([]console.Merchant, error) {
	list, err := m.in.Merchants.ListMerchants(ctx)
	out := make([]console.Merchant, len(list))
	for i, one := range list {
		out[i] = console.Merchant{ID: one.ID, Name: one.Name}
	}
	return out, err
}

var _ console.Payments = (*store.DB)(nil)

// The first user of an embedded installation, and the file with its password.
const (
	consoleUser         = "admin"
	consolePasswordFile = "console_password"
)

// actorSetup is who makes what an installation begins with.
const actorSetup = "system:setup"

// ensureConsoleUser makes the first user of an embedded installation. The
// password is kept before the user exists, so that a start that died in between
// leaves nobody without one. A file whose password has been changed since is
// named no more.
func (in *Installation) ensureConsoleUser(ctx context.Context, dir string) (name, passwordFile string, err error) {
	staff := in.Staff()
	path := filepath.Join(dir, consolePasswordFile)
	u, err := staff.ByName(ctx, consoleUser)
	if errors.Is(err, payment.ErrNotFound) {
		return in.makeConsoleUser(ctx, staff, path)
	}
	if err != nil {
		return "", "", fmt.Errorf("read the console's first user: %w", err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the installation's own folder
	if errors.Is(err, fs.ErrNotExist) {
		return consoleUser, "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read the console's password: %w", err)
	}
	fits, err := staff.PasswordFits(ctx, u, strings.TrimSpace(string(text)))
	if err != nil || !fits {
		return consoleUser, "", err
	}
	return consoleUser, path, nil
}

func (in *Installation) makeConsoleUser(ctx context.Context, staff *console.Staff, path string) (string, string, error) {
	password, err := staff.GeneratePassword()
	if err != nil {
		return "", "", err
	}
	if err := replaceFile(path, []byte(password+"\n")); err != nil {
		return "", "", fmt.Errorf("keep the console's password: %w", err)
	}
	_, err = staff.Add(ctx, actorSetup, console.NewUser{Name: consoleUser, Role: console.Admin, Password: password})
	if err != nil {
		return "", "", fmt.Errorf("make the console's first user: %w", err)
	}
	return consoleUser, path, nil
}
