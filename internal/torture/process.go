package torture

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startLimit bounds a start of a process.
const startLimit = 60 * time.Second

// Profile is what the binary prints of an installation: the fields of the ready
// line that a merchant needs.
type Profile struct {
	API               string `json:"api"`
	Sandbox           string `json:"sandbox"`
	MerchantID        string `json:"merchant_id"`
	KeyFile           string `json:"key_file"`
	KeySerial         string `json:"key_serial"`
	WebhookSecretFile string `json:"webhook_secret_file"`
}

// process is one run of the binary that goes on until it is killed.
type process struct {
	cmd   *exec.Cmd
	first string // the first line on stdout
	done  chan struct{}
}

// start runs the binary and waits for its first line. Its log is appended to a
// file in dir.
func start(ctx context.Context, binary, dir, name string, env []string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the run's own folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p := &process{cmd: exec.Command(binary, args...), done: make(chan struct{})} //nolint:gosec,noctx // the binary under test; it is killed, not cancelled
	p.cmd.Stderr, p.cmd.Env = log, append(environment(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	lines := make(chan string, 1)
	go func() {
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			default:
			}
		}
		_ = p.cmd.Wait()
		close(p.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	select {
	case p.first = <-lines:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("%s ended before it was ready; see %s", name, log.Name())
	case <-ctx.Done():
		p.kill()
		return nil, fmt.Errorf("%s was not ready: %w", name, ctx.Err())
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// environment is this process's without the gateway's settings: the binary
// takes those from the run's own file, and refuses variables it doesn't know.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PAYMUX_") })
}

// run runs a command of the binary to its end and gives what it printed.
func run(ctx context.Context, binary string, args ...string) ([]byte, error) {
	return runWith(ctx, nil, binary, args...)
}

// runWith runs a command with more in its environment.
func runWith(ctx context.Context, env []string, binary string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, binary, args...) //nolint:gosec // the binary under test
	cmd.Env = append(environment(), env...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("paymux %v: %w: %s", args, err, exit.Stderr)
	}
	return out, err
}

// gateway is a serve that is killed and started again at the same address.
type gateway struct {
	binary, dir, name, config, address string
	env                                []string // beside this process's own

	mu   sync.Mutex
	live *process // nil while it is down
}

// up starts the gateway where it is down.
func (g *gateway) up(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live != nil {
		select {
		case <-g.live.done:
		default:
			return nil
		}
	}
	p, err := start(ctx, g.binary, g.dir, g.name, g.env, "serve", "--config", g.config, "--listen", g.address)
	if err != nil {
		return err
	}
	var line struct {
		Event string `json:"event"`
	}
	if err := json.Unmarshal([]byte(p.first), &line); err != nil || line.Event != "ready" {
		p.kill()
		return fmt.Errorf("the first line of %s is not the ready line: %q", g.name, p.first)
	}
	g.live = p
	return nil
}

// kill ends the gateway and reports whether it was up.
func (g *gateway) kill() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live == nil {
		return false
	}
	g.live.kill()
	g.live = nil
	return true
}

// dead reports whether the gateway ended, by whatever hand.
func (g *gateway) dead() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live == nil {
		return true
	}
	select {
	case <-g.live.done:
		return true
	default:
		return false
	}
}
