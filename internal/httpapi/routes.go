package httpapi

import (
	"io"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// endpoint serves an authenticated request.
type endpoint func(r *http.Request) (reply, error)

// reply is an endpoint's answer: a document, a text, or a file.
type reply struct {
	status   int
	body     any
	replayed bool
	text     string
	file     *File
}

// headerReplayed marks the answer to a repeated create.
const headerReplayed = "Idempotent-Replayed"

// route is an authenticated operation.
type route struct {
	method, pattern string
	serve           endpoint
	// query: the endpoint reads the query itself; else there must be none.
	query bool
}

func (s *Server) routes() []route {
	return []route{
		{http.MethodPost, "/v1/payments", s.createPayment, false},
		{http.MethodGet, "/v1/payments", s.listPayments, true},
		{http.MethodGet, "/v1/payments/{id}", s.getPayment, false},
		{http.MethodPost, "/v1/payments/{id}/close", s.closePayment, false},
		{http.MethodPost, "/v1/refunds", s.createRefund, false},
		{http.MethodGet, "/v1/refunds", s.listRefunds, true},
		{http.MethodGet, "/v1/refunds/{id}", s.getRefund, false},
		{http.MethodPost, "/v1/routes/explain", s.explainRoute, false},
		{http.MethodGet, "/v1/channels", s.listChannels, false},
		{http.MethodGet, "/v1/events", s.listEvents, true},
		{http.MethodGet, "/v1/events/{id}", s.getEvent, false},
		{http.MethodPost, "/v1/events/{id}/resend", s.resendEvent, false},
		{http.MethodPost, "/v1/webhook-endpoints/enable", s.enableEndpoint, false},
		{http.MethodGet, "/v1/reconciliations", s.listReconciliations, true},
		{http.MethodGet, "/v1/reconciliations/{id}", s.getReconciliation, false},
		{http.MethodGet, "/v1/reconciliations/{id}/discrepancies", s.listDiscrepancies, true},
		{http.MethodGet, "/v1/statements/{date}.csv", s.statementFile(statementCSV), true},
		{http.MethodGet, "/v1/statements/{date}.csv.sha256", s.statementDigest(statementCSV), true},
		{http.MethodGet, "/v1/statements/{date}.xlsx", s.statementFile(statementXLSX), true},
		{http.MethodGet, "/v1/statements/{date}.xlsx.sha256", s.statementDigest(statementXLSX), true},
	}
}

func (s *Server) apiRouter() *chi.Mux {
	mux := s.newRouter()
	for _, rt := range s.routes() {
		mux.Method(rt.method, rt.pattern, s.endpoint(rt))
	}
	// Reading it is served without authentication (see ServeHTTP); here it makes
	// a signed request of another method a 405 rather than a 404.
	mux.Get(signing.PlatformKeysTarget, s.platformKeys)
	if s.deps.Routes != nil {
		s.deps.Routes(mux)
	}
	return mux
}

func (s *Server) publicRouter() *chi.Mux {
	mux := s.newRouter()
	mux.Get(signing.PlatformKeysTarget, s.platformKeys)
	if s.deps.Notify != nil {
		mux.Post("/notify/{channel}/{account_id}", s.notification)
	}
	mux.Get("/return", s.returnPage)
	// UnionPay sends the payer back with a form.
	mux.Post("/return", s.returnPage)
	mux.Get("/healthz", s.health)
	mux.Get("/readyz", s.readyz)
	mux.Method(http.MethodGet, "/metrics", s.metricsHandler())
	mux.Get("/openapi.json", s.openAPI)
	mux.Get("/docs", s.docsPage)
	mux.Get(errorsPage, s.errorsPage)
	for prefix, handler := range s.deps.Mounts {
		mux.Mount(prefix, handler)
	}
	return mux
}

func (s *Server) newRouter() *chi.Mux {
	mux := chi.NewRouter()
	mux.Use(noteRoute, middleware.GetHead)
	mux.NotFound(s.notFound)
	mux.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) { s.methodNotAllowed(mux, w, r) })
	return mux
}

// noteRoute notes which pattern served a request: it is all that logs and
// metrics say of the path.
func noteRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { trailOf(r.Context()).route = chi.RouteContext(r.Context()).RoutePattern() }()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) endpoint(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !rt.query {
			if err := s.done(newQuery(r.URL.RawQuery)); err != nil {
				s.WriteError(w, r, err)
				return
			}
		}
		rep, err := rt.serve(r)
		if err != nil {
			s.WriteError(w, r, err)
			return
		}
		if rep.replayed {
			w.Header().Set(headerReplayed, "true")
		}
		s.write(w, r, rep)
	}
}

// write answers with what an endpoint replied.
func (s *Server) write(w http.ResponseWriter, r *http.Request, rep reply) {
	switch {
	case rep.file != nil:
		if err := WriteFile(w, *rep.file); err != nil {
			s.WriteError(w, r, err)
		}
	case rep.text != "":
		w.Header().Set("Content-Type", textType)
		w.WriteHeader(rep.status)
		_, _ = io.WriteString(w, rep.text) // into the answer, which takes everything
	default:
		WriteJSON(w, rep.status, rep.body)
	}
}

// pathID is the id in the path. What cannot be an id is not found.
func pathID(r *http.Request) (string, error) {
	id := chi.URLParam(r, "id")
	if !isName(id) {
		return "", payment.ErrNotFound
	}
	return id, nil
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.WriteError(w, r, payment.ErrNotFound)
}

func (s *Server) methodNotAllowed(mux *chi.Mux, w http.ResponseWriter, r *http.Request) {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var allowed []string
	for _, method := range [...]string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	} {
		if mux.Match(chi.NewRouteContext(), method, path) {
			allowed = append(allowed, method)
			if method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
	}
	if len(allowed) == 0 { // a method unknown to HTTP, on a path unknown to us
		s.notFound(w, r)
		return
	}
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list)
	s.WriteError(w, r, &refusal{code: CodeMethodNotAllowed, detail: "this path takes " + list})
}

func (s *Server) notification(w http.ResponseWriter, r *http.Request) {
	s.deps.Notify(chi.URLParam(r, "channel"), chi.URLParam(r, "account_id"), w, r)
}
