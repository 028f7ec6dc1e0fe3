package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/merchant/keyfile"
	"github.com/paymux/paymux/signing"
)

// openBox opens the master keys of a configuration. Keys of files are followed:
// a key that a command puts there takes effect at once.
func openBox(s config.Secrets) (merchant.Box, error) {
	if s.MasterKey.IsZero() {
		return keyfile.Open(s.MasterKeyFile, s.PreviousMasterKeyFiles...)
	}
	key, err := signing.ParseMasterKey(s.MasterKey.Reveal())
	if err != nil {
		return nil, fmt.Errorf("read secrets.master_key: %w", err)
	}
	keys := []signing.MasterKey{key}
	for _, path := range s.PreviousMasterKeyFiles {
		previous, err := keyfile.Read(path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, previous...)
	}
	return signing.NewSecretBox(keys...)
}

// ensureMasterKey makes the master key of an embedded installation. Processes
// that start together end with the same one.
func ensureMasterKey(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := keyfile.Create(path, rand.Reader)
	return err
}

// privateMode is of files that hold secrets.
const privateMode = 0o600

// writeOnce writes a file whole, durably and only if there is none: a name
// stands for a whole content after a crash too. fs.ErrExist when there is one.
func writeOnce(path string, content []byte) error {
	temp, err := writeTemp(path, content)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp) }()
	if err := os.Link(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// replaceFile writes a file whole and durably in place of what was there.
func replaceFile(path string, content []byte) error {
	temp, err := writeTemp(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

func writeTemp(path string, content []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(privateMode), f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the installation's own folder
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
