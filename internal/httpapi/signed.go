package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// serveSigned authenticates a request below /v1 and answers it. Refusals until
// the signature holds are unsigned, everything after it is signed.
func (s *Server) serveSigned(w http.ResponseWriter, r *http.Request) {
	body, err := s.readBody(w, r)
	if err != nil {
		s.WriteError(w, r, err)
		return
	}
	id, err := s.authenticate(r, body)
	if err != nil {
		s.WriteError(w, r, err)
		return
	}
	trailOf(r.Context()).merchantID = id.Merchant.ID
	r = r.WithContext(withCall(r.Context(), &call{identity: id, body: body}))
	r.Body = io.NopCloser(bytes.NewReader(body))
	a := newAnswer()
	if isRead(r.Method) {
		s.serveRead(a, r, id)
	} else {
		s.serveChange(a, r, id)
	}
	s.send(w, r, a, id)
}

// readBody reads the whole body, before anything else is looked at.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	tooLarge := &refusal{code: CodeBodyTooLarge, detail: fmt.Sprintf("the body may have at most %d bytes", s.cfg.MaxBodyBytes)}
	var body []byte
	var err error
	if r.ContentLength <= s.cfg.MaxBodyBytes {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.MaxBodyBytes))
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || r.ContentLength > s.cfg.MaxBodyBytes {
		w.Header().Set("Connection", "close") // what is left of the body is not read
		return nil, tooLarge
	}
	if err != nil {
		return nil, &refusal{code: payment.CodeInvalidRequest, detail: "the body could not be read to its end"}
	}
	return body, nil
}

func (s *Server) authenticate(r *http.Request, body []byte) (signing.Identity, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.ReadTimeout)
	defer cancel()
	id, err := s.deps.Auth.Authenticate(ctx, r.Method, r.RequestURI, r.Header.Values("Authorization"), body)
	if err == nil {
		return id, nil
	}
	if _, ok := errors.AsType[*signing.AuthError](err); ok {
		return signing.Identity{}, err
	}
	// The keys could not be looked up, which is no statement about the request.
	return signing.Identity{}, unavailable(err)
}

func unavailable(err error) *refusal {
	return &refusal{code: payment.CodeTemporarilyUnable, detail: detailUnavailable, err: err}
}

// serveRead uses the nonce up, then answers.
func (s *Server) serveRead(a *answer, r *http.Request, id signing.Identity) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.ReadTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	first, err := s.deps.Nonces.UseRead(ctx, id.Merchant.ID, id.Authorization.Nonce, id.NonceExpires)
	switch {
	case err != nil:
		s.WriteError(a, r, unavailable(err))
	case !first:
		s.WriteError(a, r, payment.ErrNonceReused)
	default:
		s.admit(a, r, id)
	}
}

// serveChange answers a request that may change something. The claim travels
// with the context and is committed with the first transaction; if there was
// none, it is committed here before the answer leaves. A client that goes away
// does not stop the work half-way.
func (s *Server) serveChange(a *answer, r *http.Request, id signing.Identity) {
	claim := &payment.NonceClaim{MerchantID: id.Merchant.ID, Nonce: id.Authorization.Nonce, Expires: id.NonceExpires}
	detached := context.WithoutCancel(r.Context())
	if !s.deps.Nonces.BeginWrite(detached, claim.MerchantID, claim.Nonce, claim.Expires) {
		s.WriteError(a, r, payment.ErrNonceReused)
		return
	}
	ctx, cancel := context.WithTimeout(payment.WithNonce(detached, claim), s.cfg.WriteTimeout)
	defer cancel()
	s.admit(a, r.WithContext(ctx), id)
	code := trailOf(ctx).code
	if claim.Committed() || code == payment.CodeNonceReused {
		return
	}
	err := s.commitNonce(detached, claim)
	if errors.Is(err, payment.ErrNonceReused) && code == payment.CodeTemporarilyUnable {
		// The handler's own commit may have gone through unseen and taken the
		// nonce with it: what the caller must know is that the outcome is open.
		return
	}
	if err != nil {
		a.reset()
		s.WriteError(a, r, err)
	}
}

func (s *Server) commitNonce(ctx context.Context, claim *payment.NonceClaim) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.NonceTimeout)
	defer cancel()
	err := s.deps.Nonces.CommitNonce(ctx, claim)
	if err == nil || errors.Is(err, payment.ErrNonceReused) {
		return err
	}
	return unavailable(err)
}

// commitNonceFirst is for handlers whose ports do not promise to commit the
// claim with what they do.
func (s *Server) commitNonceFirst(ctx context.Context) error {
	claim := payment.NonceFrom(ctx)
	if claim == nil {
		return nil
	}
	return s.commitNonce(ctx, claim)
}

// admit refuses disabled merchants and those over their limit, then routes.
func (s *Server) admit(a *answer, r *http.Request, id signing.Identity) {
	defer s.recoverInto(a, r, func() bool { return true })
	if id.Merchant.Disabled {
		s.WriteError(a, r, &refusal{code: CodeMerchantDisabled, detail: "this merchant is disabled; ask the operator of the gateway"})
		return
	}
	if ok, wait := s.allow(r.Context(), id.Merchant.ID); !ok {
		s.WriteError(a, r, &refusal{code: CodeRateLimited, detail: "more requests than this merchant may send; wait as Retry-After says", retryAfter: wait})
		return
	}
	s.api.ServeHTTP(a, r)
}

func (s *Server) allow(ctx context.Context, merchantID string) (bool, time.Duration) {
	if s.deps.Limiter == nil {
		return true, 0
	}
	return s.deps.Limiter.Allow(ctx, merchantID)
}
