package tidy_test

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The top level is fixed: what else there is to keep goes into one of these.
var (
	topFolders = []string{"cmd", "channels", "router", "notify", "signing", "store", "certs.example", "configs", "internal", "docs", "deploy", "sdk"}
	topFiles   = regexp.MustCompile(`^(Makefile|go\.mod|go\.sum|LICENSE|NOTICE|[A-Z]+(\.[a-z]+(-[A-Z]+)?)?\.md)$`)
	// Not kept by git.
	topBuilt = regexp.MustCompile(`^(bin|data|coverage\..*|.*\.out|.*\.test)$`)
)

// vague are package names that say nothing of what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "base", "types", "shared", "misc", "lib"}

func TestLayout_TopLevel(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "."), topBuilt.MatchString(name):
		case e.IsDir() && slices.Contains(topFolders, name):
		case !e.IsDir() && topFiles.MatchString(name):
		default:
			t.Errorf("%s does not belong at the top level", name)
		}
	}
}

func TestLayout_EveryPackageHasADocGo(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, s := range sources(t) {
		documented[s.pkg()] = documented[s.pkg()] || path.Base(s.path) == "doc.go" && s.file.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s lacks a doc.go with a package comment: role, borders, invariants", pkg)
		}
	}
}

func TestLayout_PackageNamesSaySomething(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		name := strings.TrimSuffix(s.file.Name.Name, "_test")
		if slices.Contains(vague, name) || slices.Contains(vague, path.Base(s.pkg())) {
			t.Errorf("%s: package %s is named for nothing that it holds", s.path, name)
		}
	}
}
