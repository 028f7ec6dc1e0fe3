package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The drivers of [Config].
const (
	SQLite = "sqlite"
	MySQL  = "mysql"
)

// Sealer encrypts what is sealed at rest; aad binds a blob to its place.
type Sealer interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(blob, aad []byte) ([]byte, error)
}

// Config opens a database. Driver, Path or DSN, Now and Sealer are required;
// everything else has a default.
type Config struct {
	// Driver is [SQLite] or [MySQL] (which MariaDB is too).
	Driver string
	// Path is the file of SQLite. It and its companions (-wal, -shm) are made
	// readable for this user only.
	Path string
	// DSN is that of go-sql-driver/mysql. Parameters that decide on
	// correctness (SQL mode, isolation, character set) are set here whatever
	// the DSN says.
	DSN string
	// Now is the process's clock.
	Now func() time.Time
	// Sealer seals personal data.
	Sealer Sealer

	// MaxConns bounds the connections: those that read SQLite (default 8), all
	// of them on MySQL (default 32).
	MaxConns int
	// QueueLimit bounds the jobs that wait for SQLite's writer (default 1024);
	// callers beyond it wait until their context ends.
	QueueLimit int
	// BatchLimit bounds the jobs that share one commit (default 256).
	BatchLimit int
	// LockWait is how long a write waits for another process (SQLite) or for a
	// row (MySQL) before it gives up; default 10 s.
	LockWait time.Duration
	// Timeout bounds one answer of a MySQL server; default 30 s.
	Timeout time.Duration
	// Tries bounds how often a transaction is run that MySQL gives up for the
	// sake of another (default 6).
	Tries int
	// Sleep waits between these tries; default: the real time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter draws a wait of at most limit; default: evenly, from crypto/rand.
	Jitter func(limit time.Duration) time.Duration
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Driver != SQLite && c.Driver != MySQL:
		return c, fmt.Errorf("open database: driver %q is not known, take sqlite or mysql", c.Driver)
	case c.Driver == SQLite && c.Path == "":
		return c, errors.New("open database: sqlite needs the path of a file")
	case c.Driver == MySQL && c.DSN == "":
		return c, errors.New("open database: mysql needs a DSN")
	case c.Now == nil || c.Sealer == nil:
		return c, errors.New("open database: a clock and a sealer are needed")
	}
	conns := 8
	if c.Driver == MySQL {
		conns = 32
	}
	setDefault(&c.MaxConns, conns)
	setDefault(&c.QueueLimit, 1024)
	setDefault(&c.BatchLimit, 256)
	setDefault(&c.Tries, 6)
	setDefault(&c.LockWait, 10*time.Second)
	setDefault(&c.Timeout, 30*time.Second)
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Jitter == nil {
		c.Jitter = evenJitter
	}
	return c, nil
}

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func evenJitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	var b [8]byte
	_, _ = rand.Read(b[:])                                                 // never fails
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(limit)) //nolint:gosec // below limit
}
