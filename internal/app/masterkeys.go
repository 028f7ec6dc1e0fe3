package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/paymux/paymux/signing"
)

// keyBox seals and opens secrets under the master keys of files. A blob that is
// sealed under a key which is not known is a reason to read the files again: the
// key may have been rotated beside this process.
type keyBox struct {
	load func() ([]signing.MasterKey, error)

	mu  sync.RWMutex
	box *signing.SecretBox
}

func newKeyBox(load func() ([]signing.MasterKey, error)) (*keyBox, error) {
	b := &keyBox{load: load}
	return b, b.reload()
}

func (b *keyBox) reload() error {
	keys, err := b.load()
	if err != nil {
		return err
	}
	box, err := signing.NewSecretBox(keys...)
	if err != nil {
		return fmt.Errorf("use the master keys: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.box = box
	return nil
}

func (b *keyBox) current() *signing.SecretBox {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.box
}

// Seal seals under the first key.
func (b *keyBox) Seal(plain, additional []byte) ([]byte, error) {
	return b.current().Seal(plain, additional)
}

// Open opens what was sealed under any of the keys.
func (b *keyBox) Open(blob, additional []byte) ([]byte, error) {
	plain, err := b.current().Open(blob, additional)
	if !errors.Is(err, signing.ErrMasterKeyUnknown) {
		return plain, err
	}
	if reloadErr := b.reload(); reloadErr != nil {
		return nil, errors.Join(err, reloadErr)
	}
	return b.current().Open(blob, additional)
}

// NeedsReseal tells whether a blob is sealed under another key than the first.
func (b *keyBox) NeedsReseal(blob []byte) bool { return b.current().NeedsReseal(blob) }

// loadMasterKeys reads the master key and those before it.
func loadMasterKeys(current string, previous []string) ([]signing.MasterKey, error) {
	var keys []signing.MasterKey
	var faults []error
	for _, path := range append([]string{current}, previous...) {
		text, err := os.ReadFile(path) //nolint:gosec // the operator's own configuration
		if err != nil {
			faults = append(faults, fmt.Errorf("read the master key: %w", err))
			continue
		}
		key, err := signing.ParseMasterKey(string(text))
		if err != nil {
			faults = append(faults, fmt.Errorf("read the master key %s: %w", path, err))
			continue
		}
		keys = append(keys, key)
	}
	return keys, errors.Join(faults...)
}

// ensureMasterKey makes the master key of an embedded installation. Processes
// that start together end with the same one.
func ensureMasterKey(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := signing.GenerateMasterKey(rand.Reader)
	if err != nil {
		return err
	}
	err = writeOnce(path, []byte(key.Encode()+"\n"))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
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
