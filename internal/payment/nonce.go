package payment

import (
	"context"
	"sync/atomic"
	"time"
)

// NonceClaim is a signed request's nonce, to be committed with the first
// transaction that the request leads to, so that it costs no commit of its own
// and holds for exactly as long as what the request did.
type NonceClaim struct {
	MerchantID string
	Nonce      string
	Expires    time.Time
	committed  atomic.Bool
}

// Committed tells whether the nonce is in the database.
func (c *NonceClaim) Committed() bool { return c.committed.Load() }

// MarkCommitted is called by the store after the commit that held the nonce.
func (c *NonceClaim) MarkCommitted() { c.committed.Store(true) }

type nonceKey struct{}

// WithNonce returns a context whose first transaction commits the claim.
func WithNonce(ctx context.Context, c *NonceClaim) context.Context {
	return context.WithValue(ctx, nonceKey{}, c)
}

// NonceFrom is the claim of the context that is not committed yet, or nil.
func NonceFrom(ctx context.Context) *NonceClaim {
	c, _ := ctx.Value(nonceKey{}).(*NonceClaim)
	if c == nil || c.Committed() {
		return nil
	}
	return c
}
