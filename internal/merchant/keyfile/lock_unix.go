//go:build unix

package keyfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Lock keeps others from changing the file until unlock is called or the
// process ends; it waits for whoever has it.
func Lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // beside the operator's key file
	if err != nil {
		return nil, fmt.Errorf("lock master keys: %w", err)
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock master keys: %w", err)
	}
	return func() { _ = file.Close() }, nil
}
