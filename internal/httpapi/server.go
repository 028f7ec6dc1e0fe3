package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymux/paymux/signing"
)

// Deps are what the API needs from outside. Limiter, Notify, Routes and Mounts
// may be nil.
type Deps struct {
	Auth *signing.Authenticator
	// Ring gives the platform keys that are live now.
	Ring      func() *signing.KeyRing
	Nonces    Nonces
	Limiter   Limiter
	Merchants Merchants
	Payments  Payments
	Refunds   Refunds
	Events    Events
	Channels  ChannelStates
	// Reconciliations and Statements are what reconciliation found and wrote.
	Reconciliations Reconciliations
	Statements      Statements
	// Notify serves channels' callbacks, outside of merchant authentication.
	Notify NotifyFunc
	Checks []Check
	// Metrics is served at /metrics; the API's own are registered with it.
	Metrics *prometheus.Registry
	Logger  *slog.Logger
	Now     func() time.Time
	// NewID makes 26 letters and digits, ordered by time: the request ids.
	NewID func() string
	// Routes adds further authenticated routes; patterns begin with /v1/.
	Routes func(chi.Router)
	// Mounts adds handlers outside of /v1 by path prefix ("/console").
	Mounts map[string]http.Handler
}

// Server is the API. It never changes after New and is safe for concurrent use.
type Server struct {
	cfg     Config
	deps    Deps
	api     *chi.Mux // below /v1, reached by authenticated requests only
	public  *chi.Mux
	metrics *metrics
	ready   *readiness
	spec    *specification
	site    *site
}

// New makes the API.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := deps.check(); err != nil {
		return nil, err
	}
	spec, err := newSpecification()
	if err != nil {
		return nil, fmt.Errorf("httpapi: read the API document: %w", err)
	}
	pages, err := newSite(spec)
	if err != nil {
		return nil, fmt.Errorf("httpapi: render the pages: %w", err)
	}
	m, err := newMetrics(deps.Metrics)
	if err != nil {
		return nil, fmt.Errorf("httpapi: register metrics: %w", err)
	}
	s := &Server{cfg: cfg, deps: deps, metrics: m, spec: spec, site: pages}
	s.ready = &readiness{checks: deps.Checks, timeout: cfg.CheckTimeout, now: deps.Now, logger: deps.Logger}
	s.api = s.apiRouter()
	s.public = s.publicRouter()
	return s, nil
}

func (d Deps) check() error {
	var faults []error
	for _, need := range []struct {
		name    string
		missing bool
	}{
		{"Auth", d.Auth == nil},
		{"Ring", d.Ring == nil},
		{"Nonces", d.Nonces == nil},
		{"Merchants", d.Merchants == nil},
		{"Payments", d.Payments == nil},
		{"Refunds", d.Refunds == nil},
		{"Events", d.Events == nil},
		{"Channels", d.Channels == nil},
		{"Reconciliations", d.Reconciliations == nil},
		{"Statements", d.Statements == nil},
		{"Metrics", d.Metrics == nil},
		{"Logger", d.Logger == nil},
		{"Now", d.Now == nil},
		{"NewID", d.NewID == nil},
	} {
		if need.missing {
			faults = append(faults, fmt.Errorf("httpapi: %s is missing", need.name))
		}
	}
	return errors.Join(faults...)
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := &trail{requestID: s.deps.NewID()}
	r = r.WithContext(withTrail(r.Context(), t))
	rec := &recorder{ResponseWriter: w}
	h := w.Header()
	h.Set(signing.HeaderRequestID, t.requestID)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	start := s.deps.Now()
	defer func() { s.finish(r, rec, t, s.deps.Now().Sub(start)) }()
	defer s.recoverInto(rec, r, func() bool { return !rec.wrote })
	switch {
	case isPlatformKeys(r):
		s.public.ServeHTTP(rec, r)
	case isAPI(r.URL.Path):
		s.serveSigned(rec, r)
	default:
		s.public.ServeHTTP(rec, r)
	}
}

func isAPI(path string) bool { return path == "/v1" || strings.HasPrefix(path, "/v1/") }

// isPlatformKeys: only reading the keys is open; anything else below that path
// is authenticated like the rest of /v1.
func isPlatformKeys(r *http.Request) bool {
	return isRead(r.Method) && r.URL.Path == signing.PlatformKeysTarget && r.URL.RawPath == ""
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// recoverInto answers a panic with a 500, where the answer can still be chosen.
// It must be deferred itself.
func (s *Server) recoverInto(w http.ResponseWriter, r *http.Request, open func() bool) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause) // net/http's own way to cut a connection
	}
	s.deps.Logger.LogAttrs(r.Context(), slog.LevelError, "panic while serving a request",
		slog.String("request_id", RequestID(r.Context())), slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
	if !open() {
		return
	}
	if a, ok := w.(*answer); ok {
		a.reset()
	}
	s.WriteError(w, r, &refusal{code: CodeInternal, detail: detailInternal})
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	wrote  bool
}

// WriteHeader notes the final status.
func (w *recorder) WriteHeader(status int) {
	if !w.wrote && status >= http.StatusOK {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes the size.
func (w *recorder) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// finish writes the access log's line and counts the request.
func (s *Server) finish(r *http.Request, rec *recorder, t *trail, took time.Duration) {
	if t.route == "" {
		t.route = "none"
	}
	s.metrics.observe(r.Method, t.route, rec.status, took)
	attrs := []slog.Attr{
		slog.String("request_id", t.requestID), slog.String("method", knownMethod(r.Method)), slog.String("route", t.route),
		slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes), slog.Float64("duration_ms", float64(took.Microseconds())/1000),
	}
	if t.merchantID != "" {
		attrs = append(attrs, slog.String("merchant_id", t.merchantID))
	}
	if t.code != "" {
		attrs = append(attrs, slog.String("code", string(t.code)))
	}
	s.deps.Logger.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}
