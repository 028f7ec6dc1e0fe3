package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

const (
	mysqlDialTimeout = 5 * time.Second
	// mysqlConnLife ends connections before proxies and servers do.
	mysqlConnLife = 10 * time.Minute
	mysqlConnIdle = 2 * time.Minute
)

// mysqlServer is what must be known of a server before anything is kept on it.
type mysqlServer struct {
	version string
	mariaDB bool
	// binaryCollation compares byte by byte and does not take "a" and "a " for
	// one, as utf8mb4_bin does.
	binaryCollation string
	// isolation names the variable of the isolation level.
	isolation string
}

func (db *DB) openMySQL(ctx context.Context) error {
	config, err := mysql.ParseDSN(db.cfg.DSN)
	if err != nil {
		return fmt.Errorf("read the DSN: %w", err)
	}
	if config.DBName == "" {
		return errors.New("the DSN names no database; end it with /NAME")
	}
	server, err := inspectMySQL(ctx, config)
	if err != nil {
		return err
	}
	db.dialect = mysqlDialect()
	db.dialect.binaryCollation, db.server = server.binaryCollation, server
	pool, err := openMySQLPool(config, db.cfg, server)
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(db.cfg.MaxConns)
	pool.SetMaxIdleConns(db.cfg.MaxConns)
	pool.SetConnMaxLifetime(mysqlConnLife)
	pool.SetConnMaxIdleTime(mysqlConnIdle)
	db.pool, db.reader = pool, pool
	db.writer = &mysqlWriter{pool: pool, tries: db.cfg.Tries, sleep: db.cfg.Sleep, jitter: db.cfg.Jitter}
	return nil
}

// openMySQLPool makes a pool whose sessions are as the statements of this
// package need them.
func openMySQLPool(config *mysql.Config, cfg Config, server mysqlServer) (*sqlx.DB, error) {
	c := config.Clone()
	if err := c.Apply(mysql.Charset("utf8mb4", "utf8mb4_bin")); err != nil {
		return nil, err
	}
	c.InterpolateParams = true
	c.ParseTime = false
	c.MultiStatements = false
	// A compare-and-set counts the rows that it found, changed or not.
	c.ClientFoundRows = true
	c.RejectReadOnly = true
	// What fails is returned; the driver's own lines would not be JSON.
	c.Logger = &mysql.NopLogger{}
	c.Timeout, c.ReadTimeout, c.WriteTimeout = mysqlDialTimeout, cfg.Timeout, cfg.Timeout
	if c.Params == nil {
		c.Params = make(map[string]string)
	}
	c.Params["sql_mode"] = "'NO_ENGINE_SUBSTITUTION,STRICT_ALL_TABLES'"
	c.Params["time_zone"] = "'+00:00'"
	c.Params["innodb_lock_wait_timeout"] = strconv.Itoa(max(1, int(cfg.LockWait/time.Second)))
	delete(c.Params, "tx_isolation")
	delete(c.Params, "transaction_isolation")
	c.Params[server.isolation] = "'READ-COMMITTED'"
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sqlx.NewDb(sql.OpenDB(connector), "mysql"), nil
}

// inspectMySQL refuses a server that would lose what it said is kept, or that
// lacks what the statements need.
func inspectMySQL(ctx context.Context, config *mysql.Config) (mysqlServer, error) {
	c := config.Clone()
	c.Timeout, c.ReadTimeout = mysqlDialTimeout, mysqlDialTimeout
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return mysqlServer{}, err
	}
	bare := sql.OpenDB(connector)
	defer func() { _ = bare.Close() }()
	var version string
	var flush int
	err = bare.QueryRowContext(ctx, `SELECT VERSION(), @@GLOBAL.innodb_flush_log_at_trx_commit`).Scan(&version, &flush)
	if err != nil {
		return mysqlServer{}, explain(fmt.Errorf("ask the server for its settings: %w", err))
	}
	server, err := judgeVersion(version)
	if err != nil {
		return mysqlServer{}, err
	}
	if flush != 1 {
		return mysqlServer{}, fmt.Errorf("the server has innodb_flush_log_at_trx_commit=%d, so a power cut loses payments that were answered; "+
			"set it to 1 (SET GLOBAL innodb_flush_log_at_trx_commit=1, and in the server's configuration file)", flush)
	}
	return server, nil
}

var leadingVersion = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)`)

// judgeVersion knows a server by its version, for instance "8.0.36",
// "10.11.6-MariaDB-log", "5.5.5-10.6.12-MariaDB" (some proxies).
func judgeVersion(version string) (mysqlServer, error) {
	s := mysqlServer{version: version, mariaDB: strings.Contains(strings.ToLower(version), "mariadb")}
	if s.mariaDB {
		version = strings.TrimPrefix(version, "5.5.5-")
	}
	parts := leadingVersion.FindStringSubmatch(version)
	if parts == nil {
		return s, fmt.Errorf("the server's version %q cannot be read; MySQL 8.0.17 or MariaDB 10.6 or later is needed", s.version)
	}
	number := 0
	for _, part := range parts[1:] {
		n, err := strconv.Atoi(part)
		if err != nil || n > 999 {
			return s, fmt.Errorf("the server's version %q cannot be read", s.version)
		}
		number = number*1000 + n
	}
	if s.mariaDB {
		s.binaryCollation, s.isolation = "utf8mb4_nopad_bin", "tx_isolation"
		if number < 10_006_000 {
			return s, fmt.Errorf("the server is MariaDB %s; 10.6 or later is needed (SKIP LOCKED): upgrade it", s.version)
		}
		return s, nil
	}
	s.binaryCollation, s.isolation = "utf8mb4_0900_bin", "transaction_isolation"
	if number < 8_000_017 {
		return s, fmt.Errorf("the server is MySQL %s; 8.0.17 or later is needed (SKIP LOCKED, binary collation without padding): upgrade it", s.version)
	}
	return s, nil
}
