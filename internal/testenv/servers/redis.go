package servers

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// RedisDatabases is the number of database indexes of a Redis started here.
const RedisDatabases = "256"

// Redis starts a Redis server that keeps nothing on disk.
func Redis(ctx context.Context) (*Server, error) {
	program, err := lookUp("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	s, err := prepare("redis")
	if err != nil {
		return nil, err
	}
	s.program = program
	s.args = []string{
		"--bind", "127.0.0.1", "--port", splitPort(s.addr), "--dir", s.dir,
		"--databases", RedisDatabases, "--save", "", "--appendonly", "no", "--daemonize", "no",
	}
	s.ping = pingRedis
	if err := s.Start(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func pingRedis(ctx context.Context, addr string) error {
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	return client.Ping(ctx).Err()
}
