package testenv

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/paymux/paymux/internal/testenv/servers"
)

// PartialEnv names the variable that turns what is missing on this machine
// from a failure into a skip, when it is 1.
const PartialEnv = "PAYMUX_TEST_PARTIAL"

// Instance is a server that belongs to one test.
type Instance struct {
	t      testing.TB
	server *servers.Server
}

// StartRedis starts a Redis for this test alone. It keeps nothing on disk: what
// it held is gone after Stop or Kill. It is removed when the test has ended.
func StartRedis(t testing.TB) *Instance {
	t.Helper()
	s, err := servers.Redis(context.Background())
	return adopt(t, s, err)
}

// MySQLInstance is a MariaDB that belongs to one test.
type MySQLInstance struct {
	*Instance
}

// StartMySQL starts a MariaDB for this test alone, which takes a few seconds.
// Its data survive Stop, Kill and Start. It is removed when the test has ended.
func StartMySQL(t testing.TB) *MySQLInstance {
	t.Helper()
	s, err := servers.MariaDB(context.Background())
	return &MySQLInstance{Instance: adopt(t, s, err)}
}

// DSN creates an empty database like that of [MySQL] on the server, which must
// be running, and returns its DSN. The database goes with the server.
func (i *MySQLInstance) DSN() string {
	i.t.Helper()
	name := "paymux_test_" + randomHex(i.t)
	server := servers.MariaDBDSN(i.Addr())
	administer(i.t, server, createDatabase(name))
	return server + name
}

// Addr returns the server's host and port, which never change.
func (i *Instance) Addr() string { return i.server.Addr() }

// Start starts the server again and returns when it answers.
func (i *Instance) Start() {
	i.t.Helper()
	i.must(i.server.Start(context.Background()))
}

// Stop ends the server in good order.
func (i *Instance) Stop() {
	i.t.Helper()
	i.must(i.server.Stop())
}

// Kill ends the server as a crash would.
func (i *Instance) Kill() {
	i.t.Helper()
	i.must(i.server.Kill())
}

func (i *Instance) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatalf("testenv: %v", err)
	}
}

func adopt(t testing.TB, s *servers.Server, err error) *Instance {
	t.Helper()
	need(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("testenv: %v", err)
		}
	})
	return &Instance{t: t, server: s}
}

// need ends the test when the server that it needs isn't there.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, servers.ErrNotInstalled) && os.Getenv(PartialEnv) == "1":
		t.Skipf("SKIPPED, PARTIAL RUN: %v", err)
	default:
		t.Fatalf("testenv: %v (%s=1 skips what can't run here)", err, PartialEnv)
	}
}
