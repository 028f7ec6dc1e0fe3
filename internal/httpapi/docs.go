package httpapi

import (
	"bytes"
	"encoding/json"
	"strings"
)

// docsData is the API document as the documentation page shows it.
type docsData struct {
	Title, Text    string
	SigningExample string
	Groups         []docGroup
	Schemas        []docSchema
}

type docGroup struct {
	Name, Text string
	Operations []docOperation
}

type docOperation struct {
	ID, Method, Path, Summary, Text string
	// Open: it needs no authentication.
	Open       bool
	Parameters []docField
	Body       []docField
	Examples   []docExample
	Answers    []docAnswer
	Words      words
}

type docField struct {
	Name, Text, Rule, Link string
	Required               bool
	Must                   string
}

type docExample struct{ Name, Text string }

type docAnswer struct {
	Status, Text, Link, Example string
	Words                       words
}

type docSchema struct {
	Name, Text string
	Fields     []docField
}

// docReader reads the API document for one language.
type docReader struct {
	root    node
	chinese bool
	words   words
}

func newDocs(root node, chinese bool) docsData {
	d := docReader{root: root, chinese: chinese, words: wordsOf(chinese)}
	info := *root.get("info")
	data := docsData{
		Title: d.say(info, "title"), Text: d.say(info, "summary") + " " + d.say(info, "description"),
		SigningExample: signingExample, Schemas: d.schemas(),
	}
	operations := d.operations()
	for _, tag := range root.get("tags").items {
		name := tag.get("name").text
		data.Groups = append(data.Groups, docGroup{
			Name: d.say(tag, "name"), Text: d.say(tag, "description"), Operations: operations[name],
		})
	}
	return data
}

// say is a text of an object in the page's language: x-zh is the Chinese text of
// the description, or an object of the Chinese texts.
func (d docReader) say(n node, name string) string {
	if zh := n.get("x-zh"); zh != nil && d.chinese {
		if zh.kind == kindString && name == "description" {
			return zh.text
		}
		if t := zh.get(name); t != nil {
			return t.text
		}
	}
	return textOf(n, name)
}

func textOf(n node, name string) string {
	if t := n.get(name); t != nil && t.kind == kindString {
		return t.text
	}
	return ""
}

// follow resolves a reference; link is the name at its end.
func (d docReader) follow(n node) (target node, link string) {
	ref := textOf(n, "$ref")
	if ref == "" {
		return n, ""
	}
	at := d.root
	parts := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
	for _, part := range parts {
		next := at.get(part)
		if next == nil {
			return node{}, ""
		}
		at = *next
	}
	return at, parts[len(parts)-1]
}

// operations lists the operations by tag, in the document's order.
func (d docReader) operations() map[string][]docOperation {
	byTag := make(map[string][]docOperation)
	add := func(method, path string, shared *node, op node) {
		tag := op.get("tags").items[0].text
		byTag[tag] = append(byTag[tag], d.operation(method, path, shared, op))
	}
	for _, path := range d.root.get("paths").members {
		for _, m := range path.value.members {
			if m.name == "get" || m.name == "post" {
				add(strings.ToUpper(m.name), path.name, path.value.get("parameters"), m.value)
			}
		}
	}
	for _, hook := range d.root.get("webhooks").members {
		add("EVENT", "notify_url", nil, *hook.value.get("post"))
	}
	return byTag
}

func (d docReader) operation(method, path string, shared *node, op node) docOperation {
	o := docOperation{
		ID: textOf(op, "operationId"), Method: method, Path: path,
		Summary: d.say(op, "summary"), Text: d.say(op, "description"), Words: d.words,
	}
	security := op.get("security")
	o.Open = security != nil && len(security.items) == 0 && method != "EVENT"
	for _, list := range []*node{shared, op.get("parameters")} {
		if list == nil {
			continue
		}
		for _, item := range list.items {
			p, _ := d.follow(item)
			f := d.field(textOf(p, "name"), *p.get("schema"), isTrue(p, "required"))
			f.Text = d.say(p, "description")
			o.Parameters = append(o.Parameters, f)
		}
	}
	if body := op.get("requestBody"); body != nil {
		content := body.get("content").members[0].value
		schema, _ := d.follow(*content.get("schema"))
		o.Body, o.Examples = d.fields(schema), d.examples(content)
	}
	for _, m := range op.get("responses").members {
		o.Answers = append(o.Answers, d.answer(m.name, m.value))
	}
	return o
}

func isTrue(n node, name string) bool {
	v := n.get(name)
	return v != nil && v.text == "true"
}

func (d docReader) answer(status string, n node) docAnswer {
	r, _ := d.follow(n)
	a := docAnswer{Status: status, Text: d.say(r, "description"), Words: d.words}
	if content := r.get("content"); content != nil {
		media := content.members[0].value
		_, a.Link = d.follow(*media.get("schema"))
		if example := media.get("example"); example != nil {
			a.Example = pretty(*example)
		}
		if schema, _ := d.follow(*media.get("schema")); len(d.fields(schema)) == 0 {
			a.Link = ""
		}
	}
	return a
}

