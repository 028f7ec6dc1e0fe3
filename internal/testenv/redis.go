package testenv

import (
	"context"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/paymux/paymux/internal/testenv/servers"
)

// RedisEnv names the variable with the address of a Redis whose databases
// tests may fill and flush.
const RedisEnv = "PAYMUX_TEST_REDIS_ADDR"

// Database 0 holds the leases of the others; a lease outlasts any test, and
// ends by itself where a test process was killed.
const (
	leaseDB      = 0
	leaseFor     = 15 * time.Minute
	leaseTimeout = 60 * time.Second
	leasePrefix  = "paymux-test-lease:"
)

// sharedRedis is the server of this process's tests where the environment
// names none. Its janitor removes it when the process ends.
var sharedRedis = sync.OnceValues(func() (*servers.Server, error) {
	return servers.Redis(context.Background())
})

// Redis leases an empty database of a real Redis to the test and returns the
// server's address and the database's index. The database is flushed and given
// back when the test and its subtests have ended. The server is shared: a test
// that says FLUSHALL, CONFIG SET or the like needs [StartRedis].
func Redis(t testing.TB) (addr string, db int) {
	t.Helper()
	addr = os.Getenv(RedisEnv)
	if addr == "" {
		s, err := sharedRedis()
		need(t, err)
		addr = s.Addr()
	}
	leases := redis.NewClient(&redis.Options{Addr: addr, DB: leaseDB})
	t.Cleanup(func() { _ = leases.Close() })
	db = lease(t, leases)
	t.Cleanup(func() {
		flush(t, addr, db)
		if err := leases.Del(context.Background(), leaseKey(db)).Err(); err != nil {
			t.Errorf("testenv: give back redis database %d: %v", db, err)
		}
	})
	flush(t, addr, db)
	return addr, db
}

func lease(t testing.TB, leases *redis.Client) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), leaseTimeout)
	defer cancel()
	size, err := databases(ctx, leases)
	if err != nil {
		t.Fatalf("testenv: ask redis for its number of databases: %v", err)
	}
	for {
		for db := leaseDB + 1; db < size; db++ {
			// Without SET … NX the winner of a race would not know that it won.
			ok, err := leases.SetNX(ctx, leaseKey(db), t.Name(), leaseFor).Result()
			if err != nil {
				t.Fatalf("testenv: lease a redis database: %v", err)
			}
			if ok {
				return db
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("testenv: all %d redis databases are leased", size-1)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func databases(ctx context.Context, client *redis.Client) (int, error) {
	values, err := client.ConfigGet(ctx, "databases").Result()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(values["databases"])
}

func flush(t testing.TB, addr string, db int) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, DB: db})
	defer func() { _ = client.Close() }()
	if err := client.FlushDB(context.Background()).Err(); err != nil {
		t.Errorf("testenv: flush redis database %d: %v", db, err)
	}
}

func leaseKey(db int) string { return leasePrefix + strconv.Itoa(db) }
