package keyfile_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/paymux/paymux/internal/merchant/keyfile"
	"github.com/paymux/paymux/signing"
)

func create(t *testing.T) (string, *keyfile.Box) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master-key")
	box, err := keyfile.Create(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return path, box
}

func TestCreate_OneFileHoweverManyStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master-key")
	boxes := make([]*keyfile.Box, 8)
	var all sync.WaitGroup
	for i := range boxes {
		all.Go(func() {
			box, err := keyfile.Create(path, rand.Reader)
			if err != nil {
				t.Error(err)
			}
			boxes[i] = box
		})
	}
	all.Wait()
	blob, err := boxes[0].Seal([]byte("canary"), []byte("here"))
	if err != nil {
		t.Fatal(err)
	}
	for i, box := range boxes {
		if plain, err := box.Open(blob, []byte("here")); err != nil || string(plain) != "canary" {
			t.Errorf("box %d: %q, %v", i, plain, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestBox_FollowsItsFile(t *testing.T) {
	t.Parallel()
	path, running := create(t)
	old, err := running.Seal([]byte("before"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.AddKey(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	command, err := keyfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := command.Seal([]byte("after"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := running.Open(blob, nil); err != nil || string(plain) != "after" {
		t.Errorf("the running box opens %q, %v", plain, err)
	}
	if sealed, err := running.Seal([]byte("x"), nil); err != nil || command.NeedsReseal(sealed) {
		t.Errorf("the running box still seals under the old key (%v)", err)
	}
	if !running.NeedsReseal(old) {
		t.Error("a blob under the old key counts as current")
	}
	if plain, err := running.Open(old, nil); err != nil || string(plain) != "before" {
		t.Errorf("the old blob opens as %q, %v", plain, err)
	}
	if n, err := keyfile.Keep(path, 1); err != nil || n != 1 {
		t.Fatalf("keep: %d, %v", n, err)
	}
	fresh, err := keyfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fresh.Open(old, nil); !errors.Is(err, signing.ErrMasterKeyUnknown) {
		t.Errorf("the dropped key opens: %v", err)
	}
}

func TestOpen_SeveralFilesWithOneKeyInTwo(t *testing.T) {
	t.Parallel()
	previous, before := create(t)
	old, err := before.Seal([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	path, own := create(t)
	box, err := keyfile.Open(path, previous, previous)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Open(old, nil); err != nil {
		t.Errorf("a key of the previous file does not open: %v", err)
	}
	if sealed, err := box.Seal([]byte("x"), nil); err != nil || own.NeedsReseal(sealed) {
		t.Errorf("the first file's key does not seal (%v)", err)
	}
	if _, err := keyfile.Open(path, filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

func TestBox_GoesOnWhenTheFileIsBroken(t *testing.T) {
	t.Parallel()
	path, box := create(t)
	if err := os.WriteFile(path, []byte("not a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	blob, err := box.Seal([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Open(blob, nil); err != nil {
		t.Error(err)
	}
}

func TestRead_ErrorsNameTheLineAndNoKey(t *testing.T) {
	t.Parallel()
	path, _ := create(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(good)), "\n")
	key := lines[len(lines)-1]
	for name, text := range map[string]string{
		"cut key":   key[:len(key)-3] + "\n",
		"empty":     "",
		"comments":  "# nothing\n\n",
		"two a row": key + " " + key + "\n",
		"zero":      strings.Repeat("0", 64) + "\n",
		"huge":      strings.Repeat("#", 65<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := keyfile.Open(path)
			if err == nil {
				t.Fatal("it was taken")
			}
			if strings.Contains(err.Error(), key[:20]) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestAddKey_ConcurrentOnesLoseNone(t *testing.T) {
	t.Parallel()
	path, _ := create(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			unlock, err := keyfile.Lock(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			if _, err := keyfile.AddKey(path, rand.Reader); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if keys, err := keyfile.Read(path); err != nil || len(keys) != 9 {
		t.Errorf("%d keys, %v; want 9", len(keys), err)
	}
}

func FuzzRead(f *testing.F) {
	key, err := signing.GenerateMasterKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(key.Encode() + "\n"))
	f.Add([]byte("# c\r\n" + key.Encode() + "\r\n\n"))
	f.Add([]byte("\x00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := keyfile.Read(path)
		if err == nil && len(keys) == 0 {
			t.Error("no key and no error")
		}
	})
}
