package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// Problem is a problem document (RFC 9457).
type Problem struct {
	Type      string               `json:"type"`
	Title     string               `json:"title"`
	Status    int                  `json:"status"`
	Detail    string               `json:"detail"`
	Code      payment.Code         `json:"code"`
	RequestID string               `json:"request_id"`
	Errors    []payment.FieldError `json:"errors,omitempty"`
	// Checks is part of what /readyz answers.
	Checks []CheckResult `json:"checks,omitempty"`
}

const (
	problemType = "application/problem+json"
	jsonType    = "application/json"
	textType    = "text/plain; charset=utf-8"
	// errorsPage is where every code is explained; the type URIs point there.
	errorsPage = "/docs/errors"
)

// refusal is an error that this package itself answers with.
type refusal struct {
	code       payment.Code
	detail     string
	fields     []payment.FieldError
	retryAfter time.Duration
	checks     []CheckResult
	err        error
}

// Error is the code and the detail.
func (r *refusal) Error() string { return string(r.code) + ": " + r.detail }

// Unwrap gives the cause, which the caller is not told.
func (r *refusal) Unwrap() error { return r.err }

// Texts for what callers meet whatever they asked for.
const (
	detailInternal    = "an unexpected fault; it says nothing of the order: ask for it, or send the same order again"
	detailUnavailable = "the database or shared state cannot be reached; it says nothing of the order: ask for it, or send the same order again"
	detailNonceReused = "this nonce was used before; sign the request anew with a fresh one"
	detailNotFound    = "there is nothing under this path"
)

// refusalOf decides what the caller is told of an error. Whatever is not known
// here is internal, and its text stays inside.
func refusalOf(err error) *refusal {
	if own, ok := errors.AsType[*refusal](err); ok {
		return own
	}
	if core, ok := errors.AsType[*payment.Error](err); ok {
		return &refusal{code: core.Code, detail: core.Message, fields: core.Fields, err: core.Err}
	}
	if auth, ok := errors.AsType[*signing.AuthError](err); ok {
		return &refusal{code: payment.Code(auth.Code), detail: auth.ProblemDetail()}
	}
	switch {
	case errors.Is(err, payment.ErrNonceReused):
		return &refusal{code: payment.CodeNonceReused, detail: detailNonceReused}
	case errors.Is(err, payment.ErrNotFound):
		return &refusal{code: payment.CodeNotFound, detail: detailNotFound}
	case errors.Is(err, payment.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &refusal{code: payment.CodeTemporarilyUnable, detail: detailUnavailable, err: err}
	default:
		return &refusal{code: CodeInternal, detail: detailInternal, err: err}
	}
}

// WriteError answers a request with the problem document for an error, and logs
// what the caller is not told.
func (s *Server) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	ref := refusalOf(err)
	info := codeInfo(ref.code)
	if info.Code != ref.code { // a code that the table does not have
		ref = &refusal{code: CodeInternal, detail: detailInternal, err: err}
	}
	t := trailOf(r.Context())
	t.code = ref.code
	if info.Status >= http.StatusInternalServerError && ref.err != nil {
		s.deps.Logger.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("request_id", t.requestID), slog.String("code", string(ref.code)), slog.Any("error", ref.err))
	}
	problem := Problem{
		Type: errorsPage + "#" + string(ref.code), Title: info.Title, Status: info.Status, Detail: ref.detail,
		Code: ref.code, RequestID: t.requestID, Errors: ref.fields, Checks: ref.checks,
	}
	h := w.Header()
	h.Set("Vary", "Accept-Language")
	if prefersChinese(r, false) {
		problem.Title = info.TitleZH
	}
	if info.Retry {
		h.Set("Retry-After", strconv.FormatInt(retrySeconds(ref.retryAfter, s.cfg.RetryAfter), 10))
	}
	writeJSON(w, info.Status, problemType, problem)
}

// retrySeconds is whole seconds, rounded up, at least one.
func retrySeconds(wait, otherwise time.Duration) int64 {
	if wait <= 0 {
		wait = otherwise
	}
	return max(1, int64((wait+time.Second-1)/time.Second))
}

// WriteJSON answers a request with a document.
func WriteJSON(w http.ResponseWriter, status int, document any) {
	writeJSON(w, status, jsonType, document)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, document any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	// The documents are this package's own types: what fails here is the
	// connection, and nobody is left to be told.
	_ = enc.Encode(document)
}
