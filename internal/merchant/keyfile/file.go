package keyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/paymux/paymux/signing"
)

// maxFileBytes is far more than the 16 keys that a box takes.
const maxFileBytes = 64 << 10

const header = "# Master keys of this paymux installation, the newest first. Keep this file secret and in a backup apart\n" +
	"# from the database: without it no credentials, platform keys and webhook secrets can be read.\n"

// Read reads the keys of a file, the sealing one first. Errors name the file and
// the line, never a key.
func Read(path string) ([]signing.MasterKey, error) {
	file, err := os.Open(path) //nolint:gosec // the path is the operator's configuration
	if err != nil {
		return nil, fmt.Errorf("read master keys: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read master keys: %w", err)
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("read master keys: %s is longer than %d bytes; is it the right file?", path, maxFileBytes)
	}
	keys, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("read master keys of %s: %w", path, err)
	}
	return keys, nil
}

func parse(text []byte) ([]signing.MasterKey, error) {
	var keys []signing.MasterKey
	number := 0
	for line := range bytes.Lines(text) {
		number++
		word := strings.TrimSpace(string(line))
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		key, err := signing.ParseMasterKey(word)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key in it: %w", signing.ErrMasterKey)
	}
	return keys, nil
}

// Create makes a file with one new key, unless the file exists; either way it is
// opened.
func Create(path string, random io.Reader) (*Box, error) {
	unlock, err := Lock(path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	box, err := Open(path)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return box, err
	}
	key, err := signing.GenerateMasterKey(random)
	if err != nil {
		return nil, err
	}
	if err := write(path, []signing.MasterKey{key}); err != nil {
		return nil, err
	}
	return Open(path)
}

// AddKey puts a new key first, durably; the caller holds [Lock] until
// everything is sealed under it.
func AddKey(path string, random io.Reader) (signing.MasterKey, error) {
	keys, err := Read(path)
	if err != nil {
		return signing.MasterKey{}, err
	}
	key, err := signing.GenerateMasterKey(random)
	if err != nil {
		return signing.MasterKey{}, err
	}
	keys = append([]signing.MasterKey{key}, keys...)
	// A file that no box takes would stop the gateway.
	if _, err := signing.NewSecretBox(keys...); err != nil {
		return signing.MasterKey{}, fmt.Errorf("add master key to %s: %w", path, err)
	}
	return key, write(path, keys)
}

// Keep takes all keys but the first n away; the caller holds [Lock] and knows
// that nothing is sealed under them. It says how many were taken away.
func Keep(path string, n int) (int, error) {
	keys, err := Read(path)
	if err != nil || len(keys) <= n {
		return 0, err
	}
	return len(keys) - n, write(path, keys[:n])
}

// write replaces the file whole and durably.
func write(path string, keys []signing.MasterKey) (err error) {
	text := []byte(header)
	for _, key := range keys {
		text = append(text, key.Encode()...)
		text = append(text, '\n')
	}
	defer clear(text)
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, ".master-key-*") // of mode 0600
	if err != nil {
		return fmt.Errorf("write master keys: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
			err = fmt.Errorf("write master keys: %w", err)
		}
	}()
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the folder of the operator's key file
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
