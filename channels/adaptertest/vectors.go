package adaptertest

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/paymux/paymux/internal/testenv"
)

// Vector is a file recorded from the real channel; name is its path in the
// channel's folder. Where the recordings are missing the test is skipped.
func Vector(t testing.TB, channel, name string) []byte {
	t.Helper()
	raw, err := fs.ReadFile(os.DirFS(filepath.Join(testenv.Vectors(t), channel)), name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// VectorList are the cases of a recorded file, of which there is at least one.
func VectorList[T any](t testing.TB, channel, name string) []T {
	t.Helper()
	var list []T
	if err := json.Unmarshal(Vector(t, channel, name), &list); err != nil || len(list) == 0 {
		t.Fatalf("%s: %d cases, %v", name, len(list), err)
	}
	return list
}
