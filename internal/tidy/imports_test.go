package tidy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule is a row of the import table: a package, or a whole tree written with
// /..., and which of our own packages its files may import. Tests may import
// anything.
type rule struct {
	pkg string
	may []string
}

const anything = "..."

// imports is the direction of the architecture as data. Ports are declared by
// who uses them, siblings never meet, only internal/app sees all. Of two rows
// that fit, the longer one counts.
var imports = []rule{
	{"internal/money", nil},
	{"signing", nil},
	{"channels", []string{"internal/money"}},
	{"channels/transport", []string{"channels"}},
	{"channels/texts", nil},
	{"channels/billfile", []string{"channels"}},
	{"channels/credentials", []string{"channels/texts"}},
	{"channels/alipay", adapter},
	{"channels/wechatpay", adapter},
	{"channels/unionpay", adapter},
	{"channels/channeltest", []string{"channels", "internal/money"}},
	{"channels/adaptertest", []string{"channels", "channels/channeltest", "internal/money", "internal/sandbox", "internal/testenv"}},
	{"internal/payment", []string{"internal/audit", "internal/failpoint", "internal/money", "channels"}},
	{"router/...", []string{"router", "channels", "internal/money"}},
	{"notify", []string{"internal/failpoint", "internal/payment", "channels", "signing"}},
	{"internal/audit", nil},
	{"internal/failpoint", nil},
	{"internal/wording", nil},
	{"internal/reconcile/...", []string{"internal/reconcile", "internal/failpoint", "internal/audit", "internal/payment", "internal/wording", "channels", "internal/money"}},
	{"internal/merchant/...", []string{"internal/merchant", "internal/money", "channels", "signing"}},
	// The store stands behind the ports of whoever declares one.
	{"store", []string{
		"store/migrations", "internal/audit", "internal/console", "internal/failpoint", "internal/payment", "notify", "internal/reconcile", "internal/merchant", "router", "internal/money", "channels", "signing",
	}},
	{"store/migrations", nil},
	{"store/storetest", []string{anything}},
	{"internal/httpapi/...", []string{
		"internal/httpapi", "internal/payment", "notify", "internal/reconcile/...", "router", "signing", "internal/money", "channels",
	}},
	{"internal/console/...", []string{"internal/console", "internal/audit", "internal/payment", "internal/wording", "notify", "internal/reconcile/...", "router", "signing", "internal/money", "channels"}},
	{"internal/worker", []string{"internal/payment", "notify", "internal/reconcile", "internal/merchant"}},
	// No code is shared with the adapters, so that one misunderstanding can't hide in both.
	{"internal/sandbox/...", []string{"internal/sandbox/..."}},
	{"internal/config", []string{"internal/money"}},
	{"internal/app", []string{anything}},
	{"internal/demo", []string{"signing"}},
	{"internal/acceptance", nil},
	{"internal/torture", []string{"internal/failpoint", "signing"}},
	{"internal/tidy", nil},
	{"internal/testenv/...", []string{"internal/testenv/..."}},
	{"cmd/...", []string{anything}},
}

// adapter is what a channel's own package may import.
var adapter = []string{"channels", "channels/billfile", "channels/transport", "channels/texts", "channels/credentials", "internal/money", "signing"}

// testOnly serve tests: other packages may import them in tests only.
var testOnly = []string{"internal/testenv/...", "channels/channeltest", "channels/adaptertest", "store/storetest", "internal/acceptance"}

func TestImports_FollowTheTable(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		row := ruleFor(s.pkg())
		if row == nil {
			t.Errorf("%s: no row for package %s; add one to the table in imports_test.go and to docs, or put the file elsewhere", s.path, s.pkg())
			continue
		}
		for _, spec := range s.file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Errorf("%s: %v", s.path, err)
				continue
			}
			ours, ok := strings.CutPrefix(name, module)
			if !ok {
				continue
			}
			if !fitsAny(row.may, ours) {
				t.Errorf("%s:%d: %s may not import %s; declare a port there and let internal/app connect the two", s.path, s.line(spec), s.pkg(), ours)
			}
			if fitsAny(testOnly, ours) && !fitsAny(testOnly, s.pkg()) {
				t.Errorf("%s:%d: %s is for tests only", s.path, s.line(spec), ours)
			}
		}
	}
}

func TestImports_TheTableItself(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"internal/httpapi": "internal/httpapi/...", "internal/httpapi/openapi": "internal/httpapi/...", "internal/httpapix": "",
		"store": "store", "store/migrations": "store/migrations", "store/new": "",
	} {
		var got string
		if row := ruleFor(name); row != nil {
			got = row.pkg
		}
		if got != want {
			t.Errorf("%s falls under %q, want %q", name, got, want)
		}
	}
}

func ruleFor(pkg string) *rule {
	var best *rule
	for i := range imports {
		if fits(imports[i].pkg, pkg) && (best == nil || len(imports[i].pkg) > len(best.pkg)) {
			best = &imports[i]
		}
	}
	return best
}

func fitsAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return fits(pattern, pkg) })
}

func fits(pattern, pkg string) bool {
	tree, ok := strings.CutSuffix(pattern, "...")
	if !ok {
		return pattern == pkg
	}
	return pkg == strings.TrimSuffix(tree, "/") || strings.HasPrefix(pkg, tree)
}
