package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Limits of starting and stopping a server.
const (
	startTimeout = 90 * time.Second
	stopTimeout  = 30 * time.Second
	pollEvery    = 20 * time.Millisecond
	logTail      = 4 << 10
)

// ErrNotInstalled is wrapped by the error for a server whose program isn't on
// this machine; the message names the Debian package.
var ErrNotInstalled = errors.New("not installed")

// Server is one server process with a folder and a port of its own. Its
// methods may be called from any goroutine.
type Server struct {
	name    string
	dir     string
	addr    string
	program string
	args    []string
	ping    func(ctx context.Context, addr string) error
	janitor *janitor

	mu   sync.Mutex
	cmd  *exec.Cmd     // nil while stopped
	done chan struct{} // closed when cmd has been waited for
}

// Addr returns the host and port that the server listens on while it runs.
// They stay the same over Stop and Start.
func (s *Server) Addr() string { return s.addr }

// Start starts the process and returns when it answers. It does nothing when
// the server runs already.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	logFile, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", s.name, err)
	}
	defer func() { _ = logFile.Close() }()

	// Not CommandContext: the process has to outlive this call.
	cmd := exec.Command(s.program, s.args...) //nolint:gosec,noctx // the program and its arguments are made in this package
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = logFile, logFile
	// A Ctrl-C at the terminal goes to the tests; the server is stopped after them.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	if err := os.WriteFile(s.pidPath(), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fmt.Errorf("write process id of %s: %w", s.name, err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() {
		defer close(done)
		_ = cmd.Wait() // how it ended is in its log
		_ = os.Remove(s.pidPath())
	}()
	return s.awaitReady(ctx)
}

func (s *Server) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := s.ping(ctx, s.addr)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("%s ended while starting; its log ends:\n%s", s.name, s.tail())
		case <-ctx.Done():
			_ = s.cmd.Process.Kill()
			<-s.done
			return fmt.Errorf("%s does not answer (%w); its log ends:\n%s", s.name, err, s.tail())
		}
	}
}

// Stop ends the process in good order, by force if it doesn't end in time. The
// data stay for the next Start (Redis here keeps none).
func (s *Server) Stop() error { return s.end(syscall.SIGTERM) }

// Kill ends the process at once, as a crash would.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running() {
		return nil
	}
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", s.name, err)
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill()
		<-s.done
		return fmt.Errorf("%s did not end within %s and was killed", s.name, stopTimeout)
	}
}

// Close ends the process and removes its folder. The server can't be started
// again.
func (s *Server) Close() error {
	err := s.Kill()
	s.janitor.dismiss()
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Server) running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "log") }
func (s *Server) pidPath() string { return filepath.Join(s.dir, "pid") }

func (s *Server) tail() string {
	f, err := os.Open(s.logPath())
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > logTail {
		_, _ = f.Seek(-logTail, io.SeekEnd)
	}
	b, err := io.ReadAll(io.LimitReader(f, logTail))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// prepare makes the folder, its janitor and the port of a server that the
// caller completes and starts.
func prepare(name string) (*Server, error) {
	dir, err := os.MkdirTemp("", "paymux-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", name, err)
	}
	addr, err := freeAddr()
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("find a port for %s: %w", name, err)
	}
	jan, err := employJanitor(dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return &Server{name: name, dir: dir, addr: addr, janitor: jan}, nil
}

// lookUp finds a server's program, also where an ordinary user's PATH lacks
// the sbin folders.
func lookUp(program, debianPackage string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is %w: install it with `make deps` or `apt-get install %s`", program, ErrNotInstalled, debianPackage)
}

// splitPort returns the port of an address made by freeAddr.
func splitPort(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	return port
}
