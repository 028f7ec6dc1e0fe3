package failpoint_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/failpoint"
)

// names gives the constants' names by their values.
func names(t *testing.T) map[failpoint.Step]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "steps.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	byStep := map[failpoint.Step]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if value, ok := v.Values[0].(*ast.BasicLit); ok {
				byStep[failpoint.Step(strings.Trim(value.Value, `"`))] = v.Names[0].Name
			}
		}
		return true
	})
	return byStep
}

// passed counts in the source how often each side of each step is passed.
func passed(t *testing.T) map[string]int {
	t.Helper()
	sides := map[string]int{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // this repository's own source
		if err != nil {
			return err
		}
		for _, side := range []string{"Before", "After"} {
			for _, rest := range strings.Split(string(text), "failpoint."+side+"(failpoint.")[1:] {
				name, _, _ := strings.Cut(rest, ")")
				sides[side+" "+name]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sides
}

func TestSteps_AreThoseOfTheSource(t *testing.T) {
	t.Parallel()
	byStep, sides := names(t), passed(t)
	if len(byStep) != len(failpoint.Steps()) {
		t.Errorf("there are %d constants and %d rows", len(byStep), len(failpoint.Steps()))
	}
	for _, e := range failpoint.Steps() {
		name := byStep[e.Step]
		if name == "" || e.Does == "" {
			t.Errorf("row %q has no constant or doesn't say what the step does", e.Step)
			continue
		}
		for _, side := range []string{"Before", "After"} {
			key := side + " " + name
			if sides[key] == 0 {
				t.Errorf("the source never passes failpoint.%s(failpoint.%s)", side, name)
			}
			delete(sides, key)
		}
		if n := len(slices.DeleteFunc(failpoint.Steps(), func(o failpoint.Entry) bool { return o.Step != e.Step })); n != 1 {
			t.Errorf("step %q stands in %d rows", e.Step, n)
		}
	}
	for key := range sides {
		t.Errorf("the source passes %s, which no row of the table has", key)
	}
}

// TestSteps_StandInTheDocument keeps the table of results complete.
func TestSteps_StandInTheDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range failpoint.Steps() {
		if !strings.Contains(string(text), "| `"+string(e.Step)+"` | "+e.Does) {
			t.Errorf("docs/reliability.md has no row of step %s that says: %s", e.Step, e.Does)
		}
	}
}

// TestOff_DoesNothing proves that a normal build has nothing of this: the
// functions are empty, so that the compiler leaves the calls out.
func TestOff_DoesNothing(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "off.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Imports) != 0 {
		t.Error("off.go imports something")
	}
	found := 0
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			found++
			if len(f.Body.List) != 0 {
				t.Errorf("%s does something", f.Name)
			}
		}
	}
	if found != 2 {
		t.Errorf("off.go has %d functions, want Before and After", found)
	}
}

// BenchmarkOff takes as long as an empty loop: a fraction of a nanosecond.
func BenchmarkOff(b *testing.B) {
	if failpoint.Enabled {
		b.Skip("this build looks at failpoints")
	}
	for range b.N {
		failpoint.Before(failpoint.StoreCommit)
		failpoint.After(failpoint.StoreCommit)
	}
}
