package console

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/reconcile"
)

//go:embed templates static
var files embed.FS

// Prefix is where the console is mounted.
const Prefix = "/console"

// Config is the console's settings. Every limit must be positive.
type Config struct {
	Login LoginLimits
	// Secure marks cookies for https only. Without it the console serves this
	// machine only.
	Secure bool
	// PublicOrigin is where browsers see the console ("https://pay.example.com");
	// empty: as the request says.
	PublicOrigin string
	// TrustForwarded takes the client's address from the last X-Forwarded-For,
	// where a proxy of ours writes it.
	TrustForwarded bool
	// PageSize is how many rows a list's page has.
	PageSize int
	// MaxForm bounds a form, in bytes.
	MaxForm int64
	// RunWait is how long a page waits for a run before it says that it goes on;
	// RunTimeout ends a run. FileTimeout bounds the download of a file.
	RunWait, RunTimeout, FileTimeout time.Duration
}

// Deps are what the console needs from outside.
type Deps struct {
	Staff           *Staff
	Logins          *Logins
	Reconciliations Reconciliations
	Payments        Payments
	Operator        Operator
	Callbacks       Callbacks
	Events          Events
	Audit           Audit
	Merchants       Merchants
	Logger          *slog.Logger
	Now             func() time.Time
	// Random is crypto/rand.Reader.
	Random io.Reader
	// RequestID gives a request's id for the logs; nil: none.
	RequestID func(ctx context.Context) string
}

// Console serves the pages. It is safe for concurrent use.
type Console struct {
	cfg     Config
	deps    Deps
	mux     *http.ServeMux
	pages   pages
	style   asset
	icon    asset
	origins *http.CrossOriginProtection

	// runs are the runs that people have started, ended by Close.
	runs     sync.WaitGroup
	runCtx   context.Context
	endRuns  context.CancelFunc
	runTurns chan struct{}
}

// runsAtOnce bounds runs that people have started.
const runsAtOnce = 4

// New makes a console.
func New(cfg Config, deps Deps) (*Console, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Console{cfg: cfg, deps: deps, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(), runTurns: make(chan struct{}, runsAtOnce)}
	c.runCtx, c.endRuns = context.WithCancel(context.Background())
	if cfg.PublicOrigin != "" {
		if err := c.origins.AddTrustedOrigin(cfg.PublicOrigin); err != nil {
			return nil, fmt.Errorf("console: public origin: %w", err)
		}
	}
	var err error
	if c.style, err = newAsset("static/console.css"); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if c.icon, err = newAsset("static/icon.svg"); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if c.pages, err = newPages(); err != nil {
		return nil, fmt.Errorf("console: read templates: %w", err)
	}
	for _, rt := range routes {
		c.mux.Handle(rt.method+" "+Prefix+rt.path, c.handler(rt))
	}
	c.mux.HandleFunc("GET "+c.style.path, c.style.serve)
	c.mux.HandleFunc("GET "+c.icon.path, c.icon.serve)
	c.mux.HandleFunc(Prefix, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, Prefix+"/", http.StatusSeeOther)
	})
	c.mux.HandleFunc(Prefix+"/", c.notFound)
	return c, nil
}

func (c Config) check() error {
	var faults []error
	for _, l := range []struct {
		name  string
		value int64
	}{
		{"Login.Window", int64(c.Login.Window)},
		{"Login.TriesUser", int64(c.Login.TriesUser)},
		{"Login.TriesAddress", int64(c.Login.TriesAddress)},
		{"Login.Idle", int64(c.Login.Idle)},
		{"Login.Longest", int64(c.Login.Longest)},
		{"PageSize", int64(c.PageSize)},
		{"MaxForm", c.MaxForm},
		{"RunWait", int64(c.RunWait)},
		{"RunTimeout", int64(c.RunTimeout)},
		{"FileTimeout", int64(c.FileTimeout)},
	} {
		if l.value <= 0 {
			faults = append(faults, fmt.Errorf("console: %s must be positive", l.name))
		}
	}
	return errors.Join(faults...)
}

// Close ends the runs that people have started and waits for them.
func (c *Console) Close() {
	c.endRuns()
	c.runs.Wait()
}

// ServeHTTP serves one request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// Nothing is loaded from elsewhere, nothing runs, nobody frames the pages.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	c.mux.ServeHTTP(w, r)
}

// start runs a job on its own; done is closed when it is over and err is set.
// The job goes on when the person leaves. reconcile.ErrBusy where too many are
// under way.
func (c *Console) start(job reconcile.Job) (done <-chan ran, err error) {
	select {
	case c.runTurns <- struct{}{}:
	default:
		return nil, reconcile.ErrBusy
	}
	result := make(chan ran, 1)
	c.runs.Go(func() {
		defer func() { <-c.runTurns }()
		ctx, cancel := context.WithTimeout(c.runCtx, c.cfg.RunTimeout)
		defer cancel()
		r, err := c.deps.Reconciliations.Run(ctx, job)
		if err != nil {
			c.deps.Logger.Warn("a reconciliation that a person started failed", "account_id", job.AccountID, "day", job.Day.String(), "error", err)
		}
		result <- ran{r, err}
	})
	return result, nil
}
