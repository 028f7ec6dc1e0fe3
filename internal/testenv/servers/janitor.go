package servers

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// janitorScript waits for the end of its input, which comes when our process
// has ended, then kills the server named in the folder's pid file and removes
// the folder. A dying server may still write a file, hence the second removal.
const janitorScript = `cat >/dev/null
if [ -f "$1/pid" ]; then kill -9 "$(cat "$1/pid")" 2>/dev/null; fi
rm -rf -- "$1" 2>/dev/null || { sleep 1; rm -rf -- "$1"; }`

type janitor struct {
	cmd   *exec.Cmd
	input io.Closer
}

func employJanitor(dir string) (*janitor, error) {
	cmd := exec.Command("/bin/sh", "-c", janitorScript, "janitor", dir) //nolint:gosec,noctx // dir is ours, and the janitor must outlive any context
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe to janitor: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start janitor: %w", err)
	}
	return &janitor{cmd: cmd, input: input}, nil
}

// dismiss lets the janitor clean up what is left and waits for it.
func (j *janitor) dismiss() {
	_ = j.input.Close()
	_ = j.cmd.Wait()
}
