package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/paymux/paymux/internal/testenv"
	"github.com/paymux/paymux/internal/testenv/servers"
)

const (
	exitFailed = 1
	exitUsage  = 2
	// A process ended by a signal has 128 plus the signal's number, as in a shell.
	exitSignal = 128
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: testservers [--] COMMAND [ARGUMENT]...")
		os.Exit(exitUsage)
	}
	os.Exit(run(args))
}

func run(args []string) int {
	// Caught from the first moment on, so that the servers are always stopped.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)

	env, stop, err := startServers()
	defer stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testservers:", err)
		return exitFailed
	}
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // running what the caller names is its purpose; signals are passed on instead of a context
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "testservers:", err)
		return exitFailed
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = cmd.Process.Signal(sig)
		case err := <-ended:
			return exitCode(err)
		}
	}
}

// startServers starts those that the environment doesn't name already.
func startServers() (env []string, stop func(), err error) {
	var started []*servers.Server
	stop = func() {
		for _, s := range started {
			if err := s.Close(); err != nil {
				fmt.Fprintln(os.Stderr, "testservers:", err)
			}
		}
	}
	for _, kind := range []struct {
		variable string
		start    func(context.Context) (*servers.Server, error)
		value    func(addr string) string
	}{
		{testenv.MySQLEnv, servers.MariaDB, servers.MariaDBDSN},
		{testenv.RedisEnv, servers.Redis, func(addr string) string { return addr }},
	} {
		if os.Getenv(kind.variable) != "" {
			continue
		}
		s, err := kind.start(context.Background())
		if errors.Is(err, servers.ErrNotInstalled) && os.Getenv(testenv.PartialEnv) == "1" {
			fmt.Fprintf(os.Stderr, "testservers: PARTIAL RUN, tests that need it are skipped: %v\n", err)
			continue
		}
		if err != nil {
			return nil, stop, err
		}
		started = append(started, s)
		env = append(env, kind.variable+"="+kind.value(s.Addr()))
	}
	return env, stop, nil
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "testservers:", err)
		return exitFailed
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitSignal + int(status.Signal())
	}
	return exit.ExitCode()
}
