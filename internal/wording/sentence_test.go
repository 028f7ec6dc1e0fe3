package wording_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/paymux/paymux/internal/wording"
)

var weighed = wording.Sentence{En: "{account} has weight {own} of {all}", Zh: "{all} 中 {account} 占 {own}"}

func TestSentence_ToldInBothLanguages(t *testing.T) {
	t.Parallel()
	args := map[string]string{"account": "acc_1", "own": "3", "all": "10"}
	value := func(name string) string { return args[name] }
	for language, want := range map[string]string{wording.English: "acc_1 has weight 3 of 10", wording.Chinese: "10 中 acc_1 占 3"} {
		if got := weighed.Tell(language, value); got != want {
			t.Errorf("%s: %q, want %q", language, got, want)
		}
	}
	if got := weighed.Args(wording.Chinese); !slices.Equal(got, []string{"all", "account", "own"}) {
		t.Errorf("arguments %q", got)
	}
}

func TestSentence_ReadBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sentence, written string
		want              map[string]string
	}{
		{weighed.En, "acc_1 has weight 3 of 10", map[string]string{"account": "acc_1", "own": "3", "all": "10"}},
		{weighed.En, "acc_1 has weight 3 of ", nil},
		{weighed.En, "acc_1 has weight of 10", nil},
		{weighed.En, " has weight 3 of 10", nil},
		{"sent", "sent", map[string]string{}},
		{"sent", "sent twice", nil},
		{"sent", "", nil},
		{"the {field} is wrong", "the time is wrong", map[string]string{"field": "time"}},
		{"the {field} is wrong", "the time is wrong, is wrong", map[string]string{"field": "time is wrong,"}},
		{"evidence: {why}", "evidence: a {b} of\nc", map[string]string{"why": "a {b} of\nc"}},
	} {
		got, ok := wording.Sentence{En: c.sentence}.Read(c.written)
		if ok != (c.want != nil) || ok && !maps.Equal(got, c.want) {
			t.Errorf("%q as %q: %q %v, want %q", c.written, c.sentence, got, ok, c.want)
		}
	}
}
