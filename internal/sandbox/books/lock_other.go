//go:build !unix

package books

import "os"

// lockFile only opens the file: this system has no advisory lock in the standard library, so that keeping a second
// process away is left to the fixed ports.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
