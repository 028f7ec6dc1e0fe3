package testenv_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"

	"github.com/paymux/paymux/internal/testenv"
)

func openMySQL(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestMySQL_DatabaseIsTheTestsOwn(t *testing.T) {
	t.Parallel()
	var gone string
	t.Run("first", func(t *testing.T) {
		a, b := testenv.MySQL(t), testenv.MySQL(t)
		if a == b {
			t.Fatalf("two calls share %s", a)
		}
		db := openMySQL(t, a)
		exec(t, db, "CREATE TABLE names (n VARCHAR(20) PRIMARY KEY)")
		exec(t, db, "INSERT INTO names VALUES ('bar-1'), ('BAR-1')")
		exec(t, openMySQL(t, b), "CREATE TABLE names (n VARCHAR(20))")
		gone = a
	})
	if err := openMySQL(t, gone).PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "1049") {
		t.Errorf("after the test its database answers %v, want error 1049, unknown database", err)
	}
}

func TestMySQL_CommitsAreDurable(t *testing.T) {
	t.Parallel()
	db := openMySQL(t, testenv.MySQL(t))
	var flush int
	if err := db.QueryRowContext(t.Context(), "SELECT @@innodb_flush_log_at_trx_commit").Scan(&flush); err != nil {
		t.Fatal(err)
	}
	if flush != 1 {
		t.Errorf("innodb_flush_log_at_trx_commit is %d, the gateway demands 1", flush)
	}
}

func TestRedis_DatabasesAreApartAndEmptied(t *testing.T) {
	t.Parallel()
	client := func(t *testing.T) (*redis.Client, int) {
		addr, db := testenv.Redis(t)
		c := redis.NewClient(&redis.Options{Addr: addr, DB: db})
		t.Cleanup(func() { _ = c.Close() })
		return c, db
	}
	const key = "TestRedis_DatabasesAreApartAndEmptied"
	var mine int
	t.Run("holder", func(t *testing.T) {
		a, first := client(t)
		b, second := client(t)
		if first == second {
			t.Fatalf("database %d leased twice", first)
		}
		if err := a.Set(t.Context(), key, "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if n, err := b.Exists(t.Context(), key).Result(); err != nil || n != 0 {
			t.Errorf("the other database has the key: %d, %v", n, err)
		}
		mine = first
	})
	addr, _ := testenv.Redis(t)
	c := redis.NewClient(&redis.Options{Addr: addr, DB: mine})
	t.Cleanup(func() { _ = c.Close() })
	if v, err := c.Get(t.Context(), key).Result(); err == nil {
		t.Errorf("key outlived its test: %q", v)
	}
}

func TestStartMySQL_DataOutliveACrash(t *testing.T) {
	t.Parallel()
	server := testenv.StartMySQL(t)
	db := openMySQL(t, server.DSN())
	exec(t, db, "CREATE TABLE rows_kept (id INT PRIMARY KEY)")
	exec(t, db, "INSERT INTO rows_kept VALUES (1)")
	server.Kill()
	if err := db.PingContext(t.Context()); err == nil {
		t.Fatal("a killed server answers")
	}
	server.Start()
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM rows_kept").Scan(&n); err != nil || n != 1 {
		t.Errorf("after the crash: %d rows, %v; want 1", n, err)
	}
	server.Stop()
	server.Start()
	exec(t, db, "INSERT INTO rows_kept VALUES (2)")
}

func TestStartRedis_ComesBackEmptyOnTheSamePort(t *testing.T) {
	t.Parallel()
	server := testenv.StartRedis(t)
	c := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if err := c.Ping(t.Context()).Err(); err == nil {
		t.Fatal("a stopped server answers")
	}
	server.Start()
	if err := c.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("get after restart: %v, want no such key", err)
	}
}

func TestProxy_CutAndRestore(t *testing.T) {
	t.Parallel()
	proxy := testenv.Proxy(t, startEcho(t))
	dial := func() (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", proxy.Addr())
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
		return conn, err
	}
	conn, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	if got := echo(t, conn); got != "ping" {
		t.Fatalf("through the proxy came %q", got)
	}
	proxy.Cut()
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a cut connection reads %v, want a reset", err)
	}
	if _, err := dial(); err == nil {
		t.Error("a cut proxy takes connections")
	}
	proxy.Restore()
	conn, err = dial()
	if err != nil {
		t.Fatalf("after restore: %v", err)
	}
	if got := echo(t, conn); got != "ping" {
		t.Errorf("after restore came %q", got)
	}
}

func startEcho(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

func echo(t *testing.T, conn net.Conn) string {
	t.Helper()
	if _, err := io.WriteString(conn, "ping"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4)
	if _, err := io.ReadFull(conn, buf); err != nil {
		t.Fatal(err)
	}
	return string(buf)
}
