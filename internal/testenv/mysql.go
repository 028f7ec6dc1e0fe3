package testenv

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/paymux/paymux/internal/testenv/servers"
)

// MySQLEnv names the variable with the DSN, without a database, of a server
// on which tests may create databases.
const MySQLEnv = "PAYMUX_TEST_MYSQL_DSN"

const adminTimeout = 60 * time.Second

// sharedMariaDB is the server of this process's tests where the environment
// names none. Its janitor removes it when the process ends.
var sharedMariaDB = sync.OnceValues(func() (*servers.Server, error) {
	return servers.MariaDB(context.Background())
})

// MySQL creates an empty database (utf8mb4, binary collation) for the test and
// returns its DSN, which has no parameters beyond user, address and database.
// The database is dropped when the test and its subtests have ended.
func MySQL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(MySQLEnv)
	if server == "" {
		s, err := sharedMariaDB()
		need(t, err)
		server = servers.MariaDBDSN(s.Addr())
	}
	return freshDatabase(t, server)
}

func freshDatabase(t testing.TB, server string) string {
	t.Helper()
	config, err := mysql.ParseDSN(server)
	if err != nil {
		t.Fatalf("testenv: %s: %v", MySQLEnv, err)
	}
	name := "paymux_test_" + randomHex(t)
	administer(t, server, createDatabase(name))
	t.Cleanup(func() { administer(t, server, "DROP DATABASE IF EXISTS "+name) })
	config.DBName = name
	return config.FormatDSN()
}

func createDatabase(name string) string {
	return "CREATE DATABASE " + name + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	// Not the test's context: it has ended when cleanups run.
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	db, err := sql.Open("mysql", server)
	if err != nil {
		t.Fatalf("testenv: open %s: %v", MySQLEnv, err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		t.Errorf("testenv: %s: %v", statement, err)
	}
}

func randomHex(t testing.TB) string {
	t.Helper()
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return hex.EncodeToString(b[:])
}
