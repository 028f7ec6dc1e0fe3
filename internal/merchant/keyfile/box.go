package keyfile

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/paymux/paymux/signing"
)

// Box seals and opens secrets under the master keys of a file, as the file
// stands. It is safe for concurrent use.
type Box struct {
	path string

	mu   sync.RWMutex
	box  *signing.SecretBox
	seen fingerprint
}

// fingerprint tells whether the file is the one that was read.
type fingerprint struct {
	info os.FileInfo
	size int64
	at   time.Time
}

func (f fingerprint) same(info os.FileInfo) bool {
	return f.info != nil && os.SameFile(f.info, info) && f.size == info.Size() && f.at.Equal(info.ModTime())
}

// Open reads the file; a missing one is an error that is [os.ErrNotExist].
func Open(path string) (*Box, error) {
	b := &Box{path: path}
	if err := b.reload(); err != nil {
		return nil, err
	}
	return b, nil
}

// Path is where the keys lie.
func (b *Box) Path() string { return b.path }

// Seal encrypts under the file's first key, see [signing.SecretBox.Seal]. When
// the file cannot be read any more, the keys read before serve on.
func (b *Box) Seal(plain, additional []byte) ([]byte, error) {
	return b.current().Seal(plain, additional)
}

// Open decrypts under any key of the file, see [signing.SecretBox.Open].
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

// NeedsReseal tells whether a blob is under another key than the file's first.
func (b *Box) NeedsReseal(blob []byte) bool { return b.current().NeedsReseal(blob) }

// current is the box of the file as it stands now.
func (b *Box) current() *signing.SecretBox {
	b.mu.RLock()
	box, seen := b.box, b.seen
	b.mu.RUnlock()
	if info, err := os.Stat(b.path); err != nil || seen.same(info) {
		return box
	}
	if err := b.reload(); err != nil {
		return box
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.box
}

func (b *Box) reload() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Stat comes first: a change between the two is then seen with the next look.
	info, err := os.Stat(b.path)
	if err != nil {
		return fmt.Errorf("read master keys: %w", err)
	}
	keys, err := Read(b.path)
	if err != nil {
		return err
	}
	box, err := signing.NewSecretBox(keys...)
	if err != nil {
		return fmt.Errorf("read master keys of %s: %w", b.path, err)
	}
	b.box, b.seen = box, fingerprint{info: info, size: info.Size(), at: info.ModTime()}
	return nil
}
