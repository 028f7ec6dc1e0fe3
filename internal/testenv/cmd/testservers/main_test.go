package main

import (
	"os"
	"testing"

	"github.com/paymux/paymux/internal/testenv"
)

// The named servers don't exist: where the environment names some, none are
// started, and the command's exit code is ours.
func TestRun_ExitCode(t *testing.T) {
	t.Setenv(testenv.MySQLEnv, "root@tcp(127.0.0.1:1)/")
	t.Setenv(testenv.RedisEnv, "127.0.0.1:1")
	for want, script := range map[int]string{
		0: `test "$` + testenv.RedisEnv + `" = 127.0.0.1:1`,
		7: "exit 7",
		// A signal that reaches us while the command runs is passed on to it.
		9:   `trap "exit 9" TERM; kill -TERM $PPID; while :; do sleep 0.05; done`,
		137: "kill -9 $$",
	} {
		if got := run([]string{"/bin/sh", "-c", script}); got != want {
			t.Errorf("%s: exit code %d, want %d", script, got, want)
		}
	}
	if got := run([]string{os.DevNull}); got != exitFailed {
		t.Errorf("a command that can't run: %d", got)
	}
}
