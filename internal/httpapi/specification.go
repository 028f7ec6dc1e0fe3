package httpapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var openAPIYAML []byte

// specification is the API document in the forms in which it is served.
type specification struct {
	json []byte
	root node
}

// maxSpecDepth bounds the nesting of our own document.
const maxSpecDepth = 64

func newSpecification() (*specification, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(openAPIYAML, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("%d documents, one is expected", len(document.Content))
	}
	var out bytes.Buffer
	if err := appendJSON(&out, document.Content[0]); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	root, faults, err := parseJSON(out.Bytes(), maxSpecDepth)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%s %s", faults[0].Field, faults[0].Message)
	}
	return &specification{json: out.Bytes(), root: root}, nil
}

// yamlOnly begins the names that hold anchors for the YAML form alone.
const yamlOnly = "x-yaml-"

// appendJSON writes a YAML node as JSON in its own order, which readers of the
// document are meant to see; maps of Go would lose it.
func appendJSON(out *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.AliasNode:
		return appendJSON(out, n.Alias)
	case yaml.MappingNode:
		return appendObject(out, n)
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := appendJSON(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	case yaml.ScalarNode:
		return appendScalar(out, n)
	default:
		return fmt.Errorf("line %d: kind %d cannot be written as JSON", n.Line, n.Kind)
	}
}

func appendObject(out *bytes.Buffer, n *yaml.Node) error {
	keys, values := flatten(n)
	out.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := appendValue(out, key); err != nil {
			return err
		}
		out.WriteByte(':')
		if err := appendJSON(out, values[key]); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

// flatten gives a mapping's members with those merged in (<<) where its own do
// not replace them.
func flatten(n *yaml.Node) ([]string, map[string]*yaml.Node) {
	var keys []string
	values := make(map[string]*yaml.Node)
	set := func(key string, value *yaml.Node) {
		if _, ok := values[key]; !ok {
			keys = append(keys, key)
		}
		values[key] = value
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		source := n.Content[i+1]
		if source.Kind == yaml.AliasNode {
			source = source.Alias
		}
		merged, theirs := flatten(source)
		for _, key := range merged {
			set(key, theirs[key])
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Tag != "!!merge" && !strings.HasPrefix(key.Value, yamlOnly) {
			set(key.Value, n.Content[i+1])
		}
	}
	return keys, values
}

func appendScalar(out *bytes.Buffer, n *yaml.Node) error {
	switch n.Tag {
	case "!!int", "!!float", "!!bool", "!!null":
		var value any
		if err := n.Decode(&value); err != nil {
			return fmt.Errorf("line %d: %w", n.Line, err)
		}
		return appendValue(out, value)
	default: // strings, and what looks like a time
		return appendValue(out, n.Value)
	}
}

func appendValue(out *bytes.Buffer, value any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1) // the encoder's line feed
	return nil
}

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.spec.json)
}
