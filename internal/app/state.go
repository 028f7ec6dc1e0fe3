package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
)

// localKeys bounds what a process remembers by itself, where there is no Redis
// or while it is gone.
const localKeys = 1_000_000

// openState gives short-lived state: shared in Redis where it is configured,
// with this process's own while Redis is gone, and only the latter elsewhere.
func openState(cfg config.Redis, now func() time.Time, logger *slog.Logger) store.State {
	local := store.NewMemory(now, localKeys)
	if cfg.Addr == "" {
		return local
	}
	redis.SetLogger(redisLog{logger})
	shared := store.RedisConfig{
		Addr: cfg.Addr, Username: cfg.Username, Password: cfg.Password.Reveal(), DB: cfg.DB,
		Timeout: cfg.Timeout, Prefix: cfg.KeyPrefix,
	}
	if cfg.TLS {
		shared.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return store.NewFallback(store.NewRedis(shared), local, now)
}

// nonces is httpapi.Nonces: writes use theirs up in the database, reads in
// Redis where there is one, and in the database where there is none.
type nonces struct {
	db     *store.DB
	state  store.State
	shared bool
	now    func() time.Time
}

func (n nonces) CommitNonce(ctx context.Context, c *payment.NonceClaim) error {
	return n.db.CommitNonce(ctx, c)
}

// BeginWrite marks a write's nonce as used for reads. A Redis that is gone is no
// reason to refuse: the database has the last word on writes.
func (n nonces) BeginWrite(ctx context.Context, merchantID, nonce string, expires time.Time) bool {
	if !n.shared {
		return true
	}
	first, err := n.addOnce(ctx, merchantID, nonce, expires)
	return first || err != nil
}

func (n nonces) UseRead(ctx context.Context, merchantID, nonce string, expires time.Time) (bool, error) {
	if n.shared {
		return n.addOnce(ctx, merchantID, nonce, expires)
	}
	err := n.db.CommitNonce(ctx, &payment.NonceClaim{MerchantID: merchantID, Nonce: nonce, Expires: expires})
	if errors.Is(err, payment.ErrNonceReused) {
		return false, nil
	}
	return err == nil, err
}

func (n nonces) addOnce(ctx context.Context, merchantID, nonce string, expires time.Time) (bool, error) {
	return n.state.AddOnce(ctx, "nonce/"+merchantID+"/"+nonce, expires.Sub(n.now()))
}

// limiter is httpapi.Limiter: it answers from what is there and lets pass when
// nothing can be asked, as a limit that fails must not stop payments.
type limiter struct {
	state store.State
	rate  store.Rate
}

func (l limiter) Allow(ctx context.Context, merchantID string) (bool, time.Duration) {
	ok, retryAfter, err := l.state.Allow(ctx, "rate/"+merchantID, l.rate, 1)
	return ok || err != nil, retryAfter
}

// redisLog takes what the Redis client has to say of its connections: it would
// write plain text to stderr by itself.
type redisLog struct{ logger *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.logger.DebugContext(ctx, "redis client", "message", fmt.Sprintf(format, args...))
}
