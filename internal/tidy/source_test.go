package tidy_test

import (
	"bytes"
	"go/ast"
	"go/format"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestSource_IsFormatted(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		formatted, err := format.Source(s.text)
		if err != nil || !bytes.Equal(formatted, s.text) {
			t.Errorf("%s: run gofmt -w on it (%v)", s.path, err)
		}
	}
}

func TestSource_HasNoInit(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: func init runs behind everybody's back; call it from internal/app", s.path, s.line(f))
			}
		}
	}
}

// todo finds words for unfinished work; those with a place where it is
// followed up are fine.
var todo = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b(\((#\d+|docs/[\w./-]+)\))?`)

func TestSource_UnfinishedWorkIsFollowedUp(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, comment := range group.List {
				if m := todo.FindStringSubmatch(comment.Text); m != nil && m[2] == "" && s.pkg() != "internal/tidy" {
					t.Errorf("%s:%d: %s says nowhere where it is followed up: write %s(#12) or %s(docs/…)", s.path, s.line(comment), m[1], m[1], m[1])
				}
			}
		}
	}
}

func TestSource_SkipsSayWhy(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !s.isTest() {
				return true
			}
			switch selector.Sel.Name {
			case "SkipNow":
				t.Errorf("%s:%d: use t.Skip with the reason", s.path, s.line(call))
			case "Skip", "Skipf":
				if len(call.Args) == 0 || isEmptyText(call.Args[0]) {
					t.Errorf("%s:%d: skipped without a reason: say what is missing and what is not tested for it", s.path, s.line(call))
				}
			}
			return true
		})
	}
}

func isEmptyText(e ast.Expr) bool {
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		return false
	}
	text, err := strconv.Unquote(literal.Value)
	return err == nil && strings.TrimSpace(text) == ""
}

func TestSource_FuzzTargetsHaveSeeds(t *testing.T) {
	t.Parallel()
	targets := 0
	for _, s := range sources(t) {
		if !s.isTest() {
			continue
		}
		for _, decl := range s.file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			targets++
			if !addsSeeds(f) && !hasCorpus(s.pkg(), f.Name.Name) {
				t.Errorf("%s:%d: %s has no seeds: call f.Add, or keep some in testdata/fuzz/%s", s.path, s.line(f), f.Name.Name, f.Name.Name)
			}
		}
	}
	if targets == 0 {
		t.Error("no fuzz targets found")
	}
}

func addsSeeds(f *ast.FuncDecl) bool {
	found := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			receiver, ok := selector.X.(*ast.Ident)
			found = found || ok && receiver.Name == f.Type.Params.List[0].Names[0].Name && selector.Sel.Name == "Add"
		}
		return !found
	})
	return found
}

func hasCorpus(pkg, target string) bool {
	entries, err := fs.ReadDir(root, path.Join(pkg, "testdata", "fuzz", target))
	return err == nil && len(entries) > 0
}
