package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/router"
)

const exampleRules = "../../configs/routing.example.yaml"

func TestReadRulesDocument_TakesTheExample(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash(exampleRules))
	if err != nil {
		t.Fatal(err)
	}
	rules, issues := app.ReadRulesDocument(string(text))
	if rules == nil || len(issues) > 0 || len(rules.List) < 5 {
		t.Errorf("rules %+v, issues %v", rules, issues)
	}
}

func TestReadRulesDocument_NamesLineAndField(t *testing.T) {
	for text, want := range map[string]string{
		"version: 1\nrules:\n- name: a\n  strategy: fastest\n":                                 "4 rules[0].strategy",
		"version: 1\nrules:\n- strategy: weighted\n":                                           "3 rules[0].name",
		"version: 1\nversion: 1\n":                                                             "2 version",
		"version: 1\nrules:\n- &a {name: x, refuse: y}\n- *a\n":                                "4 rules[1]",
		"version: 1\nrules:\n- name: a\n  strategy: weighted\n  when:\n    metadata: {k: 1}\n": "6 rules[0].when.metadata.k",
		"version: 1\nrules:\n- name: a\n  refuse: !!binary aGk=\n":                             "4 rules[0].refuse",
		"{\"version\": 1,\n \"rules\": [{\"name\": \"a\",\n  \"refuse\": 5}]}":                 "3 rules[0].refuse",
		"version: 99999999999999999999\n":                                                      "1 version",
	} {
		rules, issues := app.ReadRulesDocument(text)
		if rules != nil || len(issues) == 0 {
			t.Errorf("%q was taken", text)
			continue
		}
		if got := strings.TrimSpace(strings.Join([]string{itoa(issues[0].Line), issues[0].Field}, " ")); got != want {
			t.Errorf("%q: %v, want %s", text, issues, want)
		}
	}
	for _, text := range []string{"", "a: [", "version: 1\n---\nversion: 1\n", "\xff", strings.Repeat("#", app.MaxRulesDocument+1), strings.Repeat("[", 1000)} {
		if rules, issues := app.ReadRulesDocument(text); rules != nil || !router.Faulty(issues) {
			t.Errorf("%.20q was taken", text)
		}
	}
}

func itoa(n int) string { return string(rune('0' + n)) }

func TestReadRulesDocument_DatesNeedNoQuotes(t *testing.T) {
	rules, issues := app.ReadRulesDocument("version: 1\nrules:\n- name: a\n  when: {dates: {from: 2026-11-01, to: \"2026-11-11\"}, hours: [08:00-22:00]}\n  strategy: weighted\n")
	if rules == nil {
		t.Fatal(issues)
	}
	if c := rules.List[0].When; c.From.String() != "2026-11-01" || c.To.String() != "2026-11-11" || c.Hours[0].String() != "08:00-22:00" {
		t.Errorf("%+v", c)
	}
}

func FuzzReadRulesDocument(f *testing.F) {
	if text, err := os.ReadFile(filepath.FromSlash(exampleRules)); err == nil {
		f.Add(string(text))
	}
	f.Add("version: 1\nrules:\n- name: a\n  refuse: b\n")
	f.Add("{\"version\": 1, \"rules\": [{\"name\": \"a\", \"strategy\": \"mix\", \"mix\": {\"fee\": 1}}]}")
	f.Add("a: &a [*a]")
	f.Add("? [a]\n: b\n<<: {version: 1}")
	f.Add("version: .nan\nstrategy: ~\nmix: 0x1F\nrules: 2026-11-21")
	f.Fuzz(func(t *testing.T, text string) {
		rules, issues := app.ReadRulesDocument(text)
		if (rules == nil) != router.Faulty(issues) {
			t.Fatalf("rules %v with issues %v", rules, issues)
		}
		for _, i := range issues {
			if i.Message == "" || i.Line < 0 || i.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+2 {
				t.Fatalf("issue %+v", i)
			}
		}
	})
}
