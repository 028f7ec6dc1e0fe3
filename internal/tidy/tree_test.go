package tidy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/paymux/paymux/"

// root is the repository's, seen from this package.
var root = os.DirFS(filepath.Join("..", ".."))

// source is a parsed Go file of the module.
type source struct {
	path string // from the root, with slashes
	text []byte
	file *ast.File
	fset *token.FileSet
}

func (s *source) pkg() string  { return path.Dir(s.path) }
func (s *source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s *source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// sources parses all Go files of the module, tests included.
func sources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	walk(t, func(name string) {
		if path.Ext(name) != ".go" || strings.Contains("/"+name, "/testdata/") {
			return
		}
		text := read(t, name)
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		all = append(all, &source{path: name, text: text, file: file, fset: fset})
	})
	// A walk that sees nothing would let everything pass.
	if len(all) < 50 {
		t.Fatalf("only %d Go files found", len(all))
	}
	return all
}

// walk calls visit with every file but those that git doesn't keep.
func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == ".cache" || name == "bin" || name == "data" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.Type().IsRegular():
			visit(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := fs.ReadFile(root, name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
