package wording

import "strings"

// The languages.
const (
	Chinese = "zh"
	English = "en"
)

// Sentence is one sentence in both languages. {name} stands for an argument;
// both languages have the same ones.
type Sentence struct{ En, Zh string }

func (s Sentence) in(language string) string {
	if language == Chinese {
		return s.Zh
	}
	return s.En
}

// pieces cuts a sentence: before each argument's name stands one piece of text,
// and one behind the last.
func pieces(sentence string) (text, names []string) {
	for {
		before, rest, found := strings.Cut(sentence, "{")
		text = append(text, before)
		if !found {
			return text, names
		}
		var name string
		name, sentence, _ = strings.Cut(rest, "}")
		names = append(names, name)
	}
}

// Args names the arguments as they come in a language.
func (s Sentence) Args(language string) []string {
	_, names := pieces(s.in(language))
	return names
}

// Tell writes the sentence in a language; value gives the arguments.
func (s Sentence) Tell(language string, value func(name string) string) string {
	text, names := pieces(s.in(language))
	var out strings.Builder
	for i, name := range names {
		out.WriteString(text[i])
		out.WriteString(value(name))
	}
	out.WriteString(text[len(names)])
	return out.String()
}

// Read gives the arguments of a text that was written as this sentence in
// English; false: it was not. An argument reaches to where the sentence first
// goes on, the last one to the end.
func (s Sentence) Read(written string) (map[string]string, bool) {
	text, names := pieces(s.En)
	rest, ok := strings.CutPrefix(written, text[0])
	if !ok {
		return nil, false
	}
	args := make(map[string]string, len(names))
	for i, name := range names {
		next, end := text[i+1], -1
		switch {
		case i < len(names)-1:
			end = strings.Index(rest, next)
		case strings.HasSuffix(rest, next):
			end = len(rest) - len(next)
		}
		if end < 1 {
			return nil, false
		}
		args[name], rest = rest[:end], rest[end+len(next):]
	}
	return args, rest == ""
}
