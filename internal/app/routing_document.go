package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/paymux/paymux/router"
)

// Bounds of a document of routing rules, before it is understood.
const (
	// MaxRulesDocument is the largest document, in bytes.
	MaxRulesDocument = 64 << 10
	maxRulesDepth    = 12
)

// ReadRulesDocument reads a merchant's routing rules, YAML or JSON. All faults
// are reported together, with their lines; then the rules are nil.
func ReadRulesDocument(text string) (*router.Rules, []router.Issue) {
	t := rulesTree{lines: map[string]int{}}
	return t.rules(text)
}

// rulesTree turns a YAML document into plain values and remembers where each is.
type rulesTree struct {
	lines  map[string]int
	issues []router.Issue
}

func (t *rulesTree) rules(text string) (*router.Rules, []router.Issue) {
	if len(text) > MaxRulesDocument {
		return nil, []router.Issue{{Severity: router.Fault, Message: fmt.Sprintf("the document is larger than %d bytes", MaxRulesDocument)}}
	}
	document, err := t.read(text)
	if err != nil {
		return nil, []router.Issue{{Severity: router.Fault, Message: err.Error()}}
	}
	rules, issues := router.ReadRules(document)
	issues = append(t.issues, issues...)
	t.locate(issues)
	if router.Faulty(issues) {
		return nil, issues
	}
	return rules, issues
}

func (t *rulesTree) read(text string) (any, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("the document is not UTF-8")
	}
	dec := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	var root yaml.Node
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("the document is neither YAML nor JSON: %w", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds more than one document, or ends in something that is no YAML")
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	return t.value("", root.Content[0], 0), nil
}

func (t *rulesTree) fault(path, message string) {
	t.issues = append(t.issues, router.Issue{Field: path, Severity: router.Fault, Message: message})
}

func (t *rulesTree) value(path string, n *yaml.Node, depth int) any {
	if _, known := t.lines[path]; !known {
		t.lines[path] = n.Line
	}
	if depth > maxRulesDepth {
		t.fault(path, "is nested too deeply")
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return t.mapping(path, n, depth)
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, e := range n.Content {
			out[i] = t.value(path+"["+strconv.Itoa(i)+"]", e, depth+1)
		}
		return out
	case yaml.ScalarNode:
		return t.scalar(path, n)
	default:
		t.fault(path, "refers to another place of the document; write it out")
		return nil
	}
}

func (t *rulesTree) mapping(path string, n *yaml.Node, depth int) any {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := key.Value
		if path != "" {
			at = path + "." + key.Value
		}
		t.lines[at] = key.Line
		switch _, twice := out[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			t.fault(path, "has a key that is no text")
		case twice:
			t.fault(at, "is given twice")
		default:
			out[key.Value] = t.value(at, n.Content[i+1], depth+1)
		}
	}
	return out
}

// scalar gives the value that a scalar stands for. Dates stay as they were
// written.
func (t *rulesTree) scalar(path string, n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		return n.Value
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int":
		var v int64
		if err := n.Decode(&v); err != nil {
			return math.NaN() // too large for any field
		}
		return v
	case "!!float":
		var v float64
		if err := n.Decode(&v); err != nil {
			return math.NaN()
		}
		return v
	default:
		t.fault(path, "has the type "+n.ShortTag()+", which rules don't use")
		return nil
	}
}

// locate fills in the lines of issues: of the field, or else of what it is in.
func (t *rulesTree) locate(issues []router.Issue) {
	for i := range issues {
		for path := issues[i].Field; issues[i].Line == 0; {
			issues[i].Line = t.lines[path]
			cut := strings.LastIndexAny(path, ".[")
			if cut < 0 {
				break
			}
			path = path[:cut]
		}
	}
	slices.SortStableFunc(issues, func(a, b router.Issue) int { return a.Line - b.Line })
}
