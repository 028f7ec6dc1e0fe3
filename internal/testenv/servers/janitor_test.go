package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// ownerEnv makes this test binary the owner of a server, see TestMain.
const ownerEnv = "PAYMUX_TEST_SERVER_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(ownerEnv) == "" {
		os.Exit(m.Run())
	}
	s, err := Redis(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.dir, s.Addr())
	select {} // until killed
}

func TestJanitor_CleansUpAfterAKilledOwner(t *testing.T) {
	t.Parallel()
	if _, err := lookUp("redis-server", "redis-server"); err != nil && os.Getenv("PAYMUX_TEST_PARTIAL") == "1" {
		t.Skipf("SKIPPED, PARTIAL RUN: %v", err)
	}
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerEnv+"=1")
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	dir, addr, ok := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || !ok {
		t.Fatalf("the owner said %q, %v", line, err)
	}
	if err := pingRedis(t.Context(), addr); err != nil {
		t.Fatalf("before: %v", err)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	for start := time.Now(); ; time.Sleep(pollEvery) {
		_, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if time.Since(start) > stopTimeout {
			t.Fatalf("%s is still there: %v", dir, err)
		}
	}
	if err := pingRedis(t.Context(), addr); err == nil {
		t.Error("the server outlived its owner")
	}
}

func TestServer_SaysWhyItDoesNotStart(t *testing.T) {
	t.Parallel()
	s, err := prepare("broken")
	if err != nil {
		t.Fatal(err)
	}
	s.program, s.args = "/bin/sh", []string{"-c", "echo no such luck; exit 3"}
	s.ping = func(context.Context, string) error { return errors.New("nobody there") }
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("start: %v, want the end of the log", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}
