package testenv

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// VectorsEnv names the variable with the folder of recorded messages.
const VectorsEnv = "PAYMUX_VECTORS"

// Vectors returns the folder with messages, keys and bills recorded from real
// channels: the one named by PAYMUX_VECTORS, else ../shared/vectors beside the
// repository. They are other people's data and not part of it; where they are
// missing the test is skipped.
func Vectors(t testing.TB) string {
	t.Helper()
	dir := os.Getenv(VectorsEnv)
	if dir == "" {
		dir = filepath.Join(repoRoot(t), "..", "shared", "vectors")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Skipf("SKIPPED, VECTORS MISSING: no folder %s; name it in %s", dir, VectorsEnv)
	}
	return dir
}

// repoRoot goes up from the test's folder to the one with go.mod.
func repoRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, os.ErrNotExist) || parent == dir {
			t.Fatalf("testenv: no go.mod above the test's folder: %v", err)
		}
		dir = parent
	}
}
