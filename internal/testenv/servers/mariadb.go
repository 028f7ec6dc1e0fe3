package servers

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/go-sql-driver/mysql"
)

// MariaDB starts a MariaDB server with an empty data folder. Commits are
// flushed to disk as the gateway demands it of a real one; the rest is kept
// small, since many of these may run side by side.
func MariaDB(ctx context.Context) (*Server, error) {
	program, err := lookUp("mariadbd", "mariadb-server")
	if err != nil {
		return nil, err
	}
	installer, err := lookUp("mariadb-install-db", "mariadb-server")
	if err != nil {
		return nil, err
	}
	s, err := prepare("mariadb")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	common := append([]string{"--no-defaults", "--datadir=" + data, "--innodb-log-file-size=16M", "--tmpdir=" + s.dir}, asRoot()...)
	s.program = program
	s.args = append(common[:len(common):len(common)],
		"--bind-address=127.0.0.1", "--port="+splitPort(s.addr), "--socket="+filepath.Join(s.dir, "sock"),
		"--pid-file="+filepath.Join(s.dir, "mariadbd.pid"),
		"--skip-log-bin", "--skip-name-resolve", "--performance-schema=OFF",
		"--character-set-server=utf8mb4", "--max-connections=500",
		"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M", "--innodb-use-native-aio=OFF",
	)
	s.ping = pingMariaDB
	install := append(common[:len(common):len(common)], "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	if err := initialise(ctx, installer, install, s.dir); err != nil {
		_ = s.Close()
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// MariaDBDSN is the data source name, without a database, of the all-powerful
// user of a server started here. It has no password: the server listens on
// loopback only and holds nothing but tests' data.
func MariaDBDSN(addr string) string { return "root@tcp(" + addr + ")/" }

func initialise(ctx context.Context, installer string, args []string, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, installer, args...) //nolint:gosec // found by lookUp, arguments made above
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialise a MariaDB data folder: %w\n%s", err, out)
	}
	return nil
}

func pingMariaDB(ctx context.Context, addr string) error {
	config, err := mysql.ParseDSN(MariaDBDSN(addr))
	if err != nil {
		return err
	}
	config.Logger = &mysql.NopLogger{} // refusals are expected while the server starts
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	return db.PingContext(ctx)
}

// asRoot is the option without which MariaDB refuses to run as root, which is
// who tests are in a container.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}
