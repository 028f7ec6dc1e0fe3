package router_test

import (
	"encoding/json"
	"testing"

	"github.com/paymux/paymux/router"
)

// loads are accounts' loads by id; others are at rest.
type loads map[string]router.Load

func (l loads) Load(id string) router.Load {
	if load, ok := l[id]; ok {
		return load
	}
	return router.Load{SuccessRate: 1, Warmth: 1}
}

// book is merchants' rules by id.
type book map[string]*router.Rules

func (b book) RulesOf(merchantID string) *router.Rules { return b[merchantID] }

// rules reads a document of JSON that must be good.
func rules(t testing.TB, document string) *router.Rules {
	t.Helper()
	rs, issues := read(t, document)
	if rs == nil {
		t.Fatalf("%s: %v", document, issues)
	}
	return rs
}

func read(t testing.TB, document string) (*router.Rules, []router.Issue) {
	t.Helper()
	var tree any
	if err := json.Unmarshal([]byte(document), &tree); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return router.ReadRules(tree)
}
