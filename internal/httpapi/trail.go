package httpapi

import (
	"context"
	"net/http"

	"golang.org/x/text/language"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/signing"
)

// trail is what is known of a request for its log line and its answer. It
// belongs to the one goroutine that serves the request.
type trail struct {
	requestID  string
	merchantID string
	route      string
	code       payment.Code
}

type trailKey struct{}

func withTrail(ctx context.Context, t *trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// trailOf never returns nil: outside of a request what is noted is lost.
func trailOf(ctx context.Context) *trail {
	if t, ok := ctx.Value(trailKey{}).(*trail); ok {
		return t
	}
	return &trail{}
}

// RequestID is the id of the request that a context belongs to.
func RequestID(ctx context.Context) string { return trailOf(ctx).requestID }

// call is an authenticated request.
type call struct {
	identity signing.Identity
	body     []byte
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callOf is the authenticated request of a context. Routes below /v1 are
// reached by authenticated requests only; without one it panics, which is a 500.
func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		panic("httpapi: a merchant's route was reached without authentication")
	}
	return c
}

// MerchantID is the merchant who signed the request that a context belongs to.
// It must be called below /v1 only.
func MerchantID(ctx context.Context) string { return callOf(ctx).identity.Merchant.ID }

// Body is the raw body of the signed request that a context belongs to.
func Body(ctx context.Context) []byte { return callOf(ctx).body }

const maxAcceptLanguage = 256

// prefersChinese tells whether the reader wants Chinese rather than English;
// otherwise is for those who do not say.
func prefersChinese(r *http.Request, otherwise bool) bool {
	accept := r.Header.Get("Accept-Language")
	if accept == "" || len(accept) > maxAcceptLanguage {
		return otherwise
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return otherwise
	}
	for _, tag := range tags { // best first
		switch base, _ := tag.Base(); base.String() {
		case "zh":
			return true
		case "en":
			return false
		}
	}
	return otherwise
}
