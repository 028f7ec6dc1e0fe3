package keyfile

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/paymux/paymux/signing"
)

// Box seals and opens secrets under the master keys of files, as the files
// stand. It is safe for concurrent use.
type Box struct {
	paths []string

	mu   sync.RWMutex
	box  *signing.SecretBox
	seen []fingerprint // of each path
}

// fingerprint tells whether the file is the one that was read.
type fingerprint struct {
	info os.FileInfo
	size int64
	at   time.Time
}

func (f fingerprint) same(info os.FileInfo) bool {
	return os.SameFile(f.info, info) && f.size == info.Size() && f.at.Equal(info.ModTime())
}

// Open reads the files; a missing one is an error that is [os.ErrNotExist]. The
// first key of the first file seals. A key may stand in several files.
func Open(path string, more ...string) (*Box, error) {
	b := &Box{paths: append([]string{path}, more...)}
	if err := b.reload(); err != nil {
		return nil, err
	}
	return b, nil
}

// Seal encrypts under the first key, see [signing.SecretBox.Seal]. When
// a file cannot be read any more, the keys read before serve on.
func (b *Box) Seal(plain, additional []byte) ([]byte, error) {
	return b.current().Seal(plain, additional)
}

// Open decrypts under any of the keys, see [signing.SecretBox.Open].
func (b *Box) Open(blob, additional []byte) ([]byte, error) {
	b.mu.RLock()
	box := b.box
	b.mu.RUnlock()
	plain, err := box.Open(blob, additional)
	if !errors.Is(err, signing.ErrMasterKeyUnknown) {
		return plain, err
	}
	return b.current().Open(blob, additional)
}

// NeedsReseal tells whether a blob is under another key than the first.
func (b *Box) NeedsReseal(blob []byte) bool { return b.current().NeedsReseal(blob) }

// current is the box of the files as they stand now.
func (b *Box) current() *signing.SecretBox {
	b.mu.RLock()
	box, seen := b.box, b.seen
	b.mu.RUnlock()
	if !b.changed(seen) {
		return box
	}
	if err := b.reload(); err != nil {
		return box
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.box
}

func (b *Box) changed(seen []fingerprint) bool {
	for i, path := range b.paths {
		if info, err := os.Stat(path); err == nil && !seen[i].same(info) {
			return true
		}
	}
	return false
}

func (b *Box) reload() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []signing.MasterKey
	seen := make([]fingerprint, len(b.paths))
	known := make(map[string]bool)
	for i, path := range b.paths {
		// Stat comes first: a change between the two is then seen with the next look.
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("read master keys: %w", err)
		}
		seen[i] = fingerprint{info: info, size: info.Size(), at: info.ModTime()}
		read, err := Read(path)
		if err != nil {
			return err
		}
		for _, key := range read {
			if !known[key.ID] {
				known[key.ID] = true
				keys = append(keys, key)
			}
		}
	}
	box, err := signing.NewSecretBox(keys...)
	if err != nil {
		return fmt.Errorf("read master keys of %s: %w", strings.Join(b.paths, ", "), err)
	}
	b.box, b.seen = box, seen
	return nil
}
