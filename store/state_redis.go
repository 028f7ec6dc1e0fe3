package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisConfig says which Redis shares the state.
type RedisConfig struct {
	// Addr is host:port.
	Addr               string
	Username, Password string
	DB                 int
	// TLS is nil for plain text.
	TLS *tls.Config
	// Prefix begins every key; default "paymux:".
	Prefix string
	// Timeout bounds the dial, the wait for a connection and each answer; it is
	// short, since there is a way without Redis. Default 200 ms.
	Timeout time.Duration
	// MaxConns bounds the connections; default 32.
	MaxConns int
}

// Redis is [State] shared through a Redis server. What is remembered lives as
// long as that server's memory.
type Redis struct {
	client *redis.Client
	prefix string
}

// NewRedis makes a client; it connects when it is first asked.
func NewRedis(cfg RedisConfig) *Redis {
	setDefault(&cfg.Timeout, 200*time.Millisecond)
	setDefault(&cfg.MaxConns, 32)
	if cfg.Prefix == "" {
		cfg.Prefix = "paymux:"
	}
	return &Redis{prefix: cfg.Prefix, client: redis.NewClient(&redis.Options{
		Addr: cfg.Addr, Username: cfg.Username, Password: cfg.Password, DB: cfg.DB, TLSConfig: cfg.TLS,
		DialTimeout: cfg.Timeout, ReadTimeout: cfg.Timeout, WriteTimeout: cfg.Timeout, PoolTimeout: cfg.Timeout,
		ContextTimeoutEnabled: true,
		PoolSize:              cfg.MaxConns,
		// A repeat of "add once" whose answer was lost would say "not first".
		MaxRetries:      -1,
		DialerRetries:   1,
		DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	})}
}

// AddOnce implements [State].
func (r *Redis) AddOnce(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if ttl < time.Millisecond {
		return false, errors.New("remember a key: its time must be a millisecond at least")
	}
	first, err := r.client.SetNX(ctx, r.prefix+"once:"+key, 1, ttl).Result()
	if err != nil {
		return false, fmt.Errorf("remember a key in redis: %w", err)
	}
	return first, nil
}

// gcra is Memory.Allow in one step at the server, by the server's clock.
// KEYS[1] the key; ARGV: interval in microseconds, burst, n. It answers 0 or
// the microseconds to wait.
var gcra = redis.NewScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + n * interval
local early = arrival - burst * interval - now
if early > 0 then return early end
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
return 0`)

// Allow implements [State].
func (r *Redis) Allow(ctx context.Context, key string, rate Rate, n int) (bool, time.Duration, error) {
	interval, err := rate.interval(n)
	if err != nil {
		return false, 0, err
	}
	early, err := gcra.Run(ctx, r.client, []string{r.prefix + "rate:" + key}, interval, rate.Burst, n).Int64()
	if err != nil {
		return false, 0, fmt.Errorf("ask redis for a rate limit: %w", err)
	}
	return early == 0, time.Duration(early) * time.Microsecond, nil
}

// Ping implements [State].
func (r *Redis) Ping(ctx context.Context) error {
	if err := r.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

// Close implements [State].
func (r *Redis) Close() error { return r.client.Close() }