func (d docReader) examples(content node) []docExample {
	if example := content.get("example"); example != nil {
		return []docExample{{Text: pretty(*example)}}
	}
	var out []docExample
	if examples := content.get("examples"); examples != nil {
		for _, m := range examples.members {
			out = append(out, docExample{Name: textOf(m.value, "summary"), Text: pretty(*m.value.get("value"))})
		}
	}
	return out
}

func (d docReader) schemas() []docSchema {
	var out []docSchema
	for _, m := range d.root.get("components").get("schemas").members {
		if fields := d.fields(m.value); len(fields) > 0 {
			out = append(out, docSchema{Name: m.name, Text: d.say(m.value, "description"), Fields: fields})
		}
	}
	return out
}

// fields lists an object's properties, or the forms of a value that has several.
func (d docReader) fields(schema node) []docField {
	if forms := schema.get("oneOf"); forms != nil {
		var out []docField
		for _, form := range forms.items {
			if properties := form.get("properties"); properties != nil {
				kind := textOf(*properties.get("type"), "const")
				var names []string
				for _, p := range properties.members[1:] {
					names = append(names, p.name)
				}
				out = append(out, docField{Name: kind, Text: textOf(form, "title"), Rule: strings.Join(names, ", ")})
			}
		}
		return out
	}
	properties := schema.get("properties")
	if properties == nil {
		return nil
	}
	required := make(map[string]bool)
	if names := schema.get("required"); names != nil {
		for _, name := range names.items {
			required[name.text] = true
		}
	}
	out := make([]docField, 0, len(properties.members))
	for _, p := range properties.members {
		out = append(out, d.field(p.name, p.value, required[p.name]))
	}
	return out
}

func (d docReader) field(name string, schema node, required bool) docField {
	f := docField{Name: name, Text: d.say(schema, "description"), Required: required, Must: d.words.Must}
	resolved, link := d.follow(schema)
	f.Rule = d.rule(resolved)
	if items := resolved.get("items"); items != nil {
		inner, innerLink := d.follow(*items)
		f.Rule = d.words.ListOf + d.rule(inner)
		resolved, link = inner, innerLink
	}
	if len(d.fields(resolved)) > 0 {
		f.Link = link
	}
	return f
}

// rule writes a schema's constraints in a few words.
func (d docReader) rule(schema node) string {
	var parts []string
	if t := schema.get("type"); t != nil {
		parts = append(parts, d.typeWords(*t))
	}
	if format := textOf(schema, "format"); format != "" {
		parts = append(parts, format)
	}
	if enum := schema.get("enum"); enum != nil {
		var values []string
		for _, v := range enum.items {
			if v.kind == kindString {
				values = append(values, v.text)
			}
		}
		parts = append(parts, d.words.OneOf+strings.Join(values, ", "))
	}
	if most := schema.get("maxLength"); most != nil {
		least := "0"
		if n := schema.get("minLength"); n != nil {
			least = n.text
		}
		parts = append(parts, least+"–"+most.text+" "+d.words.Chars)
	}
	if least := schema.get("minimum"); least != nil {
		if most := schema.get("maximum"); most != nil {
			parts = append(parts, least.text+"–"+most.text)
		} else {
			parts = append(parts, "≥ "+least.text)
		}
	}
	if pattern := textOf(schema, "pattern"); pattern != "" {
		parts = append(parts, pattern)
	}
	if value := schema.get("default"); value != nil {
		parts = append(parts, d.words.Default+value.text)
	}
	return strings.Join(parts, " · ")
}

func (d docReader) typeWords(t node) string {
	if t.kind == kindString {
		return t.text
	}
	var names []string
	null := false
	for _, item := range t.items {
		if item.text == "null" {
			null = true
			continue
		}
		names = append(names, item.text)
	}
	out := strings.Join(names, " / ")
	if null {
		out += " " + d.words.OrNull
	}
	return out
}

// pretty writes a value as indented JSON.
func pretty(n node) string {
	var compact, out bytes.Buffer
	writeNode(&compact, n)
	if err := json.Indent(&out, compact.Bytes(), "", "  "); err != nil {
		return compact.String()
	}
	return out.String()
}

func writeNode(out *bytes.Buffer, n node) {
	switch n.kind {
	case kindObject:
		out.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				out.WriteByte(',')
			}
			_ = appendValue(out, m.name) // a string always has a JSON form
			out.WriteByte(':')
			writeNode(out, m.value)
		}
		out.WriteByte('}')
	case kindArray:
		out.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				out.WriteByte(',')
			}
			writeNode(out, item)
		}
		out.WriteByte(']')
	case kindString:
		_ = appendValue(out, n.text)
	case kindNull, kindBool, kindNumber, kindFaulty:
		out.WriteString(n.text)
	}
}
