//go:build !unix

package keyfile

import (
	"errors"
	"fmt"
	"os"
)

// Lock keeps others from changing the file until unlock is called. Where the
// system has no lock that ends with its process, a file stands for it.
func Lock(path string) (unlock func(), err error) {
	name := path + ".lock"
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // beside the operator's key file
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("lock master keys: %s exists: another command is changing them; if none runs, remove it", name)
	}
	if err != nil {
		return nil, fmt.Errorf("lock master keys: %w", err)
	}
	return func() { _ = file.Close(); _ = os.Remove(name) }, nil
}
